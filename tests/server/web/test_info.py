"""What a server tells of itself: recorded answers, what golden runs tell, the web page, and what is nowhere."""

from __future__ import annotations

import copy
import json
import os
import sys

import pytest
import requests

from pytest_comfy.golden import GoldenRun
from pytest_comfy.golden.environment import describe_system, model_facts
from pytest_comfy.golden.exchanges import Exchange, Exchanges
from pytest_comfy.server import FakeComfyServer
from pytest_comfy.server.recordings import facts

from ..conftest import document, write


@pytest.fixture(scope="module")
def modern():
    with FakeComfyServer(version="0.8.0") as server:
        yield server


@pytest.fixture(scope="module")
def older():
    with FakeComfyServer(version="0.3.64") as server:
        yield server


def ask(server, path, method="GET", **more):
    return requests.request(method, server.url + path, timeout=10, **more)


def recorded(path, body, method="GET", query=(), status=200, headers=None, body_sha256=None):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Exchange(method, path, query, body_sha256, status, headers or kind, content)


def test_the_versions_differ(modern, older):
    assert ask(modern, "/features").json()["extension"] == {"manager": {"supports_v4": True}}
    assert ask(older, "/features").json() == {"supports_preview_metadata": True, "max_upload_size": 104857600}
    for path, told in (("/global_subgraphs", {}), ("/global_subgraphs/x", None)):
        assert ask(modern, path).json() == told
        assert ask(older, path).status_code == 404
    for server, version, system in ((modern, "0.8.0", sys.platform), (older, "0.3.64", os.name)):
        told = ask(server, "/api/system_stats").json()["system"]
        assert (told["comfyui_version"], told["os"]) == (version, system)
    assert set(ask(modern, "/models").json()) - set(ask(older, "/models").json()) == {"latent_upscale_models"}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/embeddings", []),
        ("/extensions", []),
        ("/i18n", {}),
        ("/workflow_templates", {}),
        ("/models/loras", []),
        ("/object_info/None", {}),
    ],
)
def test_empty_answers(modern, path, told):
    for prefix in ("", "/api"):
        reply = ask(modern, prefix + path)
        assert (reply.status_code, reply.json()) == (200, told)
        assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
        head = ask(modern, prefix + path, "HEAD")
        assert (head.status_code, head.headers["Content-Length"]) == (200, reply.headers["Content-Length"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/models/nope", 404),
        ("/models/clip", 404),
        ("/models/", 404),
        ("/view_metadata/checkpoints", 404),
        ("/view_metadata/checkpoints?filename=a.safetensors", 404),
        ("/experiment/models/nope", 404),
        ("/view_metadata/loras", 404),
        ("/experiment/models/preview/loras/0/x.safetensors", 404),
        ("/experiment/models/preview/loras/99/x", 500),
        ("/experiment/models/preview/loras/x/x", 500),
        ("/experiment/models/preview/nope/99/x", 404),
        ("/workflow_templates/x", 404),
        ("/assets", 404),
        ("/interrupt", 404),
        ("/upload/image", 404),
        ("/api", 404),
    ],
)
def test_nothing_to_tell(modern, path, status):
    reply = ask(modern, path)
    assert reply.status_code == status
    assert status == 500 or reply.content == b""


def test_unknown_paths_and_methods(modern):
    assert ask(modern, "/nope").headers["Transfer-Encoding"] == "chunked"
    for path, allowed in (("/nope", "GET,HEAD"), ("/view", "GET,HEAD"), ("/userdata/a", "DELETE,GET,HEAD,POST")):
        reply = ask(modern, path, "PATCH")
        assert (reply.status_code, reply.text) == (405, "405: Method Not Allowed")
        assert reply.headers["Allow"] == allowed
        assert ask(modern, path, "OPTIONS").status_code == 200
    for path in ("/%00x", "/..%2f..%2fetc/passwd"):
        assert ask(modern, path).text == "404: Not Found"
    assert ask(modern, "/features", headers={"Origin": "http://[::1"}).status_code == 500
    assert ask(modern, "/features", headers={"Origin": "null"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "kept"),
    [
        ("GET", "/nope.png", "public, max-age=86400"),
        ("GET", "/models/x.png", "public, max-age=3600"),
        ("GET", "/nope.js", "no-cache"),
        ("GET", "/index.x.json", "no-cache"),
        ("OPTIONS", "/x.WEBP", "public, max-age=86400"),
        ("GET", "/view?filename=x.png", None),
    ],
)
def test_how_long_answers_may_be_kept(modern, method, path, kept):
    assert ask(modern, path, method).headers.get("Cache-Control") == kept


