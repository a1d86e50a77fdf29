"""What changes from release to release: the release that has it first does so, the one before does not."""

from __future__ import annotations

import io
import json
import uuid

import pytest
import requests

from pytest_comfy.server import FakeComfyServer
from pytest_comfy.server.versions import DEFAULT, MEASURED, Trait, Version

from .conftest import PROMPT, RUN, document, short, write

CANVAS = {"input": {"required": {"width": ["INT", {"default": 8, "min": 1}]}}, "output": ["IMAGE"]}
SAVE = {"input": {"required": {"images": ["IMAGE"]}}, "output": [], "output_node": True}
JOIN = {"input": {"required": {"images": ["COMFY_AUTOGROW_V3", {"template": {
    "input": {"required": {"image": ["IMAGE", {}]}}, "prefix": "image", "min": 1, "max": 3}}]}},
    "output": ["IMAGE"], "deprecated": False, "experimental": False, "api_node": False}  # fmt: skip
PICK = {"input": {"required": {"which": ["COMBO", {"options": ["a", "b"], "multiselect": True}]}}, "output": [],
        "output_node": True}  # fmt: skip
ROWS = {"input": {"required": {"rows": ["COMFY_DYNAMICGROUP_V3", {"min": 1, "max": 2, "template": {
    "required": {"text": ["STRING", {}]}, "optional": {"weight": ["FLOAT", {"max": 2.0}]}}}]}}, "output": [],
    "output_node": True, "deprecated": False, "experimental": False, "api_node": False}  # fmt: skip
FAR = {"input": {"required": {"which": ["COMBO", {"options": [], "remote_combo": {"route": "/x"}}]}}, "output": [],
       "output_node": True}  # fmt: skip
CLASSES = {"Rows": ROWS, "Far": FAR, "EmptyImage": CANVAS, "SaveImage": SAVE, "BatchImagesNode": JOIN, "Pick": PICK}
FIRST = {"1": {"class_type": "EmptyImage", "inputs": {"width": 8}}, "2": {"class_type": "SaveImage", "inputs": {}}}


@pytest.fixture(scope="module")
def at():
    """Return a function: version -> a server of it that executes for show; each is started once."""
    running = {}

    def server(version):
        if version not in running:
            running[version] = FakeComfyServer(version=version, synthesize=CLASSES).__enter__()
        return running[version]

    yield server
    for one in running.values():
        one.stop()


def ask(server, path, method="GET", **more):
    return requests.request(method, server.url + path, timeout=10, **more)


def post(server, prompt, **more):
    headers = more.pop("headers", None)
    return ask(server, "/prompt", "POST", json={"prompt": prompt, **more}, headers=headers)


def upload(server, name, content=b"x"):
    sent = {"image": (name, io.BytesIO(content))}
    assert ask(server, "/upload/image", "POST", files=sent, data={"type": "output"}).status_code == 200


def view(server, name, **headers):
    return ask(server, "/view", params={"filename": name}, headers=headers)


def reasons(answer):
    return {(one["type"], one["details"]) for told in answer["node_errors"].values() for one in told["errors"]}


def joined(**inputs):
    return {**FIRST, "2": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
            "3": {"class_type": "BatchImagesNode", "inputs": inputs}}  # fmt: skip


def chosen(value):
    return {"1": {"class_type": "Pick", "inputs": {"which": {"__value__": value}}}}


def alone(class_type, **inputs):
    return {"1": {"class_type": class_type, "inputs": inputs}}


def missing(server):
    titled = {"class_type": "Gone", "inputs": {}, "_meta": {"title": "My node"}}
    return post(server, {**FIRST, "3": titled}).json()["error"]


def cycle(server):
    return reasons(post(server, {**joined(**{"images.image0": ["3", 0]})}).json())


def replaced(server):
    old = {"class_type": "ImageBatch", "inputs": {"image1": ["1", 0], "image2": ["1", 0]}, "_meta": {}}
    return post(server, {**joined(), "3": old}).status_code


