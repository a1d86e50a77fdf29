"""A value that stands under a secret name is a secret wherever else it stands."""

from __future__ import annotations

import json

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from projects import graph, png, recorded

from pytest_comfy import ComfyClient, FakeComfyServer
from pytest_comfy.client import ExecutionError
from pytest_comfy.golden import find_runs
from pytest_comfy.golden.record import Approval, record
from pytest_comfy.golden.redaction import redact
from pytest_comfy.secrecy import REDACTED, heard_of, is_distinctive, without_secrets
from pytest_comfy.server.recording import RecordingProxy
from pytest_comfy.text import plain
from pytest_comfy.workflow.difference import differences
from pytest_comfy.workflow.digest import prompt_digest
from pytest_comfy.workflow.secrets import known_in, masked, redact_prompt, secret_headers

SECRET = 'blue "Whale" 77/ä'


def prompt_of(secret, **inputs):
    return {
        "1": {"class_type": "Login", "inputs": {"password": secret}},
        "2": {"class_type": "Use", "inputs": inputs, "_meta": {"title": f"with {secret}"}},
    }


@pytest.mark.parametrize(
    "form",
    [SECRET, json.dumps(SECRET)[1:-1], json.dumps(SECRET, ensure_ascii=False)[1:-1],
     "blue%20%22Whale%22%2077%2F%C3%A4", "blue+%22Whale%22+77%2F%C3%A4"],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "the key {} here", "https://x.y/z?a={}&b=2", "{}{}"])
def test_in_every_form_and_place(form, around):
    text = around.replace("{}", form)
    prompt = prompt_of(SECRET, text=text, list=[text, {"deep": [text]}], url={"a": text})
    kept = redact_prompt(prompt)
    clean = around.replace("{}", REDACTED)
    assert kept["2"]["inputs"] == {"text": clean, "list": [clean, {"deep": [clean]}], "url": {"a": clean}}
    assert kept["2"]["_meta"]["title"] == f"with {REDACTED}"
    assert redact({"traceback": [text]}, known_in(prompt)) == {"traceback": [clean]}
    assert prompt_digest(kept) == prompt_digest(prompt)
    other = "another Whale 78"
    assert prompt_digest(prompt_of(other, **redact_prompt(prompt)["2"]["inputs"])) == prompt_digest(prompt)


@pytest.mark.parametrize("number", [123456789, 98765432.5, -4815162342])
def test_numbers(number):
    prompt = prompt_of(number, seed=number, text=f"no. {number}", other=number + 1)
    assert redact_prompt(prompt)["2"]["inputs"] == {"seed": REDACTED, "text": f"no. {REDACTED}", "other": number + 1}
    assert redact([number, True], known_in(prompt)) == [REDACTED, True]


@pytest.mark.parametrize(
    "value",
    ["", "a", "true", "None", "secret", "password", "Passphrase", "default", "12345", "aaaaaaaaaaaa", "1.0", 0, 1, 7,
     1234567, True, False, None, REDACTED, "redacted", ["x", "y"], {"a": "short"}],
)  # fmt: skip
def test_short_and_common_values_take_nothing_with_them(value):
    text = f"a true password: default Passphrase {value}, redacted"
    prompt = prompt_of(value, text=text, on=True, seed=1, more=value if value in (0, 1, 7, 1234567) else 1)
    kept = redact_prompt(prompt)
    assert kept["2"] == prompt["2"]
    assert kept["1"]["inputs"]["password"] == (REDACTED if value else value)
    assert prompt_digest(kept) == prompt_digest(prompt)


def test_links_and_nodes_stay_what_they_are():
    prompt = {
        "node-number-7": {"class_type": "Make", "inputs": {}},
        "2": {"class_type": "Use", "inputs": {"api_key": ["node-number-7", 0], "image": ["node-number-7", 1]}},
    }
    assert redact_prompt(prompt) == prompt
    assert known_in(prompt) is None


def test_differences_tell_no_secret():
    before, after = prompt_of(SECRET, text=f"{SECRET} one"), prompt_of("another Whale 78", text="another Whale 78 two")
    told = differences(redact_prompt(before), after)
    assert told == [f'node 2 Use.text is "{REDACTED} two", was "{REDACTED} one"']


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.text(min_size=8), st.text(), st.text(), JSON)
def test_what_is_kept_has_the_digest_of_what_was_posted(secret, before, after, other):
    prompt = prompt_of(secret, text=f"{before}{secret}{after}", other=other)
    kept = redact_prompt(prompt)
    assert redact_prompt(kept) == kept
    assert prompt_digest(kept) == prompt_digest(prompt)
    if is_distinctive(secret):
        assert secret not in kept["2"]["inputs"]["text"].replace(REDACTED, "\0")


