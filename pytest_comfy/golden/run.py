"""The golden run: one JSON document and the output files beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..files import is_lfs_pointer, read_below
from ..places import RUN_FILE
from ..workflow.digest import prompt_digest
from .errors import GoldenError, LfsPointerError

FORMAT = 1
"""Version of run.json."""

PROMPT_ID = "<prompt_id>"
"""Stands in recorded events for the id of the prompt, which is another in every run."""

_LINE = 110

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class GoldenOutput:
    """One approved output, as run.json describes it.

    node, key, index  name it, as in ComfyUI's history: node id, such as "images", position
    type              "output" or "temp"
    size              (width, height) in pixels, None for what is no picture
    file              its name beside run.json, None when only the fingerprint is kept
    """

    node: str
    key: str
    index: int
    title: str
    media_type: str
    type: str
    sha256: str
    pixels_sha256: str | None = None
    fingerprint: Mapping[str, Any] | None = None
    size: tuple[int, int] | None = None
    masks: tuple[tuple[int, int, int, int], ...] = ()
    file: str | None = None
    floor: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """Node, key and index, such as "9.images.0"."""
        return f"{self.node}.{self.key}.{self.index}"

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> GoldenOutput:
        """Read one entry of `outputs`; raises KeyError, TypeError or ValueError for a malformed one."""
        size, fingerprint, floor = entry.get("size"), entry.get("fingerprint"), entry.get("floor")
        for name, value in (("fingerprint", fingerprint), ("floor", floor)):
            if not (value is None or isinstance(value, dict)):
                raise TypeError(f"a {name} is no object")
        return cls(
            node=str(entry["node"]),
            key=str(entry["key"]),
            index=int(entry["index"]),
            title=str(entry.get("title", entry["node"])),
            media_type=str(entry["media_type"]),
            type=str(entry.get("type", "output")),
            sha256=str(entry["sha256"]),
            pixels_sha256=entry.get("pixels_sha256"),
            fingerprint=fingerprint,
            size=(int(size[0]), int(size[1])) if size else None,
            masks=_masks(entry["masks"]) if "masks" in entry else (),
            file=entry.get("file"),
            floor=floor,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the entry for run.json."""
        entry: dict[str, Any] = {
            "node": self.node,
            "title": self.title,
            "key": self.key,
            "index": self.index,
            "type": self.type,
            "media_type": self.media_type,
            "size": list(self.size) if self.size else None,
            "sha256": self.sha256,
            "pixels_sha256": self.pixels_sha256,
            "fingerprint": self.fingerprint,
        }
        if self.masks:
            from ..compare.kept_masks import pack_masks  # few have any, and the comparison need not load for the rest

            entry["masks"] = pack_masks(self.masks)
        if self.file:
            entry["file"] = self.file
        if self.floor is not None:
            entry["floor"] = dict(self.floor)
        return entry


def _masks(packed: object) -> tuple[tuple[int, int, int, int], ...]:
    from ..compare.kept_masks import unpack_masks

    return unpack_masks(packed)