def test_internal_routes(modern, older):
    files = {"image": (".hidden", b"1")}
    for server, seen in ((modern, ["b.png", "a.png"]), (older, ["b.png", "a.png", ".hidden"])):
        requests.post(server.url + "/upload/image", files=files, data={"type": "output"}, timeout=10)
        for name, subfolder in (("a.png", ""), ("c.png", "sub"), ("b.png", "")):
            more = {"type": "output", "subfolder": subfolder}
            requests.post(server.url + "/upload/image", files={"image": (name, b"1")}, data=more, timeout=10)
        assert ask(server, "/internal/files/output").json() == seen
    odd = ask(modern, "/internal/files/odd")
    assert (odd.status_code, odd.json()) == (400, {"error": "Invalid directory type"})
    raw = ask(modern, "/internal/logs/raw").json()
    assert raw["size"] == {"cols": 80, "rows": 24}
    entry = raw["entries"][0]
    assert ask(modern, "/internal/logs").json() == f"{entry['t']} - {entry['m']}"
    assert "checkpoints" in ask(modern, "/internal/folder_paths").json()
    assert ask(modern, "/api/internal/logs").status_code == 404
    assert ask(modern, "/internal/nope", "POST").text == "404: Not Found"
    assert ask(modern, "/internal/logs", "POST").status_code == 405


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"clientId": "a", "enabled": true}', 200),
        ('{"clientId": "a", "enabled": false}', 200),
        ('{"clientId": "a"}', 500),
        ('{"clientId": [], "enabled": true}', 500),
        ("[]", 500),
        ("", 500),
    ],
)
def test_subscribing_to_the_log(modern, body, status):
    assert ask(modern, "/internal/logs/subscribe", "PATCH", data=body).status_code == status


@pytest.mark.parametrize("path", ["/queue", "/history"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{}", 200),
        ("[]", 200),
        ('"text"', 200),
        ('{"delete": "none"}', 200),
        ('{"delete": null}', 500),
        ('{"delete": 5}', 500),
        ("null", 500),
        ("", 500),
    ],
)
def test_bodies_that_are_no_objects(modern, path, body, status):
    assert ask(modern, path, "POST", data=body).status_code == status


def test_only_broken_json_interrupts_everything(modern):
    bodies = {b"": 200, b"{": 200, b"{}": 200, b"[]": 500, b"\xff\xfe": 500}
    assert {body: ask(modern, "/interrupt", "POST", data=body).status_code for body in bodies} == bodies


def test_the_first_page_says_what_this_is(modern):
    for path in ("/", "/api/"):
        reply = ask(modern, path)
        assert "fake ComfyUI" in reply.text
        assert reply.headers["Cache-Control"] == "no-cache"


