"""Secrets are known by their names and by what they look like, and taken out of what is recorded and told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.golden.redaction import redact
from pytest_comfy.secrecy import without_secrets
from pytest_comfy.text import plain
from pytest_comfy.workflow.digest import prompt_digest
from pytest_comfy.workflow.secrets import is_secret, masked, redact_prompt, secrets_in

# Put together here, so that no scanner takes this file for a leak.
LETTERS = "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z"
SHAPES = {
    "OpenAI": "sk-" + LETTERS,
    "OpenAI project": "sk-proj-" + LETTERS + "_" + LETTERS,
    "Hugging Face": "hf_" + LETTERS,
    "GitHub": "ghp_" + LETTERS + "0000",
    "GitHub fine": "github_pat_" + LETTERS + "_" + LETTERS,
    "JWT": ".".join(["eyJ" + LETTERS[:17], "eyJ" + LETTERS, LETTERS]),
    "AWS": "AKIA" + LETTERS[:16].upper(),
    "Slack": "xoxb-" + LETTERS,
    "GitLab": "glpat-" + LETTERS[:20],
    "Google": "AIza" + LETTERS + "abc",
    "Replicate": "r8_" + LETTERS,
    "Comfy": "comfyui-" + "0123456789abcdef" * 4,
}


@pytest.mark.parametrize("secret", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("around", ["{}", "a {} b", "key={};", '"{}"', "({})", "https://x.y/z?a=1&token={}&b=2"])
def test_what_looks_like_a_secret_is_one_wherever_it_stands(secret, around):
    text = around.format(secret)
    for told in (without_secrets(text), plain(text), redact({"text": [text]})["text"][0], masked({"a": text})["a"]):
        assert secret not in told and "<redacted>" in told
    prompt = {"1": {"class_type": "X", "inputs": {"text": text, "list": [text, {"deep": text}]}}}
    kept = redact_prompt(prompt)
    assert secret not in json.dumps(kept)
    assert secret in secrets_in(prompt)
    # The golden run still means the same workflow.
    assert prompt_digest(kept) == prompt_digest(prompt)


@pytest.mark.parametrize(
    "text",
    ["a fox sk-8 in the snow", "task-force-of-many-people", "hf_model", "ghp_short", "AKIA", "eyJ.eyJ.x",
     "risk-" + LETTERS, "models/sk-lora.safetensors", "?page=2&seed=123456", "comfyui-manager", "https://x.y/?monkey=banana12"],
)  # fmt: skip
def test_other_texts_stay(text):
    assert without_secrets(text) == plain(text) == text


@pytest.mark.parametrize(
    "name", ["token", "access_token", "api_key", "apikey", "sig", "X-Amz-Signature", "key", "password"]
)
def test_query_parameters(name):
    text = f"https://x.y/z?a=1&{name}=0123456789abc#part"
    assert without_secrets(text) == f"https://x.y/z?a=1&{name}=<redacted>#part"


@pytest.mark.parametrize(
    "name",
    ["api_key", "apiKey", "apiToken", "accessToken", "openai_key", "hf-key", "private_key", "privateKey", "passphrase",
     "auth_token_comfy_org", "refresh_token", "token", "client_secret", "Authorization"],
)  # fmt: skip
def test_names_of_secrets(name):
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["key", "keyframe", "sort_key", "tokens", "max_tokens", "tokenizer", "seed", "text", "passes"]
)
def test_names_of_others(name):
    assert not is_secret(name)


@pytest.mark.parametrize(
    "value", ["a long text", 1234567, ["one secret", "two secrets"], {"user": "somebody", "pin": 123456}]
)
def test_values_of_any_kind_under_a_secret_name(value):
    prompt = {"1": {"class_type": "X", "inputs": {"api_key": value, "image": ["2", 0]}}}
    kept = redact_prompt(prompt)
    assert kept["1"]["inputs"] == {"api_key": "<redacted>", "image": ["2", 0]}
    assert prompt_digest(kept) == prompt_digest(prompt)
    assert redact({"api_key": value}) == {"api_key": "<redacted>"}
    texts = [
        str(one)
        for one in (value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value])
    ]
    assert set(texts) <= secrets_in(prompt)


def test_link_under_a_secret_name_stays_a_link():
    prompt = {"1": {"class_type": "X", "inputs": {"api_key": ["2", 0]}}, "2": {"class_type": "Y", "inputs": {}}}
    assert redact_prompt(prompt) == prompt


@given(st.text())
def test_masking_twice_is_masking_once(text):
    assert without_secrets(without_secrets(text)) == without_secrets(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("at http://me:pw@127.0.0.1:8188/x", "at http://me:<redacted>@127.0.0.1:8188/x"),
        ("https://:a-token@host and https://me@host", "https://:<redacted>@host and https://me@host"),
        ("me:you@example.com, 16:9@4k", "me:you@example.com, 16:9@4k"),
    ],
)
def test_passwords_in_addresses(text, told):
    assert without_secrets(text) == plain(text) == told
