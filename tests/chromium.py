"""Pages in Chromium, ComfyUI's and ours, for tests that are marked `browser`."""

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
def chromium():
    """Yield Chromium; skips where Playwright is not installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        yield browser
        browser.close()


def page_that_reaches(browser, own, **context):
    """Return a page, in a context of its own, that reaches addresses that begin with `own` and nothing else."""
    page = browser.new_context(locale="en-US", **context).new_page()
    own = (own, "data:", "blob:")
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith(own) else route.abort())
    return page


@contextlib.contextmanager
def page_at(url, classes=1):
    """Yield the page of a server once it has so many node classes; it reaches that server and nothing else.

    Skips where Playwright is not installed.
    """
    url = url.rstrip("/")
    with chromium() as browser:
        page = page_that_reaches(browser, url)
        page.goto(url, wait_until="domcontentloaded")
        page.wait_for_function(_IS_READY, arg=classes)
        page.wait_for_load_state("networkidle")  # the page still loads its own start graph
        yield page
