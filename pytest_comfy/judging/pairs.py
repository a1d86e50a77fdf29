"""Two files, folders or golden runs against each other, as `pytest-comfy diff` tells of them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..compare import CompareError, Comparison, Drawing, Kept, Tolerance, compare_output, describe, draw_difference
from ..compare.batch import Wanted, explain_batch
from ..compare.kept import Made
from ..files import is_lfs_pointer
from ..golden import GoldenError, GoldenOutput, GoldenRun, LfsPointerError
from ..golden.approved import approved
from ..media import media_type_of
from ..places import RUN_FILE
from ..workflow.digest import match_nodes
from .batches import Batch, batches_of, kept_of, name_today

if TYPE_CHECKING:
    from ..cases.options import Masks

NOT_JUDGED = "cannot be judged"
FAILING = ("different", "missing", "unexpected")
_PREVIEWS = "previews"
"""Folder of a golden run that holds no outputs."""

Draw = Callable[[], Drawing | None]


class DiffError(Exception):
    """What was given cannot be compared; the text is one sentence for the user."""


@dataclass(frozen=True)
class Rule:
    """How all that is given is judged; without masks, golden runs keep their own."""

    tolerance: Tolerance
    masks: Masks = ()


@dataclass(frozen=True)
class Row:
    """The verdict of one pair: a word of VERDICTS or NOT_JUDGED.

    name   relative path, or node.key.index of an output
    label  the name as a person is told it
    draw   draws what differs, where that may be shown; gives None where it cannot
    """

    name: str
    label: str
    verdict: str
    message: str
    comparison: Comparison | None = None
    draw: Draw | None = field(default=None, repr=False)

    def line(self) -> str:
        """Return the verdict in one line."""
        return ": ".join(part for part in (self.verdict, self.label, self.message) if part)


def compare_files(first: Path, second: Path, rule: Rule) -> Comparison:
    """Compare two files of any kind; raises DiffError, naming which of them is to blame."""
    before, after = read_file(first), read_file(second)
    media_types = media_type_of(first.name, before), media_type_of(second.name, after)
    sha256 = hashlib.sha256(before).hexdigest()
    kept = Kept(media_types[0], sha256, None, None, rule.masks, lambda: before)
    if before != after:
        try:
            found = describe(before, media_types[0], rule.masks)
        except CompareError as error:
            raise DiffError(f"{first}: {error}") from error
        kept = Kept(media_types[0], sha256, found["pixels_sha256"], found["fingerprint"], rule.masks, lambda: before)
    try:
        comparison = compare_output(kept, after, media_types[1], tolerance=rule.tolerance, masks=rule.masks)
    except CompareError as error:
        raise DiffError(f"{first} and {second} cannot be compared: {error}") from error
    if "undecodable" in comparison.kinds:
        raise DiffError(f"{second}: {comparison.message}")
    return comparison


def draw_files(first: Path, second: Path, rule: Rule, comparison: Comparison) -> Drawing | None:
    """Draw what differs between two files that were compared; raises DiffError when they are gone."""
    before, after = read_file(first), read_file(second)
    media_type = media_type_of(second.name, after)
    return draw_difference(before, after, media_type, masks=rule.masks, regions=comparison.regions)


def compare_folders(first: Path, second: Path, rule: Rule) -> Iterator[Row]:
    """Compare the files of two folders by their relative paths; golden runs in both, by their outputs.

    Raises DiffError when a folder cannot be read; what is wrong with single files are rows NOT_JUDGED.
    """
    before, after = files_below(first), files_below(second)
    for run in sorted(_runs(before) & _runs(after)):
        folders = first / run, second / run
        for files in (before, after):
            for name in [name for name in files if _belongs_to(name, run)]:
                del files[name]
        try:
            yield from (_below(run, row) for row in compare_runs(*folders, rule))
        except DiffError as error:
            name = f"{run}/{RUN_FILE}" if run.name else RUN_FILE
            yield Row(name, name, NOT_JUDGED, str(error))
    for name in sorted({**before, **after}):
        if name not in after:
            yield Row(name, name, "missing", f"only in {first}")
        elif name not in before:
            yield Row(name, name, "unexpected", f"only in {second}")
        else:
            yield _file_row(name, before[name], after[name], rule)


def compare_runs(first: Path, second: Path, rule: Rule) -> Iterator[Row]:
    """Compare the outputs of two golden runs by name, batch by batch; raises DiffError for a broken one."""
    try:
        golden, other = GoldenRun.load(first), GoldenRun.load(second)
    except GoldenError as error:
        raise DiffError(str(error)) from error
    renamed = match_nodes(golden.prompt, other.prompt)
    before = {name_today(output, renamed): output for output in golden.outputs}
    after = {output.name: output for output in other.outputs}
    for batch in batches_of(before, after):
        yield from _Runs(golden, other, rule).rows(batch)


def files_below(root: Path) -> dict[str, Path]:
    """Return relative path -> file; what is hidden, and links that lead out of the folder, are left alone."""
    found: dict[str, Path] = {}
    try:
        inside = root.resolve()
        for folder, subfolders, names in os.walk(root, onerror=_raise):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            for name in sorted(name for name in names if not name.startswith(".")):
                path = Path(folder, name)
                if path.is_file() and path.resolve().is_relative_to(inside):
                    found[path.relative_to(root).as_posix()] = path
    except OSError as error:
        raise DiffError(f"{error.filename or root}: cannot be read ({error.strerror or error})") from error
    return found


def read_file(path: Path) -> bytes:
    """Return the bytes of a file; raises DiffError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DiffError(f"{path}: cannot be read ({error.strerror or error})") from error
    if is_lfs_pointer(data):
        raise DiffError(str(LfsPointerError(str(path))))
    return data


