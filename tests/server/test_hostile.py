"""Whatever is asked, the answer is one that ComfyUI could give, and the server lives on."""

from __future__ import annotations

import http.client
import json
import logging
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_comfy.server import FakeComfyServer

KNOWN = {200, 204, 206, 304, 400, 403, 404, 405, 409, 412, 413, 416, 500}
SETTINGS = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
names = st.one_of(
    text,
    st.lists(
        st.sampled_from(["..", ".", "", "a", "b.png", "%2e%2e", "~", "C:\\", "etc", "\0", "x" * 256]), max_size=5
    ).map("/".join),
    st.sampled_from(["a.png", "a.png [temp]", "[input]", "/etc/passwd", "../../etc/passwd", "a" * 300]),
)
json_bodies = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([b"", b"{}", b"[]", b"null", b"5", b'"x"', b"NaN", b"[" * 3000, b'{"a": 1}', b"\xff\xfe{"]),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | text,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["clear", "delete", "prompt_id", "username", "clientId", "enabled", "a"]), inner
            )
        ),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode()),
)

GET_PATHS = [
    "/view",
    "/userdata",
    "/v2/userdata",
    "/api/jobs",
    "/api/api/jobs",
    "/view_metadata/vae",
    "/history",
    "/internal/files/temp",
    "/settings",
    "/models",
    "/experiment/models/loras",
    "/object_info",
    "/system_stats",
    "/features",
    "/extensions",
    "/users",
    "/queue",
    "/prompt",
    "/",
    "/nope",
]
NAMED = [
    "/object_info/{}",
    "/models/{}",
    "/experiment/models/{}",
    "/experiment/models/preview/{}/{}/{}",
    "/view_metadata/{}",
    "/{}",
    "/userdata/{}",
    "/settings/{}",
    "/api/jobs/{}",
    "/history/{}",
    "/global_subgraphs/{}",
    "/internal/files/{}",
    "/internal/{}",
    "/workflow_templates/{}",
    "/api/{}",
]
QUERIES = [
    "filename",
    "type",
    "subfolder",
    "preview",
    "channel",
    "dir",
    "path",
    "recurse",
    "split",
    "full_info",
    "status",
    "sort_by",
    "sort_order",
    "limit",
    "offset",
    "workflow_id",
    "max_items",
    "overwrite",
]
BODY_PATHS = [
    "/queue",
    "/history",
    "/interrupt",
    "/free",
    "/settings",
    "/users",
    "/settings/a",
    "/userdata/a",
    "/userdata/a%2Fb",
    "/nope",
]
HEADERS = [
    "Range",
    "If-Range",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "Origin",
    "Content-Type",
]
plain = st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), max_size=20)
header_values = plain | st.sampled_from(["bytes=0-1", "bytes=-1", "bytes=1-0", "*", '"x"', "W/*", "http://[", "null"])


@pytest.fixture(scope="module", params=["0.8.0", "0.3.64"])
def fake(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("web")
    (root / "index.html").write_text("page")
    with FakeComfyServer(version=request.param, web_root=root) as server:
        status, _ = ask(server, "POST", "/upload/image", form({"image": b"1", "type": b"temp"}), FORM)
        assert status == 200
        yield server
        assert ask(server, "GET", "/queue")[0] == 200


@pytest.fixture(autouse=True)
def no_traceback(caplog):
    yield
    assert not [one for one in caplog.get_records("call") if one.levelno >= logging.ERROR]


FORM = {"Content-Type": "multipart/form-data; boundary=xx"}


def form(fields, filename="a.png"):
    body = b""
    for name, content in fields.items():
        more = f'; filename="{filename}"' if name == "image" else ""
        body += f'--xx\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"
    return body + b"--xx--\r\n"


def ask(server, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def check(server, *args):
    status, content = ask(server, *args)
    assert status in KNOWN
    assert b"Traceback" not in content
    assert b"root:" not in content
    return status


@SETTINGS
@given(
    path=st.sampled_from(GET_PATHS),
    query=st.dictionaries(st.sampled_from(QUERIES), names, max_size=5),
    headers=st.dictionaries(st.sampled_from(HEADERS), header_values, max_size=2),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_queries(fake, path, query, headers, method):
    check(fake, method, f"{path}?{urlencode(query)}", None, headers)


@SETTINGS
@given(path=st.sampled_from(NAMED), parts=st.tuples(names, names, names), safe=st.sampled_from(["", "/"]))
def test_names_in_paths(fake, path, parts, safe):
    for method in ("GET", "HEAD", "DELETE", "PUT"):
        check(fake, method, path.format(*(quote(part, safe=safe) for part in parts)))


@SETTINGS
@given(
    path=st.sampled_from(BODY_PATHS),
    body=json_bodies,
    kind=st.sampled_from(["application/json", "text/plain", "", "x"]),
)
def test_bodies(fake, path, body, kind):
    status = check(fake, "POST", path, body, {"Content-Type": kind})
    assert (status == 405) == (path == "/nope")


@SETTINGS
@given(
    filename=names.map(lambda name: name.replace("\r", "").replace("\n", "").replace('"', "")),
    fields=st.dictionaries(
        st.sampled_from(["type", "subfolder", "overwrite", "original_ref"]), names.map(str.encode) | json_bodies
    ),
    image=st.binary(max_size=20),
    path=st.sampled_from(["/upload/image", "/upload/mask"]),
)
def test_uploads(fake, filename, fields, image, path):
    check(fake, "POST", path, form({"image": image, **fields}, filename), FORM)


@SETTINGS
@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(["multipart/form-data", "multipart/form-data; boundary=xx", "multipart/mixed; boundary=xx",
                          "application/x-www-form-urlencoded", "application/json", "x"]),
    path=st.sampled_from(["/upload/image", "/upload/mask"]),
)  # fmt: skip
def test_forms_that_are_none(fake, body, kind, path):
    check(fake, "POST", path, b"--xx\r\n" + body, {"Content-Type": kind})
    check(fake, "POST", path, body, {"Content-Type": kind})


@SETTINGS
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["POST", "GET", "DELETE", "MOVE"]), names, names, st.sampled_from(["", "?overwrite=false"])
        ),
        max_size=8,
    )
)
def test_user_files(fake, steps):
    for method, name, other, query in steps:
        path = "/userdata/" + quote(name, safe="")
        if method == "MOVE":
            check(fake, "POST", f"{path}/move/{quote(other, safe='')}{query}", b"x")
        else:
            check(fake, method, path + query, b"x" if method == "POST" else None)
    for path in ("/v2/userdata", "/userdata?dir=.&recurse=true&full_info=true", "/settings"):
        assert ask(fake, "GET", path)[0] in (200, 404, 500)
