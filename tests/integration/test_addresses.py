"""`[set]` and `[outputs]` of sidecars reach into subgraphs, in files of either form."""

from __future__ import annotations

import pytest
from projects import failure_of, png
from ui_form import definitions, nested

from pytest_comfy import Workflow
from pytest_comfy.compare import describe

HEAD = "txt2img.json [default]"
RUN = "golden/txt2img/default/run.json"


def exported():
    return Workflow.from_graph(nested()).converted(definitions()).prompt()


@pytest.fixture(params=["ui", "api"])
def form(request):
    """The workflow as the page saves it, and as `pytest-comfy convert` writes it."""
    return nested() if request.param == "ui" else exported()


@pytest.mark.parametrize(
    ("address", "node", "name"),
    [
        ("Edit > Blur.sigma", "9:5", "sigma"),
        ("9:5.sigma", "9:5", "sigma"),
        ("Blur.sigma", "9:5", "sigma"),
        ("Edit > Inner > ImageBlur.sigma", "9:8:2", "sigma"),
        ("9:8:2.sigma", "9:8:2", "sigma"),
        ("Edit > Save.filename_prefix", "9:6", "filename_prefix"),
        ("Save.filename_prefix", "7", "filename_prefix"),
    ],
)
def test_value_is_set_and_replayed(project, live, form, address, node, name):
    value = '"elsewhere"' if name == "filename_prefix" else "0.5"
    project.workflow(prompt=form, sidecar=f'[set]\n"{address}" = {value}\n')
    project.run("workflows", "--comfy-url", live.url, "--comfy-update").assert_outcomes(passed=1)
    before, after = exported(), project.read(RUN)["prompt"]
    changed = {(one, key) for one in after for key in after[one]["inputs"]
               if after[one]["inputs"][key] != before[one]["inputs"][key]}  # fmt: skip
    assert changed == {(node, name)}
    project.run("workflows").assert_outcomes(passed=1)


@pytest.mark.parametrize("address", ["Edit.blur_radius", "9.blur_radius"])
def test_exposed_input_of_an_instance(project, live, address):
    project.workflow(prompt=nested(), sidecar=f'[set]\n"{address}" = 9\n')
    project.run("workflows", "--comfy-url", live.url, "--comfy-update").assert_outcomes(passed=1)
    assert project.read(RUN)["prompt"]["9:5"]["inputs"]["blur_radius"] == 9


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ImageBlur.sigma", "'ImageBlur.sigma' is ambiguous: use the node's id, one of 9:5.sigma (Edit > Blur "
                            "[ImageBlur]), 9:8:2.sigma (Edit > Inner > ImageBlur [ImageBlur])"),
        ("Edit.radius", "'Edit.radius' names no input; Edit [subgraph] has Edit.blur_radius"),
        ("Edit > Blur.sigm", "'Edit > Blur.sigm' names no input; Edit > Blur [ImageBlur] has Edit > Blur.sigma, "),
    ],
)  # fmt: skip
def test_wrong_address_names_the_candidates(project, live, address, told):
    project.workflow(prompt=nested(), sidecar=f'[set]\n"{address}" = 1\n')
    result = project.run("workflows", "--comfy-url", live.url)
    result.assert_outcomes(failed=1)
    (line,) = failure_of(result, HEAD)
    assert line.startswith(f"workflows/txt2img.json: {told}")


class TestOutputs:
    @pytest.fixture
    def approved(self, project, live):
        """A golden run in which neither picture is what a run makes."""

        def approve(sidecar):
            project.workflow(prompt=nested(), sidecar=sidecar)
            project.run("workflows", "--comfy-url", live.url, "--comfy-update").assert_outcomes(passed=1)
            run = project.read(RUN)
            for output in run["outputs"]:
                project.write(f"golden/txt2img/default/{output['file']}", png(9))
                output.update(describe(png(9), "image/png"))
            project.write(RUN, run)
            result = project.run("workflows", "--comfy-url", live.url)
            return [line for line in failure_of(result, HEAD) if line.startswith("different: ")]

        return approve

    def test_both_differ_without_rules(self, approved):
        told = approved("")
        assert [line.split(" images")[0] for line in told] == [
            "different: node 7 'Save'", "different: node 9:6 'Edit > Save'"
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("sidecar", "left"),
        [
            ('[outputs."Edit > Save"]\nignore = true\n', ["7"]),
            ('[outputs."9:6"]\nignore = true\n', ["7"]),
            ('[outputs."Edit > Save.images.0"]\nignore = true\n', ["7"]),
            ('[outputs."Edit > SaveImage"]\nignore = true\n', ["7"]),
            ('[outputs."7"]\nignore = true\n', ["9:6"]),
            # The more special one goes first: the title alone is that of both.
            ('[outputs."Save"]\ntolerance = "exact"\n[outputs."Edit > Save"]\nignore = true\n', ["7"]),
        ],
    )
    def test_rules(self, approved, sidecar, left):
        told = approved(sidecar)
        assert [line.split()[2] for line in told] == left

    def test_rule_that_names_nothing(self, project, live):
        project.workflow(prompt=nested(), sidecar='[outputs."Edit > Sav"]\nignore = true\n')
        result = project.run("workflows", "--comfy-url", live.url, "--comfy-update")
        (line,) = failure_of(result, HEAD)
        assert line == (
            "outputs.'Edit > Sav' in the sidecar names no output; there are Save (7.images.0), "
            "Edit > Save (9:6.images.0)"
        )
