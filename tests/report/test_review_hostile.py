"""What the review server refuses, over real sockets: nothing is read without the token, or written by another site."""

from __future__ import annotations

import json
import os
import re
import socket

import pytest
from kept import tree

from .desks import SECRET, lay, pictures, reviewing

DECISION = {"case": "garden-default", "output": None, "decision": "approved", "reason": ""}


@pytest.fixture(scope="module")
def asker(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    lay(root)
    with reviewing(root) as asker:
        asker.root = root
        yield asker


@pytest.fixture(autouse=True)
def nothing_is_written(asker):
    before = tree(asker.root)
    yield
    assert tree(asker.root) == before


class TestToken:
    @pytest.mark.parametrize("path", ["/", "/index.html", "/-/state", "/assets/core.js", "/garden/default/run.json"])
    @pytest.mark.parametrize("cookie", [None, "", "comfy-review=x", "wrong"])
    def test_nothing_is_told_without(self, asker, path, cookie):
        given = f"comfy-review-{asker.port}=guess" if cookie == "wrong" else cookie
        status, _, body = asker.get(path, Cookie=given)
        assert status == 403 and body.startswith(b"the address lacks its token")

    @pytest.mark.parametrize("query", ["?token=", "?token=guess", "?token={token}&token=x", "?TOKEN={token}"])
    def test_wrong_in_the_address(self, asker, query):
        assert asker.get("/" + query.format(token=asker.token), Cookie=None)[0] == 403

    def test_address_lets_in_and_gives_a_cookie(self, asker):
        status, headers, body = asker.get(f"/?token={asker.token}", Cookie=None)
        assert status == 200 and b"garden/default" in body
        cookie = headers["Set-Cookie"]
        assert cookie.startswith(f"comfy-review-{asker.port}={asker.token};")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; ")) and "Domain" not in cookie
        assert asker.get("/", Cookie=cookie.split(";")[0])[0] == 200

    def test_ticket_is_good_for_once(self, asker):
        path = asker.server.ticket().removeprefix(asker.server.url)
        assert asker.token not in path
        assert [asker.get(path, Cookie=None)[0] for _ in range(2)] == [200, 403]

    def test_page_does_not_tell_the_token(self, asker):
        assert asker.token.encode() not in asker.get("/")[2]

    def test_decision_without_the_cookie(self, asker):
        assert asker.decide("garden-default", headers={"Cookie": None})[0] == 403

    def test_token_in_the_address_decides_nothing(self, asker):
        body = json.dumps({"version": asker.version, **DECISION}).encode()
        assert asker.ask("POST", f"/-/decide?token={asker.token}", body, Cookie=None)[0] == 403

    @pytest.mark.parametrize("key", [None, "", "guess", SECRET + "x", "ü"])
    def test_decision_without_the_key_of_the_page(self, asker, key):
        status, told = asker.decide("garden-default", headers={"X-Comfy-Review": key and key.encode("latin-1")})
        assert status == 403 and "its token is missing" in told


class TestHost:
    """A name of somebody else's that leads to 127.0.0.1 is another site to a browser, and must be one to us."""

    HOSTS = (
        None, "", "localhost", "127.0.0.1", "evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}",
        "127.0.0.1:1", "0.0.0.0:{port}", "[::1]:{port}", "LOCALHOST:{port}", "127.1:{port}", "127.0.0.1:{port}@evil",
    )  # fmt: skip

    @pytest.mark.parametrize("host", HOSTS)
    def test_other_names(self, asker, host):
        given = host and host.format(port=asker.port)
        assert asker.get(f"/?token={asker.token}", Host=given)[0] in (400, 403)
        assert asker.decide("garden-default", headers={"Host": given, "Origin": f"http://{given}"})[0] in (400, 403)

    def test_two_hosts(self, asker):
        assert asker.get("/", Host=[f"127.0.0.1:{asker.port}", "evil.example"])[0] in (400, 403)

    def test_localhost(self, asker):
        assert asker.get("/", Host=f"localhost:{asker.port}")[0] == 200

    def test_it_listens_on_loopback_alone(self, asker):
        (address,) = asker.server.runner.addresses
        assert address[0] == "127.0.0.1"
        own = socket.gethostbyname(socket.gethostname())
        if not own.startswith("127."):
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((own, asker.port), timeout=5)


class TestOrigin:
    ORIGINS = (
        None, "", "null", "http://evil.example", "http://127.0.0.1", "http://127.0.0.1:1", "https://127.0.0.1:{port}",
        "http://localhost:{port}", "http://127.0.0.1:{port}/", "http://127.0.0.1:{port}.evil.example",
        "http://127.0.0.1:{port}, http://evil.example",
    )  # fmt: skip

    @pytest.mark.parametrize("origin", ORIGINS)
    def test_other_sites(self, asker, origin):
        status, told = asker.decide("garden-default", headers={"Origin": origin and origin.format(port=asker.port)})
        assert status == 403 and "origin" in told

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
    def test_what_the_browser_says_of_the_site(self, asker, site):
        assert asker.decide("garden-default", headers={"Sec-Fetch-Site": site})[0] == 403

    def test_other_sites_are_not_let_to_ask_with_headers(self, asker):
        headers = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x-comfy-review"}
        status, answered, _ = asker.ask("OPTIONS", "/-/decide", Origin="http://evil.example", **headers)
        assert status == 403 and not any(name.lower().startswith("access-control") for name in answered)


class TestWrites:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
    @pytest.mark.parametrize("path", ["decide", "undo", "check"])
    def test_no_other_method_decides(self, asker, method, path):
        body = json.dumps({"version": asker.version, **DECISION}).encode()
        query = "&".join(f"{key}={value}" for key, value in DECISION.items())
        assert asker.ask(method, f"/-/{path}?{query}", body)[0] in (400, 404, 405)

    @pytest.mark.parametrize(
        "kind",
        [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"],
    )
    def test_only_json_is_taken(self, asker, kind):
        assert asker.decide("garden-default", headers={"Content-Type": kind})[0] == 415

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"null", b"7", b'"a"', b"\xff", b"[" * 60_000, b'{"version": "x"}', b'{"version": NaN}'],
    )  # fmt: skip
    @pytest.mark.parametrize("path", ["decide", "undo", "check"])
    def test_what_is_no_decision(self, asker, body, path):
        assert asker.ask("POST", f"/-/{path}", body)[0] == 400

    @pytest.mark.parametrize(
        "other",
        [{"decision": "approve"}, {"decision": None}, {"case": 7}, {"case": None}, {"output": 7}, {"output": []},
         {"reason": None}, {"reason": "x" * 1001}, {"more": 1}, {"version": 1}],
    )  # fmt: skip
    def test_what_is_nearly_a_decision(self, asker, other):
        assert asker.post("decide", **{**DECISION, **other})[0] == 400

    @pytest.mark.parametrize("number", ["1", 1.0, True, None])
    def test_what_is_nearly_an_undo(self, asker, number):
        assert asker.undo(number)[0] == 400

    def test_bodies_are_bounded(self, asker):
        assert asker.ask("POST", "/-/decide", b" " * (2**16 + 1))[0] == 413

    def test_bodies_without_end_are_bounded(self, asker):
        head = (
            f"POST /-/decide HTTP/1.1\r\nHost: 127.0.0.1:{asker.port}\r\nOrigin: {asker.server.url}\r\n"
            f"Cookie: comfy-review-{asker.port}={asker.token}\r\nX-Comfy-Review: {SECRET}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", asker.port), timeout=30) as connection:
            connection.sendall(head.encode())
            for _ in range(9):
                connection.sendall(b"2000\r\n" + b" " * 0x2000 + b"\r\n")
            assert b" 413 " in connection.recv(100)

    @pytest.mark.parametrize("path", ["/", "/index.html", "/-/state", "/garden/default/9.images.0.actual.png"])
    def test_pages_take_nothing(self, asker, path):
        assert asker.ask("POST", path, b"{}")[0] in (404, 405)


