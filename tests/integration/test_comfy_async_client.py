"""The fixture comfy_async_client, by whatever runs asynchronous tests."""

from __future__ import annotations

import asyncio
import importlib.metadata

import pytest
from gateway import CA, Gateway
from projects import recorded
from proxy import Proxy
from ui_form import nested

from pytest_comfy import AsyncComfyClient
from pytest_comfy.client import ServerUnreachable

TEST = """
import asyncio
import pytest

{mark}
async def test_steps(comfy_async_client, comfy_workflow):
    queued = await comfy_async_client.queue_prompt(comfy_workflow("txt2img.json"))
    kinds = [event.type async for event in comfy_async_client.events(queued.prompt_id)]
    assert kinds[-1] == "executing"
    (output,) = await comfy_async_client.outputs(queued.prompt_id)
    assert output.image.size == (64, 64)

{mark}
async def test_run(comfy_async_client, comfy_workflow):
    assert (await comfy_async_client.run(comfy_workflow("txt2img.json"))).complete
"""
ALONE = """
import asyncio

def test_in_a_loop_of_one_s_own(comfy_async_client, comfy_workflow):
    run = asyncio.run(comfy_async_client.run(comfy_workflow("txt2img.json")))
    assert run.outputs

def test_unused(comfy_async_client):
    pass
"""
SCOPE = "asyncio_default_fixture_loop_scope = function\n"
WARNINGS = "filterwarnings = error\n"


@pytest.mark.parametrize("mark", ["@pytest.mark.asyncio", "@pytest.mark.anyio"])
def test_by_the_plugins_that_run_coroutines(project, mark):
    pytest.importorskip("anyio")
    project.both()
    project.write("test_them.py", TEST.format(mark=mark))
    has_scope = importlib.metadata.version("pytest-asyncio") >= "0.24"
    project.write("pytest.ini", f"[pytest]\naddopts = -p no:randomly -p no:recording\n{SCOPE * has_scope}{WARNINGS}")
    project.write("conftest.py", "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n")
    project.run_apart("test_them.py").assert_outcomes(passed=2)


def test_without_any_plugin(project):
    project.both()
    project.ini(WARNINGS)
    project.write("test_them.py", ALONE)
    project.run_apart("test_them.py").assert_outcomes(passed=2)


def test_a_live_server_behind_a_gateway(project, serve):
    project.both()
    gateway = Gateway(serve(recorded()).url, wanted={"Authorization": "Bearer tok-93ab17ffe0c2d4"}, tls=True)
    project.write("test_them.py", ALONE)
    flags = ("--comfy-url", gateway.url, "--comfy-header", "Authorization: Bearer tok-93ab17ffe0c2d4")
    result = project.run("test_them.py", *flags, f"--comfy-ca={CA}")
    refused = project.run("test_them.py", *flags)
    wrong = project.run("test_them.py", *flags[:2], f"--comfy-ca={CA}")
    gateway.stop()
    result.assert_outcomes(passed=2)
    assert {"/ws", "/prompt", "/view"} <= {path for path, _ in gateway.seen}
    assert "its certificate is not trusted" in refused.stdout.str()
    assert "asks for a login (401)" in wrong.stdout.str()


@pytest.mark.parametrize("tls", [True, False])
def test_a_proxy(serve, monkeypatch, tls):
    """The server has a name that only the proxy knows."""
    gateway = Gateway(serve(recorded()).url, tls=tls)
    proxy = Proxy(login="Basic YW5uOnA0c3M6dzByZA==")
    host = "localhost" if tls else "gpu.example.com"
    url = gateway.url.replace("localhost", host).replace("127.0.0.1", host)
    monkeypatch.setattr("pytest_comfy.access.is_loopback", lambda name: False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://ann:p4ss%3Aw0rd@{proxy.netloc}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    async def main():
        async with AsyncComfyClient(url, verify=str(CA)) as client:
            await client.system_stats()
            return await client.run(recorded().prompt)

    try:
        if tls:
            assert asyncio.run(main()).outputs
            assert {method for method, _ in proxy.seen} == {"CONNECT"}
        else:
            with pytest.raises(ServerUnreachable, match=r"no WebSocket at /ws .*; aiohttp asks the proxy .* no tunnel"):
                asyncio.run(main())
            assert ("GET", f"{url}/system_stats") in proxy.seen
    finally:
        proxy.stop()
        gateway.stop()


def test_a_file_in_ui_form_is_converted_as_the_other_client_does(project, live):
    project.write("workflows/txt2img.json", nested())
    project.write(
        "test_them.py",
        """
import asyncio

def test_both(comfy_async_client, comfy_client, comfy_workflow):
    workflow = comfy_workflow("txt2img.json")
    ours = asyncio.run(comfy_async_client.converted(workflow))
    assert ours.prompt() == comfy_client.converted(workflow).prompt()
    assert comfy_async_client.page == comfy_client.frontend()
""",
    )
    project.run("test_them.py", "--comfy-url", live.url).assert_outcomes(passed=1)
