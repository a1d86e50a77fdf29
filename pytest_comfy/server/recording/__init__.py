"""The recording proxy: passes HTTP and WebSocket through to a real ComfyUI and keeps what went by."""

from __future__ import annotations

from .proxy import RecordingProxy

__all__ = ["RecordingProxy"]
