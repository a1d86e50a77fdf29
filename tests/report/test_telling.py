"""What may stand in the report's documents."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.report.outputs import kind_told
from pytest_comfy.report.telling import dumps, line, number, told


@given(st.text(), st.text())
def test_documents_are_utf_8_and_read_as_they_were(key, text):
    text += "\ud800"
    assert json.loads(dumps({key: text})) == {key: text}
    dumps({key: text}).decode("utf-8")


@given(st.text())
def test_line_is_one(text):
    assert len(line(text).splitlines()) <= 1


@given(st.floats() | st.none())
def test_numbers_are_those_of_json(value):
    json.dumps(number(value), allow_nan=False)


@pytest.mark.parametrize(
    ("value", "shown"), [(math.inf, "inf"), (-math.inf, "-inf"), (math.nan, None), (None, None), (2, 2)]
)
def test_number(value, shown):
    assert number(value) == shown


def test_text_is_told_without_secrets_escapes_and_folders():
    assert told("\x1b[31mkey sk-" + "a1b2" * 8 + " in /opt/ComfyUI/nodes.py\x07\n") == "key <redacted> in …/nodes.py\n"


@pytest.mark.parametrize(
    ("media_type", "fingerprint", "kind"),
    [("image/png", None, "image"), ("image/webp", {"frames": 3}, "animation"), ("video/mp4", {"frames": 3}, "video"),
     ("audio/flac", None, "audio"), ("text/plain", None, "text"), ("application/json", None, "data"),
     ("model/gltf-binary", None, "model"), ("model/x-splat", None, "model"), ("model/vnd.usdz+zip", None, "model"),
     ("application/x-safetensors", None, "latent"), ("image/svg+xml", None, "svg"), ("application/zip", None, "other"),
     ("nonsense", None, "other")],
)  # fmt: skip
def test_kind(media_type, fingerprint, kind):
    assert kind_told(media_type, fingerprint) == kind