PATHS = (
    "../pytest.ini", "%2e%2e/pytest.ini", "..%2fpytest.ini", "%2e%2e%2fpytest.ini", "garden/../../secret",
    "garden/default/%2e%2e/%2e%2e/%2e%2e/secret", "%252e%252e/secret", "..\\secret", "%5c..%5csecret",
    "/etc/passwd", "%2fetc%2fpasswd", "//etc/passwd", "file:///etc/passwd", "garden/default/9.images.0.actual.png%00",
    "garden/default/9.images.0.actual.png/", "garden/default//9.images.0.actual.png", "./report.json", "report.json",
    "decisions.json", ".gitignore", "garden/default/case.json", "garden/default/run/run.json", "garden/default/run",
    "garden/default", "assets", "assets/", "assets/../report.json", "assets/nothing.js", "-/", "-/nothing", "\u00e4",
)  # fmt: skip


class TestPaths:
    @pytest.mark.parametrize("path", PATHS)
    def test_only_what_the_page_shows(self, asker, path):
        (asker.root / "secret").write_text("secret")
        status, _, body = asker.get("/" + path.replace("\u00e4", "%c3%a4%ff"))
        (asker.root / "secret").unlink()
        assert status in (400, 404) and len(body) < 300 and b"secret" not in body

    def test_absolute_form(self, asker):
        assert asker.get(f"http://evil.example:{asker.port}/", Host="evil.example")[0] in (400, 403)

    @pytest.mark.parametrize("what", ["file", "folder", "pipe"])
    def test_links_and_pipes_in_place_of_what_is_shown(self, tmp_path, what):
        lay(tmp_path, ["garden"])
        (tmp_path / "secret").write_text("secret")
        with reviewing(tmp_path) as asker:
            folder = tmp_path / "comfy-report/garden/default"
            if what == "folder":
                folder.rename(tmp_path / "away")
                folder.symlink_to(tmp_path / "away")
            else:
                picture = folder / "9.images.0.actual.png"
                picture.unlink()
                if what == "file":
                    picture.symlink_to(tmp_path / "secret")
                else:
                    os.mkfifo(picture)
            status, _, body = asker.get("/garden/default/9.images.0.actual.png")
            assert status == 404 and b"secret" not in body

    def test_paths_in_the_report_that_leave_it(self, tmp_path):
        lay(tmp_path, ["garden"])
        (tmp_path / "secret.png").write_text("secret")
        report = tmp_path / "comfy-report/report.json"
        document = json.loads(report.read_bytes())
        paths = ["../secret.png", str(tmp_path / "secret.png"), "garden/../../secret.png", 7, None]
        document["cases"][0]["outputs"][0]["files"] = {str(at): path for at, path in enumerate(paths)}
        report.write_text(json.dumps(document))
        with reviewing(tmp_path) as asker:
            for path in paths:
                assert asker.get(f"/{path}")[0] in (400, 404)


