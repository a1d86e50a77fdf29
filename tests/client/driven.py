"""The other clients, waited for: what a test says of one client it says of all."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from pytest_comfy.client import AsyncComfyClient
from pytest_comfy.client.background import BackgroundClient, Loop


class InBackground(BackgroundClient):
    """A BackgroundClient with an event loop of its own."""

    def __init__(self, url: str, **options: Any) -> None:
        self.own = Loop()
        super().__init__(url, loop=self.own, **options)

    def close(self) -> None:
        super().close()
        self.own.close()


class Driven:
    """Calls the methods of an AsyncComfyClient in an event loop of its own, and returns what they return."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.__dict__["client"] = AsyncComfyClient(*arguments, **options)
        self.__dict__["loop"] = asyncio.new_event_loop()

    def __enter__(self) -> Driven:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)
        return self._waiting(found) if inspect.ismethod(found) else found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.client, name, value)

    def _waiting(self, method: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            made = method(*arguments, **options)
            if inspect.isasyncgen(made):
                return self._each(made)
            return self.loop.run_until_complete(made) if inspect.isawaitable(made) else made

        return call

    def _each(self, made: AsyncGenerator[Any, None]) -> Iterator[Any]:
        try:
            while True:
                try:
                    item = self.loop.run_until_complete(anext(made))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self.loop.run_until_complete(made.aclose())