@dataclass(frozen=True)
class GoldenRun:
    """A run that a person approved: the expectation of later runs, and the recording that is replayed.

    document  the content of run.json
    folder    where the output files are; None while it was not written
    blobs     file name -> bytes of a run not yet written, or of one that was read with its files: each is what
              `outputs` says of it
    """

    document: Mapping[str, Any]
    folder: Path | None = None
    blobs: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: str | Path) -> GoldenRun:
        """Read `folder`/run.json.

        Raises GoldenError when it is missing, broken, or of a format this version does not know.
        """
        folder = Path(folder)
        path = folder / RUN_FILE
        try:
            data = read_below(folder, RUN_FILE)
            if is_lfs_pointer(data):
                raise LfsPointerError(str(path))
            document = json.loads(data)
        except OSError as error:
            raise GoldenError(f"{path}: cannot be read ({error.strerror or error})") from error
        except (ValueError, RecursionError) as error:
            raise GoldenError(
                f"{path}: broken JSON ({error}): restore it from version control, or record the run again"
            ) from error
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            told = document.get("format") if isinstance(document, dict) else None
            raise GoldenError(
                f"{path}: golden run of format {told!r}, this version reads {FORMAT}: "
                "update pytest-comfy, or record the run again"
            )
        run = cls(document, folder)
        _check(run, path)
        return run

    @property
    def prompt(self) -> dict[str, Any]:
        """The prompt as queued: node id -> {class_type, inputs}."""
        return dict(self.document["prompt"])

    @property
    def events(self) -> list[list[Any]]:
        """[[seconds since the prompt was posted, message], ...]."""
        return list(self.document.get("events", []))

    @property
    def environment(self) -> Mapping[str, Any]:
        """What the run was made with: ComfyUI, Python, PyTorch, devices, models, node packs."""
        return dict(self.document.get("environment", {}))

    @cached_property
    def outputs(self) -> list[GoldenOutput]:
        """The approved outputs, in the order of the nodes."""
        return [GoldenOutput.from_json(entry) for entry in self.document.get("outputs", [])]

    @cached_property
    def digest(self) -> str:
        """The canonical digest of the prompt."""
        return prompt_digest(self.prompt)

    def read(self, file_name: str) -> bytes:
        """Return the bytes of one of the run's files.

        Raises GoldenError for names outside the run's folder, LfsPointerError for what Git LFS left in the place of
        the file, and OSError when it cannot be read.
        """
        if file_name in self.blobs:
            return self.blobs[file_name]
        if not is_own_name(file_name):
            raise GoldenError(f"{self.folder}: run.json names a file outside its folder: {file_name!r}")
        if self.folder is None:
            raise FileNotFoundError(file_name)
        data = read_below(self.folder, file_name)
        if is_lfs_pointer(data):
            raise LfsPointerError(f"{self.folder}/{file_name}")
        return data


def is_own_name(name: str) -> bool:
    """Whether a name from run.json stays in its folder (previews have a folder of their own below it)."""
    parts = name.split("/")
    return (
        all(part not in ("", ".", "..") for part in parts)
        and len(parts) <= 2
        and not any(char in name for char in "\\:\0")
    )


def dumps(document: Mapping[str, Any]) -> str:
    """Return run.json: keys sorted, indented, what is short on one line, so that a diff can be reviewed."""
    # Half a surrogate pair, which JSON can hold and UTF-8 cannot, stays escaped.
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", _dumps(document, 0)) + "\n"


def _dumps(value: Any, depth: int) -> str:
    line = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(line) + 2 * depth <= _LINE or not value or not isinstance(value, (Mapping, list, tuple)):
        return line
    deeper = "  " * (depth + 1)
    if isinstance(value, Mapping):
        rows = [
            f"{deeper}{json.dumps(key, ensure_ascii=False)}: "
            + (_one_a_line(value[key]) if depth == 0 and key == "events" else _dumps(value[key], depth + 1))
            for key in sorted(value)
        ]
        opening, closing = "{}"
    else:
        rows = [deeper + _dumps(item, depth + 1) for item in value]
        opening, closing = "[]"
    return f"{opening}\n" + ",\n".join(rows) + f"\n{'  ' * depth}{closing}"


def _one_a_line(events: Any) -> str:
    rows = [f"    {json.dumps(event, sort_keys=True, ensure_ascii=False)}" for event in events]
    return "[\n" + ",\n".join(rows) + "\n  ]" if rows else "[]"


def _check(run: GoldenRun, path: Path) -> None:
    try:
        if not isinstance(run.document["prompt"], dict):
            raise TypeError("prompt is no object")
        if not isinstance(run.document.get("events", []), list):
            raise TypeError("events is no list")
        if not isinstance(run.document.get("environment", {}), dict):
            raise TypeError("environment is no object")
        _check_environment(run.document.get("environment", {}))
        _check_objects(run.document.get("approvals"), "approvals")
        for output in run.outputs:
            if output.file is not None and not (isinstance(output.file, str) and is_own_name(output.file)):
                raise ValueError(f"names a file outside its folder: {output.file!r}")
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise GoldenError(f"{path}: malformed golden run ({error}): record the run again") from error


def _check_objects(value: Any, name: str) -> None:
    if value and not (isinstance(value, list) and all(isinstance(one, dict) for one in value)):
        raise TypeError(f"{name} is no list of objects")


def _check_environment(environment: Mapping[str, Any]) -> None:
    """Raise TypeError unless devices and argv are the lists that they are read as."""
    _check_objects(environment.get("devices"), "environment.devices")
    if not isinstance(environment.get("argv") or [], list):
        raise TypeError("environment.argv is no list")
