"""For all tests: nothing of the person's environment reaches them, unless they are marked `live`."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def bare_environment(request, monkeypatch):
    """Take out what would change a pytest or a plugin that a test starts."""
    live = request.node.get_closest_marker("live") is not None
    for name in list(os.environ):
        if name.startswith("COMFY_") and not live:
            monkeypatch.delenv(name)
        if name in ("CI", "BUILD_NUMBER"):
            monkeypatch.delenv(name)  # pytest writes its summary at greater length there
        if name.startswith("PYTEST_") and name not in ("PYTEST_CURRENT_TEST", "PYTEST_VERSION"):
            monkeypatch.delenv(name)
