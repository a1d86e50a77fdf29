"""Users, their files and settings."""

from __future__ import annotations

import pytest
import requests

from pytest_comfy.server import FakeComfyServer

FILES = {"w/a.json": "{}", "w/deep/b.json": "[]", "w/.hidden": "h", "w/.dir/x": "x", "top.txt": "t"}


@pytest.fixture
def fake():
    with FakeComfyServer(version="0.8.0") as server:
        yield server


def quoted(name):
    return requests.utils.quote(name, safe="")


def call(server, method, path, body=None, **query):
    return requests.request(method, server.url + path, data=body, params=query, timeout=10)


def put(server, name, body="", **query):
    return call(server, "POST", "/userdata/" + quoted(name), body, **query)


def get(server, name):
    return call(server, "GET", "/userdata/" + quoted(name))


@pytest.fixture
def filled(fake):
    for name, body in FILES.items():
        assert put(fake, name, body).json() == name
    return fake


def test_files_are_written_read_and_removed(fake):
    assert get(fake, "a/b.txt").status_code == 404
    assert put(fake, "a/b.txt", "one").json() == "a/b.txt"
    reply = get(fake, "a/b.txt")
    assert (reply.text, reply.headers["Content-Type"]) == ("one", "text/plain")
    assert get(fake, "a%2Fb.txt").text == "one"
    assert put(fake, "a/b.txt", "two", overwrite="false").text == "File already exists"
    facts = put(fake, "a/b.txt", "three", full_info="true").json()
    assert (facts["path"], facts["size"]) == ("a/b.txt", 5)
    assert facts["modified"] == facts["created"]
    assert call(fake, "DELETE", "/api/userdata/a%2Fb.txt").status_code == 204
    assert get(fake, "a/b.txt").status_code == 404


def test_ranges_and_conditions_hold_here_too(filled):
    url = filled.url + "/userdata/top.txt"
    tag = requests.get(url, timeout=10).headers["Etag"]
    assert requests.get(url, headers={"If-None-Match": tag}, timeout=10).status_code == 304
    assert requests.get(url, headers={"Range": "bytes=1-"}, timeout=10).status_code == 416


@pytest.mark.parametrize(
    ("name", "read", "written", "removed"),
    [
        ("../x", 403, 403, 403),
        ("%2e%2e/x", 403, 403, 403),
        ("/etc/passwd", 403, 403, 403),
        ("w", 403, 400, 500),
        ("%2E", 403, 400, 500),
        ("none", 404, 200, 204),
        ("x" * 300, 404, 400, 404),
        ("x" * 300 + "/y", 500, 500, 500),
        ("a\0b", 404, 500, 404),
        ("a\0b/c", 500, 500, 500),
        ("top.txt/x", 404, 400, 404),
        ("top.txt/x/y", 500, 500, 500),
    ],
)
def test_impossible_names(filled, name, read, written, removed):
    assert get(filled, name).status_code == read
    reply = put(filled, name)
    assert reply.status_code == written
    if written == 400:
        assert reply.reason == 'Invalid filename. Please avoid special characters like :\\/*?"<>|'
    assert call(filled, "DELETE", "/userdata/" + quoted(name)).status_code == removed


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ({"dir": "w"}, ["a.json"]),
        ({"dir": "./w/"}, ["a.json"]),
        ({"dir": "w", "recurse": "true"}, ["a.json", "deep/b.json"]),
        ({"dir": "w", "recurse": "1"}, ["a.json"]),
        ({"dir": "w", "recurse": "TRUE", "split": "true"}, [["a.json", "a.json"], ["deep/b.json", "deep", "b.json"]]),
        ({"dir": "w/.dir"}, ["x"]),
        ({"dir": "."}, ["top.txt"]),
        ({"dir": "top.txt"}, []),
    ],
)
def test_listing(filled, query, listed):
    assert call(filled, "GET", "/userdata", **query).json() == listed


def test_listing_with_facts(filled):
    found = call(filled, "GET", "/userdata", dir="w", full_info="true", split="true").json()
    assert [(one["path"], one["size"]) for one in found] == [("a.json", 2)]


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ({}, 400, "Directory not provided"),
        ({"dir": ".."}, 403, "Invalid directory"),
        ({"dir": "%2e%2e"}, 403, "Invalid directory"),
        ({"dir": "none"}, 404, "Directory not found"),
    ],
)
def test_refused_listing(fake, query, status, text):
    reply = call(fake, "GET", "/userdata", **query)
    assert (reply.status_code, reply.text) == (status, text)


