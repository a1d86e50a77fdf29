"""The parts of prompt validation; `pytest_comfy.workflow.validate` is the way in."""

from __future__ import annotations
