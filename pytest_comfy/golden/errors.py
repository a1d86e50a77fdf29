"""Errors of golden runs."""

from __future__ import annotations


class GoldenError(Exception):
    """A golden run cannot be read or written; the text is one sentence for the user."""
