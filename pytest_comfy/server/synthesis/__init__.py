"""Runs made up for valid prompts that nobody recorded: the right messages, placeholder outputs."""

from .run import synthesize

__all__ = ["synthesize"]
