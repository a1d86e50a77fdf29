"""Fixtures for Python tests of custom nodes and applications."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .collect import (
    KNOWN,
    STATE,
    converter_of,
    drop_properties,
    is_told,
    keeping_of,
    mark_options,
    not_judged,
    note,
    note_error,
    note_kept,
    settings_of,
)
from .session.given import SettingsError
from .session.keys import check_key, key_of_test
from .session.settings import Settings
from .session.state import State
from .session.workers import for_worker

if TYPE_CHECKING:
    from .cases.options import CaseOptions
    from .client import AsyncComfyClient, ComfyClient, Run
    from .judging.asked import Subject
    from .judging.check import Check
    from .judging.lane import Lane
    from .judging.verdict import CaseVerdict
    from .server import FakeComfyServer
    from .server.in_process import InProcess
    from .workflow import Workflow

ASKED: pytest.StashKey[Mapping[str, Any]] = pytest.StashKey()
"""The prompt that a test ran last."""


def comfy_lane(request: pytest.FixtureRequest) -> Iterator[Lane]:
    """The server that this process asks: live with --comfy-url, else a fake one. For the items of workflows."""
    state = request.config.stash[STATE]
    if not state.settings.live:
        from .judging.lane import Lane

        lane = Lane.open(None, state.settings)
        yield lane
        lane.close()
        return
    if unreachable := _refusal(state) or _opened(state):
        # Outside of `except`: pytest would show the chain of what led to it before the sentence.
        pytest.fail(unreachable, pytrace=False)
    yield state.pool.first
    state.pool.close()
    state.pool = None


def _opened(state: State) -> str:
    """Connect to the servers of the session; returns why that cannot be, "" where it was done."""
    from .client import ComfyError
    from .pool.opening import open_pool

    try:
        state.pool = open_pool(state)
    except ComfyError as error:
        return f"server unreachable: {error}"
    return ""


def _refusal(state: State) -> str:
    """Return why the session's own server does not run; "" where it does, or there is to be none."""
    if state.own is None:
        return ""
    from .owning import refusal

    return refusal(state)


def comfy_server(request: pytest.FixtureRequest) -> Iterator[FakeComfyServer]:
    """A fake ComfyUI of its own, in fresh state, that replays the project's golden runs; see its `.url`."""
    from .server import FakeComfyServer

    settings = settings_of(request.config, request.path)
    with FakeComfyServer(settings.golden_dir if settings.golden_dir.is_dir() else ()) as server:
        yield server
        request.node.user_properties += [("comfy_unmatched", problem) for problem in server.problems]


def comfy_respx(request: pytest.FixtureRequest) -> Iterator[InProcess]:
    """A fake ComfyUI for code that uses httpx: like `comfy_server`, but behind respx, and no port is opened.

    It is found at http://127.0.0.1:8188, or where the mark comfy_respx("http://gpu-box:8188", ...) says.
    """
    missing = ""
    try:
        from .server.in_process import InProcess
    except ModuleNotFoundError as error:
        if error.name not in ("httpx", "respx", "httpcore"):
            raise
        missing = error.name
    if missing:
        # Outside of `except`: pytest would show the chain of what led to it before the sentence.
        pytest.fail(f'the fixture comfy_respx needs {missing}: pip install "pytest-comfy[httpx]"', pytrace=False)
    from .server import FakeComfyServer

    settings = settings_of(request.config, request.path)
    mark = request.node.get_closest_marker("comfy_respx")
    with FakeComfyServer(settings.golden_dir if settings.golden_dir.is_dir() else (), listen=False) as server:
        try:
            if mark and mark.kwargs:
                raise ValueError(f"takes URLs only, not {next(iter(mark.kwargs))}=")
            in_process = InProcess(server, *(mark.args if mark else ()))
        except ValueError as error:
            raise pytest.UsageError(f"{request.node.nodeid}: mark comfy_respx: {error}") from None
        with in_process:
            yield in_process
        request.node.user_properties += [("comfy_unmatched", problem) for problem in server.problems]


def comfy_client(request: pytest.FixtureRequest) -> Iterator[ComfyClient]:
    """A client: of the server at --comfy-url, else of this test's `comfy_server`."""
    from .client import ComfyClient

    with ComfyClient(**_client_options(request, lambda: client.frontend())) as client:
        client.on_nodes = request.config.stash[STATE].on_nodes
        yield client


def comfy_async_client(request: pytest.FixtureRequest) -> Iterator[AsyncComfyClient]:
    """The same for asynchronous tests, by whatever plugin they are run: `await comfy_async_client.run(...)`."""
    from .client import AsyncComfyClient

    client = AsyncComfyClient(**_client_options(request, lambda: client.page))
    client.on_nodes = request.config.stash[STATE].on_nodes
    yield client
    client.close_from_outside()


