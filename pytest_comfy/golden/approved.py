"""Whether the files of a golden run are those that were approved: nothing else may stand in for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..files import is_lfs_pointer, read_below
from ..places import find_runs
from .errors import GoldenError
from .run import GoldenOutput, GoldenRun

_LARGEST_POINTER = 1024  # bytes, as Git LFS has it
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


def with_messages(run: GoldenRun) -> GoldenRun:
    """Return a run that holds, beside the files of its outputs, the pictures that its messages name as well.

    Raises GoldenError as `approved` does; nothing tells whether they are those that were recorded.
    """
    blobs = dict(run.blobs)
    for row in run.events:
        message = row[1] if isinstance(row, list) and len(row) == 2 else None
        name = message.get("file") if isinstance(message, dict) else None
        if isinstance(name, str) and name not in blobs:
            try:
                blobs[name] = run.read(name)
            except OSError as error:
                raise GoldenError(f"{run.folder}/{name}: cannot be read ({error.strerror or error})") from error
    return GoldenRun(run.document, run.folder, blobs)


def _read(run: GoldenRun, output: GoldenOutput) -> bytes:
    try:
        data = run.read(output.file or "")
    except FileNotFoundError:
        raise GoldenError(f"{_told(run, output)} is not there: {_AGAIN}") from None
    except OSError as error:
        raise GoldenError(f"{_told(run, output)} cannot be read ({error.strerror or error})") from error
    return data


def _told(run: GoldenRun, output: GoldenOutput) -> str:
    path = f"{run.folder}/{output.file}" if run.folder else output.file
    return f"{path}: output {output.name} of {output.title!r}"


def find_lfs_pointers(golden_dir: Path) -> Iterator[Path]:
    """Yield what Git LFS left in the place of files of golden runs, by a look at small files only."""
    for folder in find_runs(golden_dir):
        for path in sorted(folder.iterdir()):
            with suppress(OSError):
                if path.stat().st_size <= _LARGEST_POINTER and is_lfs_pointer(read_below(folder, path.name)):
                    yield path
