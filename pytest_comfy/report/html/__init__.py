"""The report as pages that people look at, made of report.json: no network, no server, and nothing trusted in it."""

from .render import write_page

__all__ = ["write_page"]
