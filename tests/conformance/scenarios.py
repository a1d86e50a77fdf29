"""What is asked of a real server, one scenario after another, to learn how its version behaves."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from .prompts import chain, failing, intermediate, kinds, node, refused, slow
from .tape import Recorder

COLOR = 0x335577


@dataclass(frozen=True)
class Scenario:
    """One scenario; servers without the classes that it needs are spared it."""

    name: str
    play: Callable[[Recorder], None]
    needs: frozenset[str] = frozenset()


SCENARIOS: list[Scenario] = []


def scenario(*needs: str) -> Callable[[Callable[[Recorder], None]], Callable[[Recorder], None]]:
    """Enter a function as the scenario of its name."""

    def enter(play: Callable[[Recorder], None]) -> Callable[[Recorder], None]:
        SCENARIOS.append(Scenario(play.__name__, play, frozenset(needs)))
        return play

    return enter


@scenario()
def success(server: Recorder) -> None:
    server.connect()
    server.run(chain(COLOR))


@scenario()
def batch_and_preview(server: Recorder) -> None:
    server.connect()
    server.run({**chain(COLOR + 1, batch=2), "5": node("PreviewImage", images=["2", 0])})


@scenario()
def rerun_fully_cached(server: Recorder) -> None:
    server.connect()
    for _ in range(2):
        server.run(chain(COLOR + 2))


@scenario()
def rerun_partly_cached(server: Recorder) -> None:
    server.connect()
    server.run(chain(COLOR + 3))
    changed = chain(COLOR + 3)
    changed["3"]["inputs"]["sigma"] = 0.5
    server.run(changed)


@scenario()
def a_b_a(server: Recorder) -> None:
    server.connect()
    for color in (COLOR + 4, COLOR + 5, COLOR + 4):
        server.run(chain(color))


@scenario()
def no_client_id(server: Recorder) -> None:
    server.connect()
    for _ in range(2):
        server.run_unheard(chain(COLOR + 6))


@scenario()
def chosen_id_and_number(server: Recorder) -> None:
    server.connect()
    extra = {"extra_pnginfo": {"workflow": {"id": "wf", "nodes": []}}, "my": "note"}
    server.run(chain(COLOR + 7), prompt_id=str(uuid.uuid4()), number=-3, extra_data=extra)


@scenario()
def front_of_queue(server: Recorder) -> None:
    server.connect()
    server.run(chain(COLOR + 8), front=True)


@scenario()
def partial_execution_targets(server: Recorder) -> None:
    server.connect()
    prompt = {**chain(COLOR + 9), "5": node("PreviewImage", images=["2", 0])}
    server.run(prompt, partial_execution_targets=["5"])


@scenario()
def one_output_invalid(server: Recorder) -> None:
    server.connect()
    server.run({**chain(COLOR + 10), "9": node("SaveImage", filename_prefix="x")})


@scenario()
def refusals(server: Recorder) -> None:
    for what, prompt in refused(COLOR).items():
        server.note(what)
        server.post(prompt, client=None)
    server.note("no prompt")
    server.ask("POST", "/prompt", json={"client_id": "x"})
    server.note("no JSON")
    server.ask("POST", "/prompt", data="{not json", headers={"Content-Type": "application/json"})
    server.note("a list")
    server.ask("POST", "/prompt", json={"prompt": [1, 2]})


@scenario()
def prompt_ids(server: Recorder) -> None:
    chosen = str(uuid.uuid4())
    for bad in ("no-uuid", chosen.upper(), chosen.replace("-", ""), 7, ""):
        server.post({}, client=None, prompt_id=bad)


@scenario()
def error_of_a_real_node(server: Recorder) -> None:
    server.connect()
    prompt = {
        **chain(COLOR + 11, size=8),
        "4": node("SaveImage", images=["5", 0], filename_prefix="x"),
        "5": node("ImageScaleBy", image=["2", 0], upscale_method="bicubic", scale_by=0.01),
    }
    server.run(prompt)


@scenario("TestSyncError")
def error_sync(server: Recorder) -> None:
    server.connect()
    server.run(failing(COLOR + 12, "TestSyncError"))


@scenario("TestAsyncError")
def error_async(server: Recorder) -> None:
    server.connect()
    server.run(failing(COLOR + 13, "TestAsyncError", error_after=0.1))


@scenario("TestSleep")
def two_clients(server: Recorder) -> None:
    server.connect("a")
    server.connect("b")
    first = server.post(slow(COLOR + 14), "a")
    server.until(first, "executing", node="2")
    second = server.post(chain(COLOR + 15), "b")
    server.ask("GET", "/queue")
    server.ask("GET", "/prompt")
    server.end(first)
    server.end(second)


@scenario("TestSleep")
def delete_and_clear(server: Recorder) -> None:
    server.connect()
    running = server.post(slow(COLOR + 16))
    server.until(running, "executing", node="2")
    waiting = [server.post(chain(COLOR + 17 + i)) for i in range(3)]
    server.ask("POST", "/queue", json={"delete": [waiting[0]]})
    server.ask("GET", "/queue")
    server.ask("POST", "/queue", json={"clear": True})
    server.ask("GET", "/queue")
    server.end(running)


@scenario("TestSleep")
def interrupt(server: Recorder) -> None:
    server.connect()
    prompt_id = server.post(slow(COLOR + 20, 5.0))
    server.until(prompt_id, "executing", node="2")
    server.ask("POST", "/interrupt", json={"prompt_id": str(uuid.uuid4())})
    server.ask("POST", "/interrupt", json={"prompt_id": prompt_id})
    server.end(prompt_id)
    server.results(prompt_id)


@scenario("TestSleep")
def jobs(server: Recorder) -> None:
    server.connect()
    running = server.post(slow(COLOR + 21, 5.0))
    server.until(running, "executing", node="2")
    waiting = [server.post(chain(COLOR + 22 + i)) for i in range(2)]
    for status in ("in_progress", "pending", "cancelled"):
        server.ask("GET", f"/api/jobs?status={status}")
    server.ask("POST", f"/api/jobs/{waiting[0]}/cancel")
    server.ask("POST", "/api/jobs/cancel", json={"job_ids": [waiting[1], str(uuid.uuid4())]})
    server.ask("POST", "/api/jobs/cancel", json={"job_ids": ["no-id", 7]})
    server.ask("POST", f"/api/jobs/{running}/cancel")
    server.end(running)
    server.ask("GET", f"/api/jobs/{running}")
    server.ask("GET", f"/api/jobs/{waiting[0]}")


@scenario("TestLazyMixImages")
def lazy(server: Recorder) -> None:
    server.connect()
    prompt = {
        **chain(COLOR + 24),
        "5": node("SolidMask", value=0.0, width=48, height=48),
        "6": node("TestLazyMixImages", image1=["1", 0], image2=["2", 0], mask=["5", 0]),
        "4": node("SaveImage", images=["6", 0], filename_prefix="cap/lazy"),
    }
    server.run(prompt)


@scenario()
def output_kinds(server: Recorder) -> None:
    server.connect()
    for what, prompt in kinds(COLOR + 25).items():
        server.note(what)
        prompt_id = server.post(prompt)
        if prompt_id:
            server.end(prompt_id)
            server.results(prompt_id)


@scenario("ImageCropV2", "SaveText", "ImageCompare")
def intermediate_outputs(server: Recorder) -> None:
    server.connect()
    for _ in range(2):
        server.run(intermediate(COLOR + 26))


@scenario()
def uploads(server: Recorder) -> None:
    name = f"up {uuid.uuid4().hex[:6]}.png"
    server.upload(name, 130, overwrite="true")
    server.upload(name, 125)
    server.upload(name, 125, subfolder="sub", type="input")
    server.upload("../evil.png")
    server.upload("x.png", subfolder="../../evil")
    server.ask("POST", "/upload/image", data={"x": "1"})
    server.connect()
    server.run({"1": node("LoadImage", image=name), "2": node("PreviewImage", images=["1", 0])})


@scenario()
def view(server: Recorder) -> None:
    server.connect()
    prompt_id = server.run(chain(COLOR + 27, prefix="v/view"))
    entry = server.ask("GET", f"/history/{prompt_id}")[prompt_id]
    item = {key: str(value) for key, value in entry["outputs"]["4"]["images"][0].items()}
    for more in ({"preview": "webp;80"}, {"preview": "jpeg"}, {"channel": "rgb"}, {"channel": "a"}):
        server.ask("GET", "/view", params={**item, **more})
    server.ask("GET", "/view", params=item, headers={"Range": "bytes=0-7"})
    server.ask("HEAD", "/view", params=item)
    for bad in ({"filename": "nope.png"}, {"filename": "../x.png"}, {"filename": "x.png", "type": "nonsense"}):
        server.ask("GET", "/view", params=bad)


@scenario()
def about(server: Recorder) -> None:
    for path in (
        "/system_stats", "/features", "/prompt", "/queue", "/embeddings", "/models", "/models/nonsense",
        "/object_info/EmptyImage", "/object_info/NoSuchNode", "/history/not-an-id", "/nope", "/api/nope",
        "/api/jobs/not-an-id", "/node_replacements", "/api/assets", "/api/tags", "/i18n",
    ):  # fmt: skip
        server.ask("GET", path)
    server.ask("PUT", "/prompt")
    server.ask("OPTIONS", "/prompt")
    server.ask("POST", "/free", json={})
    server.ask("GET", "/features", headers={"Sec-Fetch-Site": "cross-site"})
    server.ask("GET", "/features", headers={"Origin": "http://elsewhere.example"})


@scenario()
def history(server: Recorder) -> None:
    server.connect()
    prompt_id = server.run(chain(COLOR + 28))
    server.ask("POST", "/history", json={"delete": [prompt_id]})
    server.ask("GET", f"/history/{prompt_id}")
    server.ask("POST", "/history", json={"clear": True})
    server.ask("GET", "/history")
