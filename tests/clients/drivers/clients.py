"""Drives one client library: uploads a picture, runs a workflow that loads it, prints the SHA-256 of what comes out.

    python clients.py NAME URL WORKFLOW.json PICTURE

The workflow loads the picture in node 1, titled Badge, and saves it in node 4. Run by an interpreter that has the
libraries; this project has none of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import tempfile
import uuid
from pathlib import Path


def loading(workflow, image):
    prompt = json.loads(workflow.read_text(encoding="utf-8"))
    prompt["1"]["inputs"]["image"] = image
    return prompt


def comfy_api_simplified(url, workflow, picture):
    from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper

    api = ComfyApiWrapper(url)
    told = api.upload_image(str(picture))
    # It wants a title of every node.
    prompt = loading(workflow, "")
    for node_id, node in prompt.items():
        node.setdefault("_meta", {"title": node_id})
    path = Path(tempfile.mkdtemp(), "titled.json")
    path.write_text(json.dumps(prompt), encoding="utf-8")
    wrapped = ComfyWorkflowWrapper(str(path))
    wrapped.set_node_param("Badge", "image", f"{told['subfolder']}/{told['name']}")
    assert api.get_object_info() and api.get_system_stats() and api.get_queue()
    return next(iter(api.queue_and_wait_images(wrapped, "Save with alpha").values()))


def comfyui_utils(url, workflow, picture):
    import requests
    from comfyui_utils import comfy

    # It uploads nothing itself.
    name = requests.post(f"{url}/upload/image", files={"image": ("temp.png", picture.read_bytes())}, timeout=30).json()
    api = comfy.ComfyAPI(url.partition("://")[2])
    got = {}

    class Told(comfy.Callbacks):
        async def queue_position(self, position):
            pass

        async def in_progress(self, node_id, progress, total):
            pass

        async def completed(self, outputs, cached):
            got.update(outputs)

    async def run():
        async def load(file):
            got["data"] = file.read()

        await api.submit(loading(workflow, name["name"]), Told())
        await api.fetch(got["images"][0], load)

    asyncio.run(run())
    return got["data"]


def comfyui_xy(url, workflow, picture):
    from comfyui_xy.client import ComfyUiClient

    with ComfyUiClient(url) as client:
        name = client.upload_image(str(picture))
        assert client.get_object_info("SaveImage")
        (made,) = [one for one in client.process_workflow(loading(workflow, name)) if one.is_file]
        path = Path(tempfile.mkdtemp(), "out.png")
        made.save(str(path))
        return path.read_bytes()


def comfy_headless(url, workflow, picture):
    from comfy_headless.client import ComfyClient

    client = ComfyClient(url)
    assert client.is_online() and client.get_all_installed_nodes()
    name = client.upload_image(picture.read_bytes(), filename="temp.png")["ref"]
    entry = client.wait_for_completion(client.queue_prompt(loading(workflow, name)), timeout=60)
    item = entry["outputs"]["4"]["images"][0]
    return client.get_image(item["filename"], item["subfolder"], item["type"])


def comfyuiclient(url, workflow, picture):
    import aiohttp
    from comfyuiclient.client import ComfyUIClientAsync

    async def run():
        client = ComfyUIClientAsync(url.partition("://")[2], str(workflow))
        await client.connect()
        # Its own upload writes the picture anew, which changes its bytes.
        form = aiohttp.FormData({"subfolder": "temp"})
        form.add_field("image", picture.read_bytes(), filename="temp.png")
        async with client.session.post(f"{url}/upload/image", data=form) as answer:
            told = await answer.json()
        images, _ = await client.get_images(loading(workflow, f"{told['subfolder']}/{told['name']}"))
        await client.close()
        return images["4"][0]

    return asyncio.run(run())


def comfyui_async_api_tool(url, workflow, picture):
    import aiohttp
    from comfyui_async_api_tool.client import ComfyClient

    async def run():
        async with aiohttp.ClientSession() as session:
            client = ComfyClient(session, url)
            told = await client.upload_image(url, picture.read_bytes())
            name = (told.get("data") or told)["name"]
            assert uuid.UUID(name.partition(".")[0])
            pictures = [one["data"] async for one in client.run(loading(workflow, name)) if one["type"] == "image"]
            return pictures[0]

    return asyncio.run(run())


if __name__ == "__main__":
    made = globals()[sys.argv[1]](sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    print(hashlib.sha256(made).hexdigest())
