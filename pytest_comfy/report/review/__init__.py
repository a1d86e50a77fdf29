"""The report with decisions: served on loopback, where a person approves and rejects what the page shows."""

from .desk import Desk
from .server import ReviewServer

__all__ = ["Desk", "ReviewServer"]
