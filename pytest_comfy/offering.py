"""The fixtures as pytest is told of them; what they do is in `fixtures`, which is loaded by the first that is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .client import AsyncComfyClient, ComfyClient, Run
    from .fixtures import GoldenChecker
    from .judging.lane import Lane
    from .server import FakeComfyServer
    from .server.in_process import InProcess
    from .workflow import Workflow


def _fixtures(request: pytest.FixtureRequest) -> Any:
    """Return what the fixtures do, in a session that knows now that it has something of ours in it."""
    from . import fixtures
    from .waking import wake

    wake(request.config)
    return fixtures


@pytest.fixture(scope="session")
def comfy_lane(request: pytest.FixtureRequest) -> Iterator[Lane]:
    """The server that this process asks: live with --comfy-url, else a fake one. For the items of workflows."""
    yield from _fixtures(request).comfy_lane(request)


@pytest.fixture
def comfy_server(request: pytest.FixtureRequest) -> Iterator[FakeComfyServer]:
    """A fake ComfyUI of its own, in fresh state, that replays the project's golden runs; see its `.url`."""
    yield from _fixtures(request).comfy_server(request)


@pytest.fixture
def comfy_respx(request: pytest.FixtureRequest) -> Iterator[InProcess]:
    """A fake ComfyUI for code that uses httpx: like `comfy_server`, but behind respx, and no port is opened.

    It is found at http://127.0.0.1:8188, or where the mark comfy_respx("http://gpu-box:8188", ...) says.
    """
    yield from _fixtures(request).comfy_respx(request)


@pytest.fixture
def comfy_client(request: pytest.FixtureRequest) -> Iterator[ComfyClient]:
    """A client: of the server at --comfy-url, else of this test's `comfy_server`."""
    yield from _fixtures(request).comfy_client(request)


@pytest.fixture
def comfy_async_client(request: pytest.FixtureRequest) -> Iterator[AsyncComfyClient]:
    """The same for asynchronous tests, by whatever plugin they are run: `await comfy_async_client.run(...)`."""
    yield from _fixtures(request).comfy_async_client(request)


@pytest.fixture
def comfy_workflow(request: pytest.FixtureRequest) -> Callable[..., Workflow]:
    """Load a workflow file and set values: comfy_workflow("txt2img.json", {"KSampler.seed": 7}).

    A file in UI form stays so until it is run: `comfy_client.converted(workflow)` tells its prompt. A path is
    looked for beside the test file, then from the project's folder, then in its workflows folder.
    """
    load: Callable[..., Workflow] = _fixtures(request).comfy_workflow(request)
    return load


@pytest.fixture
def comfy_run(request: pytest.FixtureRequest, comfy_client: ComfyClient) -> Callable[..., Run]:
    """Run a workflow (file, Workflow or prompt) to its end: comfy_run("txt2img.json", {...}).images.

    Files that it names and that lie in `inputs/` beside the workflow, or beside the test, are uploaded.
    """
    run: Callable[..., Run] = _fixtures(request).comfy_run(request, comfy_client)
    return run


@pytest.fixture
def comfy_golden(request: pytest.FixtureRequest, comfy_client: ComfyClient) -> GoldenChecker:
    """Compare runs with this test's golden runs: comfy_golden.check(run).

    The first failed check fails the test; with --comfy-update the run is approved as for workflow files.
    """
    checker: GoldenChecker = _fixtures(request).comfy_golden(request, comfy_client)
    return checker