def test_a_web_page_is_served_and_nothing_outside_of_it(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    root = tmp_path / "web"
    for name, text in {"index.html": "<p>", "a/b.js": "1", "extensions/core/x.js": "2", "p.png": "3"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with FakeComfyServer(web_root=root) as server:
        first = ask(server, "/")
        told = first.text, first.headers["Cache-Control"], first.headers["Expires"]
        assert told == ("<p>", "no-store, must-revalidate", "0")
        assert ask(server, "/a/b.js").headers["Cache-Control"] == "no-store"
        assert ask(server, "/p.png").headers["Cache-Control"] == "public, max-age=86400"
        assert ask(server, "/extensions").json() == ["/extensions/core/x.js"]
        assert ask(server, "/a").status_code == 403
        assert ask(server, "/none").status_code == 404
        assert ask(server, "/none", "POST").status_code == 405
        assert ask(server, "/queue").json() == {"queue_running": [], "queue_pending": []}
        for path in ("/..%2fsecret.txt", "/a/..%2f..%2fsecret.txt", "//etc/passwd", "/%2e%2e/secret.txt"):
            reply = ask(server, path)
            assert reply.status_code in (403, 404)
            assert "secret" not in reply.text


def test_recorded_answers_win():
    exchanges = Exchanges(
        [
            recorded("/system_stats", {"system": {"comfyui_version": "9"}, "devices": []}),
            recorded("/models/loras", ["a.safetensors"]),
            recorded("/view_metadata/loras", {"k": "v"}, query=(("a", "2"), ("filename", "a.safetensors"))),
            recorded("/pack/own", b"\x00\x01", headers={"Content-Type": "x/y", "Content-Length": "9", "X-Own": "1"}),
            recorded("/pack/gone", b"gone", status=410, headers={"Content-Type": "text/plain"}),
            recorded("/pack/post", {"posted": 1}, method="POST"),
            recorded("/queue", {"never": "served"}),
            recorded("/userdata", ["never"], query=(("dir", "x"),)),
            recorded("/internal/logs", "told then"),
        ]
    )
    with FakeComfyServer(exchanges=exchanges) as server:
        for prefix in ("", "/api"):
            assert ask(server, prefix + "/system_stats").json()["system"] == {"comfyui_version": "9"}
            assert ask(server, prefix + "/models/loras").json() == ["a.safetensors"]
            metadata = prefix + "/view_metadata/loras?filename=a.safetensors&a=2"
            assert ask(server, metadata).json() == {"k": "v"}
            own = ask(server, prefix + "/pack/own")
            assert (own.content, own.headers["Content-Type"], own.headers["X-Own"]) == (b"\x00\x01", "x/y", "1")
            assert own.headers["Content-Length"] == "2"
            assert ask(server, prefix + "/pack/own", "HEAD").headers["Content-Length"] == "2"
            assert (ask(server, prefix + "/pack/gone").status_code, ask(server, prefix + "/pack/post").status_code) == (
                410,
                404,
            )
            assert ask(server, prefix + "/pack/post", "POST").json() == {"posted": 1}
            assert ask(server, prefix + "/pack/post", "POST", data="other").status_code == 405
        assert ask(server, "/view_metadata/loras?filename=b.safetensors").status_code == 404
        assert ask(server, "/queue").json() == {"queue_running": [], "queue_pending": []}
        assert ask(server, "/userdata?dir=x").status_code == 404
        assert ask(server, "/internal/logs").json() == "told then"


def test_headers_that_cannot_be_sent_are_left_out():
    odd = {"Content-Type": "text/plain", "X-Odd": "a\r\nX-More: b", "Bad\nName": "x", "Connection": "upgrade"}
    with FakeComfyServer(exchanges=Exchanges([recorded("/odd", b"x", status=99, headers=odd)])) as server:
        reply = ask(server, "/odd")
        assert (reply.status_code, reply.text) == (500, "x")
        assert not {"X-Odd", "X-More"} & set(reply.headers)


def test_node_definitions_of_a_recording_and_of_golden_runs(golden):
    told = {"SaveImage": {"name": "recorded"}, "Other": {"name": "other"}}
    exchanges = Exchanges(
        [recorded("/object_info", told), recorded("/object_info/Single", {"Single": {"name": "one"}})]
    )
    with FakeComfyServer([golden], exchanges=exchanges) as server:
        whole = ask(server, "/object_info").json()
        assert whole == {**told, "EmptyImage": {"output_node": False}}
        assert ask(server, "/object_info/SaveImage").json() == {"SaveImage": {"name": "recorded"}}
        assert ask(server, "/api/object_info/EmptyImage").json() == {"EmptyImage": {"output_node": False}}
        assert ask(server, "/object_info/Single").json() == {"Single": {"name": "one"}}


@pytest.mark.parametrize("body", [b"{", b"[1]", b"null", b"[" * 5000, b"\xff"])
def test_a_recorded_object_info_that_is_none(golden, body):
    with FakeComfyServer([golden], exchanges=Exchanges([recorded("/object_info", body)])) as server:
        assert set(ask(server, "/object_info").json()) == {"EmptyImage", "SaveImage"}


def test_what_was_computed_is_kept_until_something_is_added(tmp_path, golden, monkeypatch):
    calls = []
    real = facts.models
    monkeypatch.setattr(facts, "models", lambda library: calls.append(1) or real(library))
    with FakeComfyServer([golden]) as server:
        assert [ask(server, "/models/checkpoints").json() for _ in range(3)] == [["a.safetensors"]] * 3
        assert len(calls) == 1
        more = copy.deepcopy(document())
        more["environment"]["models"] = {"checkpoints": ["b.safetensors"], "own/x.gguf": {}}
        more["node_definitions"]["New"] = {}
        assert "New" not in ask(server, "/object_info").json()
        server.add(write(tmp_path / "more/case/default", more))
        assert ask(server, "/models/checkpoints").json() == ["a.safetensors", "b.safetensors"]
        assert ask(server, "/experiment/models/own").json()[0]["name"] == "x.gguf"
        assert "New" in ask(server, "/object_info").json()
        assert len(calls) == 2


def test_model_files_are_told_as_golden_runs_know_them(tmp_path):
    """In ComfyUI's shape, so that a client makes the same facts of it again; 0 is what nobody knows."""
    facts = {"folder": "vae", "size": 9, "modified": "2026-11-26T00:26:47.946Z", "sshs_model_hash": "ab"}
    told = document()
    told["environment"]["models"] = {"a.safetensors": facts, "b.pt": {"folder": "vae", "size": [], "modified": 5}}
    with FakeComfyServer(write(tmp_path / "case/default", told)) as server:
        known, unknown = ask(server, "/experiment/models/vae").json()
        assert ask(server, "/experiment/models/loras").json() == []
        metadata = ask(server, "/view_metadata/vae?filename=a.safetensors")
        for path in ("vae?filename=b.pt", "vae?filename=x", "vae", "loras?filename=a.safetensors"):
            assert ask(server, f"/view_metadata/{path}").status_code == 404
    assert set(known) == {"name", "pathIndex", "modified", "created", "size"}
    assert model_facts("vae", known, metadata.json()) == facts
    assert (unknown["name"], unknown["modified"], unknown["size"]) == ("b.pt", 0, 0)


def test_a_golden_environment_is_told(golden):
    with FakeComfyServer([golden]) as server:
        told = ask(server, "/system_stats").json()
        assert (told["system"]["pytorch_version"], told["system"]["os"]) == ("2.13.0", "linux")
        assert told["devices"][0]["type"] == "cpu"
    assert isinstance(golden, GoldenRun)


@pytest.mark.parametrize("version", ["0.8.0", "0.30.0"])
def test_what_a_golden_run_keeps_of_a_machine_is_told_again(tmp_path, version):
    environment = describe_system({
        "system": {
            "comfyui_version": version, "python_version": "3.11.7 (main)", "pytorch_version": "2.8.0", "os": "linux",
            "argv": ["main.py", "--fast", "--reserve-vram", "2"], "required_frontend_version": "1.35.9",
            "installed_templates_version": "0.7.67",
            **({"comfy_package_versions": [{"name": "comfy-kitchen", "installed": "0.2.26", "required": "0.2.26"}]}
               if version == "0.30.0" else {}),
        },
        "devices": [{"name": "cuda:0 NVIDIA L4 : native", "type": "cuda", "vram_total": 25282281472}],
    })  # fmt: skip
    with FakeComfyServer(write(tmp_path / "case/default", {**document(), "environment": environment})) as server:
        assert describe_system(ask(server, "/system_stats").json()) == environment


def test_classes_have_a_category_without_which_the_page_does_not_start(tmp_path):
    kept = document()
    kept["node_definitions"] = {"A": {"input": {}}, "B": {"input": {}, "category": "mine"}}
    with FakeComfyServer([write(tmp_path / "golden/a/default", kept)]) as server:
        found = ask(server, "/object_info").json()
        assert [found[name]["category"] for name in "AB"] == ["", "mine"]
        assert ask(server, "/object_info/A").json()["A"]["category"] == ""