class _Runs:
    """Two golden runs, of which the second one stands for a run of today."""

    def __init__(self, golden: GoldenRun, other: GoldenRun, rule: Rule) -> None:
        self.golden = golden
        self.other = other
        self.rule = rule

    def rows(self, batch: Batch[GoldenOutput, GoldenOutput]) -> Iterator[Row]:
        """Yield the verdict of every output of a batch."""
        made: dict[int, Made] = {}
        compared: dict[int, Comparison] = {}
        settled: set[int] = set()
        for index, output in batch.actual.items():
            was = batch.golden.get(index)
            if was is not None and output.file is None and output.sha256 == was.sha256:
                settled.add(index)
                yield self._row(batch, index, "identical", "bytes are identical")
                continue
            try:
                made[index] = self._made(output)
                if was is not None:
                    self._check(was)
                    compared[index] = self._compare(was, made[index])
            except DiffError as error:
                settled.add(index)
                yield self._row(batch, index, NOT_JUDGED, str(error))
        batch = batch.without(settled)
        wanted = {index: self._wanted(output) for index, output in batch.golden.items()}
        if not wanted or not batch.actual:
            for index in wanted:
                yield self._row(batch, index, "missing", f"only in {self.golden.folder}")
            for index in batch.actual:
                yield self._row(batch, index, "unexpected", f"only in {self.other.folder}")
            return
        for one in explain_batch(wanted, {index: made[index] for index in batch.actual}, compared):
            draw = None
            if one.golden is not None and one.actual is not None and "order" not in _kinds(one.comparison):
                draw = self._draw(batch.golden[one.golden], made[one.actual], one.comparison)
            place = one.golden if one.golden is not None else one.actual
            assert place is not None  # a finding is of one of the two at least
            yield self._row(batch, place, one.verdict, one.message, one.comparison, draw)

    def _row(
        self,
        batch: Batch[GoldenOutput, GoldenOutput],
        index: int,
        verdict: str,
        message: str,
        comparison: Comparison | None = None,
        draw: Draw | None = None,
    ) -> Row:
        name = batch.names[index]
        node, _, rest = name.partition(".")
        label = f"node {node} {batch.title(index)!r} {rest.replace('.', ' ')}"
        return Row(name, label, verdict, message, comparison, draw)

    def _wanted(self, output: GoldenOutput) -> Wanted:
        return Wanted(kept_of(self.golden, output), self.rule.tolerance, self.rule.masks or output.masks)

    def _compare(self, output: GoldenOutput, made: Made) -> Comparison:
        try:
            return self._wanted(output).compare(made)
        except CompareError as error:
            raise DiffError(str(error)) from error

    def _check(self, output: GoldenOutput) -> None:
        """Raise DiffError where the golden file is not the one that was approved."""
        try:
            if output.file is not None:
                approved(self.golden, output)
        except GoldenError as error:
            raise DiffError(str(error)) from error

    def _made(self, output: GoldenOutput) -> Made:
        if output.file is None:
            raise DiffError(f"{self.other.folder} keeps only its fingerprint, and its file is needed")
        try:
            return Made(approved(self.other, output), output.media_type)
        except GoldenError as error:
            raise DiffError(str(error)) from error

    def _draw(self, output: GoldenOutput, made: Made, comparison: Comparison | None) -> Draw | None:
        if output.file is None:
            return None
        masks, regions = self.rule.masks or output.masks, comparison.regions if comparison else ()
        return lambda: draw_difference(
            approved(self.golden, output), made.data, made.media_type, masks=masks, regions=regions
        )


def _file_row(name: str, first: Path, second: Path, rule: Rule) -> Row:
    try:
        found = compare_files(first, second, rule)
    except DiffError as error:
        return Row(name, name, NOT_JUDGED, str(error))
    return Row(name, name, found.verdict, found.message, found, lambda: draw_files(first, second, rule, found))


def _runs(files: Mapping[str, Path]) -> set[PurePosixPath]:
    """Return the folders that hold a golden run."""
    found = (PurePosixPath(name) for name in files)
    return {path.parent for path in found if path.name == RUN_FILE and _is_run(files[str(path)])}


def _is_run(path: Path) -> bool:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return True  # to be told as broken
    return isinstance(document, dict) and "format" in document


def _belongs_to(name: str, run: PurePosixPath) -> bool:
    parent = PurePosixPath(name).parent
    return parent in (run, run / _PREVIEWS)


def _below(folder: PurePosixPath, row: Row) -> Row:
    if folder == PurePosixPath():
        return row
    return replace(row, name=f"{folder}/{row.name}", label=f"{folder}: {row.label}")


def _kinds(comparison: Comparison | None) -> tuple[str, ...]:
    return comparison.kinds if comparison else ()


def _raise(error: OSError) -> None:
    raise error
