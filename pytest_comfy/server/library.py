"""The golden runs a fake server answers from: found by digest, read only when asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from ..golden import GoldenError, GoldenRun, find_runs
from ..workflow.digest import prompt_digest

Source = GoldenRun | str | PathLike[str]

_KEPT = 16
"""Golden runs held in memory; the others are read again when asked for."""


@dataclass(eq=False, slots=True)
class Recording:
    """One golden run: where it lies, its digest once known, and whether anyone asked for it."""

    folder: Path | None
    golden: GoldenRun | None
    asked: bool = False

    @property
    def name(self) -> str:
        """WORKFLOW/CASE, as the folder is called."""
        return "/".join(self.folder.parts[-2:]) if self.folder else "a golden run not yet written"


class Library:
    """All golden runs of a server, in the order they were given (folders of a directory by name)."""

    def __init__(self) -> None:
        self._recordings: list[Recording] = []
        self._by_digest: dict[str, list[Recording]] = {}
        self._posts: dict[str, int] = {}
        self._unindexed: list[Recording] = []
        self._loaded: OrderedDict[Path, GoldenRun] = OrderedDict()
        self.broken: list[str] = []
        """What is wrong with the golden runs that cannot be read."""

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
    def unused(self) -> list[Path | GoldenRun]:
        """What no prompt has asked for: folders, and golden runs that have none."""
        idle = (one for one in self._recordings if not one.asked)
        return [one.folder or self.load(one) for one in idle]

    def load(self, recording: Recording) -> GoldenRun:
        """Return the golden run; a few of those read last are kept."""
        if recording.golden is not None:
            return recording.golden
        assert recording.folder is not None
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
        self._index()
        for recording in self._recordings:
            yield recording.name, self.load(recording).prompt

    def documents(self) -> Iterator[Mapping[str, Any]]:
        """Yield the document of every golden run."""
        self._index()
        for recording in self._recordings:
            yield self.load(recording).document

    @property
    def environment(self) -> Mapping[str, Any]:
        """The environment of the first golden run, or nothing."""
        found = next(self.documents(), {}).get("environment")
        return found if isinstance(found, Mapping) else {}

    def _same(self, digest: str) -> list[Recording]:
        self._index()
        return self._by_digest.get(digest, [])

    def _index(self) -> None:
        """Read what was added since the last time; a broken golden run does not spoil the others."""
        waiting, self._unindexed = self._unindexed, []
        for recording in waiting:
            try:
                # Computed, not taken from the file: a run.json edited by hand must match what it says.
                digest = prompt_digest(self.load(recording).prompt)
            except GoldenError as error:
                self.broken.append(str(error))
                self._recordings.remove(recording)
            else:
                self._by_digest.setdefault(digest, []).append(recording)
