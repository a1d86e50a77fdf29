"""Who may import whom, and that pytest's start stays light."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import pytest_comfy

PACKAGE = Path(pytest_comfy.__file__).parent
FOLDERS = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
HEAVY = ["PIL", "numpy", "av", "trimesh", "requests", "aiohttp", "imagehash", "jinja2", "websocket"]


def imports_of(path):
    """Return the modules that a file imports anywhere but under TYPE_CHECKING: absolute dotted names."""
    package = ("pytest_comfy", *path.relative_to(PACKAGE).parent.parts)
    found = set()
    pending = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            pending += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*start, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
        pending += ast.iter_child_nodes(node)
    return found


def parts_of(path):
    """Return the folders of ours, and modules beside them, that a file imports from."""
    own = [name.split(".")[1] for name in imports_of(path) if name.startswith("pytest_comfy.")]
    return {name for name in own if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()}


def files_in(folder):
    files = sorted((PACKAGE / folder).rglob("*.py"))
    assert files
    return files


def test_reader_of_imports_sees_what_there_is():
    assert "client" in parts_of(PACKAGE / "judging/lane.py")
    assert {"pytest", "pytest_comfy.collect"} <= imports_of(PACKAGE / "plugin.py")
    assert "workflow" in parts_of(PACKAGE / "client/client.py")


@pytest.mark.parametrize("folder", ["workflow", "compare"])
def test_pure_folders_import_from_no_other(folder):
    for path in files_in(folder):
        assert parts_of(path) & FOLDERS <= {folder}, path


@pytest.mark.parametrize(
    ("folder", "banned"),
    [("client", {"golden", "server", "compare", "report"}), ("server", {"client", "report"}),
     ("golden", {"client", "server", "report"})],
)  # fmt: skip
def test_folders_know_nothing_of_those_above(folder, banned):
    for path in files_in(folder):
        assert not parts_of(path) & banned, path


def test_folders_import_no_module_beside_them_but_text_and_files():
    for folder in ("workflow", "compare", "client", "server", "golden"):
        for path in files_in(folder):
            assert parts_of(path) - FOLDERS <= {"text", "files"}, path


def test_only_four_modules_import_pytest():
    importing = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] in ("pytest", "_pytest") for name in imports_of(path))
    }
    assert importing == {"plugin.py", "collect.py", "fixtures.py", "report/terminal.py"}


SHOW = f"import sys; print(sorted(set({HEAVY!r}) & set(sys.modules)))"


def test_importing_the_plugin_loads_nothing_heavy(pytester):
    result = pytester.run(sys.executable, "-c", f"import pytest_comfy.plugin; {SHOW}")
    assert result.outlines == ["[]"]


@pytest.mark.parametrize("golden", [False, True])
def test_session_without_workflows_loads_nothing_heavy(pytester, golden):
    """pytest-recording and others load such libraries themselves, so only our plugin is loaded."""
    pytester.makepyfile("def test_plain(): pass\n")
    pytester.makeconftest(f"def pytest_unconfigure(config):\n    {SHOW}\n")
    if golden:
        pytester.mkdir("golden")
    result = pytester.run(
        sys.executable, "-c",
        "import os; os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'; import pytest; "
        "raise SystemExit(pytest.main(['-p', 'pytest_comfy.plugin', '-q', '-s']))",
    )  # fmt: skip
    assert result.ret == 0
    assert result.outlines[-1] == "[]"
