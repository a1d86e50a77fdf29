"""A fake ComfyUI that replays golden runs over real HTTP and WebSocket on loopback."""

from __future__ import annotations

from .fake import FakeComfyServer

__all__ = ["FakeComfyServer"]
