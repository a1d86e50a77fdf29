"""Reading workflow files, and setting values in them."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.workflow import NotAWorkflowError, Workflow, WorkflowError
from pytest_comfy.workflow.model import is_link, title_of

API = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 1, "model": ["4", 0]}, "_meta": {"title": "Sampler"}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a"}, "_meta": {"title": "Prompt v1.5"}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "b", "a.b": 1}, "_meta": {"title": "Negative"}},
}
UI = {"nodes": [{"id": 3, "type": "KSampler"}], "links": [], "version": 0.4}


def api() -> Workflow:
    return Workflow.from_graph(copy.deepcopy(API), "w.json")


def test_api_form(tmp_path):
    path = tmp_path / "w.json"
    path.write_text(json.dumps(API), encoding="utf-8")
    workflow = Workflow.load(path)
    assert workflow.form == "api"
    assert workflow.source == str(path)
    assert workflow.prompt() == API
    assert workflow.extra_data == {}


def test_ui_form():
    workflow = Workflow.from_graph(UI, "w.json")
    assert workflow.form == "ui"
    assert Workflow.from_graph({"nodes": [], "links": [], "version": 1}).form == "ui"


@pytest.mark.parametrize("key", ["api", "prompt"])
def test_a_wrapped_api_form(key):
    workflow = Workflow.from_graph({key: API, "extra_data": {"api_key_comfy_org": "k"}, "nodes": []})
    assert (workflow.form, workflow.prompt()) == ("api", API)
    assert workflow.extra_data == {"api_key_comfy_org": "k"}


def test_extra_data_of_another_shape_is_none():
    assert Workflow.from_graph({"prompt": API, "extra_data": [1]}).extra_data == {}


def test_a_byte_order_mark_is_no_fault():
    assert Workflow.from_json(b"\xef\xbb\xbf" + json.dumps(API).encode()).prompt() == API


def test_broken_json_is_told_with_line_and_column():
    with pytest.raises(WorkflowError, match=r"^w\.json:2:8: broken JSON at line 2 column 8: ") as caught:
        Workflow.from_json('{\n  "a": }', "w.json")
    assert not isinstance(caught.value, NotAWorkflowError)


def test_what_is_not_utf8():
    with pytest.raises(WorkflowError, match=r"w\.json: not UTF-8 text \(byte 2\)"):
        Workflow.from_json(b'{"\xff"', "w.json")


@pytest.mark.parametrize("data", ["[" * 200_000, '{"a":' * 200_000])
def test_deep_nesting(data):
    with pytest.raises(WorkflowError, match=r"w\.json: JSON nested too deeply"):
        Workflow.from_json(data, "w.json")


def test_values_nested_deeper_than_can_be_copied():
    deep = "[" * 800 + "]" * 800
    workflow = Workflow.from_json('{"1": {"class_type": "X", "inputs": {"v": ' + deep + "}}}", "w.json")
    with pytest.raises(WorkflowError, match="nested too deeply"):
        workflow.prompt()


def test_a_number_of_too_many_digits():
    with pytest.raises(WorkflowError, match=r"w\.json: broken JSON: "):
        Workflow.from_json('{"1": ' + "9" * 10_000 + "}", "w.json")


@pytest.mark.parametrize("document", [[], {}, None, 5, "x", {"a": {"b": 1}}, {"nodes": []}, {"nodes": [1], "links": []},
                                      {"prompt": {}}, {"1": {"class_type": 5}}])  # fmt: skip
def test_json_that_is_no_workflow(document):
    with pytest.raises(NotAWorkflowError, match=r"^w\.json: JSON, but no ComfyUI workflow"):
        Workflow.from_graph(document, "w.json")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(WorkflowError, match=r"gone\.json: cannot be read \(No such file"):
        Workflow.load(tmp_path / "gone.json")
    with pytest.raises(WorkflowError, match=r"cannot be read"):
        Workflow.load(tmp_path)


def test_is_changed_is_dropped():
    graph = {"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}, "is_changed": ["abc"]}}
    assert Workflow.from_graph(graph).prompt() == {"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}}
    assert "is_changed" in graph["1"]


def test_missing_inputs_are_empty():
    assert Workflow.from_graph({"1": {"class_type": "X"}}).prompt() == {"1": {"class_type": "X", "inputs": {}}}


@pytest.mark.parametrize(
    ("node", "words"),
    [({"inputs": {}}, "node '2' has no class_type"), (5, "node '2' has no class_type"),
     ({"class_type": "X", "inputs": []}, r"inputs of node '2' \(X\) are not an object")],
)  # fmt: skip
def test_malformed_nodes(node, words):
    with pytest.raises(WorkflowError, match=rf"w\.json: .*{words}.*: export"):
        Workflow.from_graph({"1": {"class_type": "X"}, "2": node}, "w.json").prompt()


@pytest.mark.parametrize(
    ("address", "node", "name"),
    [
        ("3.seed", "3", "seed"),
        ("Sampler.seed", "3", "seed"),
        ("KSampler.seed", "3", "seed"),
        ("Prompt v1.5.text", "6", "text"),
        ("7.a.b", "7", "a.b"),
        ("CLIPTextEncode.a.b", "7", "a.b"),
        ("Negative.a.b", "7", "a.b"),
    ],
)
def test_values_are_set_by_id_title_or_class(address, node, name):
    workflow = api()
    patched = workflow.patched({address: "new"})
    expected = copy.deepcopy(API)
    expected[node]["inputs"][name] = "new"
    assert patched.prompt() == expected
    assert workflow.prompt() == API
    assert patched.source == "w.json"


def test_an_id_goes_before_a_title():
    graph = {
        "3": {"class_type": "X", "inputs": {"v": 1}},
        "5": {"class_type": "X", "inputs": {"v": 1}, "_meta": {"title": "3"}},
    }
    patched = Workflow.from_graph(graph).patched({"3.v": 2}).prompt()
    assert (patched["3"]["inputs"]["v"], patched["5"]["inputs"]["v"]) == (2, 1)


def test_values_are_copied():
    value = ["4", 1]
    workflow = api().patched({"3.model": value})
    value[1] = 9
    assert workflow.prompt()["3"]["inputs"]["model"] == ["4", 1]
    workflow.prompt()["3"]["inputs"]["model"][1] = 7
    assert workflow.prompt()["3"]["inputs"]["model"] == ["4", 1]


def test_an_ambiguous_address_lists_the_nodes():
    with pytest.raises(WorkflowError) as caught:
        api().patched({"CLIPTextEncode.text": "x"})
    text = str(caught.value)
    assert text.startswith("w.json: 'CLIPTextEncode.text' is ambiguous: use the node's id, one of ")
    assert "6.text (Prompt v1.5 [CLIPTextEncode]), 7.text (Negative [CLIPTextEncode])" in text


def test_an_unknown_input_lists_the_nodes_own_nearest_first():
    with pytest.raises(WorkflowError) as caught:
        api().patched({"3.sed": 1})
    assert str(caught.value) == "w.json: '3.sed' names no input; Sampler [KSampler] has 3.seed, 3.model"


def test_an_unknown_node_lists_all_nearest_first():
    with pytest.raises(WorkflowError) as caught:
        api().patched({"Negativ.text": 1})
    text = str(caught.value)
    assert text.startswith("w.json: 'Negativ.text' names no input; known are Negative.text, ")
    assert "Sampler.seed" in text


@pytest.mark.parametrize("address", ["", ".", "seed", "3", "3.", ".seed", "..."])
def test_addresses_without_node_or_input(address):
    with pytest.raises(WorkflowError, match=r"names no input; (known are|Sampler)"):
        api().patched({address: 1})


@pytest.mark.parametrize(
    ("value", "link"),
    [(["4", 0], True), (("4", 0), True), (["4", True], False), ([4, 0], False), (["4"], False), ("40", False),
     (["4", 0, 0], False), (["4", 0.0], False), (None, False)],
)  # fmt: skip
def test_what_is_a_link(value, link):
    assert is_link(value) is link


def test_titles():
    assert title_of("3", API["3"]) == "Sampler"
    assert title_of("4", API["4"]) == "CheckpointLoaderSimple"
    assert title_of("9", None) == "9"
    assert title_of("9", {"_meta": 5}) == "9"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["prompt", "api", "nodes", "links", "version", "class_type", "inputs", "_meta", "title", "1"]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
NODES = st.dictionaries(
    st.sampled_from("1234"),
    st.fixed_dictionaries(
        {"class_type": st.sampled_from(["A", "B", "1.2"])},
        optional={
            "inputs": st.dictionaries(st.sampled_from(["x", "y", "x.y", ""]), JSON, max_size=3),
            "_meta": st.fixed_dictionaries({"title": st.sampled_from(["A", "T", "T.x", ""])}) | JSON,
            "is_changed": JSON,
        },
    ),
    min_size=1,
)


def _parse(data):
    """Return the workflow and its prompt, None where they are refused as they should be."""
    try:
        workflow = Workflow.from_json(data, "w.json")
        return workflow, workflow.prompt()
    except WorkflowError as error:
        assert str(error).startswith("w.json")
        return None


@settings(max_examples=150)
@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_content_is_a_workflow_or_a_workflow_error(data):
    parsed = _parse(data)
    assert parsed is None or parsed[1]


@settings(max_examples=200)
@given(JSON)
def test_any_json_is_a_workflow_or_a_workflow_error(document):
    parsed = _parse(json.dumps(document))
    assert parsed is None or all("class_type" in node for node in parsed[1].values())


@settings(max_examples=200)
@given(NODES, st.sampled_from(["1", "2", "A", "B", "T", "T.x", "1.2"]), st.sampled_from(["x", "y", "x.y", ""]), JSON)
def test_any_patch_sets_one_input_or_is_refused(graph, node, name, value):
    before = copy.deepcopy(graph)
    workflow = Workflow.from_graph(graph, "w.json")
    try:
        old = workflow.prompt()
        new = workflow.patched({f"{node}.{name}": value}).prompt()
    except WorkflowError:
        new = None
    assert repr(graph) == repr(before)
    if new is None:
        return
    assert list(new) == list(old)
    changed = [
        (node_id, key)
        for node_id in new
        for key in new[node_id]["inputs"]
        if repr(new[node_id]["inputs"][key]) != repr(old[node_id]["inputs"][key])
    ]
    assert len(changed) <= 1
    assert any(repr(one) == repr(value) for entry in new.values() for one in entry["inputs"].values())


@pytest.mark.parametrize(
    ("value", "word"),
    [("NaN", "NaN"), ("Infinity", "Infinity"), ("[[1, -Infinity]]", "-Infinity"), ('{"a": NaN}', "NaN")],
)
def test_numbers_that_are_none_are_a_fault_of_the_file(value, word):
    text = '{"3": {"class_type": "KSampler", "_meta": {"title": "Sampler"}, "inputs": {"cfg": VALUE}}}'
    with pytest.raises(WorkflowError) as told:
        Workflow.from_json(text.replace("VALUE", value), "w.json").prompt()
    assert str(told.value) == (
        f"w.json: node 3 'Sampler' (KSampler), input 'cfg' is {word}, which neither JSON nor ComfyUI knows: set it "
        "again and save"
    )


def test_is_changed_may_be_no_number():
    text = '{"3": {"class_type": "KSampler", "is_changed": [NaN], "inputs": {"cfg": 1}}}'
    assert Workflow.from_json(text).prompt()["3"]["inputs"] == {"cfg": 1}
