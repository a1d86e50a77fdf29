"""The plan of the house: which room may import from which, and that pytest's start stays light."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import pytest_comfy

ROOT = Path(__file__).parent.parent
PACKAGE = Path(pytest_comfy.__file__).parent
HEAVY = ["PIL", "numpy", "av", "trimesh", "requests", "aiohttp", "imagehash", "jinja2", "websocket"]
MOST_LINES = 400

MAY_IMPORT = {
    "secrecy": "",
    "text": "secrecy",
    "files": "",
    "memory": "",
    "media": "",
    "access": "secrecy text",
    "hookspecs": "",
    # what pytest is told at every start
    "places": "files",
    "options": "places",
    # what is asked, and who asks
    "workflow/validation": "",
    "workflow": "media secrecy text",
    "workflow/graph": "text",
    "client": "access memory text workflow workflow/graph",
    # is it the same
    "compare": "files memory",
    "compare/drawing": "",
    "compare/still": "compare/drawing",
    "compare/moving": "compare/drawing compare/still",
    "compare/audio": "compare/drawing",
    "compare/image": "compare/drawing compare/moving compare/still",
    "compare/latents": "compare/drawing",
    "compare/models": "compare/drawing compare/still",
    "compare/splats": "compare/drawing compare/models",
    "compare/text": "compare/drawing memory",
    "compare/svg": "compare/text",
    "compare/video": "compare/audio compare/drawing compare/moving compare/still",
    "compare/batch": "",
    # what a good run is
    "golden": "compare files media places secrecy text workflow",
    # who answers offline
    "server": "access golden secrecy text workflow",
    "server/wire": "",
    "server/faults": "server/wire text",
    "server/recordings": "golden secrecy server/wire text workflow",
    "server/execution": "golden server/faults server/recordings server/wire workflow",
    "server/synthesis": "golden media workflow",
    "server/web": "golden server/execution server/faults server/recordings server/wire workflow",
    "server/recording": "access compare golden memory secrecy server/recordings server/wire workflow",
    # what `import pytest_comfy` offers
    "__init__": "client golden server workflow",
    # from a workflow file to a verdict
    "session": "files golden memory places secrecy text workflow workflow/graph",
    "starting": "client golden session text",
    "cases": "client compare files golden places session text workflow workflow/graph",
    "judging": "__init__ cases client compare compare/batch compare/image compare/still files golden media places "
    "server session text workflow",
    # what changed, and what did it
    "upgrade/blame": "client compare golden judging places text workflow",
    "upgrade/history": "compare golden session text",
    "upgrade": "cases client golden judging text workflow",
    "upgrade/preflight": "__init__ cases client golden session text workflow workflow/graph",
    # many servers, and what is queued on them ahead
    "pool": "cases client compare golden judging session upgrade/preflight",
    # what a person types and sees
    "report": "__init__ client compare files golden judging memory places secrecy server session text upgrade "
    "upgrade/preflight workflow",
    "report/drift": "compare files judging memory",
    "report/ci": "files judging report/drift session upgrade",
    "report/status": "client files pool session text",
    "report/html": "files media text upgrade",
    "report/review": "files report/html server text",
    "commands": "__init__ cases client compare files golden judging places report report/review secrecy server "
    "server/faults server/recording server/recordings session text upgrade upgrade/history upgrade/preflight "
    "workflow",
    # what pytest calls
    "attempt": "cases client judging pool report session upgrade upgrade/preflight",
    "arranging": "cases pool session workflow",
    "collect": "attempt cases client golden judging places report report/drift report/status session text workflow "
    "workflow/graph",
    "owning": "golden report session starting text",
    "fixtures": "cases client collect judging owning pool report report/status server server/recordings session "
    "upgrade workflow",
    "erring": "collect fixtures golden judging report",
    "waking": "arranging collect erring fixtures owning pool report report/ci report/drift report/status secrecy "
    "session",
    "offering": "client fixtures judging server waking workflow",
    "plugin": "__init__ collect hookspecs offering options places session waking",
}
"""Room -> the rooms it may import from, and does, if only for their types; a room is a folder, or a module beside the
folders. Each may import from those above it only, but a folder may use its own folders, and what stands beside it in
the folder that holds it."""


def room_of(path):
    """Return the room that a file is in."""
    folder = path.relative_to(PACKAGE).parent.as_posix()
    return path.stem if folder == "." else folder


MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
ROOMS = {room_of(path) for path in MODULES.values()}


def imports_of(path):
    """Return what a file imports anywhere, absolute dotted names."""
    package = ("pytest_comfy", *path.relative_to(PACKAGE).parent.parts)
    found = set()
    pending = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*start, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names}
        pending += ast.iter_child_nodes(node)
    return found


def module_of(name):
    """Return the file of ours that a dotted name is, or lies in; None for names of others."""
    own = name.split(".")
    if own[0] != "pytest_comfy":
        return None
    parts = own[1:]
    while parts:
        for path in ("/".join(parts) + ".py", "/".join([*parts, "__init__.py"])):
            if path in MODULES:
                return path
        parts = parts[:-1]
    return "__init__.py"


IMPORTS = {name: {module_of(found) for found in imports_of(path)} - {None, name} for name, path in MODULES.items()}


def are_neighbours(room, other):
    """Whether one folder holds the other."""
    return room == other or room.startswith(f"{other}/") or other.startswith(f"{room}/")


def test_reader_of_imports_sees_what_there_is():
    assert IMPORTS["judging/lane.py"] >= {"client/__init__.py", "golden/environment.py", "server/__init__.py"}
    assert "pytest" in {name.split(".")[0] for name in imports_of(PACKAGE / "plugin.py")}
    assert module_of("pytest_comfy.workflow.graph.to_prompt") == "workflow/graph/__init__.py"


def test_every_room_is_in_the_table():
    assert set(MAY_IMPORT) == ROOMS


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rooms_import_what_the_table_says_and_nothing_else(room):
    imported = {
        room_of(MODULES[found]) for name, path in MODULES.items() if room_of(path) == room for found in IMPORTS[name]
    }
    assert {other for other in imported if not are_neighbours(room, other)} == set(MAY_IMPORT[room].split())


def test_no_arrow_runs_back_up():
    above = set()
    for room, others in MAY_IMPORT.items():
        assert set(others.split()) <= above, room
        above.add(room)


def test_no_circle_among_modules():
    left = dict(IMPORTS)
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    assert not left


def test_modules_are_small():
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_only_six_modules_import_pytest():
    importing = {
        name
        for name, path in MODULES.items()
        if any(found.split(".")[0] in ("pytest", "_pytest") for found in imports_of(path))
    }
    assert importing == {"plugin.py", "waking.py", "offering.py", "collect.py", "fixtures.py", "report/terminal.py"}


def test_page_of_the_house_names_every_folder_and_nothing_else():
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    named = {name.rstrip("/") for name in re.findall(r"`([\w./-]+(?:/|\.py|\.toml|\.md))`", page)}
    tops = [ROOT / top for top in ("pytest_comfy", "tests", "docs", "golden")]
    there = [ROOT / "README.md", *tops, *(path for top in tops for path in top.rglob("*"))]
    assert [name for name in sorted(named) if not any(path.as_posix().endswith(f"/{name}") for path in there)] == []
    folders = {room for room in ROOMS if (PACKAGE / room).is_dir()}
    assert {room for room in folders if not {room, room.rpartition("/")[2]} & named} == set()


SHOW = f"import sys; print(sorted(set({HEAVY!r}) & set(sys.modules)))"


def test_importing_the_plugin_loads_nothing_heavy(pytester):
    result = pytester.run(sys.executable, "-c", f"import pytest_comfy.plugin; {SHOW}")
    assert result.outlines == ["[]"]


LIGHT = ["", ".hookspecs", ".offering", ".options", ".places", ".plugin"]
"""What a session without anything of ours loads."""


def run_with_our_plugin_alone(pytester, *words):
    """Others load heavy libraries themselves."""
    return pytester.run(
        sys.executable, "-c",
        "import os; os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'; import pytest; "
        f"raise SystemExit(pytest.main([*{words!r}, '-p', 'pytest_comfy.plugin', '-q', '-s']))",
    )  # fmt: skip


@pytest.mark.parametrize("golden", ["", "empty", "of another plugin"])
def test_session_with_nothing_of_ours_loads_what_pytest_is_told_and_no_more(pytester, golden):
    pytester.makepyfile("def test_plain(): pass\ndef test_failing(): assert 0\n")
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\n")
    if golden == "empty":
        pytester.mkdir("golden")
    elif golden:
        for folder in (pytester.path, pytester.path / "part"):
            (folder / "golden/deep").mkdir(parents=True)
            (folder / "golden/deep/table.json").write_text("[1, 2, 3]")
    pytester.makefile(".json", package='{"name": "of somebody else"}')
    (pytester.path / "part").mkdir(exist_ok=True)
    (pytester.path / "part/pyproject.toml").write_text("[project]\nname = 'part'\n")
    pytester.makeconftest(
        "import sys\ndef pytest_unconfigure(config):\n"
        "    print(sorted(name for name in sys.modules if name.partition('.')[0] == 'pytest_comfy'))\n"
    )
    result = run_with_our_plugin_alone(pytester)
    result.assert_outcomes(passed=1, failed=1)
    assert result.outlines[-1] == str([f"pytest_comfy{name}" for name in LIGHT])


def test_modules_are_loaded_as_they_were_installed_and_not_compiled_by_pytest(pytester):
    """As it does for the modules of every plugin that is installed, at every start where no bytecode is written."""
    pytester.makepyfile(
        marking="import pytest\npytest.register_assert_rewrite('pytest_comfy')\n",
        test_plain="def test_plain(comfy_server): pass\n",
    )
    pytester.makeconftest(
        "import sys\ndef pytest_unconfigure(config):\n"
        "    ours = [(name, one) for name, one in sys.modules.items() if name.startswith('pytest_comfy')]\n"
        "    print(len(ours) > 30, [name for name, one in ours if 'rewrite' in type(one.__loader__).__module__])\n"
    )
    result = run_with_our_plugin_alone(pytester, "-p", "marking")
    assert result.ret == 0
    assert result.outlines[-1] in ("True ['pytest_comfy']", "True []")  # the package itself has nothing to rewrite
