"""What a run leaves in the golden run that it becomes, and what it must not."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pytest_comfy.client import Run
from pytest_comfy.golden import GoldenError
from pytest_comfy.golden.record import Approval, record
from pytest_comfy.workflow.results import Event, Output, Preview

SECRET = "hf_" + "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z"  # of a known shape, wherever it stands
FOLDER = "/srv/somebody"
HIDDEN = f"{SECRET} {FOLDER}/ComfyUI/nodes.py"
ID = "11111111-2222-3333-4444-555555555555"
APPROVAL = Approval("workflows/w.json", "default", "test")
PROMPT = {
    "3": {"class_type": "EmptyImage", "inputs": {"width": 8, "color": 1}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
}


def png(**texts):
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    stream = io.BytesIO()
    Image.linear_gradient("L").resize((8, 8)).convert("RGB").save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


def output(node="9", index=0, data=None, media_type="image/png", key="images"):
    made = png() if data is None else data
    return Output(node, key, index, "Save Image", "SaveImage", "output", f"x_{index}.png", media_type, made)


def a_run(**more):
    facts = {
        "prompt_id": ID,
        "prompt": PROMPT,
        "posted": PROMPT,
        "events": (Event(0.1, "execution_start", {"prompt_id": ID, "timestamp": 1_700_000_000_500}),),
        "previews": (),
        "status": {"status_str": "success"},
        "meta": {},
        "ui": {},
        "outputs": (output(),),
    }
    return Run(**{**facts, **more})


def document(run, approval=APPROVAL, environment=None, definitions=None, extra_data=None):
    return record(run, approval, environment or {}, definitions or {}, extra_data).document


def message(text):
    return {"status_str": "success", "messages": [["execution_success", {"prompt_id": ID, "note": text}]]}


@pytest.mark.parametrize(
    "recorded",
    [
        lambda text: document(a_run(events=(Event(0.1, "executed", {"output": {"text": [text]}}),))),
        lambda text: document(a_run(previews=(Preview(0.1, {"node_id": "3", "note": text}, b"jpg"),))),
        lambda text: document(a_run(status=message(text))),
        lambda text: document(a_run(meta={"9": {"note": text}})),
        lambda text: document(a_run(ui={"9": {"text": [text]}})),
        lambda text: document(a_run(), environment={"argv": [text]}),
        lambda text: document(a_run(status=message(text)), replace(APPROVAL, silent=True)),
    ],
    ids=["events", "previews", "status", "meta", "ui", "environment", "events of history"],
)
def test_secrets_and_folders_enter_by_no_way(recorded):
    text = json.dumps(recorded(HIDDEN))
    assert SECRET not in text and FOLDER not in text
    assert "<redacted>" in text and "nodes.py" in text


def test_secrets_of_the_prompt_do_not_enter_and_its_paths_stay():
    prompt = {**PROMPT, "4": {"class_type": "X", "inputs": {"api_key": "some secret", "path": f"{FOLDER}/x"}}}
    assert document(a_run(prompt=prompt))["prompt"] == {
        **PROMPT,
        "4": {"class_type": "X", "inputs": {"api_key": "<redacted>", "path": f"{FOLDER}/x"}},
    }


@pytest.mark.parametrize("where", ["prompt", "extra data"])
def test_secrets_do_not_enter_by_the_files(where):
    told = {"api_key": "some secret"}
    prompt = {**PROMPT, "4": {"class_type": "X", "inputs": told}} if where == "prompt" else PROMPT
    extra = told if where == "extra data" else None
    picture = output(data=png(prompt=json.dumps(told)))
    text = output(index=1, data=b"it is some secret", media_type="text/plain")
    golden = record(a_run(prompt=prompt, outputs=(picture, text)), APPROVAL, {}, {}, extra)
    assert set(golden.blobs) == {"9.images.0.png"}  # what cannot be taken out of a text is not kept at all
    assert b"some secret" not in golden.blobs["9.images.0.png"]
    assert [one.file for one in golden.outputs] == ["9.images.0.png", None]


def test_what_is_this_runs_alone_does_not_enter():
    nodes = {"nodes": [{"prompt_id": ID, "timestamp": 1_700_000_000_700, "_pytest_comfy_nonce": "n"}]}
    events = (*a_run().events, Event(0.2, "progress_state", nodes))
    previews = (Preview(0.3, {"node_id": "3", "prompt_id": ID}, b"jpg"),)
    status = {"messages": [["execution_start", {"prompt_id": ID, "timestamp": 1_700_000_000_500}]]}
    found = document(a_run(events=events, previews=previews, status=status, meta={"9": {"prompt_id": ID}}))
    assert ID not in json.dumps(found)
    assert found["events"] == [
        [0.1, {"type": "execution_start", "data": {"prompt_id": "<prompt_id>", "timestamp": 0}}],
        [0.2, {"type": "progress_state", "data": {"nodes": [{"prompt_id": "<prompt_id>", "timestamp": 200}]}}],
        [0.3, {"binary": 4, "data": {"node_id": "3", "prompt_id": "<prompt_id>"}}],
    ]
    assert found["status"]["messages"] == [["execution_start", {"prompt_id": "<prompt_id>", "timestamp": 0}]]
    assert found["meta"] == {"9": {"prompt_id": "<prompt_id>"}}


def test_events_and_frames_stand_in_the_order_in_which_they_came():
    events = (Event(0.1, "a", {}), Event(0.3, "b", {}))
    rows = document(a_run(events=events, previews=(Preview(0.2, {}, b"jpg"),)))["events"]
    assert [(at, row.get("type"), row.get("binary")) for at, row in rows] == [
        (0.1, "a", None),
        (0.2, None, 1),
        (0.3, "b", None),
    ]


def test_events_of_history_where_the_socket_told_no_end():
    found = document(a_run(status=message("end")), replace(APPROVAL, silent=True))
    assert [row["type"] for _, row in found["events"]] == ["execution_success"]
    assert found["approvals"][0]["events"] == "history"


@pytest.mark.parametrize(
    ("image_type", "ending"), [("image/png", "png"), ("image/jpeg", "jpg"), (None, "jpg")], ids=str
)
def test_previews_are_kept_where_that_is_asked_for(image_type, ending):
    run = a_run(previews=(Preview(0.2, {"node_id": "3", "image_type": image_type}, b"frame"),))
    assert set(record(run, APPROVAL, {}, {}).blobs) == {"9.images.0.png"}
    golden = record(run, replace(APPROVAL, previews=True), {}, {})
    assert golden.blobs[f"previews/0.{ending}"] == b"frame"
    assert golden.events[-1][1]["file"] == f"previews/0.{ending}"


@pytest.mark.parametrize(("files", "kept"), [(True, {"previews/0.png"}), (False, set())])
def test_pictures_that_only_the_socket_brings_are_kept_as_outputs_are(files, kept):
    prompt = {**PROMPT, "8": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["3", 0]}}}
    frames = (Preview(0.2, {"node_id": "8", "image_type": "image/png"}, b"frame"), Preview(0.3, {"node_id": "3"}, b"x"))
    golden = record(a_run(prompt=prompt, previews=frames, outputs=()), replace(APPROVAL, files=files), {}, {})
    assert set(golden.blobs) == kept


def test_outputs_are_described_with_their_masks_and_files():
    golden = record(a_run(), replace(APPROVAL, masks=lambda output: ((0, 0, 2, 2),)), {}, {})
    (kept,) = golden.outputs
    assert (kept.name, kept.title, kept.type, kept.size) == ("9.images.0", "Save Image", "output", (8, 8))
    assert kept.masks == ((0, 0, 2, 2),)
    assert golden.blobs == {"9.images.0.png": png()}
    without = record(a_run(), replace(APPROVAL, files=False), {}, {})
    assert without.blobs == {} and without.outputs[0].file is None
    assert without.outputs[0].fingerprint != kept.fingerprint  # which leaves the masks out
    assert without.outputs[0].sha256 == kept.sha256


def test_outputs_that_are_left_out_leave_nothing():
    golden = record(a_run(outputs=(output(), output("8"))), replace(APPROVAL, keep=lambda one: one.node != "8"), {}, {})
    assert [one.name for one in golden.outputs] == ["9.images.0"]
    assert set(golden.blobs) == {"9.images.0.png"}


def test_no_file_takes_the_name_of_another():
    outputs = (output("9:5"), output("9_5", data=png(text="other")), output("../9"))
    golden = record(a_run(outputs=outputs), APPROVAL, {}, {})
    assert [one.file for one in golden.outputs] == ["9_5.images.0.png", "_9_5.images.0.png", ".._9.images.0.png"]
    assert golden.blobs["_9_5.images.0.png"] == outputs[1].data


def test_output_that_cannot_be_described_is_not_approved():
    with pytest.raises(GoldenError, match=r"output 9\.images\.0 of 'Save Image' cannot be approved: "):
        record(a_run(outputs=(output(data=b"broken"),)), APPROVAL, {}, {})


def test_who_approved_and_why():
    earlier = ({"at": "2024-01-01T00:00:00Z", "by": "somebody"},)
    first, second = document(a_run(), replace(APPROVAL, earlier=earlier, reason="why"))["approvals"]
    assert first == earlier[0]
    assert (second["by"], second["reason"]) == ("test", "why")
    assert "events" not in second
    (bare,) = document(a_run())["approvals"]
    assert set(bare) == {"at", "by", "environment"}


def test_what_marks_a_workflow_in_messages_is_not_kept():
    marks = {"workflow_id": "w-1", "node": "9", "more": [1]}
    said = {"prompt_id": ID, "node": "9", "workflow_id": "w-1", "more": [1], "other": "w-1"}
    run = a_run(
        events=(Event(0.1, "executing", said), Event(0.2, "of_a_pack", {"prompt_id": ID, "workflow_id": "w-2"})),
        previews=(Preview(0.3, {"prompt_id": ID, "node_id": "3", "workflow_id": "w-1", "more": [1]}, b"x"),),
    )
    told = document(run, extra_data={"workflow_metadata": marks})["events"]
    assert [row["data"] for _, row in told] == [
        {"prompt_id": "<prompt_id>", "node": "9", "other": "w-1"},
        {"prompt_id": "<prompt_id>", "workflow_id": "w-2"},
        {"prompt_id": "<prompt_id>", "node_id": "3"},
    ]


@pytest.mark.parametrize("odd", [None, "w-1", ["workflow_id"], 7])
def test_marks_that_are_none_change_nothing(odd):
    run = a_run(events=(Event(0.1, "executing", {"prompt_id": ID, "workflow_id": "w-1"}),))
    ((_, row),) = document(run, extra_data={"workflow_metadata": odd})["events"]
    assert row["data"] == {"prompt_id": "<prompt_id>", "workflow_id": "w-1"}
