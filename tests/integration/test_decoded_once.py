"""No picture is decoded twice in one check, however much is asked of it: golden or actual, whatever comes of it."""

from __future__ import annotations

import hashlib
import io
from collections import Counter

import pytest
from PIL import Image, PngImagePlugin
from projects import Item, png, recorded

GOLDEN = [png(1), png(2)]
BLACK = png(2, edit=lambda picture: picture.paste((0, 0, 0), (0, 0, *picture.size)))
CASES = {
    "identical": ([png(1), png(2)], [], "passed", 0),
    "within tolerance": ([png(1, shift=1), png(2)], [], "passed", 3),
    "different": ([png(1), png(3)], [], "failed", 3),
    "showing nothing": ([png(1), BLACK], [], "failed", 3),
    "in another order": ([png(2), png(1)], [], "failed", 2),
    "one more than before": ([png(1), png(2), png(4)], [], "failed", 3),
    "kept in the report": ([png(1, shift=1), png(2)], ["--comfy-report-all"], "passed", 3),
    "approved": ([png(1), png(3)], ["--comfy-update"], "passed", 3),
    "approved whatever it is": ([png(1, shift=1), png(3)], ["--comfy-update=all"], "passed", 4),
}
"""Name -> outputs of today, flags, what becomes of the case, and of how many files the pixels are needed."""


@pytest.fixture
def decoded(monkeypatch):
    """How often the pixels of each file were decoded, by the SHA-256 of its bytes."""
    counts = Counter()
    prepare = PngImagePlugin.PngImageFile.load_prepare

    def counted(image):
        counts[hashlib.sha256(image.fp.getvalue()).hexdigest()] += 1
        prepare(image)

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load_prepare", counted)
    return counts


@pytest.mark.parametrize("name", CASES)
def test_each_picture_is_decoded_once(project, serve, decoded, name):
    pictures, flags, outcome, needed = CASES[name]
    project.both(outputs={"9": {"images": GOLDEN}})
    live = serve(recorded(outputs={"9": {"images": pictures}}))
    decoded.clear()
    project.run("workflows", "--comfy-url", live.url, *flags).assert_outcomes(**{outcome: 1})
    assert sorted(decoded.values()) == [1] * needed


def clip(*seeds):
    """An animation, or the frames of one."""
    stream = io.BytesIO()
    first, *more = (Image.open(io.BytesIO(png(seed))) for seed in seeds)
    first.save(stream, "PNG", save_all=True, append_images=more, duration=40)
    return stream.getvalue()


def test_each_frame_of_an_animation_is_decoded_once(project, serve, decoded):
    before, after = clip(1, 2, 3, 4, 5, 6), clip(1, 2, 3, 9, 5, 6)
    project.both(outputs={"9": {"images": [before]}})
    live = serve(recorded(outputs={"9": {"images": [after]}}))
    decoded.clear()
    project.run("workflows", "--comfy-url", live.url).assert_outcomes(failed=1)
    assert sorted(decoded.values()) == [6, 6]
    assert any(name.endswith(".difference.png") for name in project.files("comfy-report"))


def test_a_video_is_decoded_once(project, serve, monkeypatch):
    pytest.importorskip("av")
    from report.samples import video

    from pytest_comfy.compare.video import decoding

    opened, counts = decoding._opened, Counter()
    monkeypatch.setattr(decoding, "_opened", lambda data: (counts.update([data]), opened(data))[1])
    before, after = (Item({"filename": "a.mp4", "subfolder": "", "type": "output"}, video(late)) for late in (0, 8))
    project.both(outputs={"9": {"images": [before]}})
    live = serve(recorded(outputs={"9": {"images": [after]}}))
    counts.clear()
    project.run("workflows", "--comfy-url", live.url).assert_outcomes(failed=1)
    assert counts == {before.data: 1, after.data: 1}
