"""Node definitions, secrets by name, and foreign text made safe."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.text import did_you_mean, listed, nearest, plain, shown
from pytest_comfy.workflow.definitions import loads_models, trim, upload_inputs, used_values
from pytest_comfy.workflow.secrets import is_secret

LOADER = {
    "input": {
        "required": {
            "ckpt_name": [["private/mine.safetensors", "a.ckpt", "b.ckpt"], {"tooltip": "x", "default": "a.ckpt"}],
            "sampler": [["euler", "dpmpp_2m"], {"default": "euler", "tooltip": "y"}],
            "steps": ["INT", {"default": 20, "min": 1}],
            "model": ["MODEL"],
        },
        "optional": {"lora": ["COMBO", {"options": ["l1.safetensors", "l2.safetensors", "None"]}]},
        "hidden": {"prompt": "PROMPT"},
    },
    "output": ["MODEL", "CLIP", "VAE"],
    "output_node": False,
    "python_module": "nodes",
    "description": "long",
    "category": "loaders",
}


def test_choices_that_are_files_are_kept_only_when_used():
    kept = trim(LOADER, {"ckpt_name": {"b.ckpt"}, "lora": {"None"}})
    assert kept == {
        "input": {
            "required": {
                "ckpt_name": [["b.ckpt"], {}],
                "sampler": [["euler", "dpmpp_2m"], {"default": "euler"}],
                "steps": ["INT", {"default": 20, "min": 1}],
                "model": ["MODEL"],
            },
            "optional": {"lora": ["COMBO", {"options": ["None"]}]},
            "hidden": {"prompt": "PROMPT"},
        },
        "output": ["MODEL", "CLIP", "VAE"],
        "output_node": False,
        "python_module": "nodes",
    }
    assert LOADER["input"]["required"]["ckpt_name"][1] == {"tooltip": "x", "default": "a.ckpt"}
    assert "mine" not in str(kept)


def test_numbers_with_a_point_are_no_files():
    assert trim({"input": {"required": {"v": [["1.5", "2.0"]]}}}, {})["input"]["required"]["v"] == [["1.5", "2.0"]]


@pytest.mark.parametrize(
    "definition", [{}, {"input": None}, {"input": {"required": None}}, {"input": {"required": {"a": []}}}]
)
def test_definitions_of_another_shape_are_survived(definition):
    assert set(trim(definition, {})) <= {"input"}
    assert upload_inputs(definition) == []


def test_used_values():
    prompt = {
        "1": {"class_type": "Load", "inputs": {"name": "a", "n": 1, "link": ["2", 0]}},
        "2": {"class_type": "Load", "inputs": {"name": "b"}},
        "3": {"class_type": "Other", "inputs": {"name": "c"}},
        "4": {"class_type": "Load"},
    }
    assert used_values(prompt, "Load") == {"name": {"a", "b"}}


def test_upload_inputs():
    definition = {
        "input": {
            "required": {"image": [["a.png"], {"image_upload": True}], "x": ["INT", {}]},
            "optional": {"audio": ["COMBO", {"audio_upload": True}], "no": ["COMBO", {"video_upload": False}]},
        }
    }
    assert upload_inputs(definition) == ["image", "audio"]


@pytest.mark.parametrize(
    ("definition", "loader"),
    [({"output": ["MODEL", "CLIP", "VAE"]}, True), ({"output": ["MODEL", "IMAGE"]}, False), ({"output": []}, False),
     ({"output": [["a", "b"]]}, False), ({"output": "MODEL"}, False), ({}, False), (None, False)],
)  # fmt: skip
def test_what_loads_models(definition, loader):
    assert loads_models(definition) is loader


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "api_key_comfy_org",
        "auth_token_comfy_org",
        "API-Key",
        "hf_token",
        "token",
        "my_password",
        "Authorization",
    ],
)
def test_names_of_secrets(name):
    assert is_secret(name)


@pytest.mark.parametrize("name", ["tokens", "max_tokens", "seed", "text", "tokenizer", "key", "passes", "author"])
def test_names_of_no_secrets(name):
    assert not is_secret(name)


@given(st.text(st.characters(max_codepoint=0x2FF)))
def test_no_control_character_survives(text):
    assert not {char for char in plain(text) if unicodedata.category(char) == "Cc"} - {"\t", "\n"}


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("a\x00\x08b\rc\x7f\x9b2J", "abc2J"),
        ("\u202eevil\u2066", "evil"),
        ("tab\tnew\nline", "tab\tnew\nline"),
        ("\x1b\x1b[31m[2J", "[2J"),
    ],
)
def test_text_made_safe(raw, clean):
    assert plain(raw) == clean


def test_text_made_short():
    assert plain("x" * 50, 10) == "x" * 9 + "…"
    assert plain("x" * 10, 10) == "x" * 10


def test_values_shown():
    assert shown({"a": "ä\n"}) == '{"a": "ä\\n"}'
    assert shown({1}) == "{1}"
    assert len(shown("x" * 500)) == 80


def test_nearest_names():
    assert nearest("EULER", ["dpm", "euler_a", "Euler"]) == ["Euler", "euler_a"]
    assert nearest("zzz", ["a", "b"]) == []
    assert did_you_mean("sed", ["seed", "steps"]) == " (did you mean 'seed'?)"
    assert did_you_mean("zzz", ["seed"]) == ""


def test_names_listed():
    assert listed(["a", "b"]) == "a, b"
    assert listed(map(str, range(12)), 10) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"


def test_what_tells_the_version_of_the_page_is_kept():
    from pytest_comfy.workflow.graph.versions import page_of

    known = {"A": {"input": {}, "has_intermediate_output": False, "search_aliases": ["b"]}}
    kept = {name: trim(found, {}) for name, found in known.items()}
    assert page_of(kept) == page_of(known) != page_of({"A": {"input": {}}})
