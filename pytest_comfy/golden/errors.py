"""Errors of golden runs."""

from __future__ import annotations


class GoldenError(Exception):
    """A golden run cannot be read, written or judged; the text is one sentence for the user."""


class LfsPointerError(GoldenError):
    """A file of a golden run is what Git LFS leaves in its place until it is fetched."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: is a Git LFS pointer and not the file: run `git lfs pull`")
        self.path = path
