"""`--enable-cors-header`: pages of other origins in a browser."""

from __future__ import annotations

import pytest
import requests
from commands.test_serve import served
from projects import graph, recorded

from pytest_comfy.server import FakeComfyServer

PAGE = "https://page.example"
FOREIGN = {"Origin": PAGE}
ALLOWED = {
    "Access-Control-Allow-Methods": "POST, GET, DELETE, PUT, OPTIONS, PATCH",
    "Access-Control-Allow-Headers": "Content-Type, Authorization",
    "Access-Control-Allow-Credentials": "true",
}


def allowed(answer):
    return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-")}


@pytest.mark.parametrize("origin", ["*", PAGE])
def test_pages_of_other_origins_may_ask(origin):
    expected = {"Access-Control-Allow-Origin": origin, **ALLOWED}
    with FakeComfyServer(recorded(), enable_cors_header=origin) as server:
        asked = [
            requests.options(server.url + "/prompt", headers=FOREIGN, timeout=10),
            requests.get(server.url + "/queue", headers={**FOREIGN, "Sec-Fetch-Site": "cross-site"}, timeout=10),
            requests.post(server.url + "/prompt", json={"prompt": graph()}, headers=FOREIGN, timeout=10),
            requests.post(server.url + "/prompt", json={}, headers={"Origin": "http://elsewhere"}, timeout=10),
        ]
    assert [one.status_code for one in asked] == [200, 200, 200, 400]
    assert [allowed(one) for one in asked] == [expected] * 4


def test_without_it_they_are_refused():
    with FakeComfyServer(recorded()) as server:
        for ask in (requests.options, requests.get, requests.post):
            answer = ask(server.url + "/prompt", headers=FOREIGN, timeout=10)
            assert (answer.status_code, answer.content, allowed(answer)) == (403, b"", {})


@pytest.mark.parametrize(("words", "origin"), [((), "*"), ((PAGE,), PAGE)])
def test_from_the_command_line(tmp_path, words, origin):
    with served(tmp_path, "--enable-cors-header", *words) as told:
        answer = requests.get(told["url"] + "/queue", headers=FOREIGN, timeout=10)
        assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_a_folder_is_no_origin(capsys):
    from pytest_comfy.commands.__main__ import main

    with pytest.raises(SystemExit):
        main(["serve", "--enable-cors-header", "golden"])
    assert "'golden' is no origin such as https://page.example: name GOLDEN_DIR before the flag" in (
        capsys.readouterr().err
    )