def test_the_tree_holds_folders_first_and_hidden_files_too(filled):
    found = call(filled, "GET", "/v2/userdata?path=w").json()
    assert [(one["type"], one["path"]) for one in found] == [
        ("directory", "w/.dir"),
        ("directory", "w/deep"),
        ("file", "w/.hidden"),
        ("file", "w/a.json"),
        ("file", "w/deep/b.json"),
        ("file", "w/.dir/x"),
    ]
    assert found[3].keys() == {"name", "path", "type", "size", "modified"}


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("..", 400, "Invalid path requested"),
        ("none", 404, "Requested path not found"),
        ("top.txt", 400, "Requested path is not a directory"),
    ],
)
def test_refused_trees(filled, path, status, text):
    reply = call(filled, "GET", "/v2/userdata?path=" + path)
    assert (reply.status_code, reply.text) == (status, text)


def test_the_tree_of_a_new_user_is_empty(fake):
    assert call(fake, "GET", "/v2/userdata").json() == []


def move(server, source, target, **query):
    return call(server, "POST", f"/userdata/{quoted(source)}/move/{quoted(target)}", **query)


def test_files_and_folders_move(filled):
    assert move(filled, "top.txt", "new/place.txt").json() == "new/place.txt"
    assert get(filled, "new/place.txt").text == "t"
    assert move(filled, "w", "new").json() == "new"
    assert get(filled, "new/w/deep/b.json").text == "[]"
    assert move(filled, "new/place.txt", "new/w/a.json", overwrite="false").status_code == 409
    assert move(filled, "new/place.txt", "new/w/a.json", full_info="true").json()["size"] == 1
    assert get(filled, "new/w/a.json").text == "t"


@pytest.mark.parametrize(
    ("source", "target", "status"),
    [
        ("none", "x", 404),
        ("../x", "x", 403),
        ("top.txt", "../x", 403),
        ("w", "top.txt", 500),
        ("w", "w/inside", 500),
        ("w", "w", 200),
        ("%2E", "x", 500),
        ("top.txt", "x" * 300, 500),
        ("top.txt", "a\0", 500),
    ],
)
def test_refused_moves(filled, source, target, status):
    assert move(filled, source, target).status_code == status
    assert get(filled, "top.txt").text == "t"
    assert get(filled, "w/a.json").text == "{}"


def test_the_older_server_stumbles_over_a_refused_target():
    with FakeComfyServer(version="0.3.64") as server:
        put(server, "a", "1")
        assert move(server, "a", "../x").status_code == 500


def test_settings_are_merged_and_are_a_file_of_the_user(fake):
    def settings(path=""):
        return call(fake, "GET", "/settings" + path).json()

    assert settings() == {}
    assert settings("/a") is None
    assert call(fake, "POST", "/settings", '{"a": 1, "b": [2]}').text == ""
    call(fake, "POST", "/settings/c", '"x"')
    call(fake, "POST", "/api/settings", '{"a": null}')
    assert settings() == {"a": None, "b": [2], "c": "x"}
    assert settings("/c") == "x"
    assert '"c": "x"' in get(fake, "comfy.settings.json").text
    put(fake, "comfy.settings.json", "{broken")
    assert settings() == {}
    put(fake, "comfy.settings.json", "[1]")
    assert settings() == [1]
    assert call(fake, "POST", "/settings", "{}").status_code == 500


@pytest.mark.parametrize("body", ["", "{", "[]", "5", "null"])
def test_settings_want_an_object(fake, body):
    assert call(fake, "POST", "/settings", body).status_code == 500


def test_a_user_has_a_folder_once_it_was_looked_for(fake):
    def migrated():
        return call(fake, "GET", "/users").json() == {"storage": "server", "migrated": True}

    assert not migrated()
    call(fake, "GET", "/settings")
    assert migrated()


@pytest.mark.parametrize(
    ("body", "modern", "older"),
    [
        ('{"username": "default"}', "Duplicate username.", "Duplicate username."),
        ('{"username": " "}', "username not provided", None),
        ('{"username": "__x"}', "System User prefix not allowed", "added"),
        ('{"username": 5}', None, None),
        ('{"username": "Ä b"}', "added", "added"),
        ("[]", None, None),
    ],
)
def test_adding_users(body, modern, older):
    for version, told in (("0.8.0", modern), ("0.3.64", older)):
        with FakeComfyServer(version=version) as server:
            reply = call(server, "POST", "/users", body.encode())
            if told is None:
                assert reply.status_code == 500
            elif told == "added":
                name = reply.json().rpartition("_")[0]
                assert name == ("-b" if "Ä" in body else "__x")
            else:
                assert (reply.status_code, reply.json()) == (400, {"error": told})


def test_reset_forgets_the_user_and_restart_does_not(filled):
    filled.restart()
    assert get(filled, "top.txt").text == "t"
    filled.reset()
    assert get(filled, "top.txt").status_code == 404
