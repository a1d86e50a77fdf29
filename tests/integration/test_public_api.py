"""What is there without pytest: from pytest_comfy import ComfyClient, Workflow, GoldenRun, FakeComfyServer."""

from __future__ import annotations

import sys

import pytest
from projects import png

import pytest_comfy
from pytest_comfy import ComfyClient, FakeComfyServer, GoldenRun, Workflow


def test_run_against_golden_runs_of_a_folder(project):
    project.both()
    workflow = Workflow.load(project.root / "workflows/txt2img.json")
    with FakeComfyServer(project.root / "golden") as server, ComfyClient(server.url) as client:
        run = client.run(workflow)
    assert [one.name for one in run.outputs] == ["9.images.0"]
    assert run.outputs[0].data == png()
    assert run.images[0].size == (64, 64)
    golden = GoldenRun.load(project.root / "golden/txt2img/default")
    assert golden.prompt == workflow.prompt()
    assert golden.read(golden.outputs[0].file) == run.outputs[0].data


def test_script_without_pytest(project):
    project.both()
    project.write(
        "script.py",
        """
import sys
from pytest_comfy import ComfyClient, FakeComfyServer, GoldenRun, Workflow
with FakeComfyServer("golden") as server, ComfyClient(server.url) as client:
    print(client.run(Workflow.load("workflows/txt2img.json")).outputs[0].media_type)
print("pytest" in sys.modules)
""",
    )
    result = project.pytester.run(sys.executable, "script.py")
    assert result.ret == 0
    assert result.outlines == ["image/png", "False"]


def test_every_public_name_is_there_and_documented():
    for name in pytest_comfy.__all__:
        found = getattr(pytest_comfy, name)
        assert name == "__version__" or found.__doc__


def test_unknown_name():
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = pytest_comfy.Nothing
