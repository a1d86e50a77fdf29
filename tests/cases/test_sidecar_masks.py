"""`masks` and `only` of an output: rectangles, or a picture beside the sidecar."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image, ImageDraw
from projects import SIDE, failure_of, png, recorded

HEAD = "txt2img.json [default]"
STAMP = (0, 0, SIDE, 16)


def stamped(box=STAMP):
    x, y, width, height = box
    return png(edit=lambda picture: picture.paste((255, 0, 0), (x, y, x + width, y + height)))


def mask_png(shape, size=(SIDE, SIDE)):
    mask = Image.new("L", size)
    shape(ImageDraw.Draw(mask))
    stream = io.BytesIO()
    mask.save(stream, "PNG")
    return stream.getvalue()


def strip(draw):
    draw.rectangle((0, 0, SIDE - 1, 15), fill="white")


def disc(draw):
    draw.ellipse((8, 8, SIDE - 8, SIDE - 8), fill="white")


@pytest.fixture
def live(project, serve):
    """Run live by a sidecar against a server that makes another picture than the golden one."""

    def run(sidecar, made, *arguments, mask=None):
        project.workflow(sidecar=f'[outputs."Save Image"]\n{sidecar}\n')
        if mask is not None:
            (project.root / "workflows/mask.png").write_bytes(mask)
        if not (project.root / "golden").exists():
            project.golden("txt2img/default")
        server = serve(recorded(outputs={"9": {"images": [made]}}))
        return project.run("workflows", "--comfy-url", server.url, *arguments)

    return run


@pytest.mark.parametrize(
    ("sidecar", "box", "passes"),
    [
        (f"masks = [[0, 0, {SIDE}, 16]]", STAMP, True),
        ("masks = [[0, 0, 10, 16]]", STAMP, False),
        (f"only = [[0, 16, {SIDE}, {SIDE}]]", STAMP, True),
        (f"only = [[0, 0, {SIDE}, 20]]", STAMP, False),
        (f"only = [[0, 0, {SIDE}, 20]]\nmasks = [[0, 0, {SIDE}, 16]]", STAMP, True),
    ],
)
def test_rectangles(live, sidecar, box, passes):
    live(sidecar, stamped(box)).assert_outcomes(passed=int(passes), failed=int(not passes))


@pytest.mark.parametrize(("key", "passes"), [("masks", True), ("only", False)])
def test_mask_picture_says_what_is_left_out_or_what_counts(live, key, passes):
    result = live(f'{key} = "mask.png"', stamped(), mask=mask_png(strip))
    result.assert_outcomes(passed=int(passes), failed=int(not passes))


def test_approved_with_a_mask_picture_the_fingerprint_is_enough(live, project):
    mask = mask_png(disc)
    live('masks = "mask.png"', png(), "--comfy-update=all", mask=mask).assert_outcomes(passed=1)
    (kept,) = (project.root / "golden/txt2img/default").glob("*.png")
    document = json.loads((kept.parent / "run.json").read_text())
    assert isinstance(document["outputs"][0]["masks"], (str, list))
    del document["outputs"][0]["file"]  # as with comfy_golden_files = false
    (kept.parent / "run.json").write_text(json.dumps(document))
    kept.unlink()
    live('masks = "mask.png"', stamped((24, 24, 16, 16)), mask=mask).assert_outcomes(passed=1)
    live('masks = "mask.png"', stamped((0, 0, 16, 16)), mask=mask).assert_outcomes(failed=1)


def test_mask_picture_of_another_size_is_an_error(live):
    result = live('masks = "mask.png"', stamped(), mask=mask_png(strip, (32, 32)))
    result.assert_outcomes(errors=1)
    (told,) = failure_of(result, f"ERROR at setup of {HEAD}")
    assert "the mask picture is 32x32, and the output" in told and "mask.png" in told


def test_mask_picture_that_is_not_there(project):
    project.workflow(sidecar='[outputs."Save Image"]\nonly = "face.png"\n')
    result = project.run("workflows")
    result.assert_outcomes(errors=1)
    (told,) = failure_of(result, "ERROR at setup of txt2img.json")
    assert told == "workflows/txt2img.toml: outputs.Save Image.only: there is no mask picture 'face.png' beside it"
