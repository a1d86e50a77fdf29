"""What a person reads first: the short summary, the first approval, marks that nobody registered, the version."""

from __future__ import annotations

import pytest
from projects import graph, lines_of, png, recorded, section_of

from pytest_comfy import __version__
from pytest_comfy.commands.__main__ import main


def short_summary(result):
    return [line for line in lines_of(result) if line.startswith("FAILED ")]


@pytest.fixture
def red(project, serve):
    """A workflow whose picture is another one now, and one whose output is missing."""
    project.both("a")
    project.both("b", graph(saves=("9", "8")), outputs={"9": {"images": [png()]}, "8": {"images": [png()]}})
    other = recorded(outputs={"9": {"images": [png(2)]}})
    less = recorded(graph(saves=("9", "8")))
    return project, ["workflows", "--comfy-url", serve(other, less).url]


class TestShortSummary:
    A = "FAILED workflows/a.json::default - another picture: node 9 'Save Image' images 0"
    B = "FAILED workflows/b.json::default - missing: node 8 'Save 8' images 0"

    def test_what_changed_comes_first(self, red, monkeypatch):
        monkeypatch.setenv("COLUMNS", "200")
        project, args = red
        assert short_summary(project.run(*args)) == [self.A, self.B]

    def test_and_is_what_is_left_on_a_narrow_terminal(self, red, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        project, args = red
        assert short_summary(project.run(*args))[0].startswith(self.A[:60])

    def test_from_workers_too(self, red, monkeypatch):
        monkeypatch.setenv("COLUMNS", "200")
        project, args = red
        project.write("pytest.ini", "[pytest]\naddopts = -p no:randomly -p no:recording -p no:asyncio\n")
        assert sorted(short_summary(project.run_apart(*args, "-n", "2"))) == [self.A, self.B]

    def test_the_failure_itself_and_junit_have_the_whole_text(self, red):
        project, args = red
        result = project.run(*args, "--junitxml=junit.xml")
        assert any(
            line.startswith("different: node 9 'Save Image' images 0: another picture (") for line in lines_of(result)
        )
        assert "different: node 9 " in (project.root / "junit.xml").read_text(encoding="utf-8")


def test_the_first_approval_counts_what_was_approved(project, serve):
    project.workflow("a")
    project.workflow("b")
    result = project.run("--comfy-url", serve(recorded()).url, "--comfy-update=missing")
    assert section_of(result, "comfy")[:3] == ["approved: 2", "  golden/a/default", "  golden/b/default"]


class TestChangedAndGoodAllTheSame:
    """A workflow that is not the approved one may well make the approved picture; offline it is refused."""

    @pytest.fixture
    def changed(self, project):
        project.both()
        project.workflow(prompt=graph(color=8))
        return project

    def test_a_green_live_run_tells_it(self, changed, serve):
        result = changed.run("--comfy-url", serve(recorded(graph(color=8))).url)
        result.assert_outcomes(passed=1)
        told = section_of(result, "comfy")
        assert told[1] == "changed since they were approved, and good all the same: 1"
        why = "the workflow changed since: node 3 EmptyImage.color is 8, was 7"
        assert told[2] == f"  workflows/txt2img.json::default: {why}"
        assert told[3] == "  offline they are refused until they are approved again, with --comfy-update=changed"
        changed.run().assert_outcomes(failed=1)

    def test_once_it_is_approved_there_is_nothing_to_tell(self, changed, serve):
        result = changed.run("--comfy-url", serve(recorded(graph(color=8))).url, "--comfy-update=changed")
        assert "good all the same" not in result.stdout.str()
        changed.run().assert_outcomes(passed=1)


class TestLeftAlone:
    """Workflows below an argument that no glob names are not run; whoever named the folder is told."""

    TOLD = "workflows left alone, as comfy_workflows (workflows/**/*.json) names none of them: 1"

    @pytest.fixture
    def elsewhere(self, project):
        project.both()
        project.write("packages/a/workflows/cat.json", graph())
        project.write("packages/a/package.json", {"name": "a"})
        return project

    @pytest.mark.parametrize("argument", ["packages/a", "packages", "."])
    def test_is_told_once(self, elsewhere, argument):
        result = elsewhere.run(argument)
        at = lines_of(result).index(self.TOLD)
        assert lines_of(result)[at + 1] == "  packages/a/workflows/cat.json"

    def test_by_workers_too(self, elsewhere):
        elsewhere.write("pytest.ini", "[pytest]\naddopts = -p no:randomly -p no:recording -p no:asyncio\n")
        assert lines_of(elsewhere.run_apart("packages", "workflows", "-n", "2")).count(self.TOLD) == 1

    def test_says_nothing_of_what_nobody_named(self, elsewhere):
        for args in ((), ("workflows",)):
            assert "left alone" not in elsewhere.run(*args).stdout.str()

    def test_named_itself_it_runs(self, elsewhere):
        result = elsewhere.run("packages/a/workflows/cat.json")
        result.assert_outcomes(failed=1)
        assert "left alone" not in result.stdout.str()


class TestMarks:
    """Each test has a mark of its own: pytest does not forget in one process what another session registered."""

    TOLD = "is not registered: add it to `markers` in the ini, or mend its spelling"

    @pytest.mark.parametrize("file", ["workflows/txt2img.toml", "workflows/comfy.toml", "comfy.toml"])
    def test_one_that_nobody_registered_warns_with_the_file_that_gives_it(self, project, file):
        project.both()
        project.write(file, 'marks = ["gpu_unknown"]')
        result = project.run()
        result.assert_outcomes(passed=1, warnings=1)
        assert f"{file}: the mark 'gpu_unknown' {self.TOLD}" in result.stdout.str()
        project.run("-m", "gpu_unknown").assert_outcomes(passed=1, warnings=1)

    def test_where_marks_are_strict_it_is_an_error_that_says_so(self, project):
        project.both()
        project.write("workflows/txt2img.toml", 'marks = ["gpu_strict"]')
        result = project.run("--strict-markers")
        result.assert_outcomes(errors=1)
        assert f"workflows/txt2img.toml: the mark 'gpu_strict' {self.TOLD}" in result.stdout.str()

    def test_one_that_is_registered_says_nothing(self, project):
        project.both()
        project.ini("markers = gpu_heavy: needs much memory")
        project.write("workflows/txt2img.toml", 'marks = ["gpu_heavy"]')
        project.run("--strict-markers").assert_outcomes(passed=1, warnings=0)


def test_version_of_the_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"pytest-comfy {__version__}\n")