def _client_options(request: pytest.FixtureRequest, frontend: Callable[[], str]) -> dict[str, Any]:
    settings = settings_of(request.config, request.path)
    options = _options(request, settings)
    if refused := _refusal(request.config.stash[STATE]):
        pytest.fail(refused, pytrace=False)
    live = for_worker(settings.servers, os.environ)
    return {
        "url": live.address if live else request.getfixturevalue("comfy_server").url,
        "headers": live.headers if live else None,
        "verify": live.verify if live else True,
        "timeout": options.timeout or settings.timeout,
        "stall_timeout": options.stall_timeout or 300.0,
        "max_memory": settings.max_memory,
        "convert": _convert(request, settings, frontend),
        "reload_models": settings.live and settings.fresh,
        "allow_api_nodes": not settings.live or settings.allow_api_nodes,
    }


def comfy_workflow(request: pytest.FixtureRequest) -> Callable[..., Workflow]:
    """Load a workflow file and set values: comfy_workflow("txt2img.json", {"KSampler.seed": 7}).

    A file in UI form stays so until it is run: `comfy_client.converted(workflow)` tells its prompt. A path is
    looked for beside the test file, then from the project's folder, then in its workflows folder.
    """
    settings = settings_of(request.config, request.path)

    def load(path: str | os.PathLike[str], values: Mapping[str, Any] | None = None) -> Workflow:
        from .workflow import Workflow

        return Workflow.load(_find(Path(path), request.path.parent, settings)).patched(values or {})

    return load


