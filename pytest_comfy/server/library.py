"""The golden runs a fake server answers from: found by digest, read only when asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from pytest_comfy.golden import GoldenRun, find_runs
from pytest_comfy.workflow.digest import prompt_digest

Source = GoldenRun | str | PathLike[str]

_KEPT = 16
"""Golden runs held in memory; the others are read again when asked for."""


@dataclass(eq=False, slots=True)
class Recording:
    """One golden run: where it lies, its digest once known, and whether anyone asked for it."""

    folder: Path
    golden: GoldenRun | None
    digest: str | None = None
    asked: bool = False


class Library:
    """All golden runs of a server, in the order they were given (folders of a directory by name)."""

    def __init__(self) -> None:
        self._recordings: list[Recording] = []
        self._by_digest: dict[str, list[Recording]] = {}
        self._posts: dict[str, int] = {}
        self._unindexed: list[Recording] = []
        self._loaded: OrderedDict[Path, GoldenRun] = OrderedDict()

    def add(self, source: Source) -> None:
        """Add a golden run, or all those below a directory. Reading them waits until the first prompt."""
        if isinstance(source, (str, PathLike)):
            found = [Recording(folder, None) for folder in sorted(find_runs(Path(source)))]
        else:
            found = [Recording(source.folder, source)]
        self._recordings += found
        self._unindexed += found

    def add_all(self, sources: Source | Iterable[Source]) -> None:
        """Add several sources; a single one is welcome too."""
        if isinstance(sources, (str, PathLike, GoldenRun)):
            self.add(sources)
        else:
            for source in sources:
                self.add(source)

    @property
    def unused(self) -> list[Path]:
        """Folders of the golden runs that no prompt has asked for."""
        return [recording.folder for recording in self._recordings if not recording.asked]

    def load(self, recording: Recording) -> GoldenRun:
        """Return the golden run; a few of those read last are kept."""
        if recording.golden is not None:
            return recording.golden
        golden = self._loaded.pop(recording.folder, None) or GoldenRun.load(recording.folder)
        self._loaded[recording.folder] = golden
        if len(self._loaded) > _KEPT:
            self._loaded.popitem(last=False)
        return golden

    def peek(self, digest: str) -> Recording | None:
        """Return the recording that the next post of this digest would get."""
        same = self._same(digest)
        return same[min(self._posts.get(digest, 0), len(same) - 1)] if same else None

    def has_fresh(self, digest: str) -> bool:
        """Tell whether a recording of this digest has not been replayed yet."""
        return self._posts.get(digest, 0) < len(self._same(digest))

    def take(self, digest: str) -> Recording | None:
        """Return the nth recording for the nth post of a digest; the last one repeats."""
        recording = self.peek(digest)
        if recording is not None:
            self._posts[digest] = self._posts.get(digest, 0) + 1
            recording.asked = True
        return recording

    def prompts(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield name and prompt of every golden run."""
        for recording in self._recordings:
            yield "/".join(recording.folder.parts[-2:]), self.load(recording).prompt

    def documents(self) -> Iterator[Mapping[str, Any]]:
        """Yield the document of every golden run."""
        for recording in self._recordings:
            yield self.load(recording).document

    @property
    def environment(self) -> Mapping[str, Any]:
        """The environment of the first golden run, or nothing."""
        found = next(self.documents(), {}).get("environment")
        return found if isinstance(found, Mapping) else {}

    def _same(self, digest: str) -> list[Recording]:
        while self._unindexed:
            recording = self._unindexed[0]
            # Computed, not read from the file: a run.json edited by hand must match what it says.
            recording.digest = prompt_digest(self.load(recording).prompt)
            self._by_digest.setdefault(recording.digest, []).append(recording)
            del self._unindexed[0]
        return self._by_digest.get(digest, [])
