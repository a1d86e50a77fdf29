"""What is asked: workflow files, patched values, canonical digests and node definitions. Pure."""

from __future__ import annotations

from .errors import NotAWorkflowError, WorkflowError
from .model import Workflow

__all__ = ["NotAWorkflowError", "Workflow", "WorkflowError"]