class TestHeaders:
    @pytest.mark.parametrize(
        ("path", "status"),
        [("/", 200), ("/assets/core.js", 200), ("/-/state", 200), ("/garden/default/9.images.0.actual.png", 200),
         ("/nothing", 404), ("/?token=x", 200)],
    )  # fmt: skip
    def test_of_every_answer(self, asker, path, status):
        answered, headers, _ = asker.get(path)
        assert answered == status
        assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY" and headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"

    def test_of_a_refusal(self, asker):
        _, headers, _ = asker.get("/", Cookie=None)
        assert headers["Cache-Control"] == "no-store" and headers["Content-Type"].startswith("text/plain")

    def test_policy_of_the_page(self, asker):
        _, headers, _ = asker.get("/")
        policy = dict(re.findall(r"([a-z-]+) ([^;]+)", headers["Content-Security-Policy"]))
        assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"

    @pytest.mark.parametrize(
        ("at", "kind"), [("0.actual.png", "image/png"), ("2.actual.svg", "image/svg+xml"),
                         ("3.actual.html", "application/octet-stream"), ("4.actual.js", "application/octet-stream")]
    )  # fmt: skip
    def test_files_are_nothing_that_runs(self, tmp_path, at, kind):
        lay(tmp_path, ["batch"], outputs=5)
        with reviewing(tmp_path) as asker:
            status, headers, body = asker.get(f"/batch/default/9.images.{at}")
        assert status == 200 and headers["Content-Type"] == kind
        assert body == (tmp_path / f"comfy-report/batch/default/9.images.{at}").read_bytes()
        assert (
            "sandbox" in headers["Content-Security-Policy"] and "script-src" not in headers["Content-Security-Policy"]
        )
        assert headers.get("Content-Disposition", "").startswith("attachment") == (kind == "application/octet-stream")


@pytest.mark.parametrize(
    ("told", "status", "piece"),
    [("bytes=0-3", 206, slice(0, 4)), ("bytes=4-", 206, slice(4, None)), ("bytes=2-999999", 206, slice(2, None)),
     ("bytes=999999-", 200, slice(None)), ("bytes=-5", 200, slice(None)), ("bytes=5-2", 200, slice(None)),
     ("bytes=0-1,4-5", 200, slice(None)), ("lines=1-2", 200, slice(None)),
     ("bytes=" + "9" * 40 + "-", 200, slice(None))],
)  # fmt: skip
def test_pieces_of_a_file(asker, told, status, piece):
    whole = (asker.root / "comfy-report/garden/default/9.images.0.actual.png").read_bytes()
    answered, headers, body = asker.get("/garden/default/9.images.0.actual.png", Range=told)
    assert (answered, body) == (status, whole[piece])
    if status == 206:
        start = piece.start or 0
        assert headers["Content-Range"] == f"bytes {start}-{start + len(body) - 1}/{len(whole)}"


def test_all_that_was_tried_approved_nothing(asker):
    assert pictures(asker.root) == [1, 1, 1] and asker.state()["decisions"] == []
