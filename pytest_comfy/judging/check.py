"""The one flow: workflow -> prompt -> run -> compare -> verdict, for an item and for the fixtures alike."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cases.converting import Converter, definitions_kept, kept_date, kept_frontend, without_server
from ..cases.options import CaseOptions
from ..cases.uploads import upload_inputs_of
from ..golden import GoldenError, GoldenRun, GoldenStore, LfsPointerError
from ..golden.differences import difference, differences
from ..golden.environment import summary
from ..golden.redaction import redact_environment
from ..session.given import SettingsError
from ..session.settings import Settings
from ..workflow import Workflow, WorkflowError
from ..workflow.secrets import hear, known_in, masked
from .approving import BY, Candidate, Recorder, refuse, refuse_unjudged
from .artefacts import Artefacts
from .asked import Ahead, Asked, Subject
from .environment import DIFFERENCES
from .judge import Judge, NotJudged
from .lane import Lane
from .models import Comparison
from .offline import refusal_of, require_files
from .seen import Seen
from .today import changed_since
from .verdict import CaseVerdict, OutputVerdict

if TYPE_CHECKING:
    from ..client import Progress, Run
    from ..client.outputs import Wanted
    from .asked import Begin


class CaseFailed(Exception):
    """A case is not as good as its golden run; the text has the verdict in its first line."""


class Check:
    """Checks subjects on one lane: a live server, or the embedded fake one.

    seen    what was seen of the subject that was checked last
    before  is called of a case before it asks the server for anything, and may raise what ends it
    enrich  adds to a golden run what else is kept of the run that it is of, before it is approved
    """

    def __init__(self, settings: Settings, lane: Lane, converter: Converter | None = None) -> None:
        self.settings = settings
        self.lane = lane
        self.converter = converter or Converter(settings.widgets, root=settings.root)
        self.store = GoldenStore(settings.golden_dir, settings.baseline)
        self.recorder = Recorder(settings, lane)
        self.seen = Seen()
        self._ahead: Ahead | None = None
        self.before: Callable[[], None] = lambda: None
        self.enrich: Callable[[GoldenRun, Run], GoldenRun] = lambda golden, run: golden

    def workflow_file(
        self, subject: Subject, path: Path, on_progress: Callable[[Progress], None] | None = None
    ) -> CaseVerdict:
        """Run a case of a workflow file and judge it.

        Raises ComfyError, WorkflowError, SettingsError, GoldenError or NotJudged when there is no verdict.
        """
        asked = self.ask(subject, path)
        if isinstance(asked, CaseVerdict):
            return asked
        return self.judge(subject, self.run_asked(subject, asked, on_progress), asked.golden)

    def ask(self, subject: Subject, path: Path, known: GoldenRun | None = None) -> Asked | CaseVerdict:
        """Make ready what a case of a workflow file asks of the server, its inputs uploaded; or tell what is wrong.

        known  its golden run, where that was read already

        Raises as `workflow_file` does.
        """
        if self._ahead is not None:
            return self._ahead.asked
        self.lane.client.renew()
        self.seen = Seen()
        # Before all else: what is wrong with the workflow itself must not hide behind a missing golden run.
        workflow = Workflow.load(path).patched(subject.options.values)
        golden = self.seen.golden = known or self.golden_of(subject)
        self.before()
        if golden is not None and not self.settings.live and not all(one.file for one in golden.outputs):
            raise NotJudged(
                f"the golden run of {subject.node_id} keeps no output files, so it cannot be replayed: "
                "run live with --comfy-url, or approve it again with comfy_golden_files = true"
            )
        if golden is None and not self.settings.live:
            return CaseVerdict(failure=f"missing: no golden run for {subject.node_id}", notes=self._how(subject))
        workflow = self._converted(subject, workflow, golden)
        self.lane.replay([golden] if golden else [])
        prompt = self.seen.prompt = workflow.prompt()
        hear(prompt, workflow.extra_data)
        upload_inputs_of(prompt, path.parent, subject.options.inputs, self.lane.client)
        stale = changed_since(golden, prompt, workflow.extra_data)
        if stale and not self.settings.live:
            return CaseVerdict(
                failure=f"different: {subject.node_id} is not what its golden run recorded: {stale[0]}",
                notes=(*stale[1:], *refusal_of(golden, prompt), *self._how(subject)),
            )
        if golden is not None and not self.settings.live:
            require_files(golden, self.judge_of(subject, golden.prompt, golden), subject.node_id)
        return Asked(replace(workflow, graph=prompt), golden)

    def run_asked(
        self,
        subject: Subject,
        asked: Asked,
        on_progress: Callable[[Progress], None] | None = None,
        *,
        fresh: bool = False,
    ) -> Run:
        """Run what `ask` made ready, or wait for it where it was begun; `fresh` as for `run`."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            return ahead.wait(on_progress)
        wanted = self.judge_of(subject, asked.workflow.graph, asked.golden).wanted
        return self.run(asked.workflow, subject.options, None, on_progress, fresh=fresh, wanted=wanted)

    def begin(self, subject: Subject, path: Path, begin: Begin) -> None:
        """Make ready a case of a workflow file and queue it ahead of its turn: `workflow_file` then waits for it.

        begin  queues it, given what `ComfyClient.run` takes, and returns what waits for it

        Raises as `workflow_file` does where it cannot be queued.
        """
        asked = self.ask(subject, path)
        assert isinstance(asked, Asked)  # a live session has no verdict before the run
        options = subject.options
        wait = begin(
            asked.workflow,
            timeout=options.timeout,
            stall_timeout=options.stall_timeout,
            allow_node_errors=options.allow_node_errors,
            wanted=self.judge_of(subject, asked.workflow.graph, asked.golden).wanted,
        )
        self._ahead = Ahead(asked, wait)

    def _converted(self, subject: Subject, workflow: Workflow, golden: GoldenRun | None) -> Workflow:
        """Return the workflow in API form: by the server's node definitions, offline by those of the golden run."""
        if workflow.form == "api":
            return workflow
        if self.settings.live:
            definitions: Mapping[str, Any] = self.lane.client.definitions(workflow.classes())
        else:
            definitions = definitions_kept(golden) if golden else {}
        try:
            return self.converter.convert(
                workflow,
                definitions,
                key=subject.key,
                dynamic_prompts=subject.options.dynamic_prompts,
                date=kept_date(golden),
                frontend=self.lane.client.frontend() if self.settings.live else kept_frontend(golden),
            )
        except WorkflowError as error:
            if self.settings.live:
                raise
            told = without_server(error, workflow, definitions, "its golden run has no definition")
            # The chain of what led to it tells a person nothing more.
            raise told from None

    def run(
        self,
        workflow: Workflow | Mapping[str, Any],
        options: CaseOptions,
        extra_data: Mapping[str, Any] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        fresh: bool = False,
        reload: bool = False,
        wanted: Wanted | None = None,
    ) -> Run:
        """Run a workflow, or a prompt, within the limits of a case.

        `fresh` keeps the server's cache out, and `reload` that of models too.

        Of the outputs only the `wanted` ones are downloaded, all where that is not told.
        """
        return self.lane.client.run(
            workflow,
            timeout=options.timeout,
            stall_timeout=options.stall_timeout,
            extra_data=extra_data,
            allow_node_errors=options.allow_node_errors,
            on_progress=on_progress,
            fresh=fresh,
            reload=reload,
            wanted=wanted,
        )

    def golden_of(self, subject: Subject) -> GoldenRun | None:
        """Return the golden run of a subject with its files; raises GoldenError when it, or one of them, is broken.

        What is to be replaced need not be whole, but pointers of Git LFS are never taken for what was approved.
        """
        try:
            return self.store.load_whole(subject.key)
        except GoldenError as error:
            if not self._replaces or isinstance(error, LfsPointerError):
                raise
        return self.store.load(subject.key)

    def judge(self, subject: Subject, run: Run, golden: GoldenRun | None) -> CaseVerdict:
        """Compare a run with its golden run; approve it where that was asked for."""
        judge = self.judge_of(subject, run.prompt, golden, run.extra_data)
        self.seen = Seen(golden, run.prompt, run, judge)
        artefacts = judge.artefacts
        artefacts.clear()
        notes: list[str] = []
        told: dict[str, str] = {}
        if golden is not None and self.settings.live:
            run, found = self._with_models_of_today(run, golden, subject.options, judge)
            self.seen.run = run
            told = {**found.properties, **self.compared_environment(golden.environment, run)}
            notes += found.notes
        if run.cache_bust in _CACHE_NOTES:
            notes.append(_CACHE_NOTES[run.cache_bust])
        if run.left_out:
            notes.append(f"events: {run.left_out} messages and pictures on the way were too many to be kept")
        outputs: tuple[OutputVerdict, ...]
        update = self.settings.update
        if golden is None and update == "none":
            outputs = judge.keep_actual(run)
            failure = f"missing: no golden run for {subject.node_id}"
            notes += [*artefacts.problems, *self._how(subject)]
            return self.verdict_of(subject, run, outputs, notes, failure)
        damaged = golden is not None and self._replaces and not _is_whole(golden)
        outputs = self.seen.outputs = judge.outputs(golden, run) if golden and not damaged else ()
        verdict = self.verdict_of(subject, run, outputs, notes, told=told)
        # Offline a prompt that changed came no further, and what passes there has nothing to tell of it.
        stale = changed_since(golden, run.prompt, run.extra_data) if self.settings.live or not verdict.passed else ()
        changed = golden is None or damaged or not verdict.passed or bool(stale)
        if update == "all" or (update == "changed" and changed) or (update == "missing" and golden is None):
            written = self._approve(subject, run, golden, judge)
            return CaseVerdict(outputs, None, tuple(notes), written, verdict.properties)
        if stale and verdict.passed and self.settings.live:
            told = {**told, "comfy_stale": f"{subject.node_id}: {stale[0]}"}
        if golden is not None and not verdict.passed:
            notes += stale
            notes += self._environment(golden)
            notes += [*artefacts.problems, *self._how(subject)]
        nothing = verdict.passed and not outputs and not run.outputs and not subject.options.allow_unjudged
        told_missing = "missing: the run made no output to compare" if nothing else None
        return self.verdict_of(subject, run, outputs, notes, told_missing, told)

    def judge_of(
        self,
        subject: Subject,
        prompt: Mapping[str, Any],
        golden: GoldenRun | None,
        extra_data: Mapping[str, Any] | None = None,
    ) -> Judge:
        """Return what judges runs of a prompt by the subject's rules, and writes to its folder of the report."""
        kept = (golden.document.get("node_definitions") or {}) if golden and not self.settings.live else None
        definition_of = self.lane.client.known_definition if kept is None else kept.get
        artefacts = Artefacts(self.settings.report_dir, self.settings.report_key(subject.key))
        keep_all = self.settings.report_all
        return Judge(subject.options, artefacts, prompt, extra_data, definition_of, keep_all=keep_all)

    @property
    def _replaces(self) -> bool:
        """Whether a new approval may take the place of a golden run, so that its files need not be whole."""
        return self.settings.update in ("changed", "all")

    def verdict_of(
        self,
        subject: Subject,
        run: Run,
        outputs: tuple[OutputVerdict, ...],
        notes: list[str],
        failure: str | None = None,
        told: Mapping[str, str] | None = None,
    ) -> CaseVerdict:
        """Return the verdict of a run, with the properties that reports tell of it."""
        verdict = CaseVerdict(outputs, failure, tuple(notes))
        verdict.properties.update(
            {
                "comfy_mode": "live" if self.settings.live else "offline",
                "comfy_server": self.lane.told,
                "comfy_golden": self.settings.report_key(subject.key),
                "comfy_prompt_id": run.prompt_id,
                "comfy_seconds": f"{run.seconds:.3f}",
                "comfy_verdicts": json.dumps(dict(verdict.counts), sort_keys=True),
                **({"comfy_cache": run.cache_bust} if run.cache_bust in _CACHE_NOTES else {}),
                **(told or {}),
                **({"comfy_left_out": str(run.left_out)} if run.left_out else {}),
            }
        )
        for output in outputs:
            if output.verdict != "identical":
                verdict.properties[f"comfy_output_{output.name}"] = output.line()
        return verdict

    def candidate(self, subject: Subject, run: Run, golden: GoldenRun | None, judge: Judge) -> Candidate:
        """Return a run as what may become the golden run of a subject."""
        return Candidate(subject.source, subject.case, run, golden, subject.options, judge, self.seen.outputs)

    def _approve(self, subject: Subject, run: Run, golden: GoldenRun | None, judge: Judge) -> Path:
        from ..golden.record import approve

        refuse_unjudged(self.candidate(subject, run, golden, judge))
        # What is recorded may not be the run that was judged.
        run = self.recorder.whole(run, lambda one, reload: self._run_anew(one, subject.options, judge, reload))
        self.seen.run = run
        candidate = self.candidate(subject, run, golden, judge)
        refuse(candidate)
        fresh = self.enrich(self.recorder.recorded(candidate), run)
        reason = masked(self.settings.reason, known_in(run.prompt, run.extra_data)) if self.settings.reason else None
        return self.store.write(subject.key, approve(fresh, BY, reason))

    def _run_anew(self, run: Run, options: CaseOptions, judge: Judge, reload: bool = False) -> Run:
        workflow = run.workflow or run.prompt
        if reload:
            self.lane.before_reload()
        again = self.run(workflow, options, run.extra_data, fresh=True, reload=reload, wanted=judge.wanted)
        self.lane.models.saw(again)
        return again

    def _with_models_of_today(
        self, run: Run, golden: GoldenRun, options: CaseOptions, judge: Judge
    ) -> tuple[Run, Comparison]:
        """Return a run for which the server loaded the models that changed since the golden run, and what changed."""
        models, client = self.lane.models, self.lane.client
        models.saw(run)
        found = Comparison(models, client, run, golden.environment)
        if found.stale:
            run = self._run_anew(run, options, judge, reload=True)
            found = Comparison(models, client, run, golden.environment)
        return run, found

    def environment_now(self, run: Run) -> Mapping[str, Any] | None:
        """Return the environment of a live run; None where the server does not tell, and the verdict stands so."""
        from ..client import ServerUnreachable, TooLarge

        try:
            now = self.lane.facts.environment(self.lane.client, run.prompt)
        except (ServerUnreachable, TooLarge):
            return None
        if run.workflow is None or run.workflow.origin is None:
            now.pop("frontend")  # no page had a hand in what was asked
        return redact_environment(now, known_in(run.prompt, run.extra_data))

    def compared_environment(self, before: Mapping[str, Any], run: Run) -> dict[str, str]:
        """See in what environment a run was made; returns what to tell of how it differs from another."""
        now = self.seen.environment = self.environment_now(run)
        found = differences(before, now) if now is not None else None
        return {} if found is None else {DIFFERENCES: json.dumps(found, ensure_ascii=False)}

    def _environment(self, golden: GoldenRun) -> tuple[str, ...]:
        now = self.seen.environment
        if now is None:
            return ()
        told = difference(golden.environment, now)
        return (told or f"same environment as the golden run's: {summary(now)}",)

    def _how(self, subject: Subject) -> tuple[str, ...]:
        return (f"approve with: {self.approval_command(subject)}",)

    def approval_command(self, subject: Subject) -> str:
        """Return what to type to approve a live run of a subject."""
        url = self.lane.url or "http://YOUR-COMFYUI:8188"
        whom = ["--comfy-start", self.settings.start] if self.settings.start else ["--comfy-url", url]
        words = ["pytest", subject.node_id, *whom, "--comfy-update=changed"]
        if self.settings.baseline:
            words += ["--comfy-baseline", self.settings.baseline]
        return f'{shlex.join(words)} --comfy-reason "why"'


def _is_whole(golden: GoldenRun) -> bool:
    """Whether the files of a golden run were read with it; those that are not as they were approved never are."""
    return all(output.file in golden.blobs for output in golden.outputs if output.file)


_CACHE_NOTES = {
    "nonce": "cache: the server still had these outputs from before and made nothing new, so the workflow was run "
    "twice; the second time every node ran, but those that load models",
    "free": "cache: the server still had these outputs from before and made nothing new, so the workflow was run "
    "twice; the second time it was asked to forget all that it had (POST /free)",
}

FAILURES = (WorkflowError, SettingsError, GoldenError)
"""Errors of the user's files: the case failed before it could run."""
