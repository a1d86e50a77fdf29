"""For all tests: nothing of the person's environment reaches them, unless they are marked `live`."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import socket
import warnings

import hypothesis
import pytest
from projects import Project, png, recorded
from ui_form import definitions

import pytest_comfy
from pytest_comfy.compare import draw_difference
from pytest_comfy.server import FakeComfyServer

# How long an example takes is the machine's business: nothing here is timed.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def own_folder():
    """Put back the working directory: what two undo (`pytester` and `monkeypatch`), each in its own turn, can end in
    the folder of the test."""
    before = os.getcwd()
    yield
    os.chdir(before)


@pytest.fixture(autouse=True)
def bare_environment(request, own_folder, monkeypatch):
    """Take out what would change a pytest or a plugin that a test starts."""
    live = request.node.get_closest_marker("live") is not None
    for name in list(os.environ):
        if name.startswith("COMFY_") and not live:
            monkeypatch.delenv(name)
        if name.startswith(("GITHUB_", "GITLAB_", "CI_")):
            monkeypatch.delenv(name)  # what tests tell CI is no news of this session
        if name in ("CI", "BUILD_NUMBER"):
            monkeypatch.delenv(name)  # pytest writes its summary at greater length there
        if name.startswith("PYTEST_") and name not in ("PYTEST_CURRENT_TEST", "PYTEST_VERSION"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def garbage_of_others(request):
    """Where warnings are errors, no test answers for what another left to the garbage collector."""
    if request.node.get_closest_marker("filterwarnings"):
        with warnings.catch_warnings(action="ignore"):
            gc.collect()


@pytest.fixture
def live():
    """A server that executes whatever it is given, for show."""
    with FakeComfyServer((), synthesize=definitions()) as server:
        yield server


@pytest.fixture(autouse=True, scope="session")
def warm():
    """Load all there is to load: runs in this process forget the modules that they were the first to load, and
    numpy cannot load twice."""
    for found in pkgutil.walk_packages(pytest_comfy.__path__, "pytest_comfy."):
        importlib.import_module(found.name)
    run = recorded()
    draw_difference(png(1), png(2), "image/png")
    with FakeComfyServer([run]) as server, pytest_comfy.ComfyClient(server.url) as client:
        client.run(run.prompt)
    gc.collect()
    gc.freeze()  # what is there by now stays: each look for garbage would go through all of it again


@pytest.fixture(autouse=True, scope="session")
def plugins_known():
    """Runs in this process find their plugins loaded: what each package has installed, for pytest to rewrite it, is not
    looked up by every one of them, which took a quarter of their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytest.Config, "_mark_plugins_for_rewrite", lambda *arguments: None)
        yield


@pytest.fixture
def project(pytester):
    return Project(pytester)


@pytest.fixture
def live_with():
    """Start such a server with definitions of one's own, and recordings: live_with(definitions, run, ...)."""
    servers = []

    def start(known, *runs):
        servers.append(FakeComfyServer(runs, synthesize=known).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def running():
    """Start servers, and stop them at the end of the test: running(server) -> server."""
    servers = []

    def start(server):
        servers.append(server.start())
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def serve(running):
    """Start a server that stands for a live one: serve(run, ...) -> FakeComfyServer."""
    return lambda *runs: running(FakeComfyServer(runs))


@pytest.fixture
def dead_url():
    """The address of a port where nobody listens, and nobody else can, as it stays bound."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
