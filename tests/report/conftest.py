"""A project with a report that is reviewed, and the browser that looks at pages."""

from __future__ import annotations

import pytest
from chromium import chromium

from .desks import lay, reviewing


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    lay(folder)
    return folder


@pytest.fixture
def asker(root):
    with reviewing(root) as asker:
        yield asker
