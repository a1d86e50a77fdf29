"""Outputs, frames and everything odd that arrives by the socket."""

from __future__ import annotations

import json
import os
import struct

import pytest

from pytest_comfy.client import ComfyError, DownloadError, Output, ServerUnreachable, TooLarge, wire

pytestmark = pytest.mark.timeout(40)


def frame(event: int, second: int, rest: bytes = b"") -> bytes:
    return struct.pack(">II", event, second) + rest


def frame_of(node: str, prompt_id: str, data: bytes) -> bytes:
    """A picture with metadata, as ComfyUI sends it to clients that ask for it."""
    meta = json.dumps({"node_id": node, "prompt_id": prompt_id, "image_type": "image/png"}).encode()
    return frame(4, len(meta), meta + data)


def giving(results):
    async def story(run):
        await run.begin()
        await run.succeed(results)

    return story


def test_unknown_and_broken_messages_are_survived(comfy, client, prompt):
    async def noisy(run):
        server = run.comfy
        await run.begin()
        for text in (
            "{broken",
            "[]",
            "null",
            '"text"',
            "5",
            "{}",
            '{"type": 5}',
            '{"type": "x", "data": []}',
            "[" * 9999,
        ):
            await server.send_text(text)
        for data in (b"", b"\x00", b"\x00" * 7, frame(1, 9), frame(2, 1, b"x"), frame(4, 1 << 31, b"{}"),
                     frame(4, 3, b"{{{"), frame(4, 2, b"[]"), frame(99, 99, b"x" * 50), os.urandom(64)):  # fmt: skip
            await server.send_bytes(data)
        await run.say("brand_new_message", surprise=True)
        await run.say("progress", value="no number", max=None, node="3")
        await run.succeed()

    comfy.story = noisy
    run = client.run(prompt)
    assert run.complete
    assert "brand_new_message" in [event.type for event in run.events]
    assert len(run.outputs) == 1
    assert [kind for kind, _ in comfy.log].count("open") == 1


def test_frames_of_all_kinds(comfy, client, prompt):
    async def story(run):
        server = run.comfy
        await server.send_bytes(frame(1, 2, b"too early: nothing of ours runs"))
        await run.begin()
        await server.send_bytes(frame(1, 1, b"jpeg"))
        await server.send_bytes(frame(1, 2, b"png"))
        await server.send_bytes(frame(3, 1, b"9text"))
        await server.send_bytes(frame_of("3", run.id, b"ours"))
        await server.send_bytes(frame_of("3", "other", b"not ours"))
        await run.succeed()

    comfy.story = story
    run = client.run(prompt)
    assert [(one.node, one.meta["image_type"], one.data) for one in run.previews] == [
        ("3", "image/jpeg", b"jpeg"),
        ("3", "image/png", b"png"),
        ("3", "image/png", b"ours"),
    ]


def test_pictures_sent_by_the_socket_are_outputs(comfy, client, prompt):
    prompt["9"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["3", 0]}, "_meta": {"title": "Live"}}

    async def story(run):
        await run.begin()
        await run.comfy.send_bytes(frame_of("3", run.id, b"a preview"))
        await run.say("executing", node="9")
        await run.comfy.send_bytes(frame_of("9", run.id, b"first"))
        await run.comfy.send_bytes(frame(1, 2, b"second"))
        await run.succeed({})

    comfy.story = story
    run = client.run(prompt)
    assert [(one.name, one.title, one.data) for one in run.outputs] == [
        ("9.websocket.0", "Live", b"first"),
        ("9.websocket.1", "Live", b"second"),
    ]
    assert {one.media_type for one in run.outputs} == {"image/png"}


