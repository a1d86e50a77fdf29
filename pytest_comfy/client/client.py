"""The client: one ComfyUI server, asked as a careful person would."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from ..access import AccessError, Verify, access_to
from ..memory import DEFAULT_MAX_MEMORY, Budget, OutOfMemory, json_cost
from ..text import plain
from ..workflow.model import Workflow
from ..workflow.secrets import hear
from .cached import cached_in, did_nothing, with_nonce
from .errors import ComfyError, GatewayAnswered, PromptRejected, RunLost, ServerUnreachable, TooLarge
from .events import EventStream
from .explain import partial_rejection, rejection
from .finish import Finish, Limits, judge
from .http import PROMPT, QUEUE, SMALL, Http
from .outputs import Wanted, collect
from .pages import converted, page_of
from .run import Progress, Run
from .unanswered import kept_prompt, left_out
from .watch import Watch

DEFAULT_TIMEOUT = 600.0
DEFAULT_STALL = 300.0
_DOWNLOAD_SECONDS = 120.0
_UPLOAD_FOLDER = "pytest-comfy"
_FREE_SECONDS = 5.0
_MANY_CLASSES = 32
_DYING_SECONDS = 0.5
"""How long a server is given to take a prompt off that gave no answer before; one that was stopped reads it later."""
_REFUSALS = (400, 413, 500)
"""What ComfyUI answers to a prompt that it does not take: invalid, too large, or of a shape it did not expect."""


Convert = Callable[[Workflow, Mapping[str, Any]], Workflow]


class ComfyClient:
    """A client of one ComfyUI server, live or fake. Not thread-safe: one run at a time.

    url            such as "http://127.0.0.1:8188"; a name and password in it are sent as `auth` is
    timeout        wall-clock limit of one run in seconds, from posting to the end
    stall_timeout  how long neither the queue nor the run may move, in seconds
    max_memory     bytes that what the server sends may take in memory, of one run and all that is kept of it
    convert        turns a workflow in UI form into API form by node definitions; without it, as `Workflow.converted`
                   does, with what is suspicious told as ConversionWarning
    reload_models  whether every run has the server load its models anew
    headers        sent with all that is asked for and with the WebSocket's handshake, as a gateway wants them
    auth           (name, password) of HTTP Basic
    verify         False trusts any certificate; a path is the file, or folder, of the authorities that are trusted
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        stall_timeout: float = DEFAULT_STALL,
        max_memory: int = DEFAULT_MAX_MEMORY,
        convert: Convert | None = None,
        reload_models: bool = False,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        verify: Verify = True,
    ) -> None:
        try:
            self.access = access_to(url, headers, auth, verify)
        except AccessError as error:
            raise ServerUnreachable(str(error)) from None
        self.url = self.access.url
        self.timeout = timeout
        self.stall_timeout = stall_timeout
        self.max_memory = max_memory
        self.client_id = uuid.uuid4().hex
        self.http = Http(self.access)
        self.http.budget = Budget(max_memory)
        self._lasting = 0
        self.reload_models = reload_models
        self._stream: EventStream | None = None
        self._definitions: dict[str, dict[str, Any]] = {}
        self._convert = convert or self._converted
        self._frontend: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket and the connections."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self.http.close()

    def renew(self) -> None:
        """Count nothing of earlier runs any more: what is asked for next belongs to another one."""
        self.http.budget = Budget(self.max_memory, self._lasting)

    def system_stats(self, timeout: float | None = None) -> dict[str, Any]:
        """Return `/system_stats`; raises ServerUnreachable and TooLarge."""
        reply = self.http.get("/system_stats", limit=SMALL, timeout=timeout)
        if reply.status == 403:
            raise GatewayAnswered(
                f"{self.url}/system_stats: access is refused (403): does what stands before it want a header, such as "
                "--comfy-header gives?",
                403,
            )
        stats = reply.object()
        if reply.status != 200 or not isinstance(stats.get("system"), dict):
            raise ServerUnreachable(f"{self.url}/system_stats: answered {reply.status}: is this ComfyUI?")
        return stats

    def frontend(self) -> str:
        """Return the version of ComfyUI's page that the server asks for (asked once), "" where it does not tell."""
        if self._frontend is None:
            stats: Mapping[str, Any] = {}
            with contextlib.suppress(ServerUnreachable, TooLarge):
                stats = self.system_stats()
            self._frontend = page_of(stats)
        return self._frontend

    def _converted(self, workflow: Workflow, definitions: Mapping[str, Any]) -> Workflow:
        return converted(workflow, definitions, self.frontend())

    def definition(self, class_type: str) -> dict[str, Any] | None:
        """Return what `/object_info` says of a class (asked once), None for an unknown one."""
        if class_type not in self._definitions:
            reply = self.http.get(f"/object_info/{quote(class_type, safe='')}")
            self._learn(class_type, reply.object().get(class_type) if reply.status == 200 else None)
        return self._definitions[class_type] or None

    def definitions(self, classes: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return class -> node definition for those of the classes that the server knows.

        Many are asked for at once: all of `/object_info` costs a server less than a request for each, and a client
        far away much less. Raises ServerUnreachable and TooLarge.
        """
        wanted = sorted(set(classes))
        if len([name for name in wanted if name not in self._definitions]) > _MANY_CLASSES:
            # A server too full of models for it, or one that does not answer that route, is asked for each.
            with contextlib.suppress(ServerUnreachable, TooLarge):
                reply = self.http.get("/object_info", limit=self.http.budget.left // 2)
                told = reply.object() if reply.status == 200 else {}
                for name in wanted if told else ():
                    if name not in self._definitions:
                        self._learn(name, told.get(name))
        return {name: found for name in wanted if (found := self.definition(name))}

    def converted(self, workflow: Workflow) -> Workflow:
        """Return a workflow in API form, converted from UI form by the server's node definitions if need be.

        Raises ConversionError, a WorkflowError, and ServerUnreachable.
        """
        return self._in_api_form(workflow)

    def _in_api_form(self, workflow: Workflow) -> Workflow:
        if workflow.form == "api":
            return workflow
        return self._convert(workflow, self.definitions(workflow.classes()))

    def _learn(self, class_type: str, found: Any) -> None:
        """Keep a definition, which counts from run to run."""
        self._definitions[class_type] = found if isinstance(found, dict) else {}
        cost = json_cost(json.dumps(self._definitions[class_type]))
        self._lasting += cost
        self.http.budget.held += cost

    def known_definition(self, class_type: str) -> dict[str, Any] | None:
        """As `definition`, for messages: a server that does not answer now has nothing to add."""
        try:
            return self.definition(class_type)
        except (ServerUnreachable, TooLarge):
            return None

    def upload(self, data: bytes, name: str) -> str:
        """Upload an input file and return the name that LoadImage-like nodes know it by.

        The name sent holds a part of the content's SHA-256, so that the same file has the same name on every
        server and never meets another one. Raises ComfyError when the server refuses it.
        """
        path = PurePosixPath(name.replace("\\", "/"))
        sent = f"{path.stem}-{hashlib.sha256(data).hexdigest()[:12]}{path.suffix}"
        reply = self.http.post(
            "/upload/image",
            files={"image": (sent, data, "application/octet-stream")},
            data={"type": "input", "subfolder": _UPLOAD_FOLDER},
            limit=SMALL,
        )
        if reply.status != 200:
            raise ComfyError(f"{self.url}: refuses the upload of {plain(name, 120)!r} ({reply.status})")
        given = reply.object()
        folder, stored = str(given.get("subfolder") or ""), str(given.get("name") or sent)
        return f"{folder}/{stored}" if folder else stored

    def free(self) -> None:
        """Ask the server to drop its cached results, and give it time to do so."""
        self.http.post("/free", {"free_memory": True}, limit=SMALL)
        # The worker applies it when it next wakes idle; nothing tells when it has.
        until = time.monotonic() + _FREE_SECONDS
        while time.monotonic() < until:
            queue = self.http.get("/queue", limit=QUEUE).object()
            if not queue.get("queue_running") and not queue.get("queue_pending"):
                time.sleep(1.0)
                return
            time.sleep(0.2)

    def run(
        self,
        workflow: Workflow | Mapping[str, Any],
        *,
        timeout: float | None = None,
        stall_timeout: float | None = None,
        extra_data: Mapping[str, Any] | None = None,
        allow_node_errors: bool = False,
        use_cache: bool = False,
        fresh: bool = False,
        reload: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
        wanted: Wanted | None = None,
    ) -> Run:
        """Queue a workflow (or a prompt), wait for its end and download its outputs.

        A workflow in UI form is converted, see `converted`.
        A run in which the server took all from its cache, or did no more than save it again, tested
        nothing: it is repeated with an input that no node knows, which makes the server run every node but
        model loaders. `use_cache` forgoes it; `fresh` has every node run in any case, and `reload`, or the client's
        `reload_models`, the model loaders as well. Of the outputs those are downloaded that are `wanted`, all unless
        that is told.
        Raises PromptRejected (also for a partly accepted prompt, unless `allow_node_errors`),
        ExecutionError, RunTimeout, RunStalled, RunInterrupted, RunLost, DownloadError, ServerUnreachable, or TooLarge
        where what the server sends takes more memory than `max_memory`.
        """
        limits = Limits(
            self.timeout if timeout is None else timeout,
            self.stall_timeout if stall_timeout is None else stall_timeout,
        )
        with self._bounded():
            asked: Workflow | None = None
            if isinstance(workflow, Workflow):
                asked = workflow = self._in_api_form(workflow)
                extra_data = {**workflow.extra_data, **(extra_data or {})}
                prompt: Mapping[str, Any] = workflow.prompt()
            else:
                prompt = workflow

            hear(prompt, extra_data)

            def once(posted: Mapping[str, Any], bust: str | None) -> Run:
                return self._run_once(prompt, posted, limits, extra_data, allow_node_errors, on_progress, bust)

            reload = reload or self.reload_models
            run = None if fresh or reload else once(prompt, None)
            if run is None or (not use_cache and did_nothing(run)):
                run = once(with_nonce(prompt, self.definition, reload), "reload" if reload else "nonce")
                if did_nothing(run):
                    self.free()
                    run = once(with_nonce(prompt, self.definition, reload), "free")
            # Only now: a server that had all in its cache may have lost the files since.
            outputs = collect(self.http, prompt, run.ui, run.previews, _DOWNLOAD_SECONDS, wanted)
            return replace(run, workflow=asked, outputs=tuple(outputs), extra_data=extra_data or {})

    @contextlib.contextmanager
    def _bounded(self) -> Iterator[None]:
        """Bound what is kept of a run, its repetitions included; raises TooLarge."""
        self.renew()
        try:
            yield
        except OutOfMemory as error:
            raise TooLarge(f"{self.url}: {error}") from error

    def _run_once(
        self,
        prompt: Mapping[str, Any],
        posted: Mapping[str, Any],
        limits: Limits,
        extra_data: Mapping[str, Any] | None,
        allow_node_errors: bool,
        on_progress: Callable[[Progress], None] | None,
        bust: str | None,
    ) -> Run:
        stream = self._open()
        budget = self.http.budget
        watch = Watch(posted, str(uuid.uuid4()), budget)
        finish = Finish(self.http, stream, watch, limits, self._reopen, on_progress)
        try:
            node_errors = self._post(posted, watch, extra_data)
            if node_errors and not allow_node_errors:
                raise partial_rejection(posted, node_errors, self.known_definition)
            entry = finish.entry()
            budget.hold(finish.entry_bytes, "the entry of the run in the server's history")
        except BaseException as error:
            # Also Ctrl-C: whatever ends the wait, our prompt must not be left behind on the server.
            if isinstance(error.__cause__, ServerUnreachable):
                self._cancel(watch.prompt_id, _DYING_SECONDS)
            elif not isinstance(error, (RunLost, PromptRejected)) or getattr(error, "node_errors", None):
                self._cancel(watch.prompt_id)
            self._drop_stream()
            raise
        self._stream = finish.stream
        if self._stream is not None:
            self._stream.rest()
        judge(entry, watch)
        seconds = watch.seconds
        return Run(
            prompt_id=watch.prompt_id,
            prompt=prompt,
            posted=posted,
            events=tuple(watch.events),
            previews=tuple(watch.previews),
            status=_mapping(entry.get("status")),
            meta=_mapping(entry.get("meta")),
            ui=_mapping(entry.get("outputs")),
            outputs=(),
            cached=watch.cached | cached_in(entry),
            cache_bust=bust,
            gap=finish.gap,
            seconds=seconds,
            node_errors=node_errors,
            left_out=watch.left_out,
            budget=budget,
        )

    def _post(self, prompt: Mapping[str, Any], watch: Watch, extra_data: Mapping[str, Any] | None) -> dict[str, Any]:
        """Queue the prompt and return the node errors of a partly accepted one."""
        body: dict[str, Any] = {"prompt": prompt, "client_id": self.client_id, "prompt_id": watch.prompt_id}
        if extra_data:
            body["extra_data"] = dict(extra_data)
        watch.posted = watch.moved = time.monotonic()
        try:
            reply = self.http.post("/prompt", body, limit=PROMPT)
        except ServerUnreachable:
            kept = kept_prompt(self.http, watch.prompt_id)
            if kept is None:
                raise
            # The answer was lost, the prompt was not; posting again would run it twice.
            return left_out(kept, prompt, self.known_definition)
        if reply.status != 200:
            text = plain(reply.body[:300].decode("utf-8", "replace")).strip()
            if reply.status not in _REFUSALS:
                # A proxy, a login, a server that starts: that says nothing of the workflow.
                raise ServerUnreachable(f"{self.url}/prompt: answered {reply.status}" + (f" ({text})" if text else ""))
            try:
                told = reply.json()
            except ServerUnreachable:
                raise PromptRejected(f"the server answers {reply.status} to the prompt: {text}") from None
            told = told if isinstance(told, dict) else {}
            raise rejection(prompt, told.get("error"), told.get("node_errors"), self.known_definition)
        answer = reply.object()
        if answer.get("error"):
            raise rejection(prompt, answer["error"], answer.get("node_errors"), self.known_definition)
        # Servers older than client-chosen ids answer with one of their own.
        watch.prompt_id = str(answer.get("prompt_id") or watch.prompt_id)
        node_errors = answer.get("node_errors")
        return node_errors if isinstance(node_errors, dict) else {}

    def _cancel(self, prompt_id: str, timeout: float = 5.0) -> None:
        """Take our prompt, ours alone, off the queue or interrupt it, as far as the server still answers."""
        self.renew()  # what was kept of the run goes with it
        for path, body in (("/queue", {"delete": [prompt_id]}), ("/interrupt", {"prompt_id": prompt_id})):
            with contextlib.suppress(ServerUnreachable, TooLarge):
                self.http.post(path, body, limit=SMALL, timeout=timeout)

    def _open(self) -> EventStream:
        if self._stream is not None and not self._stream.alive:
            self._drop_stream()
        if self._stream is None:
            self._stream = EventStream(self.access, self.client_id, max_memory=self.max_memory)
        self._stream.discard()
        return self._stream

    def _reopen(self) -> EventStream:
        self._stream = EventStream(self.access, self.client_id, 3.0, self.max_memory)
        return self._stream

    def _drop_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
