"""The fixture `comfy_respx`: applications that use httpx, tested without a port."""

from __future__ import annotations

import sys

import pytest
from projects import graph, lines_of, png, recorded

from pytest_comfy.golden import GoldenStore

APPLICATION = '''
"""Makes a picture with ComfyUI: posts the prompt, polls its history, fetches what it made."""
import asyncio
import time

import httpx


class Failed(Exception):
    pass


def body(color):
    save = {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "out"}}
    empty = {"width": 64, "height": 64, "batch_size": 1, "color": color}
    # Without a client_id, ComfyUI 0.8.0 keeps what comes from its cache out of the history.
    return {"client_id": "app", "prompt": {"3": {"class_type": "EmptyImage", "inputs": empty}, "9": save}}


def posted(response):
    if response.status_code != 200:
        raise Failed(response.json()["error"]["message"])
    return response.json()["prompt_id"]


def made(entry):
    if entry["status"]["status_str"] != "success":
        raise Failed("the run failed")
    return entry["outputs"]["9"]["images"][0]


def make(color=7, url="http://127.0.0.1:8188"):
    with httpx.Client(base_url=url) as client:
        prompt_id = posted(client.post("/prompt", json=body(color)))
        while not (history := client.get(f"/history/{prompt_id}").json()):
            time.sleep(0.01)
        answer = client.get("/view", params=made(history[prompt_id]))
        answer.raise_for_status()
        return answer.content


async def make_async(color=7, url="http://127.0.0.1:8188"):
    async with httpx.AsyncClient(base_url=url) as client:
        prompt_id = posted(await client.post("/prompt", json=body(color)))
        while not (history := (await client.get(f"/history/{prompt_id}")).json()):
            await asyncio.sleep(0.01)
        answer = await client.get("/view", params=made(history[prompt_id]))
        answer.raise_for_status()
        return answer.content
'''
HEAD = "import asyncio\n\nimport httpx\nimport pytest\n\nimport application\n"


@pytest.fixture
def app(project, monkeypatch):
    """A project with the application, one golden run of it and the picture that it made."""
    monkeypatch.syspath_prepend(project.root)
    project.write("application.py", APPLICATION)
    project.golden()
    project.write("expected.png", png())
    return project


def outcomes(app, text, *args, **expected):
    app.write("test_app.py", HEAD + text)
    result = app.run("test_app.py", "--strict-markers", *args)
    result.assert_outcomes(**expected)
    return result


def test_sync_and_async_code_gets_the_golden_picture(app):
    text = """
EXPECTED = open("expected.png", "rb").read()

def test_sync(comfy_respx):
    assert comfy_respx.url == "http://127.0.0.1:8188"
    assert application.make() == EXPECTED
    assert [sent["prompt"]["3"]["inputs"]["color"] for sent in comfy_respx.server.prompts] == [7]
    assert comfy_respx.router["comfyui"].calls.last.request.url.path == "/view"

def test_async(comfy_respx):
    async def several():
        return await asyncio.gather(*[application.make_async() for _ in range(3)])
    assert asyncio.run(several()) == [EXPECTED] * 3
    assert len(comfy_respx.server.prompts) == 3
"""
    outcomes(app, text, passed=2)


