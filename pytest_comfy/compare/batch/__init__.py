"""Batches, the outputs of one node under one key: compared place by place, then as ordered sets."""

from __future__ import annotations

from .comparing import Finding, explain_batch
from .looks import Wanted

__all__ = ["Finding", "Wanted", "explain_batch"]