def source(server):
    sent = {**joined(**{"images.image0": ["1", 0]})}
    prompt_id = post(server, sent, headers={"Comfy-Usage-Source": "me"}).json()["prompt_id"]
    while not (found := ask(server, f"/history/{prompt_id}").json()):
        pass
    return found[prompt_id]["prompt"][3].get("comfy_usage_source")


def moment(server):
    told = ask(server, "/userdata/a.txt?full_info=true", "POST", data=b"x").json()
    return type(told["modified"])


def user_file(server, name="page.html"):
    ask(server, f"/userdata/{name}", "POST", data=b"x")
    headers = ask(server, f"/userdata/{name}").headers
    return headers["Content-Type"], headers.get("Content-Disposition"), headers.get("X-Content-Type-Options")


def shown(server, name, **headers):
    upload(server, name)
    told = view(server, name, **headers).headers
    return told["Content-Type"], told["Content-Disposition"], told.get("X-Content-Type-Options"), told.get("Vary")


ATTACHED = ("application/octet-stream", 'attachment; filename="a.svg"', "nosniff")
INLINE = ("image/svg+xml", 'filename="a.svg"', "nosniff")
CYCLE = {("dependency_cycle", "3 (BatchImagesNode) -> 3 (BatchImagesNode)")}
NO_COMBO = "which: 'it's' not in ['a', 'b']"