def comfy_run(request: pytest.FixtureRequest, comfy_client: ComfyClient) -> Callable[..., Run]:
    """Run a workflow (file, Workflow or prompt) to its end: comfy_run("txt2img.json", {...}).images.

    Files that it names and that lie in `inputs/` beside the workflow, or beside the test, are uploaded.
    """
    settings = settings_of(request.config, request.path)
    options = _options(request, settings)
    # What a test writes goes to the terminal as well where it is not captured whole.
    captured = request.config.getoption("capture") == "fd"
    follower = request.config.stash[STATE].follower if captured else None

    def run(
        workflow: Workflow | Mapping[str, Any] | str | os.PathLike[str],
        values: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Run:
        __tracebackhide__ = True
        try:
            return run_it(workflow, values, more)
        except Exception as error:
            if not is_told(error):
                raise
            told = _with_a_way_to_record(error, request)
        # What led to it tells a person nothing more: the test's own line and the sentence do.
        raise told.with_traceback(None) from None

    def run_it(
        workflow: Workflow | Mapping[str, Any] | str | os.PathLike[str],
        values: Mapping[str, Any] | None,
        more: dict[str, Any],
    ) -> Run:
        from .cases.uploads import upload_inputs_of
        from .report.status import followed
        from .workflow import Workflow

        folder = request.path.parent
        comfy_client.renew()
        if isinstance(workflow, (str, os.PathLike)):
            path = _find(Path(workflow), folder, settings)
            workflow, folder = Workflow.load(path), path.parent
        elif not isinstance(workflow, Workflow):
            workflow = Workflow.from_graph(dict(workflow), "prompt")
        workflow = comfy_client.converted(workflow.patched(values or {}))
        prompt = request.node.stash[ASKED] = workflow.prompt()
        upload_inputs_of(prompt, folder, (), comfy_client)
        more.setdefault("allow_node_errors", options.allow_node_errors)
        with followed(follower, request.node.nodeid) as on_progress:
            return comfy_client.run(replace(workflow, graph=prompt), **{"on_progress": on_progress, **more})

    return run


def _with_a_way_to_record(error: Exception, request: pytest.FixtureRequest) -> Exception:
    """Add to a refusal for want of a recording how to make one."""
    from .client import PromptRejected
    from .server.recordings.matching import NO_RECORDING

    if not isinstance(error, PromptRejected) or error.error.get("type") != NO_RECORDING:
        return error
    url = "http://YOUR-COMFYUI:8188"
    into = settings_of(request.config, request.path).golden_name
    way = f"pytest-comfy record --upstream {url} --into {into}, while the test runs against that"
    if "comfy_golden" in request.fixturenames:
        way = shlex.join(["pytest", request.node.nodeid, "--comfy-url", url, "--comfy-update"])
    return PromptRejected(f"{str(error).rstrip('.')}; record one with: {way}", error.error, error.node_errors)


def comfy_golden(request: pytest.FixtureRequest, comfy_client: ComfyClient) -> GoldenChecker:
    """Compare runs with this test's golden runs: comfy_golden.check(run).

    The first failed check fails the test; with --comfy-update the run is approved as for workflow files.
    """
    return GoldenChecker(request, comfy_client)


class GoldenChecker:
    """What the fixture `comfy_golden` gives."""

    def __init__(self, request: pytest.FixtureRequest, client: ComfyClient) -> None:
        self._request = request
        self._client = client
        self._settings = settings_of(request.config, request.path)
        self._keeping = keeping_of(request.node)
        drop_properties(request.node)

    def check(self, run: Run, name: str | None = None, *, tolerance: Any = None) -> CaseVerdict:
        """Compare a run with the golden run of this test; `name` tells several of one test apart.

        Fails the test, with the verdict in the first line, unless the run is as good as its golden run. After a failure
        that is known (--comfy-known) the test goes on, and fails as expected at its end.
        """
        from .judging.check import Check
        from .judging.lane import Lane

        node = self._request.node
        options = _options(self._request, self._settings)
        if tolerance is not None and "tolerance" not in self._settings.cli:
            options = replace(options, tolerance=tolerance)
        subject = replace(subject_of_test(node, name), options=options)
        live = self._settings.live
        url = self._client.url
        facts = self._request.config.stash[STATE].facts
        lane = Lane(self._client, url if live else None, url if live else "replay", facts=facts)
        check = Check(self._settings, lane)
        check.seen.prompt = run.prompt
        failure, known = "", False
        try:
            verdict = self._judge(check, subject, run)
        except Exception as error:
            if not is_told(error):
                raise
            note_error(node, error, not_judged(error))
            known = note_kept(node, self._keeping.error(check, subject, error, not_judged(error)))
            failure = f"{'not judged: ' if not_judged(error) else ''}{error}"
        if failure and known:
            pytest.xfail(node.stash[KNOWN])
        if failure:
            # Outside of `except`: pytest would show the chain of what led to it before the sentence.
            pytest.fail(failure.replace(f"{self._settings.root}/", ""), pytrace=False)
        note(node, verdict, run)
        known = note_kept(node, self._keeping.verdict(check, subject, verdict))
        if not verdict.passed and not known:
            pytest.fail(verdict.text(self._settings.root), pytrace=False)
        return verdict

    def _judge(self, check: Check, subject: Subject, run: Run) -> CaseVerdict:
        golden = check.golden_of(subject)
        if not self._settings.live:
            return check.judge(subject, run, golden)
        from .upgrade.checking import Checking

        more = self._settings.against or self._settings.calibrate
        lane = self._request.getfixturevalue("comfy_lane") if more else check.lane
        return Checking(check, lane).judge(subject, run, golden)


def closing_sections(item: pytest.Item) -> list[tuple[str, str]]:
    """Return what the report of a failed test says of the fake server that it used, if it used one."""
    used = getattr(item, "funcargs", {})
    server = used.get("comfy_server") or getattr(used.get("comfy_respx"), "server", None)
    if server is None:
        return []
    from .report.served import closing

    told = closing(server, item.config.rootpath)
    return [("fake ComfyUI", told)] if told else []


def claim_tests(state: State, config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Claim the golden runs of the Python tests that were collected."""
    # --lf and node ids collect a part of a file: what the rest of it claims is not known then.
    here = config.invocation_params.dir
    in_part = {(here / word.partition("::")[0]).resolve() for word in config.args if "::" in word}
    for item in items:
        relative = state.settings.relative(item.path)
        if relative and relative.endswith(".py"):
            if not config.getoption("lf", False) and item.path.resolve() not in in_part:
                state.test_files.add(relative)
            if "comfy_golden" in getattr(item, "fixturenames", ()):
                settings = settings_of(config, item.path)
                state.claims[f"{settings.golden_name}/{key_of_test(settings, item.path, item.nodeid)}"] = relative


def subject_of_test(node: pytest.Item, name: str | None = None) -> Subject:
    """Return what a test checks; `name` tells several checks of one test apart."""
    from .judging.asked import Subject

    settings = settings_of(node.config, node.path)
    return Subject(
        key=check_key(settings, node.path, node.nodeid, name),
        source=settings.within(node.path) or node.path.name,
        case=f"{node.nodeid.partition('::')[2]}{f' {name}' if name else ''}",
        node_id=node.nodeid,
    )


def _options(request: pytest.FixtureRequest, settings: Settings) -> CaseOptions:
    from .cases.options import CaseOptions, resolve

    try:
        return resolve(settings, CaseOptions(), mark_options(request.node))
    except SettingsError as error:
        raise pytest.UsageError(f"{request.node.nodeid}: mark comfy: {error}") from None


def _convert(
    request: pytest.FixtureRequest, settings: Settings, of_server: Callable[[], str]
) -> Callable[..., Workflow]:
    """Return what converts a test's workflows in UI form, as the cases of their files are converted.

    of_server  tells the version of the page that the server asks for
    """
    node = request.node
    converter = converter_of(node, settings)

    def convert(workflow: Workflow, definitions: Mapping[str, Any]) -> Workflow:
        from .cases.of_tests import converted_for_test

        own = key_of_test(settings, node.path, node.nodeid)
        return converted_for_test(workflow, definitions, converter, settings, own, of_server)

    return convert


def _find(path: Path, folder: Path, settings: Settings) -> Path:
    for start in (folder, settings.folder, settings.folder / "workflows"):
        if (start / path).is_file():
            return start / path
    return folder / path
