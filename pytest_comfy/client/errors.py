"""How a run can end other than well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ComfyError(Exception):
    """A run did not come to a good end; the text says it in words for the user.

    judged  True when the workflow is at fault, False when it could not be judged at all
    """

    judged = False


class ServerUnreachable(ComfyError):
    """No ComfyUI answers at the address, or it answers what no ComfyUI would."""


class GatewayAnswered(ServerUnreachable):
    """What stands before the server answers in its place.

    status   of the answer
    passing  whether it may well be otherwise soon, as nothing is behind it now
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
        self.passing = status in (502, 503, 504)


class TooLarge(ComfyError):
    """What the server sends would take more memory than a run may keep."""


class ApiNodesRefused(ComfyError):
    """A prompt was not queued, as it has nodes that may cost money and nobody allowed that."""

    judged = True


class PromptRejected(ComfyError):
    """The server refused the prompt, or some of its outputs; `node_errors` as the server gave them."""

    judged = True

    def __init__(
        self,
        message: str,
        error: Mapping[str, Any] | None = None,
        node_errors: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.error = error or {}
        self.node_errors = node_errors or {}


class ExecutionError(ComfyError):
    """A node raised; `details` is the server's execution_error message."""

    judged = True

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.details = details or {}


class RunTimeout(ComfyError):
    """The run was not over within its wall-clock limit."""

    judged = True


class RunStalled(ComfyError):
    """The queue, or the running node, did not move for too long."""


class RunInterrupted(ComfyError):
    """Somebody interrupted the run."""


class RunLost(ComfyError):
    """The server no longer knows the run: it died, was restarted, or the prompt was deleted."""


class DownloadError(ComfyError):
    """The server named an output and did not give it."""

    judged = True
