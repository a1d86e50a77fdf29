"""The golden runs a fake server answers from: found by digest, read only when asked for."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from ...golden import GoldenError, GoldenRun, find_runs
from ...golden.exchanges import EXCHANGES_FILE, Exchanges
from ...golden.inputs import contents_of
from ...workflow.digest import class_of, match_nodes
from .likeness import Digests, Form, form_of, keys_of, recorded_forms
from .script import Script, make_script

Source = GoldenRun | str | PathLike[str]

_KEPT = 16
"""Golden runs and scripts held in memory; the others are made again when asked for."""


@dataclass(eq=False, slots=True)
class Recording:
    """One golden run: what it is called (WORKFLOW/CASE), where it lies, and whether anyone asked for it."""

    name: str
    folder: Path | None
    golden: GoldenRun | None
    asked: bool = False


class Library:
    """All golden runs of a server, in the order they were given (folders of a directory by name).

    ignored  patterns of inputs that are left out where nothing is found with them, see `likeness`
    """

    def __init__(self, ignored: Sequence[str] = ()) -> None:
        self.ignored = tuple(ignored)
        self._recordings: list[Recording] = []
        self._by_key: dict[str, list[Recording]] = {}
        self._posts: dict[str, int] = {}
        self._unindexed: list[Recording] = []
        self._loaded: OrderedDict[Path, GoldenRun] = OrderedDict()
        self._scripts: OrderedDict[tuple[int, bool, str], Script] = OrderedDict()
        self.broken: list[str] = []
        """What is wrong with the golden runs that cannot be read."""
        self.exchanges = Exchanges()
        """Recorded answers of a server about itself."""
        self.generation = 0
        """Grows with all that is added: what was computed for an earlier one is out of date."""
        self.digests = Digests()
        """Makes the keys that recordings are found by."""
        self.beside: dict[Any, Any] = {}
        """What others make of it and keep as long as it is, see `facts`."""
        self._classes: set[str] = set()
        self._contents: dict[str, set[str]] = {}

    def add(self, source: Source, *, asked: bool = False) -> None:
        """Add a golden run, or all that lies below a directory. Golden runs are read with the first prompt.

        asked  whether a prompt has asked for them already

        Raises GoldenError for exchanges that cannot be read.
        """
        self.generation += 1
        if isinstance(source, (str, PathLike)):
            found = [Recording(_name(folder, source), folder, None) for folder in sorted(find_runs(Path(source)))]
            for path in sorted(Path(source).rglob(EXCHANGES_FILE)):
                self.exchanges.update(Exchanges.load(path))
        else:
            found = [Recording(_name(source.folder), source.folder, source)]
        for recording in found:
            recording.asked = asked
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

    def peek(self, key: str) -> Recording | None:
        """Return the recording that the next post with this key would get."""
        same = self._same(key)
        return same[min(self._posts.get(key, 0), len(same) - 1)] if same else None

    def has_fresh(self, key: str) -> bool:
        """Tell whether a recording under this key has not been replayed yet."""
        return self._posts.get(key, 0) < len(self._same(key))

    def take(self, key: str) -> Recording | None:
        """Return the nth recording for the nth post with a key; the last one repeats."""
        recording = self.peek(key)
        if recording is not None:
            self._posts[key] = self._posts.get(key, 0) + 1
            recording.asked = True
        return recording

    def script(
        self, recording: Recording, prompt: Mapping[str, Any], outputs: Sequence[str] | None, key: str, asked: Form
    ) -> Script:
        """Return a recording made ready for a prompt, known by `key`; a few of those made last are kept.

        outputs  the output nodes that will run, None for all
        asked    the form of the prompt by which the recording was found
        """
        whole = self._scripts.get((id(recording), True, key))
        if whole is not None and whole.outputs == outputs:
            outputs = None  # it was made already, to find out which they are
        known = (id(recording), outputs is None, key)
        script = self._scripts.pop(known, None)
        if script is None:
            golden = self.load(recording)
            same = form_of(asked.word, self._forms(golden))
            script = make_script(golden, prompt, match_nodes(same, asked.prompt), outputs)
        self._scripts[known] = script
        if len(self._scripts) > _KEPT:
            self._scripts.popitem(last=False)
        return script

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
    def knows_all_classes(self) -> bool:
        """Whether a whole `/object_info` was recorded: a class that it does not tell of does not exist."""
        return self.exchanges.find("GET", "/object_info") is not None

    @property
    def classes(self) -> set[str]:
        """The node classes that the prompts of the golden runs use."""
        self._index()
        return self._classes

    def outputs_of(self, prompt: Mapping[str, Any], key: str) -> list[str]:
        """Return the output nodes of a prompt, known by `key`, whose classes no definition describes.

        They are those of its golden run.
        """
        form = Form("", prompt)
        recording = self.peek(form.key(self.digests))
        return [] if recording is None else self.script(recording, prompt, None, key, form).outputs

    @property
    def environment(self) -> Mapping[str, Any]:
        """The environment of the first golden run that can be read, or nothing; the others are not looked at."""
        for recording in self._recordings:
            with contextlib.suppress(GoldenError):
                return self.load(recording).environment
        return {}

    def contents(self) -> Mapping[str, str]:
        """Return name of an input file -> what stands for its content; names that differ in it are out."""
        self._index()
        return {name: next(iter(tokens)) for name, tokens in self._contents.items() if len(tokens) == 1}

    def _same(self, key: str) -> list[Recording]:
        self._index()
        return self._by_key.get(key, [])

    def _forms(self, golden: GoldenRun) -> list[Form]:
        return recorded_forms(golden.prompt, contents_of(golden.document), self.ignored)

    def _index(self) -> None:
        """Read what was added since the last time; a broken golden run does not spoil the others."""
        waiting, self._unindexed = self._unindexed, []
        for recording in waiting:
            try:
                # Computed, not taken from the file: a run.json edited by hand must match what it says.
                golden = self.load(recording)
                targets = golden.document.get("partial_execution_targets")
                keys = keys_of(self._forms(golden), self.digests, targets)
            except GoldenError as error:
                self.broken.append(str(error))
                self._recordings.remove(recording)
            else:
                for key in keys:
                    self._by_key.setdefault(key, []).append(recording)
                for name, token in contents_of(golden.document).items():
                    self._contents.setdefault(name, set()).add(token)
                self._classes |= {name for name in map(class_of, golden.prompt.values()) if isinstance(name, str)}


def _name(folder: Path | None, root: str | PathLike[str] = "") -> str:
    if folder is None:
        return "a golden run not yet written"
    inside = folder.relative_to(root).as_posix() if root else "."
    return inside if inside != "." else "/".join(folder.parts[-2:])