@pytest.mark.parametrize(
    ("before", "since", "look", "old", "new"),
    [
        ("0.11.0", "0.12.0", lambda one: missing(one)["type"], "invalid_prompt", "missing_node_type"),
        ("0.11.0", "0.12.0", lambda one: missing(one)["extra_info"], {},
         {"node_id": "3", "class_type": "Gone", "node_title": "My node"}),
        ("0.11.0", "0.12.0", lambda one: reasons(post(one, joined()).json()), set(),
         {("required_input_missing", "image0")}),
        ("0.19.0", "0.20.0", cycle, set(), CYCLE),
        ("0.20.3", "0.21.0", lambda one: reasons(post(one, chosen("it's")).json()),
         {("value_not_in_list", NO_COMBO)}, {("value_not_in_list", NO_COMBO.replace("'it's'", '"it\'s"'))}),
        ("0.20.3", "0.21.0", lambda one: post(one, chosen(["a", "b"])).status_code, 400, 200),
        ("0.20.3", "0.21.0", lambda one: reasons(post(one, chosen(["a", "c", 7])).json()),
         {("value_not_in_list", "which: '['a', 'c', 7]' not in ['a', 'b']")},
         {("value_not_in_list", "which: 'c', 7 not in ['a', 'b']")}),
        ("0.24.1", "0.25.0", lambda one: post(one, {}, prompt_id="x").json()["error"]["type"], "prompt_no_outputs",
         "invalid_prompt_id"),
        ("0.24.1", "0.25.0", source, None, "me"),
        ("0.13.0", "0.14.0", replaced, 400, 200),
        ("0.13.0", "0.14.0", lambda one: ask(one, "/node_replacements").status_code, 404, 200),
        ("0.16.0", "0.17.0", lambda one: ask(one, "/api/assets").status_code, 404, 503),
        ("0.16.0", "0.17.0", lambda one: ask(one, "/api/assets", "POST").status_code, 405, 503),
        ("0.17.2", "0.18.0", lambda one: ask(one, "/x.js").headers["Cache-Control"], "no-cache", "no-store"),
        ("0.17.2", "0.18.0", lambda one: view(one, "blake3:/x").status_code, 404, 404),
        ("0.18.5", "0.19.0", lambda one: ask(one, "/queue", headers={"Sec-Fetch-Site": "cross-site"}).status_code,
         200, 403),
        ("0.19.5", "0.20.0", lambda one: upload(one, "n.bin") or ask(one, "/internal/files/output").json()[0],
         "n.bin", "n.bin [output]"),
        ("0.20.3", "0.21.0", moment, float, int),
        ("0.21.1", "0.22.0", lambda one: "comfy_package_versions" in ask(one, "/system_stats").json()["system"],
         False, True),
        ("0.24.1", "0.25.0", lambda one: "deploy_environment" in ask(one, "/system_stats").json()["system"],
         False, True),
        ("0.25.1", "0.26.0", lambda one: ask(one, "/api/jobs/x/cancel", "POST").status_code, 405, 200),
        ("0.27.1", "0.28.0", user_file, ("text/html", None, None),
         ("application/octet-stream", "attachment", "nosniff")),
        ("0.27.1", "0.28.0", lambda one: shown(one, "a.svg"), ("image/svg+xml", 'filename="a.svg"', None, None),
         (*ATTACHED, None)),
        ("0.27.1", "0.28.0", lambda one: "extensions" in ask(one, "/experiment/models").json()[0], False, True),
        ("0.29.2", "0.30.0", lambda one: shown(one, "a.svg"), (*ATTACHED, None), (*ATTACHED, "Sec-Fetch-Dest")),
        ("0.29.2", "0.30.0", lambda one: shown(one, "a.svg", **{"Sec-Fetch-Dest": "image"}), (*ATTACHED, None),
         (*INLINE, "Sec-Fetch-Dest")),
        ("0.29.2", "0.30.0", lambda one: user_file(one, "user.css"),
         ("application/octet-stream", "attachment", "nosniff"), ("text/css", "inline", "nosniff")),
        ("0.13.0", "0.14.0", lambda one: set(ask(one, "/features").json()),
         {"supports_preview_metadata", "max_upload_size", "extension"},
         {"supports_preview_metadata", "max_upload_size", "extension", "node_replacements"}),
        ("0.27.1", "0.28.0", lambda one: ask(one, "/features").json().get("supports_model_type_tags"), None, True),
        ("0.30.0", "0.38.0", lambda one: ask(one, "/api/assets/export", "POST").status_code, 405, 503),
        ("0.30.0", "0.38.0", lambda one: post(one, alone("Far", which="there")).status_code, 400, 200),
        ("0.30.0", "0.38.0", lambda one: reasons(post(one, alone("Rows", **{"rows.0.text": "a"})).json()),
         {("required_input_missing", "rows")}, set()),
    ],
)  # fmt: skip
def test_a_release_does_what_the_one_before_did_not(at, before, since, look, old, new):
    assert (look(at(before)), look(at(since))) == (old, new)


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ({"rows.0.text": "a", "rows.1.text": "b", "rows.1.weight": 1}, set()),
        ({"rows.1.text": "b"}, set()),
        ({"rows.0.weight": 1.0}, {("required_input_missing", "text")}),
        ({"rows.0.text": "a", "rows.0.weight": 3}, {("value_bigger_than_max", "rows.0.weight")}),
        ({}, {("invalid_dynamic_input", "DynamicGroup input 'rows' received 0 rows; expected between 1 and 2.")}),
        ({"rows.2.text": "c"},
         {("invalid_dynamic_input", "DynamicGroup input 'rows.2.text' exceeds the index limit of 1 (max=2).")}),
        ({f"rows.{'9' * 5000}.text": "c"},
         {("invalid_dynamic_input", f"DynamicGroup input 'rows.{'9' * 5000}.text' exceeds the index limit of 1 "
                                    "(max=2).")}),
        *(({f"rows.{wrong}": "a"},
           {("invalid_dynamic_input",
             f"Invalid DynamicGroup input key 'rows.{wrong}'; expected 'rows.<index>.<template field>'.")})
          for wrong in ("0", "00.text", "-1.text", "x.text", "0.else", "0.text.x", ".text", "\u0663.text")),
    ],
)  # fmt: skip
def test_rows_of_a_dynamic_group(at, inputs, found):
    answer = post(at("0.38.0"), alone("Rows", **inputs))
    assert (answer.status_code, reasons(answer.json())) == (400 if found else 200, found)


