from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from projects import png

from pytest_comfy import compare
from pytest_comfy.compare import CompareError, Kept, UndecodableError, compare_output, describe

Encode = Callable[..., bytes]
Keep = Callable[..., Kept]
Draw = Callable[..., Image.Image]
MASK = (60, 60, 30, 30)


def never_read() -> bytes:
    raise AssertionError("the golden file was read without need")


def test_heavy_modules_stay_out_while_bytes_are_equal() -> None:
    golden = describe(b"picture", "application/octet-stream")["sha256"]
    program = """
import sys
from pytest_comfy.compare import Kept, compare_output, describe, parse_tolerance
kept = Kept("image/png", sys.argv[1], None, None, (), None)
print(compare_output(kept, b"picture", "image/png", masks=[(0, 0, 5, 5)]).verdict)
print(compare_output(kept, b"text", "text/plain").verdict)
describe(b"text", "text/plain")
print(sorted({"PIL", "numpy", "imagehash", "pytest"} & set(sys.modules)))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, golden],
        cwd=Path(compare.__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.splitlines() == ["identical", "different", "[]"], ran.stderr


def test_every_public_name_is_there_and_documented() -> None:
    for name in compare.__all__:
        assert getattr(compare, name).__doc__ or name == "Verdict"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = compare.nothing


def test_description_is_json_and_complete(scene: Image.Image, encode: Encode) -> None:
    described = describe(encode(scene), "image/png", [[5, 5, 10, 10]])
    assert json.loads(json.dumps(described)) == described
    assert sorted(described) == ["fingerprint", "masks", "pixels_sha256", "sha256", "size"]
    assert (described["size"], described["masks"]) == ([256, 192], [[5, 5, 10, 10]])
    plain = describe(encode(scene), "image/png")
    assert "masks" not in plain
    assert plain["pixels_sha256"] == described["pixels_sha256"]
    assert plain["fingerprint"] != described["fingerprint"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/json", "application/octet-stream"])
def test_description_of_what_is_no_picture(media_type: str) -> None:
    described = describe(b"abc", media_type)
    assert described.pop("sha256").startswith("ba7816bf")
    assert described == {"size": None, "pixels_sha256": None, "fingerprint": None}


def test_description_of_a_broken_picture_is_refused() -> None:
    with pytest.raises(UndecodableError):
        describe(b"abc", "image/png")


def test_other_container_with_the_same_pixels_is_identical(scene: Image.Image, encode: Encode, keep: Keep) -> None:
    golden = replace(keep(encode(scene)), read=never_read)
    for tolerance in ("exact", "normal"):
        comparison = compare_output(
            golden, encode(scene, "WEBP", lossless=True), "image/webp", tolerance=tolerance, masks=[MASK]
        )
        assert (comparison.verdict, comparison.message) == ("identical", "pixels are identical")


def test_kept_fingerprint_is_enough(scene: Image.Image, encode: Encode, keep: Keep, moved: Draw, boxed: Draw) -> None:
    golden = keep(encode(scene), file=False)
    golden = replace(golden, fingerprint=json.loads(json.dumps(golden.fingerprint)))
    assert compare_output(golden, encode(moved(scene, 1)), "image/png").verdict == "within tolerance"
    changed = compare_output(golden, encode(boxed(scene, MASK)), "image/png")
    assert (changed.verdict, changed.kinds[0]) == ("different", "structure")
    table: dict[str, float | str] = dict.fromkeys(changed.parts, 300)
    assert compare_output(golden, encode(boxed(scene, MASK)), "image/png", tolerance=table).passed


def test_golden_file_at_hand_shows_what_the_kept_fingerprint_cannot(textured: Draw, encode: Encode, keep: Keep) -> None:
    box = (500, 500, 4, 4)
    golden, speck = encode(textured()), encode(textured((box, (-110,) * 3)))
    assert compare_output(keep(golden, file=False), speck, "image/png").verdict == "within tolerance"
    seen = compare_output(keep(golden), speck, "image/png")
    assert (seen.verdict, seen.kinds[0]) == ("different", "structure")
    for mask, verdict in ((box, "within tolerance"), ((500, 500, 4, 3), "different")):
        kept = keep(golden, masks=[mask])
        assert compare_output(kept, speck, "image/png", masks=[mask]).verdict == verdict


def test_masks_of_the_kept_fingerprint_are_reused_in_any_order(
    scene: Image.Image, encode: Encode, keep: Keep, boxed: Draw
) -> None:
    corner = (0, 0, 9, 9)
    golden = replace(keep(encode(scene), masks=[MASK, corner], file=False), masks=(MASK, corner))
    changed = encode(boxed(scene, MASK))
    assert compare_output(golden, changed, "image/png", masks=[list(corner), list(MASK)]).passed


def test_other_masks_need_the_golden_file(scene: Image.Image, encode: Encode, keep: Keep, boxed: Draw) -> None:
    changed = encode(boxed(scene, MASK))
    assert compare_output(keep(encode(scene)), changed, "image/png", masks=[MASK]).passed
    assert not compare_output(keep(encode(scene), masks=[MASK]), changed, "image/png").passed
    with pytest.raises(CompareError, match="made with other masks, and the golden file was not kept: approve"):
        compare_output(keep(encode(scene), file=False), changed, "image/png", masks=[MASK])


def test_exact_passes_only_equal_pixels(scene: Image.Image, encode: Encode, keep: Keep, moved: Draw) -> None:
    golden = keep(encode(scene), file=False)
    comparison = compare_output(golden, encode(moved(scene, 1)), "image/png", tolerance="exact")
    assert (comparison.verdict, comparison.tolerance) == ("different", "exact")
    assert comparison.message.startswith("lighter by 1 levels")
    masked = compare_output(keep(encode(scene), masks=[MASK]), encode(moved(scene, 1)), "image/png", tolerance="exact")
    assert (masked.verdict, masked.message) == ("different", "pixels differ (exact allows none)")
    bare = compare_output(replace(golden, fingerprint=None), encode(moved(scene, 1)), "image/png", tolerance="exact")
    assert (bare.verdict, bare.message) == ("different", "pixels differ (exact allows none)")


def test_exact_sees_what_the_fingerprint_cannot_without_the_golden_file(
    scene: Image.Image, encode: Encode, keep: Keep
) -> None:
    other = scene.copy()
    red, green, blue = other.getpixel((0, 0))
    other.putpixel((0, 0), (red ^ 1, green, blue))
    comparison = compare_output(keep(encode(scene), file=False), encode(other), "image/png", tolerance="exact")
    assert comparison.verdict == "different"
    assert comparison.message == "pixels differ by less than the fingerprint shows (exact allows none)"


def test_exact_with_masks_compares_the_pixels_beside_them(
    scene: Image.Image, encode: Encode, keep: Keep, boxed: Draw
) -> None:
    golden = keep(encode(scene), masks=[MASK])
    inside, outside = encode(boxed(scene, MASK)), encode(boxed(scene, (60, 60, 30, 31)))
    assert compare_output(golden, inside, "image/png", tolerance="exact", masks=[MASK]).verdict == "identical"
    assert not compare_output(golden, outside, "image/png", tolerance="exact", masks=[MASK]).passed
    with pytest.raises(CompareError, match="exact with masks needs the golden picture"):
        compare_output(replace(golden, read=None), inside, "image/png", tolerance="exact", masks=[MASK])


@pytest.mark.parametrize("kept", [None, {"version": 0}])
def test_fingerprint_that_is_missing_or_old_is_made_anew(
    kept: Any, scene: Image.Image, encode: Encode, keep: Keep, moved: Draw
) -> None:
    golden = replace(keep(encode(scene)), fingerprint=kept)
    actual = encode(moved(scene, 1))
    assert compare_output(golden, actual, "image/png").verdict == "within tolerance"
    with pytest.raises(CompareError, match=r"fingerprint .*and the golden file was not kept"):
        compare_output(replace(golden, read=None), actual, "image/png")


def test_golden_kept_by_its_bytes_alone_is_read(scene: Image.Image, encode: Encode, keep: Keep) -> None:
    golden = replace(keep(encode(scene)), fingerprint=None, pixels_sha256=None)
    for tolerance in ("exact", "normal"):
        assert compare_output(golden, encode(scene, "BMP"), "image/bmp", tolerance=tolerance).verdict == "identical"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        (b"broken", "the golden file does not decode"),
        (FileNotFoundError(2, "No such file or directory"), r"cannot be read \(No such file or directory\)"),
    ],
)
def test_unusable_golden_file_is_an_error_with_the_next_step(
    content: bytes | OSError, told: str, scene: Image.Image, encode: Encode, keep: Keep
) -> None:
    def read() -> bytes:
        if isinstance(content, OSError):
            raise content
        return content

    golden = replace(keep(encode(scene)), fingerprint=None, pixels_sha256=None, read=read)
    with pytest.raises(CompareError, match=told):
        compare_output(golden, encode(scene, "BMP"), "image/bmp")


def test_undecodable_output_is_different(scene: Image.Image, encode: Encode, keep: Keep) -> None:
    comparison = compare_output(keep(encode(scene)), encode(scene)[:5000], "image/png")
    assert (comparison.verdict, comparison.kinds) == ("different", ("undecodable",))
    assert comparison.message.startswith("the picture is broken or truncated")


def test_other_kind_of_media_is_different(scene: Image.Image, encode: Encode, keep: Keep) -> None:
    comparison = compare_output(keep(encode(scene)), b"\x00", "Video/MP4; codecs=avc1")
    assert (comparison.verdict, comparison.message) == ("different", "media type is video/mp4, was image/png")


def test_text_and_json_are_compared_by_content(keep: Keep) -> None:
    golden = keep(b'{"a": 1, "b": 2}', "application/json")
    assert compare_output(golden, b'{"b":2,"a":1}', "application/json; charset=utf-8").verdict == "identical"
    assert compare_output(golden, b'{"b":3,"a":1}', "application/json").message == "$.b is 3, was 2"
    assert compare_output(golden, b'{"b":2,"a":1}', "text/plain").verdict == "different"
    vector = compare_output(keep(b"<svg/>", "image/svg+xml"), b"<svg />", "image/svg+xml")
    assert (vector.verdict, vector.message) == ("identical", "drawings are identical")


def test_text_without_its_golden_file_differs_without_a_place(keep: Keep) -> None:
    comparison = compare_output(keep(b"a", "text/plain", file=False), b"b", "text/plain")
    assert (comparison.verdict, comparison.kinds) == ("different", ("text",))
    assert "not kept" in comparison.message


@pytest.mark.parametrize(("file", "sizes"), [(True, "3 bytes, was 4"), (False, "3 bytes")])
def test_all_else_is_compared_by_bytes(file: bool, sizes: str, keep: Keep) -> None:
    golden = keep(b"PK\3\4", "model/3mf", file=file)
    assert compare_output(golden, b"PK\3\4", "model/3mf", tolerance="exact").verdict == "identical"
    comparison = compare_output(golden, b"PK\3", "model/3mf", tolerance="loose")
    assert comparison.kinds == ("bytes",)
    assert comparison.message == f"bytes differ, and of model/3mf only bytes can be compared: {sizes}"


def test_unknown_tolerance_is_refused_even_where_bytes_are_equal(keep: Keep) -> None:
    with pytest.raises(ValueError, match="did you mean 'loose'"):
        compare_output(keep(b"a", "text/plain"), b"a", "text/plain", tolerance="lose")


@pytest.mark.parametrize("masks", [(), ((0, 0, 8, 8), (16, 16, 4, 4))])
@pytest.mark.parametrize("shift", [1, 60])
def test_comparison_tells_of_the_output_what_describing_it_does(
    masks: tuple[tuple[int, int, int, int], ...], shift: int
) -> None:
    golden, actual = png(1), png(1, shift=shift)
    found = describe(golden, "image/png", masks)
    kept = Kept("image/png", found["sha256"], found["pixels_sha256"], found["fingerprint"], masks, lambda: golden)
    comparison = compare_output(kept, actual, "image/png", masks=masks)
    assert comparison.passed is (shift == 1)
    assert comparison.described == describe(actual, "image/png", masks)
