"""Workflows that pictures, sounds and videos hold, as ComfyUI writes them."""

from __future__ import annotations

import io
import json
import struct
import sys
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pytest_comfy.commands.__main__ import main
from pytest_comfy.workflow import Workflow, WorkflowError
from pytest_comfy.workflow.digest import NONCE_INPUT
from pytest_comfy.workflow.embedded import embedded

ROOT = Path(__file__).parents[2]
PROMPT = {"3": {"class_type": "KSampler", "inputs": {"seed": 7, "text": "grün"}, "_meta": {"title": "Sampler"}},
          "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}}}  # fmt: skip
GRAPH = {"nodes": [{"id": 9, "type": "SaveImage"}], "links": [], "version": 0.4}


def png(**texts):
    told = PngInfo()
    for name, text in texts.items():
        told.add_text(name, text)
    return picture("PNG", pnginfo=told)


def picture(form, **more):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, form, **more)
    return buffer.getvalue()


def exif(prompt, graph=None):
    told = Image.new("RGB", (1, 1)).getexif()
    told[0x0110] = f"prompt:{prompt}"
    if graph:
        told[0x010F] = f"workflow:{graph}"
    return told


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(kind, data):
    plain = picture("PNG")
    return plain[:33] + chunk(kind, data) + plain[33:]


def sound(form, codec, **tags):
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), "f4"), format="flt", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        frame = av.AudioResampler(format=stream.format.name, layout="mono", rate=48000,
                                  frame_size=stream.codec_context.frame_size or 0).resample(frame)[0]  # fmt: skip
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return buffer.getvalue()


def exr():
    value = json.dumps(PROMPT).encode()
    head = b"prompt\0string\0" + struct.pack("<i", len(value)) + value
    return b"\x76\x2f\x31\x01\x02\0\0\0" + b"channels\0chlist\0" + struct.pack("<i", 1) + b"\0" + head + b"\0"


TEXT = json.dumps(PROMPT)
FILES = {
    "a.png": png(prompt=TEXT, workflow=json.dumps(GRAPH)),
    "latin.png": with_chunk(b"tEXt", b"prompt\0" + TEXT.encode("latin-1")),
    "packed.png": with_chunk(b"zTXt", b"prompt\0\0" + zlib.compress(TEXT.encode("latin-1"))),
    "unicode.png": with_chunk(b"iTXt", b"prompt\0\0\0\0\0" + json.dumps(PROMPT, ensure_ascii=False).encode()),
    "packed unicode.png": with_chunk(b"iTXt", b"prompt\0\1\0\0\0" + zlib.compress(TEXT.encode())),
    "animated.png": with_chunk(b"comf", b"prompt\0" + TEXT.encode("latin-1")),
    "a.webp": picture("WEBP", exif=exif(TEXT)),
    "a.jpg": picture("JPEG", exif=exif(TEXT)),
    "a.exr": exr(),
    "a.flac": sound("flac", "flac", prompt=TEXT),
    "a.mp3": sound("mp3", "mp3", prompt=TEXT),
    "a.ogg": sound("ogg", "libopus", prompt=TEXT),
    "named otherwise.dat": png(prompt=TEXT),
}


@pytest.mark.parametrize("name", FILES)
def test_what_was_run_is_taken(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FILES[name])
    workflow = Workflow.load(path)
    assert (workflow.form, workflow.prompt()["3"]["inputs"]) == ("api", PROMPT["3"]["inputs"])


@pytest.mark.parametrize("name", ["image/animated_png/default/30.images.0.png", "image/alpha/default/4.images.0.png",
                                  "today/sound/default/4.audio.0.flac", "today/video/default/11.images.0.mp4",
                                  "today/crop_and_exr/default/3.images.0.exr"])  # fmt: skip
def test_what_real_servers_wrote(name):
    path = ROOT / "golden" / name
    recorded = json.loads((path.parent / "run.json").read_text(encoding="utf-8"))["prompt"]
    held = Workflow.load(path).prompt()
    assert held.keys() == recorded.keys()
    assert {node["class_type"] for node in held.values()} == {node["class_type"] for node in recorded.values()}


def test_without_what_was_run_the_file_in_ui_form(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(workflow=json.dumps(GRAPH)))
    assert Workflow.load(path).form == "ui"


def test_our_own_way_round_the_cache_is_no_part_of_it(tmp_path):
    prompt = {**PROMPT, "3": {**PROMPT["3"], "inputs": {"seed": 7, NONCE_INPUT: "x"}, "is_changed": ["y"]}}
    path = tmp_path / "a.png"
    path.write_bytes(png(prompt=json.dumps(prompt)))
    assert Workflow.load(path).prompt()["3"] == {"class_type": "KSampler", "inputs": {"seed": 7}, "_meta": {
        "title": "Sampler"}}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.png", png(), "a.png: holds no workflow: ComfyUI writes it into what it saves unless"),
        ("a.png", png(prompt=""), "a.png: holds no workflow"),
        ("a.png", png(prompt="{"), "a.png:1:2: broken JSON"),
        ("a.png", png(prompt="[]"), "a.png: JSON, but no ComfyUI workflow"),
        ("a.png", FILES["a.png"][:20], "a.png: holds no workflow"),
        ("a.webp", FILES["a.webp"][:40], "a.webp: cannot be read"),
        ("a.flac", b"fLaC" + b"\0" * 40, "a.flac: cannot be read"),
        ("a.exr", b"\x76\x2f\x31\x01\x02\0\0\0\0", "a.exr: holds no workflow"),
    ],
)
def test_files_that_hold_none_say_so(tmp_path, name, data, told):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(WorkflowError) as caught:
        Workflow.load(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path}/{told}")


def test_without_pyav_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(WorkflowError, match=r"a\.flac: .* PyAV is needed: pip install 'pytest-comfy\[video\]'"):
        embedded(FILES["a.flac"], "audio/flac", "a.flac")


@given(st.sampled_from(sorted(FILES)), st.data())
def test_any_change_of_bytes_is_read_or_refused(name, data):
    changed = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + 1] = data.draw(st.binary(max_size=3))
    try:
        assert embedded(bytes(changed), "image/webp" if name.endswith(("webp", "jpg")) else "audio/flac", "x")
    except WorkflowError as error:
        assert str(error).startswith("x: ")


def test_it_is_taken_wherever_a_workflow_is(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(FILES["a.png"])
    assert main(["convert", "a.png"]) == 0
    assert json.loads(capsys.readouterr().out)["3"]["inputs"]["seed"] == 7


def test_diff_tells_how_the_prompts_differ(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = {**PROMPT, "3": {**PROMPT["3"], "inputs": {"seed": 8, "text": "grün"}}}
    Path("a.png").write_bytes(FILES["a.png"])
    Path("b.png").write_bytes(png(prompt=json.dumps(other)))
    Path("bare.png").write_bytes(png())
    assert main(["diff", "a.png", "b.png"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "prompt: node 3 KSampler.seed is 8, was 7"
    assert main(["diff", "a.png", "bare.png"]) == 0
    assert "prompt:" not in capsys.readouterr().out