def test_with_pytest_asyncio_and_all_other_plugins(app):
    app.write("pytest.ini", "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    app.write("test_app.py", HEAD + """
async def test_async(comfy_respx):
    assert (await application.make_async()).startswith(b"\\x89PNG")

async def test_sync_code_in_an_async_test(comfy_respx):
    assert application.make().startswith(b"\\x89PNG")

def test_beside_the_fixture_of_respx(comfy_respx, respx_mock):
    other = respx_mock.get("https://example.org/").respond(text="theirs")
    assert application.make() and httpx.get("https://example.org/").text == "theirs"
    assert other.call_count == 1
""")  # fmt: skip
    app.run_apart("test_app.py").assert_outcomes(passed=3)


def test_a_prompt_without_a_golden_run_is_told_what_differs(app):
    text = """
def test_other(comfy_respx):
    with pytest.raises(application.Failed, match="EmptyImage.color is 8, was 7"):
        application.make(8)
    assert comfy_respx.server.prompts == []
    assert [sent["prompt"]["3"]["inputs"]["color"] for sent in comfy_respx.server.unmatched] == [8]
"""
    outcomes(app, text, passed=1)


def test_two_tests_do_not_share_state(app):
    text = """
@pytest.mark.parametrize("time", [1, 2])
def test_alone(comfy_respx, time):
    assert httpx.get(comfy_respx.url + "/history").json() == {}
    files = {"image": ("a.png", b"uploaded")}
    uploaded = httpx.post(comfy_respx.url + "/upload/image", files=files).json()
    assert uploaded == {"name": "a.png", "subfolder": "", "type": "input"}
    assert httpx.get(comfy_respx.url + "/api/view?filename=a.png&type=input").content == b"uploaded"
    comfy_respx.router.get("http://example.org/").respond(200)
    comfy_respx.mock("http://gpu-box")
    application.make()
    assert len(httpx.get("http://gpu-box/history").json()) == 1

def test_after(comfy_respx):
    for url in ("http://example.org/", "http://gpu-box/history"):
        with pytest.raises(AssertionError, match="not mocked"):
            httpx.get(url)

def test_without():
    with pytest.raises(httpx.ConnectError):
        httpx.get("http://127.0.0.1:1/")
"""
    outcomes(app, text, passed=4)


def test_a_failed_run_is_replayed(app):
    prompt = graph(color=9)
    run = recorded(prompt, {}, error={"exception_message": "bad", "exception_type": "ValueError", "traceback": []})
    GoldenStore(app.root / "golden").write("broken/default", run)
    text = """
def test_failure(comfy_respx):
    with pytest.raises(application.Failed, match="the run failed"):
        application.make(9)
"""
    outcomes(app, text, passed=1)


def test_faults_are_the_errors_of_httpx(app):
    text = """
from pytest_comfy.server import faults

@pytest.mark.parametrize("fault, error", [
    (lambda: faults.drop_connection(path="/view"), httpx.RemoteProtocolError),
    (lambda: faults.truncated(path="/view"), httpx.RemoteProtocolError),
    (lambda: faults.refuse_connections(), httpx.ConnectError),
    (lambda: faults.http_status(502, path="/view"), httpx.HTTPStatusError),
    (lambda: faults.execution_error(), application.Failed),
])
@pytest.mark.parametrize("make", [application.make, lambda: asyncio.run(application.make_async())])
def test_trouble(comfy_respx, fault, error, make):
    comfy_respx.server.faults.add(fault())
    with pytest.raises(error):
        make()

def test_history_that_lags(comfy_respx):
    lag = comfy_respx.server.faults.add(faults.history_lags(2))
    assert application.make()
    assert lag.reached.is_set()
"""
    outcomes(app, text, passed=11)


def test_the_mark_says_where_it_is_found(app):
    text = """
@pytest.mark.comfy_respx("http://gpu-box:8188", "https://comfy.example.org/one/")
def test_marked(comfy_respx):
    assert comfy_respx.url == "http://gpu-box:8188"
    assert application.make(url="http://gpu-box:8188") == application.make(url="https://comfy.example.org/one")
    with pytest.raises(AssertionError, match="127.0.0.1:8188.* not mocked"):
        application.make()
"""
    outcomes(app, text, passed=1)


@pytest.mark.parametrize(
    ("mark", "sentence"),
    [
        ("'gpu-box:8188'", "'gpu-box:8188' is no URL of a server: give one such as http://127.0.0.1:8188"),
        ("url='http://gpu-box'", "takes URLs only, not url="),
    ],
)
def test_a_wrong_mark_is_told_in_one_sentence(app, mark, sentence):
    text = f"""
@pytest.mark.comfy_respx({mark})
def test_marked(comfy_respx): pass
"""
    result = outcomes(app, text, errors=1)
    assert f"test_app.py::test_marked: mark comfy_respx: {sentence}" in "\n".join(lines_of(result))


def test_project_without_golden_runs(app):
    app.ini("comfy_golden_dir = elsewhere")
    text = """
def test_none(comfy_respx):
    with pytest.raises(application.Failed, match="No golden run answers this prompt: the fake server has none"):
        application.make()
"""
    outcomes(app, text, passed=1)


@pytest.mark.parametrize("missing", ["httpx", "respx"])
def test_without_the_extra_the_fixture_says_what_to_install(project, missing):
    project.write("test_app.py", "def test_it(comfy_respx): pass\n\ndef test_plain(): pass\n")
    # respx comes with a plugin of its own, which would import both: only ours is loaded.
    result = project.pytester.run(
        sys.executable, "-c",
        f"import os, sys; os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'; sys.modules[{missing!r}] = None; "
        "import pytest; sys.exit(pytest.main(['-p', 'pytest_comfy.plugin', '-c', os.devnull, 'test_app.py']))",
    )  # fmt: skip
    result.assert_outcomes(passed=1, errors=1)
    lines = lines_of(result)
    at = next(at for at, line in enumerate(lines) if "ERROR at setup of test_it" in line)
    assert lines[at + 1] == f'the fixture comfy_respx needs {missing}: pip install "pytest-comfy[httpx]"'
    assert not any("Traceback" in line for line in lines)


def test_the_plugin_loads_neither_before_the_fixture_is_asked_for(project):
    project.write("test_app.py", """
import sys
def test_plain(): assert not {"httpx", "respx", "httpcore"} & set(sys.modules)
def test_it(comfy_respx): assert {"httpx", "respx", "httpcore"} <= set(sys.modules)
""")  # fmt: skip
    result = project.pytester.run(
        sys.executable, "-c",
        "import os; os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'; import pytest; "
        "raise SystemExit(pytest.main(['-p', 'pytest_comfy.plugin', '-c', os.devnull, 'test_app.py']))",
    )  # fmt: skip
    result.assert_outcomes(passed=2)
