"""Draw docs/pictures/report_light.png, report_dark.png and review.png: the page of a report, in Chromium.

python docs/pictures/report.py
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from make import landscape
from PIL import Image, ImageOps

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "tests"))

from chromium import chromium  # noqa: E402
from kept import entry, kept, lay_workflow, write_json  # noqa: E402
from report.browsing import opened, ready  # noqa: E402
from report.desks import reviewing  # noqa: E402
from report.samples import everything  # noqa: E402

from pytest_comfy.report.html import write_page  # noqa: E402

LAKE = landscape()


def paint(number: int) -> Image.Image:
    """Return the lake in another light for every number, and from the other side for odd ones."""
    turned = LAKE.convert("HSV")
    hue, saturation, value = turned.split()
    hue = hue.point(lambda level: (level + 11 * (number * 7 % 23 - 11)) % 256)
    other = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    return ImageOps.mirror(other) if number % 2 else other


def main() -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        write_page(folder, everything(folder, paint).document)
        size = {"width": 1280, "height": 1000}
        page = opened(browser, folder.as_uri(), viewport=size, color_scheme="light")
        page.wait_for_load_state("networkidle")
        save(page, HERE / "report_light.png")
        page = opened(browser, folder.as_uri(), viewport=size, color_scheme="dark")
        stage = ready(page, "garden-default")
        page.locator("#garden-default .parts summary").click()
        page.keyboard.press("2")
        page.locator("#garden-default").evaluate("one => { document.activeElement.blur(); one.scrollIntoView(); }")
        stage.locator(".pair img").last.evaluate("one => one.decode()")
        save(page, HERE / "report_dark.png")
        review(browser, Path(name) / "project")


def review(browser: object, root: Path) -> None:
    """Write the picture of a case that is approved on the review page."""
    root.mkdir()
    (root / "comfy-report").mkdir()
    document = everything(root / "comfy-report", paint).document
    lay_workflow(root, "garden")
    own = entry(root, "garden", run=kept("garden"))
    for case in document["cases"]:
        case.update({key: own[key] for key in ("golden", "run", "started")} if case["key"] == own["key"] else {})
    write_json(root / "comfy-report/report.json", document)
    with reviewing(root) as asker:
        size = {"width": 1280, "height": 760}
        page = browser.new_context(viewport=size, color_scheme="light").new_page()  # type: ignore[attr-defined]
        page.goto(asker.server.address)
        page.locator("#garden-default summary.line").click()
        page.locator("#garden-default .stage.ready").wait_for()
        page.keyboard.press("e")
        page.keyboard.type("the red balloon is meant")
        page.locator("#garden-default .whole").get_by_role("button", name="Approve").click()
        page.locator("#garden-default .line .decision:visible").wait_for()
        page.locator("#garden-default").evaluate("one => { document.activeElement.blur(); one.scrollIntoView(); }")
        page.mouse.move(0, 0)
        page.locator(".toast").evaluate("one => { one.hidden = true; }")
        page.wait_for_load_state("networkidle")
        save(page, HERE / "review.png")


def save(page: object, path: Path) -> None:
    """Write what a page shows, in few enough colours to be small."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")  # type: ignore[attr-defined]
    picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
