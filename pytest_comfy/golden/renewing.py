"""Make the fingerprints of a golden run anew from its files: no server is asked and nothing is approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compare import CompareError, describe, is_current
from ..files import write_whole
from ..places import RUN_FILE
from .approved import approved
from .errors import GoldenError
from .run import GoldenOutput, GoldenRun, dumps


@dataclass(frozen=True)
class Renewal:
    """What became of one golden run.

    renewed  number of outputs whose fingerprints were made anew
    stuck    what could not be: a sentence each, for the user
    """

    renewed: int
    stuck: tuple[str, ...]


def renew(folder: Path, *, every: bool = False) -> Renewal:
    """Replace the fingerprints of other versions, or `every` one, of the golden run in `folder`.

    run.json is written whole, and not at all when nothing changed. Raises GoldenError when it cannot be read or
    written.
    """
    run = GoldenRun.load(folder)
    entries: list[dict[str, Any]] = []
    stuck: list[str] = []
    renewed = 0
    for output, entry in zip(run.outputs, run.document["outputs"], strict=True):
        fresh = dict(entry)
        if every or not is_current(output.fingerprint, output.media_type):
            try:
                fresh.update(_described(run, output))
            except CompareError as error:
                stuck.append(f"{folder / RUN_FILE}: output {output.name} of {output.title!r}: {error}")
            except GoldenError as error:
                stuck.append(str(error))
        renewed += fresh != entry
        entries.append(fresh)
    if renewed:
        rewrite(folder, {**run.document, "outputs": entries})
    return Renewal(renewed, tuple(stuck))


def rewrite(folder: Path, document: Mapping[str, Any]) -> None:
    """Write another run.json to a golden run, whole, and leave its files as they are; raises GoldenError."""
    try:
        write_whole(folder / RUN_FILE, dumps(document).encode("utf-8"))
    except OSError as error:
        raise GoldenError(f"{folder / RUN_FILE}: cannot be written ({error.strerror or error})") from error


def _described(run: GoldenRun, output: GoldenOutput) -> dict[str, Any]:
    if output.file is None:
        raise CompareError("its file was not kept, so that only a new approval can renew it")
    found = describe(approved(run, output), output.media_type, output.masks, file_kept=False)
    return {name: found[name] for name in ("size", "pixels_sha256", "fingerprint")}
