"""With pytest-recording, -asyncio, -randomly, -rerunfailures and -timeout installed and loaded."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from projects import png, recorded, section_of

# Versions that know the option ask for it; those that do not would warn of it.
_ASKED = version("pytest-asyncio") >= "0.24" or version("pytest-asyncio").startswith("1.")
ALL = "[pytest]\n" + ("asyncio_default_fixture_loop_scope = function\n" if _ASKED else "")


@pytest.fixture
def loaded(project):
    project.write("pytest.ini", ALL)
    return project


def test_all_loaded_at_once(loaded):
    loaded.write(
        "conftest.py",
        """
import pytest
@pytest.fixture(autouse=True, scope="module")
def of_module(): pass
@pytest.fixture(autouse=True)
def of_function(): pass
""",
    )
    loaded.write(
        "test_async.py",
        """
import pytest
@pytest.mark.asyncio
async def test_it(comfy_server): assert comfy_server.url
""",
    )
    for name in "abc":
        loaded.both(name)
    result = loaded.run_apart("-v", "--timeout=60", "--reruns=1")
    result.assert_outcomes(passed=4)
    plugins = next(line for line in result.outlines if line.startswith("plugins: "))
    for name in ("recording", "asyncio", "randomly", "rerunfailures", "timeout", "xdist"):
        assert f"{name}-" in plugins
    assert section_of(result, "comfy") == [
        "outputs: 3 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected"
    ]


def test_recording_may_block_the_network(loaded):
    """The fake server is on loopback, and pytest-recording lets that through when told so."""
    loaded.both()
    result = loaded.run_apart("workflows", "--block-network", "--allowed-hosts=127.0.0.1,localhost")
    result.assert_outcomes(passed=1)


def test_asyncio_auto_mode(loaded):
    loaded.write("pytest.ini", ALL + "asyncio_mode = auto\n")
    loaded.both()
    loaded.run_apart("workflows").assert_outcomes(passed=1)


def test_random_order_finds_the_same(loaded):
    for name in "abcd":
        loaded.both(name, outputs={"9": {"images": [png(ord(name))]}})
    loaded.run_apart("workflows", "-p", "randomly", "-p", "no:cacheprovider", "-p", "no:xdist").assert_outcomes(
        passed=4
    )


def test_reruns_count_the_last_try_alone(loaded, serve):
    loaded.both()
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}), recorded())
    result = loaded.run_apart("workflows", "--reruns=2", "--comfy-url", server.url)
    result.assert_outcomes(passed=1)
    assert result.parseoutcomes()["rerun"] == 1
    assert "outputs: 1 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected" in section_of(
        result, "comfy"
    )


def test_reruns_of_a_case_that_stays_bad(loaded):
    loaded.workflow()
    result = loaded.run_apart("workflows", "--reruns=2")
    assert result.parseoutcomes() == {"failed": 1, "rerun": 2}


def test_timeout_of_pytest_timeout_ends_a_run(loaded, serve):
    """The recording holds its first node for an hour."""
    loaded.both()
    slow = recorded()
    for at, row in enumerate(slow.document["events"][2:], 2):
        row[0] = 3600.0 + at
    server = serve()
    server.speed = 1.0
    server.reset([slow])
    result = loaded.run_apart("workflows", "--timeout=2", "--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Timeout*2*"])
    import requests

    queue = requests.get(f"{server.url}/queue", timeout=10).json()
    assert queue == {"queue_running": [], "queue_pending": []}