def test_a_row_that_is_refused_names_its_input(at):
    told = post(at("0.38.0"), alone("Rows", **{"rows.x.text": "a"})).json()["node_errors"]["1"]["errors"]
    assert [(one["message"], one["extra_info"]) for one in told] == [
        ("Invalid dynamic input", {"input_name": "rows.x.text"})
    ]


def heard_with(peer, **extra_data):
    """Run the recorded prompt; return what all messages of the run tell, and the metadata of its previews."""
    prompt_id = peer.post(extra_data=extra_data).json()["prompt_id"]
    heard = peer.until_end()
    told = [one["data"] for one in heard if isinstance(one, dict) and one["type"] not in ("status", "feature_flags")]
    framed = [one for one in heard if isinstance(one, bytes) and one[:4] == bytes((0, 0, 0, 4))]
    metas = [json.loads(one[8 : 8 + int.from_bytes(one[4:8])]) for one in framed]
    return prompt_id, told, metas


@pytest.mark.parametrize(("version", "told"), [("0.30.0", {None}), ("0.38.0", {"w-1"})])
def test_what_marks_a_workflow_stands_in_every_message_of_its_run(golden, connect, version, told):
    with FakeComfyServer([golden], version=version) as server:
        peer = connect(server, flags={"supports_preview_metadata": True})
        prompt_id, messages, metas = heard_with(peer, workflow_metadata={"workflow_id": "w-1", "prompt_id": "not it"})
        assert messages
        assert metas
        assert {one.get("workflow_id") for one in (*messages, *metas)} == told
        assert {one["prompt_id"] for one in (*messages, *metas)} == {prompt_id}
        entry = peer.history(prompt_id)
        assert all("workflow_id" not in data for _, data in entry["status"]["messages"])
        assert entry["prompt"][3]["workflow_metadata"] == {"workflow_id": "w-1", "prompt_id": "not it"}


@pytest.mark.parametrize("odd", [None, [], "w-1", 7])
def test_marks_that_are_no_object_are_passed_over(golden, connect, odd):
    with FakeComfyServer([golden], version="0.38.0") as server:
        _, messages, _ = heard_with(connect(server), workflow_metadata=odd)
        assert messages[-1] == {"node": None, "prompt_id": messages[-1]["prompt_id"]}


def test_jobs_count_what_can_be_shown(tmp_path, connect):
    content = document()
    files = [{"filename": name, "subfolder": "", "type": "output"} for name in ("a.latent", "b.glb", "c.txt")]
    content["ui"]["2"] = {**content["ui"]["2"], "latents": files[:1], "more": files[1:], "text": ["bare"],
                          "result": ["mesh.obj", None]}  # fmt: skip
    run = write(tmp_path / "golden/shown/default", content)
    counts = {}
    for version in ("0.30.0", "0.38.0"):
        with FakeComfyServer([run], version=version) as server:
            connect(server).run()
            (job,) = ask(server, "/api/jobs").json()["jobs"]
            counts[version] = job["outputs_count"], job.get("previewable_outputs_count")
    assert counts == {"0.30.0": (5, None), "0.38.0": (5, 4)}


def test_jobs_that_wait_have_nothing_to_show(held, connect):
    with FakeComfyServer([held], speed=1.0, version="0.38.0") as server:
        peer = connect(server)
        peer.post()
        peer.until(lambda one: short(one) == "executing 1")
        assert [job["previewable_outputs_count"] for job in ask(server, "/api/jobs").json()["jobs"]] == [0]


@pytest.mark.parametrize("bad", ["no-uuid", str(uuid.UUID(int=10)).upper(), uuid.UUID(int=10).hex, 7, "", {}])
def test_ids_that_are_no_uuid_are_refused(at, bad):
    answer = post(at("0.30.0"), FIRST, prompt_id=bad)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_prompt_id")


def test_null_is_no_id(at):
    prompt = joined(**{"images.image0": ["1", 0]})
    assert post(at("0.24.1"), prompt, prompt_id=None).json()["prompt_id"] == "None"
    assert uuid.UUID(post(at("0.30.0"), prompt, prompt_id=None).json()["prompt_id"])


