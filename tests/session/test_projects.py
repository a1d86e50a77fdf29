"""Which project a file belongs to, and what an ini below the session's says."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.places import INI_SECTIONS
from pytest_comfy.session.given import SettingsError
from pytest_comfy.session.globs import matches, split
from pytest_comfy.session.inis import read_ini
from pytest_comfy.session.projects import Projects, projects_at, root_of
from pytest_comfy.session.settings import Settings
from pytest_comfy.waking import wake

FOLDERS = st.lists(st.sampled_from(["a", "b", "workflows", "packages", "*", "**", "a*"]), max_size=6)


@pytest.mark.parametrize(
    ("glob", "parts"),
    [
        ("workflows/**/*.json", None),
        ("*.json", None),
        ("packages/*/*.json", None),
        ("packages/**/*.json", None),
        ("packages/*/workflows/**/*.json", ("packages/*", "workflows/**/*.json")),
        ("packages/*/comfy/workflows/*.json", ("packages/*", "comfy/workflows/*.json")),
        ("**/workflows/**/*.json", ("**", "workflows/**/*.json")),
        ("apps/*/src/**/flows/*.json", ("apps/*/src/**", "flows/*.json")),
    ],
)
def test_globs_in_two(glob, parts):
    assert split(glob) == parts


@given(FOLDERS)
def test_both_parts_are_the_glob_and_the_second_starts_with_a_folder(folders):
    glob = "/".join([*folders, "*.json"])
    parts = split(glob)
    if parts:
        assert "/".join(parts) == glob
        assert "*" not in parts[1].split("/")[0]
    else:
        assert not any("*" in left and "*" not in right for left, right in pairwise(folders))


@given(FOLDERS, st.lists(st.sampled_from(["a", "b", "workflows", "packages", "ab"]), max_size=4))
def test_a_file_of_a_glob_is_in_a_project_that_has_it(tmp_path_factory, folders, path):
    glob = "/".join([*folders, "*.json"])
    root = tmp_path_factory.mktemp("root")
    folder = root.joinpath(*path)
    folder.mkdir(parents=True, exist_ok=True)
    projects = Projects(Settings(root, golden_dir=root / "golden", workflows=(glob,)))
    found = projects.of(folder / "x.json")
    assert found.folder == root or root in found.folder.parents
    if matches("/".join([*path, "x.json"]), glob):
        assert projects.claims(folder / "x.json")
        assert found.golden_key(folder / "x.json")


@pytest.fixture
def said(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read_ini(tmp_path)

    return write


@pytest.mark.parametrize("name", sorted(INI_SECTIONS.keys() - {"pyproject.toml", "tox.ini", "setup.cfg"}))
def test_files_of_pytest_alone_are_an_ini_even_if_empty(said, name):
    assert said(name, "").values == {}


@pytest.mark.parametrize("name", ["pyproject.toml", "tox.ini", "setup.cfg"])
def test_files_of_others_are_one_only_with_a_section(said, name):
    assert said(name, "") is None
    assert said(name, "[tool]\nx = 1\n") is None


def test_the_first_file_counts_as_for_pytest(said):
    said("tox.ini", "[pytest]\ncomfy_timeout = 1\n")
    assert said("pytest.ini", "[pytest]\ncomfy_timeout = 2\n").text("comfy_timeout") == "2"


def test_kinds_of_values(said):
    text = '[tool.pytest.ini_options]\ncomfy_a = true\ncomfy_b = ["x", " y "]\ncomfy_c = 2.5\ncomfy_d = "x\\n y"\n'
    ini = said("pyproject.toml", text)
    assert (ini.switch("comfy_a"), ini.lines("comfy_b"), ini.text("comfy_c")) == (True, ["x", "y"], "2.5")
    assert (ini.lines("comfy_d"), ini.text("comfy_e"), ini.lines("comfy_e")) == (["x", "y"], "", [])
    with pytest.raises(SettingsError, match=r"pyproject\.toml: comfy_c '2\.5': must be true or false"):
        ini.switch("comfy_c")


@given(
    st.sampled_from(sorted(INI_SECTIONS)),
    st.binary(max_size=200) | st.text("[]=\n #;pytest:ool.ini_xé'\"").map(str.encode),
)
def test_whatever_a_file_holds_it_is_read_or_refused_by_name(tmp_path_factory, name, data):
    folder = tmp_path_factory.mktemp("ini")
    (folder / name).write_bytes(data)
    try:
        ini = read_ini(folder)
    except SettingsError as error:
        assert str(error).startswith(str(folder / name))
        assert "\n" not in str(error)
    else:
        assert ini is None or ini.path == folder / name


def test_outside_of_the_root_the_session_s_settings_hold(tmp_path):
    session = Settings(tmp_path / "root")
    assert Projects(session).of(tmp_path / "elsewhere/x.json") is session


LAID = {
    "pytest.ini": "[pytest]\n", "setup.cfg": "[tool:pytest]\n", "tox.ini": "[tox]\n", "setup.py": "",
    "pyproject.toml": "[project]\n", "comfy.toml": "",
}  # fmt: skip


@pytest.mark.parametrize("below", [(), ("pytest.ini",), ("setup.py",)])
@pytest.mark.parametrize("above", [(), *((name,) for name in LAID)])
def test_root_outside_of_pytest_is_that_of_a_session(pytester, monkeypatch, above, below):
    folder = pytester.path / "packages/a"
    (pytester.path / "workflows").mkdir()
    folder.mkdir(parents=True)
    for at, names in ((pytester.path, above), (folder, below)):
        for name in names:
            (at / name).write_text(LAID[name])
    for start in (folder, pytester.path):
        monkeypatch.chdir(start)
        config = pytester.parseconfigure("-p", "no:asyncio", "-p", "no:unraisableexception")
        assert root_of(start) == wake(config).state.settings.root


@pytest.mark.parametrize(
    "ini",
    ["", "comfy_golden_dir = approved\n", "comfy_workflows =\n    flows/*.json\n    w/**/*.json\n",
     "comfy_report = told\ncomfy_redact =\n    ticket-\\d+\n"],
)  # fmt: skip
def test_projects_outside_of_pytest_are_those_of_a_session(pytester, ini):
    pytester.makefile(".ini", pytest=f"[pytest]\n{ini}")
    settings = wake(pytester.parseconfigure("-p", "no:asyncio", "-p", "no:unraisableexception")).state.settings
    found = projects_at(pytester.path).session
    for name in ("root", "workflows", "golden_dir", "report_dir", "redact", "widgets", "baseline", "tolerance"):
        assert getattr(found, name) == getattr(settings, name), name
