"""What must not enter a golden run."""

from __future__ import annotations

import io
import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from pytest_comfy.golden.redaction import redact, scrub, without_folders
from pytest_comfy.workflow.secrets import redact_prompt, secrets_in

SECRET = "sk-0123456789"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/opt/ComfyUI/nodes.py", "…/nodes.py"),
        ('  File "/home/me/my comfy/execution.py", line 5, in f', '  File "…/execution.py", line 5, in f'),
        ("C:\\Users\\me\\ComfyUI\\nodes.py", "…/nodes.py"),
        ("D:/AI/ComfyUI/nodes.py", "…/nodes.py"),
        ("\\\\nas\\share\\models\\a.ckpt", "…/a.ckpt"),
        ("~/ComfyUI/a.py", "…/ComfyUI/a.py"),
        ("~me/a.py", "…/a.py"),
        ("file:///srv/x/a.png", "…/a.png"),
        ("error:/opt/x/a.py", "error:…/a.py"),
        ("PATH=/usr/local/bin:/opt/x/bin", "PATH=…/bin:…/bin"),
        ("(/a/b, /c/d)", "(…/b, …/d)"),
    ],
)
def test_folders_are_taken_out(text, clean):
    assert without_folders(text) == clean


@pytest.mark.parametrize(
    "text",
    ["sub/folder/a.png", "https://example.com/a/b/c", "1/2", "a / b", "and/or", "models\\a.ckpt", "./a/b", "../a/b",
     "16:9/4:3", "http://127.0.0.1:8188/view", ""],
)  # fmt: skip
def test_what_is_no_absolute_path_stays(text):
    assert without_folders(text) == text


def test_secrets_and_folders_at_any_depth():
    value = {
        "a": [{"api_key_comfy_org": SECRET, "hf_token": {"x": SECRET}, "tokens": 5}, ("/opt/x/y",)],
        "password": "",
        "n": 1.5,
        "none": None,
        5: True,
    }
    assert redact(value) == {
        "a": [{"api_key_comfy_org": "<redacted>", "hf_token": "<redacted>", "tokens": 5}, ["…/y"]],
        "password": "",
        "n": 1.5,
        "none": None,
        5: True,
    }
    assert SECRET not in json.dumps(redact({"a": value["a"]}))


def test_a_prompt_keeps_links_and_paths():
    prompt = {
        "1": {"class_type": "X", "inputs": {"api_key": SECRET, "image": "/in/a.png", "password": ["2", 0]}},
        "2": {"class_type": "Y"},
        "3": 5,
    }
    kept = redact_prompt(prompt)
    assert kept["1"]["inputs"] == {"api_key": "<redacted>", "image": "/in/a.png", "password": ["2", 0]}
    assert (kept["2"], kept["3"]) == ({"class_type": "Y"}, 5)
    assert prompt["1"]["inputs"]["api_key"] == SECRET


def test_the_secrets_of_a_prompt():
    prompt = {"1": {"inputs": {"api_key": SECRET, "token": "short", "secret": "<redacted>", "text": "a long text"}}}
    assert secrets_in(prompt) == {SECRET}
    assert secrets_in({}, {"auth_token_comfy_org": SECRET, "list": [{"password": "another one"}]}) == {
        SECRET,
        "another one",
    }


def picture(text: str, exif=None, **more) -> bytes:
    info = PngInfo()
    info.add_text("prompt", text, **more)
    info.add_itxt("workflow", text)
    image = Image.linear_gradient("L").resize((40, 30)).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info, **({"exif": exif} if exif else {}))
    return buffer.getvalue()


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.tobytes()


@pytest.mark.parametrize("secret", [SECRET, 'with "quotes" and \\', "pässwörd"])
def test_a_png_loses_its_texts_and_keeps_its_pixels(secret):
    data = picture(json.dumps({"1": {"inputs": {"api_key": secret}}}))
    clean = scrub(data, {secret})
    assert clean is not None
    with Image.open(io.BytesIO(clean)) as image:
        assert not image.text
    assert pixels(clean) == pixels(data)
    assert secret.encode() not in clean


@pytest.mark.parametrize("described", ["harmless", SECRET])
def test_exif_goes_only_where_it_holds_the_secret(described):
    """A picture is turned by it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.ImageDescription] = 6, described
    data = picture(f"the key {SECRET}", exif=exif)
    clean = scrub(data, {SECRET})
    assert clean is not None and SECRET.encode() not in clean
    with Image.open(io.BytesIO(clean)) as image:
        assert not image.text
        assert image.getexif().get(ExifTags.Base.Orientation) == (6 if described == "harmless" else None)


def test_compressed_texts_go_with_the_others():
    data = picture(f"the key {SECRET}", zip=True)
    assert zlib.compress(f"the key {SECRET}".encode()) in data
    clean = scrub(data, {"any other secret"})
    assert clean is not None
    assert b"zTXt" not in clean
    assert pixels(clean) == pixels(data)


def test_what_holds_no_secret_is_left_as_it_is():
    data = picture("harmless")
    assert scrub(data, {SECRET}) is data
    assert scrub(data, set()) is data


@pytest.mark.parametrize("data", [b"text with " + SECRET.encode(), b"\x89PNG\r\n\x1a\n" + SECRET.encode() * 9])
def test_a_secret_that_cannot_be_taken_out_is_told(data):
    clean = scrub(data, {SECRET})
    assert clean is None or SECRET.encode() not in clean
    assert scrub(b"prefix " + data, {SECRET}) is None


def test_half_a_surrogate_pair_is_no_fault():
    assert scrub(b"data", {"secret \ud83d"}) == b"data"


PART = st.text(st.sampled_from("abcXYZ019_.+@ -"), min_size=1, max_size=6).filter(lambda part: part.strip(". "))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6) | st.sampled_from(["api_key", "token"]), inner, max_size=3)
    ),
    max_leaves=15,
)


@settings(max_examples=150)
@given(JSON)
def test_redaction_never_raises_and_is_done_once(value):
    once = redact(value)
    assert repr(redact(once)) == repr(once)


@settings(max_examples=200)
@given(
    st.sampled_from(["", " ", '"', "'", "(", "=", ",", ":", "error: ", "\n", "[", "<", "File "]),
    st.lists(PART, min_size=1, max_size=4),
    st.sampled_from(["", '"', ", line 5", "\n/opt/b/c.py", ":/opt/b/c.py", " /opt/b/c.py"]),
    st.sampled_from([lambda text: text, lambda text: [text], lambda text: {"a": {"b": text}}, lambda text: (text,)]),
)
def test_no_folder_is_left(before, parts, after, wrapped):
    text = f"{before}/opt/{'/'.join(parts)}/nodes.py{after}"
    clean = json.dumps(redact(wrapped(text)))
    assert "/opt/" not in clean
    assert "nodes.py" in clean or after.startswith(" ")  # a space may be part of a folder's name
