"""Fixtures, marks and hooks of the user's conftest work on workflow items as on functions."""

from __future__ import annotations

import pytest
from projects import failure_of, png, recorded

LOGGING = """
import pytest

def note(line):
    with open("log.txt", "a") as log:
        log.write(line + "\\n")

@pytest.fixture(autouse=True, scope="session")
def of_session():
    note("session")
    yield
    note("/session")

@pytest.fixture(autouse=True, scope="module")
def of_module(request):
    note(f"module {request.node.path.name}")
    yield
    note(f"/module {request.node.path.name}")

@pytest.fixture(autouse=True)
def of_function(request):
    note(request.node.nodeid)
    yield
    note(f"/{request.node.nodeid}")
"""


def test_autouse_fixtures_of_every_scope_run_once_for_what_they_are_for(project):
    project.write("conftest.py", LOGGING)
    project.workflow("a", sidecar="[cases.one]\n[cases.two]\n")
    project.golden("a/one")
    project.golden("a/two")
    project.both("b")
    project.run("workflows").assert_outcomes(passed=3)
    assert (project.root / "log.txt").read_text().splitlines() == [
        "session",
        "module a.json",
        "workflows/a.json::one", "/workflows/a.json::one",
        "workflows/a.json::two", "/workflows/a.json::two",
        "/module a.json",
        "module b.json",
        "workflows/b.json::default", "/workflows/b.json::default",
        "/module b.json",
        "/session",
    ]  # fmt: skip


def test_conftest_beside_the_workflows_holds_for_them(project):
    project.write("workflows/conftest.py", LOGGING)
    project.both()
    project.write("test_plain.py", "def test_plain(): pass\n")
    project.run("-p", "no:cacheprovider").assert_outcomes(passed=2)
    assert [line for line in (project.root / "log.txt").read_text().splitlines() if line.startswith("module")] == [
        "module txt2img.json"
    ]


def test_each_folder_has_its_own_fixtures_and_each_file_those_that_a_plugin_gives_it(project):
    project.write(
        "conftest.py",
        """
import pytest

ASKED = []

@pytest.fixture
def extra(request):
    ASKED.append(request.node.nodeid)

@pytest.hookimpl(tryfirst=True)
def pytest_collectstart(collector):
    if collector.nodeid.endswith(("b.json", "d.json")):
        collector.add_marker(pytest.mark.usefixtures("extra"))

def pytest_itemcollected(item):
    if "c.json" in item.nodeid:
        item.fixturenames.append("extra")

def pytest_sessionfinish():
    print("asked", sorted(ASKED))
""",
    )
    fixture = "@pytest.fixture(autouse=True)\ndef only_here(request):\n    print('here', request.node.nodeid)\n"
    project.write("workflows/deep/conftest.py", f"import pytest\n{fixture}")
    for name in ("a", "b", "c", "d", "e", "deep/f", "deep/g"):
        project.both(name)
    result = project.run("workflows", "-s", "-q")
    result.assert_outcomes(passed=7)
    told = result.stdout.str()
    assert [line.split("here ")[1] for line in told.splitlines() if "here " in line] == [
        f"workflows/deep/{name}.json::default" for name in "fg"
    ]
    assert f"asked {[f'workflows/{name}.json::default' for name in 'bcd']}" in told


def test_failing_autouse_fixture_is_an_error_of_the_item(project):
    project.write(
        "conftest.py", 'import pytest\n@pytest.fixture(autouse=True)\ndef no():\n    raise OSError("no disk")\n'
    )
    project.both()
    result = project.run("workflows")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*OSError: no disk*"])


def test_skip_and_xfail_added_by_a_hook(project):
    project.write(
        "conftest.py",
        """
import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem == "slow":
            item.add_marker(pytest.mark.skip(reason="slow"))
        if item.path.stem == "broken":
            item.add_marker(pytest.mark.xfail(reason="known"))
""",
    )
    project.both("slow")
    project.workflow("broken")
    result = project.run("workflows", "-rsx")
    result.assert_outcomes(skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["SKIPPED*slow*", "XFAIL workflows/broken.json::default - known*"])


def test_mark_added_by_a_hook_gives_options(project, serve):
    project.write(
        "conftest.py",
        """
import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.comfy(tolerance="exact"))
""",
    )
    project.both()
    server = serve(recorded(outputs={"9": {"images": [png(shift=1)]}}))
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["different: node 9 'Save Image' images 0: *"])


def test_unknown_argument_of_the_mark_is_named(project):
    project.write(
        "conftest.py",
        """
import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.comfy(tolerence="exact"))
""",
    )
    project.both()
    result = project.run("workflows")
    result.assert_outcomes(failed=1)
    assert failure_of(result, "txt2img.json [default]") == [
        "workflows/txt2img.json::default: mark comfy knows no argument 'tolerence' (did you mean 'tolerance'?)"
    ]


def lines_of_failure(result):
    return [line for line in result.outlines if line.startswith(("E ", ">")) or "pytest_comfy/" in line]


@pytest.mark.parametrize(
    ("names", "way"),
    [
        (
            "comfy_run",
            "pytest-comfy record --upstream http://YOUR-COMFYUI:8188 --into golden, while the test runs against that",
        ),
        ("comfy_run, comfy_golden", "pytest test_it.py::test_it --comfy-url http://YOUR-COMFYUI:8188 --comfy-update"),
    ],
)
def test_run_without_a_recording_is_one_sentence_with_the_way_to_record(project, names, way):
    project.workflow("w", folder=".")
    project.write("test_it.py", f"def test_it({names}):\n    comfy_run('w.json')\n")
    result = project.run("test_it.py", "--show-capture=no")
    result.assert_outcomes(failed=1)
    assert lines_of_failure(result) == [
        ">       comfy_run('w.json')",
        "E       pytest_comfy.client.errors.PromptRejected: prompt refused: No golden run answers this prompt: the "
        f"fake server has none; record one with: {way}",
    ]


def test_run_on_a_dead_server_is_one_sentence(project, dead_url):
    project.workflow("w", folder=".")
    project.write("test_it.py", "def test_it(comfy_run):\n    comfy_run('w.json')\n")
    result = project.run("test_it.py", "--comfy-url", dead_url)
    result.assert_outcomes(errors=1)
    assert lines_of_failure(result) == [
        ">       comfy_run('w.json')",
        f"E       pytest_comfy.client.errors.ServerUnreachable: {dead_url}: connection refused: is ComfyUI running "
        "there?",
    ]


def test_an_error_of_a_run_can_still_be_expected(project):
    project.workflow("w", folder=".")
    project.write(
        "test_it.py",
        "import pytest\nfrom pytest_comfy import ComfyError\n"
        "def test_it(comfy_run):\n    with pytest.raises(ComfyError, match='No'):\n        comfy_run('w.json')\n",
    )
    project.run("test_it.py").assert_outcomes(passed=1)
