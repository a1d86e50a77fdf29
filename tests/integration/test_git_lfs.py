"""A checkout without Git LFS: pointers in the place of golden files are an error that says what to do; no verdict."""

from __future__ import annotations

import pytest
from projects import failure_of, png, recorded, section_of

from pytest_comfy.commands.__main__ import main

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
TOLD = "is a Git LFS pointer and not the file: run `git lfs pull`"
SUMMARY = "golden files that Git LFS has not fetched: {}, so what they are of was not judged: run `git lfs pull`"


@pytest.fixture(params=["9.images.0.png", "run.json"])
def pointers(request, project):
    """Three cases, all of whose golden files are pointers."""
    for name in "abc":
        project.both(name)
        project.write(f"golden/{name}/default/{request.param}", POINTER)
    project.file = request.param
    return project


@pytest.mark.parametrize("words", [(), ("--comfy-update=all",)], ids=["judge", "approve"])
@pytest.mark.parametrize("live", [False, True])
def test_every_case_is_an_error_and_the_way_out_is_told_once(pointers, serve, live, words):
    words = ["--comfy-url", serve(recorded()).url, *words] if live else []
    result = pointers.run("workflows", *words)
    result.assert_outcomes(errors=3)
    assert failure_of(result, "ERROR at setup of a.json [default]") == [f"golden/a/default/{pointers.file}: {TOLD}"]
    for name in "bc":
        assert failure_of(result, f"ERROR at setup of {name}.json [default]") == [
            f"golden/{name}/default/{pointers.file}: is a Git LFS pointer as well"
        ]
    assert section_of(result, "comfy")[:-1] == [SUMMARY.format(3)]
    result.stdout.no_fnmatch_line("*approve with*")
    assert (pointers.root / f"golden/a/default/{pointers.file}").read_text() == POINTER


def test_python_test(project, serve):
    project.write("test_it.py", "def test_it(comfy_run, comfy_golden): comfy_golden.check(comfy_run('w.json'))")
    project.workflow("w", folder=".")
    url = ("--comfy-url", serve(recorded(), recorded(), recorded()).url)
    project.run("test_it.py", *url, "--comfy-update").assert_outcomes(passed=1)
    (file,) = (project.root / "golden").rglob("*.png")
    file.write_text(POINTER)
    result = project.run("test_it.py", *url)
    result.assert_outcomes(failed=1)
    assert TOLD in result.stdout.str() and SUMMARY.format(1) in result.stdout.str()
    result.stdout.no_fnmatch_line("*approve with*")


def test_diff_and_renew(pointers, monkeypatch, capsys):
    monkeypatch.chdir(pointers.root)
    pointers.golden("d/default")
    assert main(["diff", "golden/a/default", "golden/d/default"]) == 2
    told = capsys.readouterr()
    assert TOLD in told.err + told.out or "Git LFS pointer: run `git lfs pull`" in told.err
    assert "different" not in told.out
    assert main(["renew", "--all", "golden/a"]) == 1
    assert TOLD in capsys.readouterr().err


def test_diff_of_files(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    project.write("a.png", png())
    project.write("b.png", POINTER)
    for words in (("a.png", "b.png"), ("b.png", "a.png")):
        assert main(["diff", *words]) == 2
        assert "Git LFS pointer" in capsys.readouterr().err


def test_serve(pointers, monkeypatch, capsys):
    monkeypatch.chdir(pointers.root)
    assert main(["serve", "golden", "--port", "0"]) == 2
    assert capsys.readouterr().err == (
        f"pytest-comfy serve: golden/a/default/{pointers.file} and 2 more: Git LFS has not fetched the files: run "
        "`git lfs pull`\n"
    )
