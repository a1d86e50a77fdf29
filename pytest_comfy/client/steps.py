"""The client, endpoint by endpoint, over whatever wire: a method is one question to the server."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from ..access import Access, AccessError, Verify, access_to
from ..memory import DEFAULT_MAX_MEMORY, Budget, json_cost
from ..text import plain
from ..workflow.model import Workflow
from ..workflow.named import place_of_input
from ..workflow.page import page_of
from .errors import ComfyError, DownloadError, ServerUnreachable, TooLarge
from .explain import Definitions
from .pages import converted
from .reply import QUEUE, SMALL, Reply
from .told import (
    Queue,
    names_in,
    object_in,
    queue_in,
    require,
    stats_in,
    upload_form,
    uploaded_in,
)
from .wire import Wire, get_again

DEFAULT_TIMEOUT = 600.0
DEFAULT_STALL = 300.0
DOWNLOAD_SECONDS = 120.0
MANY_CLASSES = 32
"""Unknown classes from which on all of `/object_info` is asked for."""
_FREE_SECONDS = 5.0
_NO_ROUTE = (404, 405)

Convert = Callable[[Workflow, Mapping[str, Any]], Workflow]
OnNodes = Callable[[Mapping[str, Any], Iterable[str]], None]
"""Told of each run, however it ended: the prompt, and the ids of the nodes that the server came to."""
T = TypeVar("T")


def way_to(url: str, headers: Mapping[str, str] | None, auth: tuple[str, str] | None, verify: Verify) -> Access:
    """Return how a client reaches its server; raises ServerUnreachable for what cannot be used."""
    try:
        return access_to(url, headers, auth, verify)
    except AccessError as error:
        raise ServerUnreachable(str(error)) from None


class Steps:
    """The questions; each is a coroutine. See `ComfyClient` for what its arguments are."""

    def __init__(
        self,
        wire: Wire,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        stall_timeout: float = DEFAULT_STALL,
        max_memory: int = DEFAULT_MAX_MEMORY,
        convert: Convert | None = None,
        reload_models: bool = False,
        allow_api_nodes: bool = True,
    ) -> None:
        self.access = wire.access
        self.url = wire.url
        self.timeout = timeout
        self.stall_timeout = stall_timeout
        self.max_memory = max_memory
        self.reload_models = reload_models
        self.allow_api_nodes = allow_api_nodes
        self.on_nodes: OnNodes | None = None
        self.from_start = False
        self.gone: tuple[float, float] | None = None
        self.client_id = uuid.uuid4().hex
        self._wire = wire
        self._convert = convert
        self._frontend: str | None = None
        self._definitions: dict[str, dict[str, Any]] = {}
        self._untold: set[str] = set()
        self._knows_all = False
        self._lasting = 0

    def renew(self) -> None:
        """Count nothing of earlier runs any more: what is asked for next belongs to another one."""
        self._wire.budget = Budget(self.max_memory, self._lasting)

    # What the server is

    async def system_stats(self, timeout: float | None = None) -> dict[str, Any]:
        """As `ComfyClient.system_stats`."""
        return stats_in(await self._get("/system_stats", limit=SMALL, timeout=timeout), self.url)

    async def frontend(self) -> str:
        """As `ComfyClient.frontend`."""
        if self._frontend is None:
            stats: Mapping[str, Any] = {}
            with contextlib.suppress(ServerUnreachable, TooLarge):
                stats = await self.system_stats()
            self._frontend = page_of(stats)
        return self._frontend

    async def features(self) -> dict[str, Any]:
        """As `ComfyClient.features`."""
        return object_in(await self._get("/features", limit=SMALL), f"{self.url}/features")

    async def models(self, category: str | None = None) -> list[str]:
        """As `ComfyClient.models`."""
        path = "/models" if category is None else f"/models/{quote(category, safe='')}"
        reply = await self._get(path)
        if category is not None and reply.status == 404:
            raise ComfyError(f"{self.url}{path}: the server has no folder of models {plain(category, 80)!r}")
        return names_in(reply, f"{self.url}{path}")

    async def embeddings(self) -> list[str]:
        """As `ComfyClient.embeddings`."""
        return names_in(await self._get("/embeddings"), f"{self.url}/embeddings")

    async def object_info(self, class_type: str | None = None) -> dict[str, dict[str, Any]]:
        """As `ComfyClient.object_info`."""
        path = "/object_info" if class_type is None else f"/object_info/{quote(class_type, safe='')}"
        return object_in(await self._get(path), f"{self.url}{path}")

    async def definition(self, class_type: str) -> dict[str, Any] | None:
        """As `ComfyClient.definition`."""
        if class_type not in self._definitions:
            reply = await self._get(f"/object_info/{quote(class_type, safe='')}")
            if reply.status != 200:
                self._untold.add(class_type)
            self._learn(class_type, reply.object().get(class_type) if reply.status == 200 else None)
        return self._definitions[class_type] or None

    async def definitions(self, classes: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
        """As `ComfyClient.definitions`."""
        if classes is None:
            return await self._all_definitions()
        wanted = sorted(set(classes))
        if len([name for name in wanted if name not in self._definitions]) > MANY_CLASSES:
            # A server too full of models for it, or one that does not answer that route, is asked for each.
            with contextlib.suppress(ServerUnreachable, TooLarge):
                reply = await self._get("/object_info", limit=self._wire.budget.left // 2)
                told = reply.object() if reply.status == 200 else {}
                for name in wanted if told else ():
                    if name not in self._definitions:
                        self._learn(name, told.get(name))
        return {name: found for name in wanted if (found := await self.definition(name))}

    async def _all_definitions(self) -> dict[str, dict[str, Any]]:
        if not self._knows_all:
            for name, found in (await self.object_info()).items():
                if name not in self._definitions:
                    self._learn(name, found)
            self._knows_all = True
        return {name: found for name, found in self._definitions.items() if found}

    async def known_definition(self, class_type: str) -> dict[str, Any] | None:
        """As `ComfyClient.known_definition`."""
        try:
            return await self.definition(class_type)
        except (ServerUnreachable, TooLarge):
            return None

    def is_untold(self, class_type: str) -> bool:
        """Whether the server was asked for a definition and did not say whether it has that class."""
        return class_type in self._untold

    async def replacements(self) -> dict[str, Any]:
        """As `ComfyClient.replacements`."""
        reply = await self._get("/node_replacements")
        return reply.object() if reply.status == 200 else {}

    async def converted(self, workflow: Workflow) -> Workflow:
        """As `ComfyClient.converted`."""
        if workflow.form == "api":
            return workflow
        definitions = await self.definitions(workflow.classes())
        if self._convert is not None:
            return self._convert(workflow, definitions)
        return converted(workflow, definitions, await self.frontend())

    # Files

    async def view(self, filename: str, subfolder: str = "", type: str = "output") -> bytes:
        """As `ComfyClient.view`."""
        asked = {"filename": filename, "subfolder": subfolder, "type": type}
        reply = await get_again(self._wire, "/view", asked, parsed=False, timeout=DOWNLOAD_SECONDS)
        if reply.status != 200:
            raise DownloadError(
                f"{self.url}/view: answered {reply.status} when asked for {plain(filename, 120)!r} in "
                f"{plain('/'.join(filter(None, (type, subfolder))), 120)}: is it there?"
            )
        return reply.body

    async def upload(
        self, data: bytes, name: str, *, type: str = "input", subfolder: str | None = None, overwrite: bool = False
    ) -> str:
        """As `ComfyClient.upload`."""
        form = upload_form(data, name, type, subfolder, overwrite)
        return uploaded_in(await self._post("/upload/image", **form), self.url, name, type)

    async def upload_mask(
        self,
        data: bytes,
        name: str,
        original: str,
        *,
        type: str = "input",
        subfolder: str | None = None,
        overwrite: bool = False,
    ) -> str:
        """As `ComfyClient.upload_mask`."""
        form = upload_form(data, name, type, subfolder, overwrite)
        form["data"]["original_ref"] = json.dumps(place_of_input(original).query)
        return uploaded_in(await self._post("/upload/mask", **form), self.url, name, type)

    async def has_file(self, name: str) -> bool:
        """As `ComfyClient.has_file`."""
        return (await self._wire.request("HEAD", "/view", params=place_of_input(name).query)).status == 200

    # Queue, history and jobs

    async def queue(self) -> Queue:
        """As `ComfyClient.queue`."""
        return queue_in(object_in(await self._get("/queue", limit=QUEUE), f"{self.url}/queue"))

    async def history(
        self, prompt_id: str | None = None, max_items: int | None = None, offset: int | None = None
    ) -> dict[str, dict[str, Any]]:
        """As `ComfyClient.history`."""
        path = "/history" if prompt_id is None else f"/history/{quote(prompt_id, safe='')}"
        asked = {"max_items": max_items, "offset": offset}
        params = {name: str(value) for name, value in asked.items() if value is not None}
        return object_in(await self._get(path, params=params or None), f"{self.url}{path}")

    async def delete(self, prompt_id: str) -> None:
        """As `ComfyClient.delete`."""
        require(await self._post("/queue", json={"delete": [prompt_id]}), f"{self.url}/queue")

    async def interrupt(self, prompt_id: str | None = None) -> None:
        """As `ComfyClient.interrupt`."""
        body = {} if prompt_id is None else {"prompt_id": prompt_id}
        require(await self._post("/interrupt", json=body), f"{self.url}/interrupt")

    async def jobs(
        self,
        status: str | Iterable[str] | None = None,
        *,
        workflow_id: str | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[dict[str, Any]]:
        """As `ComfyClient.jobs`."""
        asked = {
            "status": status if status is None or isinstance(status, str) else ",".join(status),
            "workflow_id": workflow_id,
            "sort_by": sort_by,
            "sort_order": sort_order,
            "limit": limit,
            "offset": offset,
        }
        params = {name: str(value) for name, value in asked.items() if value is not None}
        what = f"{self.url}/api/jobs"
        reply = await self._get("/api/jobs", params=params or None)
        if reply.status in _NO_ROUTE:
            raise ComfyError(f"{what}: answered {reply.status}: this server is older than jobs, which came with 0.8.0")
        told = object_in(reply, what).get("jobs")
        if not isinstance(told, list):
            raise ServerUnreachable(f"{what}: answered JSON of another shape than ComfyUI does")
        return [job for job in told if isinstance(job, dict)]

    async def cancel(self, prompt_id: str) -> bool:
        """As `ComfyClient.cancel`."""
        path = f"/api/jobs/{quote(prompt_id, safe='')}/cancel"
        reply = await self._post(path)
        if reply.status not in _NO_ROUTE:
            return object_in(reply, f"{self.url}{path}").get("cancelled") is True
        # Older than 0.26.0: the same in two questions.
        queue = await self.queue()
        if prompt_id not in queue:
            return False
        await self.delete(prompt_id)
        await self.interrupt(prompt_id)
        return True

    async def free(self, *, unload_models: bool = False, free_memory: bool = True) -> None:
        """As `ComfyClient.free`."""
        asked = {
            name: True for name, wanted in (("unload_models", unload_models), ("free_memory", free_memory)) if wanted
        }
        await self._post("/free", json=asked)
        # The worker applies it when it next wakes idle; nothing tells when it has.
        until = time.monotonic() + _FREE_SECONDS
        while time.monotonic() < until:
            queue = (await self._get("/queue", limit=QUEUE)).object()
            if not queue.get("queue_running") and not queue.get("queue_pending"):
                await self._wire.nap(1.0)
                return
            await self._wire.nap(0.2)

    # What they share

    async def _get(self, path: str, **more: Any) -> Reply:
        return await self._wire.request("GET", path, **more)

    async def _post(self, path: str, limit: int = SMALL, **more: Any) -> Reply:
        return await self._wire.request("POST", path, limit=limit, **more)

    async def _in_words(self, make: Callable[[Definitions], T]) -> T:
        """Make what needs node definitions, as errors do: those it asks for are fetched, and it is made anew."""
        asked: list[str] = []

        def known(class_type: str) -> Mapping[str, Any] | None:
            if class_type not in self._definitions:
                asked.append(class_type)
            return self._definitions.get(class_type) or None

        made = make(known)
        for class_type in dict.fromkeys(asked):
            await self.known_definition(class_type)
        return make(known) if asked else made

    def _learn(self, class_type: str, found: Any) -> None:
        """Keep a definition, which counts from run to run."""
        self._definitions[class_type] = found if isinstance(found, dict) else {}
        cost = json_cost(json.dumps(self._definitions[class_type]))
        self._lasting += cost
        self._wire.budget.held += cost
