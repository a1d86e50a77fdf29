"""The page of a report in Chromium: from a disk, or served on loopback, with all that it complains of kept."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading

from chromium import page_that_reaches


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def served(folder):
    """Yield the address of a folder that is served on loopback."""
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def opened(browser, address, anchor="", **context):
    """Return a page of a report once its scripts have run; `page.complaints` are its errors and refusals."""
    page = page_that_reaches(browser, address, **context)
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (page.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(f"{address}/index.html{anchor}", wait_until="load")
    return page


def ready(page, case, output="9.images.0"):
    """Open a case, wait for the pictures of an output, and return its stage."""
    article = page.locator(f"[id='{case}']")
    if article.locator("> details").count() and article.locator("> details").get_attribute("open") != "":
        article.locator("summary.line").click()
    stage = page.locator(f"[id='{case}/{output}'] .stage.ready")
    stage.scroll_into_view_if_needed()
    stage.locator(".pair img").first.evaluate("one => one.decode()")
    stage.locator(".pair img").last.evaluate("one => one.decode()")
    page.wait_for_function("stage => stage.dataset.fit", arg=stage.element_handle())
    return stage