def test_history_has_the_class_that_took_the_old_ones_place(at):
    old = {"class_type": "ImageBatch", "inputs": {"image1": ["1", 0], "image2": ["1", 0], "more": 1},
           "_meta": {"title": "Both"}}  # fmt: skip
    prompt_id = post(at("0.30.0"), {**joined(), "3": old}).json()["prompt_id"]
    while not (found := ask(at("0.30.0"), f"/history/{prompt_id}").json()):
        pass
    links = {"images.image0": ["1", 0], "images.image1": ["1", 0]}
    assert found[prompt_id]["prompt"][2]["3"] == {"class_type": "BatchImagesNode", "inputs": links,
                                                  "_meta": {"title": "Both"}}  # fmt: skip


def test_an_old_node_without_what_is_mapped_is_a_500(at):
    assert (
        post(at("0.30.0"), {**joined(), "3": {"class_type": "ImageBatch", "inputs": {}, "_meta": {}}}).status_code
        == 500
    )


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ("[", 400, {"error": "Request body must be valid JSON"}),
        ("[]", 400, {"error": "job_ids must be a list"}),
        ('{"job_ids": "x"}', 400, {"error": "job_ids must be a list"}),
        ('{"job_ids": ["x", 7, {}]}', 400,
         {"error": "job_ids contains invalid id(s)", "invalid_ids": ["x", "7", "{}"]}),
        ('{"job_ids": []}', 200, {"cancelled": False}),
    ],
)  # fmt: skip
def test_cancelling_many(at, body, status, told):
    answer = ask(at("0.30.0"), "/api/jobs/cancel", "POST", data=body)
    assert (answer.status_code, answer.json()) == (status, told)


def test_jobs_are_cancelled_wherever_they_are(held, connect):
    ids = [str(uuid.UUID(int=number)) for number in range(3)]
    with FakeComfyServer([held], speed=1.0, version="0.30.0") as server:
        peer = connect(server)
        for one in ids:
            peer.post(prompt_id=one)
        peer.until(lambda one: short(one) == "executing 1")
        cancelled = [ask(server, f"/api/jobs/{one}/cancel", "POST").json()["cancelled"] for one in ids[1:2] * 2]
        assert cancelled == [True, False]
        sent = {"job_ids": [ids[0], ids[2]]}
        assert ask(server, "/api/jobs/cancel", "POST", json=sent).json() == {"cancelled": True}
        peer.until(lambda one: short(one) == "executing None")
        assert [(job["id"], job["status"]) for job in ask(server, "/api/jobs").json()["jobs"]] == [
            (ids[0], "cancelled")
        ]
        assert ask(server, "/api/jobs?status=failed,cancelled").json()["pagination"]["total"] == 1
        assert ask(server, f"/api/jobs/{ids[2]}").status_code == 404


def a_b_a(server, connect):
    """Run A, B and A again; returns the nodes that the third run had from the cache."""
    peer = connect(server)
    other = {**PROMPT, "1": {"class_type": "EmptyImage", "inputs": {"width": 32, "color": 7}}}
    for prompt in (PROMPT, other):
        peer.run(prompt=prompt)
    _, seen = peer.run(prompt=PROMPT)
    return next(one["data"]["nodes"] for one in seen if one["type"] == "execution_cached")


@pytest.mark.parametrize(("version", "kept"), [("0.22.3", []), ("0.23.0", ["1", "2"])])
def test_results_of_earlier_prompts_stay(golden, tmp_path, connect, version, kept):
    content = document()
    content["prompt"]["1"]["inputs"]["width"] = 32
    second = write(tmp_path / "golden/second/default", content)
    with FakeComfyServer([golden, second], version=version) as server:
        assert a_b_a(server, connect) == kept


@pytest.mark.parametrize(("version", "told"), [("0.8.0", []), ("0.27.1", []), ("0.28.0", ["2"]), ("0.30.0", ["2"])])
def test_a_cached_run_of_nobody(golden, connect, version, told):
    with FakeComfyServer([golden], version=version) as server:
        connect(server).run()
        answer = post(server, PROMPT).json()
        while not (found := ask(server, f"/history/{answer['prompt_id']}").json()):
            pass
        assert list(found[answer["prompt_id"]]["outputs"]) == told


