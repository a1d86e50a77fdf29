"""What a test sees of the queue of a fake server while a session asks it."""

from __future__ import annotations

import json
import threading

import requests
import websocket


def waiting_on(server):
    """The prompts that run or wait on a server."""
    told = requests.get(f"{server.url}/queue", timeout=60).json()
    return len(told["queue_running"]) + len(told["queue_pending"])


def is_emptied(server, looks=2000):
    """Whether nothing runs or waits any more; what is interrupted ends a little later."""
    return any(not waiting_on(server) for _ in range(looks))


class Watching:
    """Listens to a server's queue in a thread; `most` is the longest that it was.

    at, then  what is done, once, when the queue is as long as that
    """

    def __init__(self, server, at=None, then=lambda: None):
        self.most = 0
        self._at, self._then = at, then
        self._socket = websocket.create_connection(f"ws{server.url[4:]}/ws", timeout=60)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        try:
            while True:
                told = self._socket.recv()
                if isinstance(told, str) and (status := json.loads(told)).get("type") == "status":
                    self._saw(status["data"]["status"]["exec_info"]["queue_remaining"])
        except (websocket.WebSocketException, OSError, ValueError):
            pass

    def _saw(self, length):
        self.most = max(self.most, length)
        if self._at is not None and length >= self._at:
            self._at = None
            self._then()

    def close(self):
        self._socket.close()
        self._thread.join(20)
