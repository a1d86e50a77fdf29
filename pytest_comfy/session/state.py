"""What one pytest process knows of its session, kept in config.stash."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..files import leads_elsewhere
from .given import SettingsError
from .globs import find
from .projects import Projects
from .settings import Settings


@dataclass(eq=False, repr=False)
class State:
    """Settings, and what was collected and judged.

    projects    those of the session, each with settings of its own
    claims      folder of golden runs -> the file whose case or test they belong to, both relative to the root
    files       workflow files that were looked at, relative to the root
    test_files  Python test files that were collected whole
    failed      whether a workflow file could not be collected
    left_out    messages of progress that were too many to be kept, of all runs
    deselected  whether something was collected and not selected
    troubled    whether a test or case failed or could not be judged
    unused      golden runs that nothing claims, relative to the root; `kept_because` says why they are not removed
                although that was asked for
    stale       cases that passed live although their workflow changed since the golden run, and what changed
    left_alone  files below an argument that seem to be workflows, while no glob names them
    facts       server's address -> what it tells of itself, see `judging.environment`
    preflight   server's address -> what it told of itself before cases ran, see `upgrade.preflight.session`
    preflight_found  (severity, kind) -> the cases that have such a finding and ran; preflight_problems says why others
                were not looked at
    models_changed  what changed of models since golden runs; models_cached counts the runs of which it is not known
    orphans     golden runs of workflows while no workflow file is there at all
    earlier     the report by which failures are known, see `report.drift`; None where there is none
    drift       how many cases are new, known, changed or fixed beside it; drifted has them in a line each
    compared    of each case whose environment was compared with its golden run's: whether it failed, and what differs
    outcomes    how many cases passed, failed, were approved, ended in an error, or failed as expected (xfailed)
    cases       folder in the report -> outcome, of the cases that were kept there
    told_servers     where runs were made, in words
    report_problems  why something is not in the report, a sentence each
    told_inis   what is wrong with inis, a sentence each that was told
    document    what the session's report says, see `report.document`; None where there is nothing to look at
    nodes       (case, [(seconds, node), ...]) of live runs, where --durations asks for them
    trends      how many cases came to which word of `upgrade.trend`, where they ran on two servers
    golden_stale  cases of which both servers make the same, and not what was approved
    not_compared  cases that ran on the new server alone, and why, a line each
    floors      (case, limits by which it moves by itself) of those that were calibrated
    slower      (times, sentence, case) of nodes that took notably longer than they did
    own         the ComfyUI that this process has for itself, see `starting.own`; None where it has none
    packs       pack under test -> its node classes, as the started server has them
    ran         the classes of which a node ran, or was taken from the cache of the started server
    untimed     cases that are slower than a golden run which is one run alone, where time is to be judged
    pool        the servers of a live session, see `pool.pool`; None before they are asked, and offline
    turns       whose turn it is, see `pool.turns`; None offline
    durations   how long cases take, see `pool.durations`
    servers_lost  servers that were gone while cases ran, and why, a sentence each
    layers      folder -> what the comfy.toml files say that hold for its workflows, see `cases.sidecar`
    follower    who is told of the progress of live runs, see `report.status`; None where nobody looks
    """

    settings: Settings
    claims: dict[str, str] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    test_files: set[str] = field(default_factory=set)
    failed: bool = False
    verdicts: Counter[str] = field(default_factory=Counter)
    cache_busts: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    written: list[str] = field(default_factory=list)
    deselected: bool = False
    troubled: bool = False
    unused: list[str] = field(default_factory=list)
    kept_because: str | None = None
    orphans: int = 0
    unmatched: list[str] = field(default_factory=list)
    lfs_pointers: set[str] = field(default_factory=set)
    lfs_told: bool = False
    stale: list[str] = field(default_factory=list)
    left_alone: set[str] = field(default_factory=set)
    facts: dict[str, Any] = field(default_factory=dict)
    preflight: dict[str, Any] = field(default_factory=dict)
    preflight_found: Counter[tuple[str, str]] = field(default_factory=Counter)
    preflight_problems: set[str] = field(default_factory=set)
    models_changed: set[str] = field(default_factory=set)
    models_cached: int = 0
    earlier: Any = None
    drift: Counter[str] = field(default_factory=Counter)
    drifted: list[str] = field(default_factory=list)
    compared: list[tuple[bool, frozenset[str]]] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    cases: dict[str, str] = field(default_factory=dict)
    told_servers: set[str] = field(default_factory=set)
    report_problems: set[str] = field(default_factory=set)
    told_inis: set[str] = field(default_factory=set)
    document: dict[str, Any] | None = None
    nodes: list[Any] = field(default_factory=list)
    trends: Counter[str] = field(default_factory=Counter)
    golden_stale: list[str] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)
    floors: list[Any] = field(default_factory=list)
    slower: list[tuple[float, str, str]] = field(default_factory=list)
    own: Any = None
    packs: dict[str, list[str]] = field(default_factory=dict)
    ran: set[str] = field(default_factory=set)
    untimed: list[str] = field(default_factory=list)
    follower: Any = None
    pool: Any = None
    turns: Any = None
    durations: Any = None
    servers_lost: set[str] = field(default_factory=set)
    layers: dict[Path, Any] = field(default_factory=dict)
    projects: Projects = field(init=False)

    def __post_init__(self) -> None:
        self.projects = Projects(self.settings)

    def looked_at(self, path: Path) -> None:
        """Note that a file under the globs was collected, whatever it held."""
        self.files.add(self.settings.relative(path) or str(path))

    def claim_workflow(self, path: Path, cases: list[str]) -> str:
        """Claim the golden runs of a workflow file and return its golden folder.

        Raises SettingsError when another file has the same one.
        """
        settings = self.projects.of(path)
        key, source = settings.golden_key(path), settings.relative(path) or str(path)
        self.files.add(source)
        folder = f"{settings.golden_name}/{key}"
        for case in cases:
            other = self.claims.setdefault(f"{folder}/{case}", source)
            if other != source:
                raise SettingsError(
                    f"{source}: its golden runs would lie in the folder of {other}'s ({key}): rename one of them"
                )
        return key

    def refuse_vanished(self, path: Path) -> None:
        """Raise SettingsError for a file that is no workflow although golden runs of it are there."""
        from ..golden import find_runs

        settings = self.projects.of(path)
        folder = settings.golden_dir / settings.golden_key(path)
        runs = [run for run in find_runs(folder) if run.parent == folder]
        if runs:
            told = f"{len(runs)} golden run{'s' * (len(runs) != 1)}"
            raise SettingsError(
                f"{path}: is no workflow any more, and has {told} in {settings.relative(folder) or folder}: "
                "restore the file from version control, or remove both"
            )

    def collection_failed(self) -> None:
        """Note that what a file claims is unknown."""
        self.failed = True

    def told_once(self, error: BaseException) -> str:
        """Return the text of an error: what holds for the whole checkout is told in full by the first of its kind."""
        from ..golden import LfsPointerError

        if not isinstance(error, LfsPointerError):
            return str(error)
        first, self.lfs_told = not self.lfs_told, True
        return str(error) if first else f"{error.path}: is a Git LFS pointer as well"

    def count(self, properties: Iterable[tuple[str, object]], outcome: str) -> None:
        """Add the verdicts of one report to the summary; a try that is made again does not count.

        A test may check several runs, so a property may come more than once.
        """
        if outcome == "rerun":
            return
        properties = list(properties)
        self._count_environment(properties, outcome)
        for name, value in properties:
            if name == "comfy_verdicts":
                self.verdicts.update(json.loads(str(value)))
            elif name == "comfy_cache":
                self.cache_busts[str(value)] += 1
            elif name == "comfy_stale" and outcome == "passed":
                self.stale.append(str(value))
            elif name == "comfy_left_out":
                self.left_out += int(str(value))
            elif name == "comfy_models_changed":
                self.models_changed.update(str(value).split("; "))
            elif name == "comfy_models_cached":
                self.models_cached += 1
            elif name == "comfy_lfs_pointer":
                self.lfs_pointers.add(str(value))
            elif name == "comfy_preflight":
                self.preflight_found.update((severity, kind) for severity, kind in json.loads(str(value)))
            elif name == "comfy_preflight_problem":
                self.preflight_problems.add(str(value))
            elif name == "comfy_written":
                self.written.append(str(value))
                self.outcomes.update(approved=1, passed=-1)
            elif name == "comfy_against":
                self.trends[str(value)] += 1
            elif name == "comfy_golden_stale":
                self.golden_stale.append(str(value))
            elif name == "comfy_not_compared":
                self.not_compared.append(str(value))
            elif name == "comfy_floor":
                self.floors.append(json.loads(str(value)))
            elif name == "comfy_slower":
                case, rows = json.loads(str(value))
                self.slower += [(times, sentence, case) for times, sentence in rows]
            elif name == "comfy_untimed":
                self.untimed.append(str(value))
            elif name == "comfy_nodes":
                self.nodes.append(json.loads(str(value)))
            elif name == "comfy_server_lost":
                self.servers_lost.add(str(value))
            elif name == "comfy_server":
                self.told_servers.add(str(value))
            elif name == "comfy_verdict":
                self.outcomes[_outcome(str(value), outcome)] += 1
            elif name == "comfy_case":
                self.cases[str(value)] = _outcome("", outcome)
            elif name == "comfy_drift":
                self._count_drift(str(value), outcome)
            elif name == "comfy_report_problem":
                self.report_problems.add(str(value))

    def _count_drift(self, told: str, outcome: str) -> None:
        """Note what a case is beside the earlier report, such as "known since 2026-11-20: workflows/a.json::default".

        A check of a test that goes on is known although the test fails.
        """
        word = told.partition(":")[0].partition(" ")[0]  # see `report.drift.words`
        self.drift[word] += 1
        self.drifted.append(told)
        if word == "known" and outcome != "skipped":
            self.outcomes.update(xfailed=1, failed=-1)

    def _count_environment(self, properties: Iterable[tuple[str, object]], outcome: str) -> None:
        """Note what differs in a case's environment; of what was approved, or failed as expected, nobody asks why."""
        told = [json.loads(str(value)) for name, value in properties if name == "comfy_differences"]
        if told and outcome != "skipped" and not any(name == "comfy_written" for name, _ in properties):
            self.compared.append((outcome == "failed", frozenset(line for lines in told for line in lines)))

    def count_unmatched(self, node_id: str, properties: Iterable[tuple[str, object]]) -> None:
        """Add the prompts of a test that its fake server had no golden run for."""
        self.unmatched += [f"{node_id}: {value}" for name, value in properties if name == "comfy_unmatched"]

    def turn_of(self, item: Any) -> AbstractContextManager[Any]:
        """Give the turn of a case among those of the pool, see `pool.pool.Turn`; None where there is no pool."""
        if self.pool is None:
            return nullcontext()
        found: AbstractContextManager[Any] = self.pool.turn_of(self.turns.now, item, self.turns)
        return found

    @property
    def on_nodes(self) -> Callable[[Mapping[str, Any], Iterable[str]], None] | None:
        """What is told of each run of a client, None where nobody wants to know."""
        return self.saw_nodes if self.own is not None else None

    def saw_nodes(self, prompt: Mapping[str, Any], nodes: Iterable[str]) -> None:
        """Note the nodes of a prompt that the server came to."""
        self.ran.update(str(prompt[node].get("class_type")) for node in nodes if node in prompt)

    def published(self) -> dict[str, Any]:
        """Return what an xdist worker tells the controller."""
        return {
            "claims": dict(self.claims),
            "projects": [one.subfolder for one in self.projects.all()],
            "files": sorted(self.files),
            "test_files": sorted(self.test_files),
            "failed": self.failed,
            "left_alone": sorted(self.left_alone),
            "deselected": self.deselected,
            "packs": self.packs,
            "ran": sorted(self.ran),
        }

    def merge(self, published: dict[str, Any]) -> None:
        """Take what a worker told; all workers collect the same."""
        self.claims.update(published["claims"])
        for subfolder in published["projects"]:
            self.projects.note(subfolder)
        self.files.update(published["files"])
        self.test_files.update(published["test_files"])
        self.left_alone.update(published["left_alone"])
        self.packs.update(published["packs"])
        self.ran.update(published["ran"])
        self.failed = self.failed or published["failed"]
        self.deselected = self.deselected or published["deselected"]

    def there(self) -> dict[str, set[str]]:
        """Return the workflow files under the globs, relative to the root, by the subfolder of their project."""
        paths: set[Path] = set()
        for one in self.projects.all():
            for glob in one.workflows:
                paths.update(find(one.folder, glob))
        found: dict[str, set[str]] = {}
        for path in paths:
            if path.suffix.lower() == ".json" and not self.projects.is_own(path):
                found.setdefault(self.projects.of(path).subfolder, set()).add(self.settings.relative(path) or str(path))
        return found

    def judge_unused(self, ended_well: bool) -> None:
        """Find golden runs that nothing claims, and whether they are sure enough to be so that they may be removed."""
        projects = [one for one in self.projects.all() if one.golden_dir.is_dir()]
        there = self.there() if projects else {}
        doubts = [self._judge_unused(one, there.get(one.subfolder, set()), ended_well) for one in projects]
        self.kept_because = next(filter(None, doubts), None)

    def _judge_unused(self, settings: Settings, there: set[str], ended_well: bool) -> str | None:
        """Find the unused golden runs of one project, and return why they may be used all the same."""
        from ..golden.unused import of_workflows, unclaimed, unused_runs

        looked_at = {name for name in self.files if self.projects.of(settings.root / name) is settings}
        complete = not self.failed and bool(there or looked_at) and there <= looked_at
        start = f"{settings.golden_name}/"
        claims = {name.removeprefix(start): source for name, source in self.claims.items() if name.startswith(start)}
        test_files = {str(settings.within(settings.root / name)) for name in self.test_files}
        sources = unclaimed(settings.golden_dir, claims)
        if not there and not looked_at:
            self.orphans += of_workflows(sources)
        unused = unused_runs(sources, settings.folder, test_files, complete)
        # A test claims the folder of all its checks.
        folders = [
            folder
            for folder in unused
            if not claims.get(folder.parent.relative_to(settings.golden_dir).as_posix(), "").endswith(".py")
        ]
        self.unused += [settings.relative(folder) or str(folder) for folder in folders]
        return self._doubt(settings, ended_well, complete) if folders else None

    def _doubt(self, settings: Settings, ended_well: bool, complete: bool) -> str | None:
        """Return why what is unused now may be used all the same, None where that is sure."""
        if self.troubled or not ended_well:
            return "a test or case failed, or the session ended early"
        if self.deselected:
            return "not everything that was collected was run"
        if not complete:
            return "not every workflow file was collected"
        if leads_elsewhere(settings.golden_dir):
            return f"{settings.relative(settings.golden_dir)} is a link"
        return None

    def remove_unused(self) -> Iterator[str]:
        """Remove the unused golden runs one by one, and yield why one could not be, a sentence each."""
        from ..golden import GoldenError, GoldenStore

        for name in self.unused:
            folder = self.settings.root / name
            store = next(one.golden_dir for one in self.projects.all() if one.golden_dir in folder.parents)
            try:
                GoldenStore(store).remove(folder)
            except GoldenError as error:
                yield str(error)


def _outcome(verdict: str, outcome: str) -> str:
    """Return what is counted: the verdict of a case, unless pytest says that it failed as it was expected to."""
    return "xfailed" if outcome == "skipped" else verdict
