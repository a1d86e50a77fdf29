"""What one pytest process knows of its session, kept in config.stash."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .globs import find
from .settings import Settings, SettingsError


@dataclass(eq=False, repr=False)
class State:
    """Settings, and what was collected and judged.

    claims      golden key -> the file whose case or test it belongs to, relative to the root
    files       workflow files that were looked at, relative to the root
    test_files  Python test files that were collected whole
    failed      whether a workflow file could not be collected
    """

    settings: Settings
    claims: dict[str, str] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    test_files: set[str] = field(default_factory=set)
    failed: bool = False
    verdicts: Counter[str] = field(default_factory=Counter)
    cache_busts: Counter[str] = field(default_factory=Counter)
    written: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    removed: bool = False
    unmatched: list[str] = field(default_factory=list)

    def looked_at(self, path: Path) -> None:
        """Note that a file under the globs was collected, whatever it held."""
        self.files.add(self.settings.relative(path) or str(path))

    def claim_workflow(self, path: Path, cases: list[str]) -> str:
        """Claim the golden runs of a workflow file and return its golden folder.

        Raises SettingsError when another file has the same one.
        """
        self.looked_at(path)
        key, source = self.settings.golden_key(path), self.settings.relative(path) or str(path)
        for case in cases:
            other = self.claims.setdefault(f"{key}/{case}", source)
            if other != source:
                raise SettingsError(
                    f"{source}: its golden runs would lie in the folder of {other}'s ({key}): rename one of them"
                )
        return key

    def collection_failed(self) -> None:
        """Note that what a file claims is unknown."""
        self.failed = True

    def count(self, properties: Iterable[tuple[str, object]], outcome: str) -> None:
        """Add the verdicts of one report to the summary; a try that is made again does not count.

        A test may check several runs, so a property may come more than once.
        """
        if outcome == "rerun":
            return
        for name, value in properties:
            if name == "comfy_verdicts":
                self.verdicts.update(json.loads(str(value)))
            elif name == "comfy_cache":
                self.cache_busts[str(value)] += 1
            elif name == "comfy_written":
                self.written.append(str(value))

    def count_unmatched(self, node_id: str, properties: Iterable[tuple[str, object]]) -> None:
        """Add the prompts of a test that its fake server had no golden run for."""
        self.unmatched += [f"{node_id}: {value}" for name, value in properties if name == "comfy_unmatched"]

    def published(self) -> dict[str, Any]:
        """Return what an xdist worker tells the controller."""
        return {
            "claims": dict(self.claims),
            "files": sorted(self.files),
            "test_files": sorted(self.test_files),
            "failed": self.failed,
        }

    def merge(self, published: dict[str, Any]) -> None:
        """Take what a worker told; all workers collect the same."""
        self.claims.update(published["claims"])
        self.files.update(published["files"])
        self.test_files.update(published["test_files"])
        self.failed = self.failed or published["failed"]

    def complete(self) -> bool:
        """Whether every workflow file under the globs was collected."""
        if self.failed:
            return False
        settings = self.settings
        there = {
            settings.relative(path)
            for glob in settings.workflows
            for path in find(settings.root, glob)
            if path.suffix.lower() == ".json" and not settings.is_own(path)
        }
        return bool(there or self.files) and there <= self.files

    def judge_unused(self) -> None:
        """Find golden runs that nothing claims; remove them where that was asked for."""
        from ..golden import GoldenStore
        from ..golden.unused import unused_runs

        settings = self.settings
        if not settings.golden_dir.is_dir():
            return
        unclaimed = unused_runs(settings.golden_dir, self.claims, self.test_files, self.complete())
        # A test claims the folder of all its checks.
        folders = [
            folder
            for folder in unclaimed
            if not self.claims.get(folder.parent.relative_to(settings.golden_dir).as_posix(), "").endswith(".py")
        ]
        self.unused = [settings.relative(folder) or str(folder) for folder in folders]
        if folders and settings.unused == "remove":
            store = GoldenStore(settings.golden_dir)
            for folder in folders:
                store.remove(folder)
            self.removed = True