def test_outputs_of_all_kinds_in_order_of_the_nodes(comfy, client, prompt):
    comfy.story = giving(
        {
            "9": {
                "images": [comfy.file("a.webp", b"w"), comfy.file("b.png", b"p", "temp")],
                "animated": [True],
                "text": ["one", "zwei äöü"],
                "ui": [{"b": 1, "a": [None]}, 5, None],
                "scalar": 7,
            },
            "3": {"latents": [comfy.file("l.latent", b"l")]},
            "77": 5,
        }
    )
    run = client.run(prompt)
    assert [(one.name, one.media_type, one.type, one.data) for one in run.outputs] == [
        ("3.latents.0", "application/x-safetensors", "output", b"l"),
        ("9.images.0", "image/webp", "output", b"w"),
        ("9.images.1", "image/png", "temp", b"p"),
        ("9.text.0", "text/plain", "output", b"one"),
        ("9.text.1", "text/plain", "output", "zwei äöü".encode()),
        ("9.ui.0", "application/json", "output", b'{"a": [null], "b": 1}'),
        ("9.ui.1", "application/json", "output", b"5"),
    ]
    assert run.output("9.text.1").text == "zwei äöü"


def test_an_output_that_the_server_no_longer_has(comfy, client, prompt):
    comfy.story = giving({"9": {"images": [{"filename": "gone.png", "subfolder": "", "type": "output"}]}})
    with pytest.raises(DownloadError) as caught:
        client.run(prompt)
    assert str(caught.value) == (
        "node 9 (SaveImage), images 0: the server made 'gone.png' and answers 404 when asked for it: "
        "was the output folder emptied?"
    )
    assert caught.value.judged


async def _raw(request, head: bytes, body: bytes) -> None:
    """Answer below aiohttp, which would not let a body disagree with its head."""
    request.transport.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)


def test_a_truncated_body(comfy, client, prompt, monkeypatch):
    asked = []

    async def view(request):
        asked.append(1)
        await _raw(request, b"Content-Length: 1000", b"only this")
        request.transport.close()

    comfy.answers["GET", "/view"] = view
    monkeypatch.setattr(wire, "RETRIES", (0.0, 0.0))
    with pytest.raises(
        ServerUnreachable, match=r"images 0: the output could not be downloaded: .*/view: the answer broke off"
    ) as caught:
        client.run(prompt)
    assert not caught.value.judged
    assert asked == [1, 1, 1]


@pytest.mark.parametrize("head", [b"Content-Length: 500000", b"Connection: close"])
def test_an_oversized_body(comfy, client, prompt, head):
    async def view(request):
        await _raw(request, head, b"x" * 500_000)
        request.transport.close()

    client.max_memory = 100_000
    comfy.answers["GET", "/view"] = view
    told = (
        r"images 0: 'x_00001_\.png' was not downloaded: .*: the answer is .* kB.*, more than is left of the 100 kB that"
    )
    with pytest.raises(TooLarge, match=told) as caught:
        client.run(prompt)
    assert not caught.value.judged
    assert comfy.asked("GET", "/view") == [None]


@pytest.mark.parametrize("head", [b"Content-Length: 1000000", b"Connection: close", b"Transfer-Encoding: chunked"])
def test_a_trickling_body_ends_by_the_deadline(comfy, client, prompt, monkeypatch, head):
    """A body that comes byte by byte without end: were it not cut off, the test would not end."""
    from pytest_comfy.client import following as module

    piece = b"1\r\nx\r\n" if b"chunked" in head else b"x"

    async def view(request):
        import asyncio

        await _raw(request, head, piece)
        while request.transport is not None and not request.transport.is_closing():
            request.transport.write(piece)
            await asyncio.sleep(0.02)

    monkeypatch.setattr(module, "DOWNLOAD_SECONDS", 0.4)
    comfy.answers["GET", "/view"] = view
    with pytest.raises(ServerUnreachable, match="could not be downloaded"):
        client.run(prompt)


