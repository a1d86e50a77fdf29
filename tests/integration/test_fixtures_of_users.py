"""Fixtures, marks and hooks of the user's conftest work on workflow items as on functions."""

from __future__ import annotations

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
