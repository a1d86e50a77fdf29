"""The endpoints of ComfyUI as methods that wait: what the client asks beside its runs."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any, Generic, TypeVar, overload

from ..access import Access
from .runs import Runs
from .steps import OnNodes
from .told import Queue
from .wire import done

T = TypeVar("T")


class _Shared(Generic[T]):
    """What a client has in common with its core."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type | None = None) -> _Shared[T]: ...

    @overload
    def __get__(self, client: Endpoints, owner: type | None = None) -> T: ...

    def __get__(self, client: Endpoints | None, owner: type | None = None) -> T | _Shared[T]:
        if client is None:
            return self
        value: T = getattr(client._core, self._name)
        return value

    def __set__(self, client: Endpoints, value: T) -> None:
        setattr(client._core, self._name, value)


class Endpoints:
    """What a client asks in one question. All raise ServerUnreachable where no whole answer of a ComfyUI comes in
    time, and TooLarge where it would take more memory than is left."""

    _core: Runs

    access = _Shared[Access]()
    url = _Shared[str]()
    client_id = _Shared[str]()
    timeout = _Shared[float]()
    stall_timeout = _Shared[float]()
    max_memory = _Shared[int]()
    reload_models = _Shared[bool]()
    on_nodes = _Shared[OnNodes | None]()

    def _done(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a question comes to."""
        return done(work)

    # What the server is

    def system_stats(self, timeout: float | None = None) -> dict[str, Any]:
        """Return `/system_stats`: `system`, with versions and memory in bytes, and `devices`."""
        return self._done(self._core.system_stats(timeout))

    def features(self) -> dict[str, Any]:
        """Return `/features`: name of a feature -> what the server has of it.

        Raises ComfyError where it has no such route.
        """
        return self._done(self._core.features())

    def models(self, category: str | None = None) -> list[str]:
        """Return the names of the model files in a folder such as "checkpoints"; without one, those of the folders.

        Raises ComfyError for a folder that the server does not have.
        """
        return self._done(self._core.models(category))

    def embeddings(self) -> list[str]:
        """Return the names of the embeddings, without their endings."""
        return self._done(self._core.embeddings())

    def object_info(self, class_type: str | None = None) -> dict[str, dict[str, Any]]:
        """Return `/object_info` as it is now, class -> node definition: of one class, or of all.

        There is nothing in it for a class that the server does not know. Raises ComfyError where it does not answer.
        """
        return self._done(self._core.object_info(class_type))

    def definition(self, class_type: str) -> dict[str, Any] | None:
        """Return what `/object_info` says of a class (asked once), None for an unknown one."""
        return self._done(self._core.definition(class_type))

    def definitions(self, classes: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
        """Return class -> node definition for those of the classes that the server knows (asked once); all without any.

        Many are asked for at once: all of `/object_info` costs a server less than a request for each, and a client
        far away much less.
        """
        return self._done(self._core.definitions(classes))

    def replacements(self) -> dict[str, Any]:
        """Return `/node_replacements`, obsolete class -> list of what takes its place; {} before ComfyUI 0.14.0."""
        return self._done(self._core.replacements())

    def known_definition(self, class_type: str) -> dict[str, Any] | None:
        """As `definition`, for messages: a server that does not answer now has nothing to add."""
        return self._done(self._core.known_definition(class_type))

    # Files

    def view(self, filename: str, subfolder: str = "", type: str = "output") -> bytes:
        """Return a file of one of the server's folders, by `/view`.

        type  "output", "input" or "temp"

        Raises DownloadError where the server does not give it.
        """
        return self._done(self._core.view(filename, subfolder, type))

    def has_file(self, name: str) -> bool:
        """Whether the server has a file by the name that loaders know it by, such as "a/b.png [output]"."""
        return self._done(self._core.has_file(name))

    def upload(
        self, data: bytes, name: str, *, type: str = "input", subfolder: str | None = None, overwrite: bool = False
    ) -> str:
        """Upload a file and return the name that LoadImage-like nodes know it by.

        The name sent holds a part of the content's SHA-256, so that the same file has the same name on every
        server and never meets another one; with `subfolder`, "" for none, it is sent as it is, and the server gives
        it another one where a file of another content has it.

        type       the folder: "input", "temp" or "output"
        overwrite  whether a file of that name is replaced instead

        Raises ComfyError when the server refuses it.
        """
        return self._done(self._core.upload(data, name, type=type, subfolder=subfolder, overwrite=overwrite))

    def upload_mask(
        self,
        data: bytes,
        name: str,
        original: str,
        *,
        type: str = "input",
        subfolder: str | None = None,
        overwrite: bool = False,
    ) -> str:
        """Upload a picture whose alpha becomes that of an original on the server; return its name as `upload` does.

        original  the name that loaders know it by, such as "photo.png" or "a/b.png [output]"

        Raises ComfyError when the server refuses it.
        """
        return self._done(
            self._core.upload_mask(data, name, original, type=type, subfolder=subfolder, overwrite=overwrite)
        )

    # Queue, history and jobs

    def queue(self) -> Queue:
        """Return what runs and what waits, by `/queue`; `prompt_id in client.queue()` is whether a prompt does."""
        return self._done(self._core.queue())

    def history(
        self, prompt_id: str | None = None, max_items: int | None = None, offset: int | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return `/history`, prompt id -> entry with `prompt`, `outputs`, `status` and `meta`.

        Of one prompt, and nothing while it is not over; else of all, or of the latest `max_items`, from `offset` on.
        """
        return self._done(self._core.history(prompt_id, max_items, offset))

    def delete(self, prompt_id: str) -> None:
        """Take a prompt that waits off the queue, by `POST /queue`; one that runs goes on. Raises ComfyError."""
        self._done(self._core.delete(prompt_id))

    def interrupt(self, prompt_id: str | None = None) -> None:
        """Interrupt what runs, by `POST /interrupt`: that prompt only, or any. Raises ComfyError."""
        self._done(self._core.interrupt(prompt_id))

    def jobs(
        self,
        status: str | Iterable[str] | None = None,
        *,
        workflow_id: str | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return queue and history as one list of jobs, by `/api/jobs` (since ComfyUI 0.8.0).

        status      of "pending", "in_progress", "completed", "failed", "cancelled"; all unless told
        sort_by     "created_at" or "execution_duration"
        sort_order  "asc" or "desc"

        Raises ComfyError where the server is older, or refuses what it is asked by.
        """
        return self._done(
            self._core.jobs(
                status, workflow_id=workflow_id, sort_by=sort_by, sort_order=sort_order, limit=limit, offset=offset
            )
        )

    def cancel(self, prompt_id: str) -> bool:
        """Interrupt a prompt that runs, or take it off the queue; False where it does neither, as when it is over.

        By `/api/jobs/{id}/cancel`, of servers older than 0.26.0 by queue and interrupt. Raises ComfyError.
        """
        return self._done(self._core.cancel(prompt_id))

    def free(self, *, unload_models: bool = False, free_memory: bool = True) -> None:
        """Ask the server to drop its cached results, and its models if wanted, and give it time to do so."""
        self._done(self._core.free(unload_models=unload_models, free_memory=free_memory))
