"""Errors of workflow files."""

from __future__ import annotations


class WorkflowError(Exception):
    """A workflow file or a value to set in it is wrong; the text is one sentence for the user."""


class NotAWorkflowError(WorkflowError):
    """The file is JSON, but no ComfyUI workflow."""
