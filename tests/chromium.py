"""ComfyUI's page in Chromium, for tests that are marked `browser`."""

from __future__ import annotations

import contextlib
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
_IS_READY = """least => window.app?.graph && window.app.api?.clientId
    && Object.keys(window.LiteGraph?.registered_node_types ?? {}).length > least"""


@contextlib.contextmanager
def page_at(url, classes=1):
    """Yield the page of a server once it has so many node classes; it reaches that server and nothing else.

    Skips where Playwright is not installed.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    url = url.rstrip("/")
    own = (url, "data:", "blob:")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        page = browser.new_context(locale="en-US").new_page()
        page.route("**/*", lambda route: route.continue_() if route.request.url.startswith(own) else route.abort())
        page.goto(url, wait_until="domcontentloaded")
        page.wait_for_function(_IS_READY, arg=classes)
        page.wait_for_load_state("networkidle")  # the page still loads its own start graph
        yield page
        browser.close()