@pytest.mark.parametrize("name", ["../../evil.png", "/abs/evil.png", "..\\evil.png", "\x1b[31mevil\r\x00.png"])
def test_names_of_the_server_reach_neither_disk_nor_terminal(comfy, client, prompt, tmp_path, monkeypatch, name):
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    item = comfy.file(name, b"data")
    comfy.story = giving({"9": {"images": [{**item, "subfolder": "../.."}]}})
    (output,) = client.run(prompt).outputs
    assert output.data == b"data"
    assert output.name == "9.images.0"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    del comfy.files[name]
    with pytest.raises(DownloadError, match="evil") as caught:
        client.run(prompt)
    assert str(caught.value).isprintable()


def test_an_upload_is_named_by_its_content_and_known_by_the_servers_name(comfy, client):
    comfy.answer(
        "POST", "/upload/image", json={"name": "renamed (1).png", "subfolder": "pytest-comfy", "type": "input"}
    )
    assert client.upload(b"abc", "some\\folder/cat.png") == "pytest-comfy/renamed (1).png"
    (form,) = comfy.asked("POST", "/upload/image")
    assert form["image"] == ("cat-ba7816bf8f01.png", b"abc")  # SHA-256 of "abc", FIPS 180-2
    assert form["type"] == (None, b"input")
    assert form["subfolder"] == (None, b"pytest-comfy")


def test_an_upload_that_is_refused(comfy, client):
    comfy.answer("POST", "/upload/image", 413, text="too large")
    with pytest.raises(ComfyError, match=r"refuses the upload of 'cat\.png' \(413\)"):
        client.upload(b"abc", "cat.png")


def test_outputs_are_found_by_id_title_class_or_name(comfy, client, prompt):
    prompt["12"] = {"class_type": "SaveImage", "inputs": {}, "_meta": {"title": "Second"}}
    comfy.story = giving(
        {
            "9": {"images": [comfy.file("a.png", b"a"), comfy.file("b.png", b"b")]},
            "12": {"images": [comfy.file("c.png", b"c")]},
        }
    )
    run = client.run(prompt)
    found = [run.output("Second"), run.output("12"), run.output("12.images.0"), run.output("Second", 0)]
    assert [one.data for one in found] == [b"c"] * 4
    assert run.output("9", 1).data == b"b"
    for name, count in (("SaveImage", 3), ("9", 2), ("nothing", 0), ("9.images.7", 0)):
        with pytest.raises(KeyError) as caught:
            run.output(name)
        assert f"{name!r} names {count} outputs of this run" in caught.value.args[0]
        assert "9.images.0 (SaveImage), 9.images.1 (SaveImage), 12.images.0 (Second)" in caught.value.args[0]


def test_a_run_without_outputs_says_so(comfy, client, prompt):
    comfy.story = giving({})
    with pytest.raises(KeyError, match="there are: no outputs"):
        client.run(prompt).output("9")


def test_pictures_of_an_output():
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), (1, 2, 3)).save(buffer, "PNG")
    output = Output("9", "images", 0, "T", "SaveImage", "output", "x.png", "image/png", buffer.getvalue())
    assert output.image.size == (3, 2)
    assert output.image.getpixel((0, 0)) == (1, 2, 3)
    assert "data" not in repr(output)


def test_outputs_that_are_not_wanted_are_not_asked_for(comfy, client, prompt):
    comfy.story = giving({"9": {"images": [comfy.file("a.png", b"a"), {"filename": "gone.png", "type": "output"}]}})
    run = client.run(prompt, wanted=lambda named: named.name != "9.images.1")
    assert [output.name for output in run.outputs] == ["9.images.0"]
    assert run.ui["9"]["images"][1]["filename"] == "gone.png"


def test_files_that_are_gone_from_the_cache_are_made_anew(comfy, client, prompt):
    """What the server has in its cache it does not save again, not even when the output folder was emptied."""

    async def story(run):
        first = run.nth == 1
        await run.begin(cached=tuple(run.prompt) if first else ())
        name = {"filename": "gone.png", "type": "output"} if first else comfy.file("again.png", b"again")
        await run.succeed({"9": {"images": [name]}})

    comfy.story = story
    run = client.run(prompt)
    assert (run.cache_bust, [output.data for output in run.outputs]) == ("nonce", [b"again"])
