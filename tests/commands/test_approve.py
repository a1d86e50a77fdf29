"""`pytest-comfy approve`: which cases, what is printed of each, and the exit status."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept import entry, kept, lay_report, lay_workflow, tree, write_json
from projects import graph

from pytest_comfy.commands.__main__ import main
from pytest_comfy.report.reading import Refused
from pytest_comfy.report.selecting import parsed, select

NAMES = ("blur", "grain", "portrait")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The current folder: three workflows that failed, one of them without a run, and one that passed."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name in (*NAMES, "fine"):
        lay_workflow(folder, name)
    cases = [entry(folder, name, run=kept(name)) for name in NAMES[:2]]
    cases[1]["outputs"][0].update(kinds=["noise"], group="grainier", verdict="unexpected")
    cases.append(entry(folder, "portrait", outcome="error"))
    cases.append(entry(folder, "fine", run=kept("fine"), outcome="passed", verdict="within tolerance"))
    lay_report(folder / "comfy-report", cases)
    return folder


def approved(root):
    """The workflows whose golden run was approved anew."""
    runs = {path.parent.parent.name: json.loads(path.read_bytes()) for path in root.glob("golden/*/*/run.json")}
    return sorted(name for name, run in runs.items() if len(run["approvals"]) > 1)


def test_all_that_failed(root, capsys):
    assert main(["approve", "--reason", "new sampler"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "approved: workflows/blur.json::default: golden/blur/default",
        "approved: workflows/grain.json::default: golden/grain/default",
        "refused: workflows/portrait.json::default: there is no run to approve",
        "2 approved, 1 refused",
    ]
    assert approved(root) == ["blur", "grain"]
    assert json.loads((root / "golden/blur/default/run.json").read_bytes())["approvals"][-1]["reason"] == "new sampler"


def test_twice(root, capsys):
    main(["approve", "--reason", "why"])
    before = tree(root)
    assert main(["approve", "--reason", "why", "-k", "blur"]) == 1
    assert "the golden run changed since the case was judged: run again" in capsys.readouterr().out
    assert tree(root) == before


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["-k", "blur"], ["blur"]),
        (["-k", "BLUR or grain"], ["blur", "grain"]),
        (["-k", "workflows/ and not (grain or portrait)"], ["blur"]),
        (["--only", "different", "-k", "not portrait"], ["blur"]),
        (["--only", "unexpected"], ["grain"]),
        (["--only", "noise"], ["grain"]),
        (["--only", "grainier"], ["grain"]),
        (["--only", "within tolerance"], ["fine"]),
        (["--only", "passed"], ["fine"]),
        (["--only", "passed", "--only", "noise"], ["fine", "grain"]),
    ],
)
def test_some(root, arguments, names):
    assert main(["approve", "comfy-report", "--reason", "why", *arguments]) == 0
    assert approved(root) == names


def test_whole_node_id_or_golden_folder_means_that_case_alone(root):
    lay_workflow(root, "blur2")
    folder = root / "comfy-report"
    lay_report(folder, [entry(root, name, run=kept(name)) for name in ("blur", "blur2")])
    assert main(["approve", "--reason", "why", "-k", "blur/default"]) == 0
    assert approved(root) == ["blur"]
    assert main(["approve", "--reason", "why", "-k", "workflows/blur2.json::default"]) == 0
    assert approved(root) == ["blur", "blur2"]


def test_name_with_spaces_and_parentheses_is_meant_as_it_stands():
    cases = [{"node_id": f"a.json::{name}", "key": f"a/{name}", "outcome": "failed", "outputs": [], "golden": {},
              "run": None} for name in ("not (this", "other")]  # fmt: skip
    assert select(cases, "a.json::not (this") == cases[:1]


def test_dry_run(root, capsys):
    before = tree(root)
    assert main(["approve", "--reason", "why", "--dry-run"]) == 1
    assert tree(root) == before
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "would be approved: workflows/blur.json::default: golden/blur/default"
    assert lines[-1] == "2 would be approved, 1 refused"


def test_nothing_is_approved_in_a_dry_run_that_would_be_refused(root, capsys):
    write_json(root / "workflows/blur.json", graph(color=8))
    assert main(["approve", "--reason", "why", "--dry-run", "-k", "blur"]) == 1
    assert "EmptyImage.color is 8, was 7: run again" in capsys.readouterr().out


def test_doubts_are_told(root, capsys):
    lay_report(root / "comfy-report", [entry(root, "blur", run=kept("blur"), doubts=["a model was loaded before"])])
    assert main(["approve", "--reason", "why"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "  note: a model was loaded before"


def test_blank(root, capsys):
    refused = {"refused": "output 9.images.0 is black", "unless": "--allow-blank"}
    lay_report(root / "comfy-report", [entry(root, "blur", run=kept("blur"), **refused)])
    assert main(["approve", "--reason", "night"]) == 1
    assert "output 9.images.0 is black (--allow-blank)" in capsys.readouterr().out
    assert main(["approve", "--reason", "night", "--allow-blank"]) == 0


def test_case_without_a_golden_run(root):
    lay_workflow(root, "new", golden=False)
    cases = [
        entry(root, "new", run=kept("new", earlier=()), verdict="unexpected"),
        entry(root, "blur", run=kept("blur")),
    ]
    lay_report(root / "comfy-report", cases)
    assert main(["approve", "--reason", "first", "--only", "missing"]) == 0
    assert approved(root) == [] and (root / "golden/new/default/run.json").is_file()


def test_from_a_folder_below(root, monkeypatch):
    monkeypatch.chdir(root / "workflows")
    assert main(["approve", "../comfy-report", "--reason", "why", "-k", "blur"]) == 0
    assert approved(root) == ["blur"]


def test_from_elsewhere(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["approve", "project/comfy-report", "--root", "project", "--reason", "why", "-k", "blur"]) == 0
    assert approved(root) == ["blur"]


def test_from_the_wrong_place(root, tmp_path, monkeypatch, capsys):
    (tmp_path / "wrong").mkdir()
    monkeypatch.chdir(tmp_path / "wrong")
    assert main(["approve", "../project/comfy-report", "--reason", "why", "-k", "blur"]) == 1
    assert "workflows/blur.json: is not there (is " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "nowhere: is no folder"),
        (["workflows"], "report.json: is not there"),
        (["--reason", " "], "--reason is empty"),
        (["--root", "nowhere"], "nowhere: is no folder"),
        (["-k", "sketch"], 'nothing to approve: -k "sketch" fits none of workflows/blur.json::default, workflows/gr'),
        (["-k", "blur and"], '-k "blur and": a name is missing at the end'),
        (["-k", "(blur"], "a ')' is missing"),
        (["-k", "blur grain"], "'grain' is one too many"),
        (["-k", ""], "a name is missing"),
        (["-k", "not " * 100 + "x"], "nested too deep"),
        (["--only", "diferent"], "--only \"diferent\": the report has none (did you mean 'different'?): it has "),
    ],
)
def test_wrong_usage(root, capsys, arguments, told):
    before = tree(root)
    assert main(["approve", "--reason", "why", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert tree(root) == before


def test_reason_is_asked_for(root):
    with pytest.raises(SystemExit) as ended:
        main(["approve"])
    assert ended.value.code == 2


def test_report_in_which_all_passed(root, capsys):
    lay_report(root / "comfy-report", [entry(root, "fine", run=kept("fine"), outcome="passed")])
    assert main(["approve", "--reason", "why"]) == 2
    assert "nothing to approve: all cases of the report passed" in capsys.readouterr().err


def test_names_of_a_stranger_do_nothing_to_the_terminal(root, capsys):
    case = entry(root, "blur", run=kept("blur"), node_id="workflows/\x1b[2Jblur\n::error::x\u202e.json::default")
    lay_report(root / "comfy-report", [case])
    main(["approve", "--reason", "why"])
    assert capsys.readouterr().out.splitlines()[0].startswith("approved: workflows/blur ::error::x.json::default: ")


WORD = st.sampled_from(["blur", "GRAIN", "por-trait", "a/b.json::c[1]"])
EXPRESSION = st.recursive(
    WORD.map(lambda word: (word, lambda text: word.casefold() in text)),
    lambda inner: st.one_of(
        inner.map(lambda one: (f"not ({one[0]})", lambda text: not one[1](text))),
        st.tuples(inner, inner).map(lambda two: (f"({two[0][0]}) and ({two[1][0]})",
                                                 lambda text: two[0][1](text) and two[1][1](text))),
        st.tuples(inner, inner).map(lambda two: (f"({two[0][0]}) or ({two[1][0]})",
                                                 lambda text: two[0][1](text) or two[1][1](text))),
    ),
    max_leaves=6,
)  # fmt: skip


@given(EXPRESSION, st.lists(WORD).map(" ".join))
def test_expressions_mean_what_they_say(expression, text):
    words, meaning = expression
    assert parsed(words)(text) == meaning(text.casefold())


@given(st.text(st.sampled_from("ab() \tnotrd"), max_size=30))
def test_expressions_of_any_text(text):
    try:
        assert parsed(text)("a b") in (True, False)
    except Refused as error:
        assert "write it like" in str(error)