@given(st.text(), st.lists(st.text(min_size=8), max_size=3))
def test_taking_out_twice_is_taking_out_once(text, secrets):
    known = known_in({"secret": secrets})
    once = without_secrets(text, known)
    assert without_secrets(once, known) == once == masked(text, known)


def test_what_is_told_of_it():
    heard_of(["grey Heron 4242"])
    assert plain("no grey Heron 4242 here, nor grey+Heron+4242") == f"no {REDACTED} here, nor {REDACTED}"


@pytest.mark.parametrize(
    ("headers", "texts"),
    [
        ([("Authorization", "Bearer abcd-efgh-77")], ["abcd-efgh-77"]),
        ([("Cookie", "session=abcd-efgh-77; theme=dark")], ["abcd-efgh-77"]),
        ([("X-Api-Key", "abcd-efgh-77"), ("Accept", "text/plain+json-77")], ["abcd-efgh-77"]),
    ],
)
def test_secrets_of_headers(headers, texts):
    known = known_in(secret_headers(headers))
    assert without_secrets(f"a {texts[0]} b text/plain+json-77", known) == f"a {REDACTED} b text/plain+json-77"


class TestRuns:
    """Over real sockets: a run whose extra data has the key that its prompt, messages and outputs repeat."""

    KEY = "grey-Heron-4711"

    def prompt(self, key):
        prompt = graph()
        prompt["9"]["inputs"]["filename_prefix"] = f"of {key}"
        return prompt

    def sent(self, key):
        return {"api_key_comfy_org": key}

    def test_recorded_and_replayed(self):
        prompt, sent = self.prompt(self.KEY), self.sent(self.KEY)
        upstream = recorded(prompt, {"9": {"images": [png()], "text": [f"made with {self.KEY}"]}})
        with FakeComfyServer([upstream]) as server, ComfyClient(server.url) as client:
            run = client.run(prompt, extra_data=sent)
        golden = record(run, Approval("w.json", "default", "test"), {}, {}, run.extra_data)
        assert self.KEY not in json.dumps(golden.document)
        assert not any(self.KEY.encode() in data for data in golden.blobs.values())
        assert golden.document["ui"]["9"]["text"] == [f"made with {REDACTED}"]
        for key in (self.KEY, "red-Heron-4712"):
            with FakeComfyServer([golden]) as server, ComfyClient(server.url) as client:
                assert client.run(self.prompt(key), extra_data=self.sent(key)).images

    def test_error_tells_nothing_of_it(self):
        prompt = self.prompt(self.KEY)
        error = {"exception_type": "OSError", "exception_message": f"401 for {self.KEY}",
                 "traceback": [f"  in f, x?user={self.KEY}\n"]}  # fmt: skip
        with (
            FakeComfyServer([recorded(prompt, {}, error=error)]) as server,
            ComfyClient(server.url) as client,
            pytest.raises(ExecutionError) as caught,
        ):
            client.run(prompt, extra_data=self.sent(self.KEY))
        assert f"401 for {REDACTED}" in str(caught.value) and self.KEY not in str(caught.value)

    @pytest.mark.parametrize("by_header", [True, False])
    def test_recording_proxy(self, tmp_path, by_header):
        prompt = self.prompt(self.KEY)
        body = {"prompt": prompt, "client_id": "c", "extra_data": {} if by_header else self.sent(self.KEY)}
        headers = {"Authorization": f"Bearer {self.KEY}"} if by_header else {}
        upstream = recorded(prompt, {"9": {"images": [png()], "text": [f"made with {self.KEY}"]}})
        with FakeComfyServer([upstream]) as server, RecordingProxy(server.url, tmp_path) as proxy:
            assert requests.post(f"{proxy.url}/prompt", json=body, headers=headers, timeout=10).status_code == 200
        assert len(list(find_runs(tmp_path))) == 1
        assert not any(self.KEY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        with FakeComfyServer(tmp_path) as server:
            assert requests.post(f"{server.url}/prompt", json=body, headers=headers, timeout=10).status_code == 200
            assert server.unused == []
