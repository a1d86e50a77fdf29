"""comfy_golden_previews = true: the frames that a sampler sends are kept."""

from __future__ import annotations

import pytest
from projects import recorded

FRAME = b"\xff\xd8\xff\xe0 a frame"


@pytest.fixture
def sampling(project, serve):
    """A live server that sends a frame while node 3 runs."""
    run = recorded()
    meta = {"node_id": "3", "prompt_id": "<prompt_id>", "image_type": "image/jpeg"}
    run.document["events"].insert(3, [0.0025, {"binary": 4, "data": meta, "file": "previews/0.jpg"}])
    run.blobs["previews/0.jpg"] = FRAME
    project.workflow()
    return serve(run)


def approved(project, server):
    project.run("workflows", "--comfy-url", server.url, "--comfy-update").assert_outcomes(passed=1)
    (row,) = [row for _, row in project.read("golden/txt2img/default/run.json")["events"] if "binary" in row]
    return row


def test_frames_are_kept_and_replayed(project, sampling):
    project.ini("comfy_golden_previews = true")
    assert approved(project, sampling)["file"] == "previews/0.jpg"
    assert (project.root / "golden/txt2img/default/previews/0.jpg").read_bytes() == FRAME
    project.run("workflows").assert_outcomes(passed=1)


def test_without_it_only_what_was_told_of_them_is_kept(project, sampling):
    assert "file" not in approved(project, sampling)
    assert project.files("golden") == ["txt2img/default/9.images.0.png", "txt2img/default/run.json"]
    project.run("workflows").assert_outcomes(passed=1)
