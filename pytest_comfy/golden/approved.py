"""Whether the files of a golden run are those that were approved: nothing else may stand in for them."""

from __future__ import annotations

import hashlib

from ..files import is_lfs_pointer
from .errors import GoldenError, LfsPointerError
from .run import GoldenOutput, GoldenRun

_AGAIN = "restore it from version control, or approve the run again"


def approved(run: GoldenRun, output: GoldenOutput) -> bytes:
    """Return the bytes of an output's file, which are those that were approved.

    Raises LfsPointerError for what Git LFS left in its place, and GoldenError where it is missing, a link, or another
    file by its SHA-256.
    """
    data = _read(run, output)
    if hashlib.sha256(data).hexdigest() != output.sha256:
        raise GoldenError(f"{_told(run, output)} is not the file that was approved: {_AGAIN}")
    return data


def _read(run: GoldenRun, output: GoldenOutput) -> bytes:
    try:
        data = run.read(output.file or "")
    except FileNotFoundError:
        raise GoldenError(f"{_told(run, output)} is not there: {_AGAIN}") from None
    except OSError as error:
        raise GoldenError(f"{_told(run, output)} cannot be read ({error.strerror or error})") from error
    if is_lfs_pointer(data):
        raise LfsPointerError(f"{_path(run, output)}")
    return data


def _path(run: GoldenRun, output: GoldenOutput) -> str:
    return f"{run.folder}/{output.file}" if run.folder else str(output.file)


def _told(run: GoldenRun, output: GoldenOutput) -> str:
    return f"{_path(run, output)}: output {output.name} of {output.title!r}"