@pytest.mark.parametrize(("version", "told"), [("0.18.5", []), ("0.19.0", ["executed 1"])])
def test_intermediate_outputs_are_told_of_from_the_cache_too(tmp_path, connect, version, told):
    content = document()
    content["node_definitions"]["EmptyImage"]["has_intermediate_output"] = True
    output = {"node": "1", "display_node": "1", "output": {"images": []}, "prompt_id": RUN}
    content["events"][6:6] = [[0.005, {"type": "executed", "data": output}]]
    content["ui"]["1"] = {"images": []}
    with FakeComfyServer([write(tmp_path / "golden/one/default", content)], version=version) as server:
        peer = connect(server)
        peer.run()
        seen = [short(one) for one in peer.run()[1]]
        assert [one for one in seen if one == "executed 1"] == told
        assert seen.index("executed 2") < seen.index("execution_success")


def test_the_page_of_a_server_without_api_nodes_stays_at_home(golden, tmp_path):
    content = document()
    content["environment"]["argv"] = ["main.py", "--disable-api-nodes"]
    run = write(tmp_path / "golden/home/default", content)
    policies = {}
    for version in ("0.3.64", "0.8.0", "0.30.0"):
        with FakeComfyServer([run], version=version) as server:
            policies[version] = ask(server, "/queue").headers.get("Content-Security-Policy", "")
    assert policies["0.3.64"] == ""
    assert "connect-src 'self';" in policies["0.8.0"]
    assert "connect-src 'self' data:;" in policies["0.30.0"]
    with FakeComfyServer([golden], version="0.30.0") as server:
        assert "Content-Security-Policy" not in ask(server, "/queue").headers


@pytest.mark.parametrize(
    ("flag", "version", "kept"),
    [("--offline", "0.30.0", False), ("--offline", "0.38.0", True), ("--disable-api-nodes", "0.38.0", True)],
)
def test_the_flag_that_keeps_the_page_at_home_got_another_name(tmp_path, flag, version, kept):
    content = document()
    content["environment"]["argv"] = ["main.py", flag]
    with FakeComfyServer([write(tmp_path / "golden/home/default", content)], version=version) as server:
        assert ("Content-Security-Policy" in ask(server, "/queue").headers) is kept


def test_a_version_nobody_knows_does_as_the_newest_and_says_so_once(caplog):
    with FakeComfyServer(version="0.99.0", synthesize=CLASSES) as server:
        assert missing(server)["type"] == "missing_node_type"
        assert ask(server, "/features").json()["assets"] is False
    told = [one.getMessage() for one in caplog.records if "newest" in one.getMessage()]
    assert told == ["ComfyUI 0.99.0 is newer than 0.38.0, the newest that is known: it is taken to do the same"]


@pytest.mark.parametrize("text", ["0.30.0", "0.30.7", "v0.8.0", "0.36.0", "0.38.9", "nonsense"])
def test_versions_that_are_known_say_nothing(text):
    assert Version(text).unknown is None


def test_every_trait_says_since_when_and_what():
    assert all(trait.since > (0, 3, 64) and trait.value[1] for trait in Trait)
    assert len({trait.value for trait in Trait}) == len(Trait)


def test_a_server_that_is_told_nothing_is_the_one_that_people_run():
    assert DEFAULT == MEASURED
    with FakeComfyServer() as server:
        assert ask(server, "/system_stats").json()["system"]["comfyui_version"] == "0.30.0"
        assert post(server, {}, prompt_id="no-uuid").json()["error"]["type"] == "invalid_prompt_id"


def test_the_recording_says_what_the_server_is(tmp_path):
    content = document()
    content["environment"]["comfyui"] = "0.30.0"
    with FakeComfyServer([write(tmp_path / "golden/new/default", content)]) as server:
        assert missing(server)["type"] == "missing_node_type"
