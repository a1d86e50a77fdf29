"""SVG: what counts as the same drawing, and how a difference is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.compare import CompareError, Comparison, Kept, UndecodableError, compare_output, describe
from pytest_comfy.compare.svg.comparing import compare_documents, compare_fingerprints
from pytest_comfy.compare.svg.fingerprints import fingerprint
from pytest_comfy.compare.text.drawing import draw
from pytest_comfy.compare.tolerance import parse_tolerance

Keep = Callable[..., Kept]
MEDIA = "image/svg+xml"
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 100 100">'
DRAWING = (
    f'{HEAD}<defs><linearGradient id="g1"><stop offset="0" stop-color="#f00"/><stop offset="1" stop-color="blue"/>'
    '</linearGradient></defs><g transform="translate(10,20) scale(2)"><path d="M0 0h10v10z" fill="url(#g1)"/>'
    '<rect x="5" y="5" width="20" height="10" fill="#336699" opacity="0.5"/></g><text x="3" y="90">Hello <tspan>there'
    "</tspan></text></svg>"
)


def drawn(inside: str) -> bytes:
    return f"{HEAD}{inside}</svg>".encode()


def judged(golden: bytes | str, actual: bytes | str, tolerance: str = "normal") -> Comparison:
    files = [one.encode() if isinstance(one, str) else one for one in (golden, actual)]
    return compare_documents(files[0], files[1], parse_tolerance(tolerance))


def by_fingerprint(golden: bytes | str, actual: bytes | str, tolerance: str = "normal") -> Comparison:
    files = [one.encode() if isinstance(one, str) else one for one in (golden, actual)]
    return compare_fingerprints(fingerprint(files[0]), fingerprint(files[1]), parse_tolerance(tolerance))


def prefixed(document: str) -> str:
    return document.replace("xmlns=", "xmlns:s=").replace("</", "</s:").replace("<", "<s:").replace("<s:/s:", "</s:")


@pytest.mark.parametrize(
    "same",
    [
        DRAWING.replace("><", ">\n  <").replace("Hello <", "Hello\n <"),
        DRAWING.replace("Hello", "Hel<metadata>x</metadata>lo<!-- y -->"),
        f'<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://127.0.0.1:1/a.dtd">{DRAWING}',
        DRAWING.replace('<rect x="5" y="5"', "<rect y='5.0' x=' 5px '"),
        DRAWING.replace("<defs>", "<!-- a comment --><metadata><![CDATA[{\"prompt\": 1}]]></metadata><defs>"),
        DRAWING.replace("g1", "gradient"),
        DRAWING.replace("<g ", '<g id="layer1" '),
        DRAWING.replace("#f00", "rgb(255, 0, 0)").replace("blue", "#0000ff"),
        DRAWING.replace('fill="#336699" opacity="0.5"', 'style="fill:#369; opacity:.5"'),
        DRAWING.replace("M0 0h10v10z", "M 0,0 10,0 L 10,10 Z"),
        DRAWING.replace("translate(10,20) scale(2)", "translate(10 20)\n scale(2.0)"),
        DRAWING.replace("<g ", '<g xmlns:i="http://www.inkscape.org/namespaces/inkscape" i:label="x" '),
        DRAWING.replace(' xmlns="http://www.w3.org/2000/svg"', ""),
        prefixed(DRAWING),
    ],
    ids=["layout", "metadata in text", "document type", "order of attributes", "metadata", "names of ids",
         "ids of nothing", "colours", "style", "path", "transform", "editor", "no namespace", "prefixes"],
)  # fmt: skip
def test_same_drawing_written_otherwise_is_identical(same: str) -> None:
    assert same != DRAWING
    for tolerance in ("exact", "normal"):
        assert judged(DRAWING, same, tolerance).verdict == "identical"
        assert by_fingerprint(DRAWING, same, tolerance).verdict == "identical"


@pytest.mark.parametrize(
    ("old", "new", "kind", "message"),
    [
        ("Hello", "Hallo", "text", 'text of svg/text[1] is "Hallo", was "Hello"'),
        ("there", "", "text", "svg/text[1]/tspan[1]/#text[1] is missing"),
        ("<tspan>there</tspan>", "", "structure", "svg/text[1]/tspan[1] is missing"),
        ("<rect ", "<circle ", "structure", "svg/g[1]/circle[1] stands where svg/g[1]/rect[1] was"),
        ("</g>", "<path d='M0 0'/></g>", "structure", "svg/g[1]/path[2] is new"),
        ("scale(2)", "scale(-2)", "structure",
         "svg/g[1] transform, part 5 of 5, is -2, was 2: moved 200 % (normal allows 2)"),
        ("scale(2)", "rotate(2)", "structure", 'svg/g[1] transform, part 4 of 5, is "rotate", was "scale"'),
        ("h10v", "h11v", "structure",
         "svg/g[1]/path[1] d, part 5 of 10, is 11, was 10: moved 2 % of the picture's side (normal allows 0.3)"),
        ("v10z", "v10", "structure", 'svg/g[1]/path[1] d is "M0 0h10v10", was "M0 0h10v10z"'),
        ("#336699", "#3366aa", "colour",
         "svg/g[1]/rect[1] fill is #3366aa, was #336699: moved 17 levels (normal allows 3)"),
        ("#336699", "none", "colour", 'svg/g[1]/rect[1] fill is "none", was "#336699"'),
        (' opacity="0.5"', "", "structure", 'svg/g[1]/rect[1] opacity is not given, was "0.5"'),
        ("url(#g1)", "url(#g2)", "structure", 'svg/defs[1]/linearGradient[1] id is not given, was "#1"'),
        ("0 0 100 100", "0 0 200 100", "size", "viewBox is 0 0 200 100, was 0 0 100 100"),
        ("<svg ", '<svg width="50%" ', "size", "width is 50 %, was not given"),
    ],
)  # fmt: skip
def test_differences_are_told_with_their_place(old: str, new: str, kind: str, message: str) -> None:
    changed = DRAWING.replace(old, new)
    comparison = judged(DRAWING, changed)
    assert (comparison.verdict, comparison.kinds[0], comparison.message) == ("different", kind, message)
    back = judged(changed, DRAWING)
    assert (back.verdict, back.distance) == ("different", comparison.distance)


def test_colours_of_fill_by_keyword_and_text_of_styles() -> None:
    style = "<style>.a{{fill:{}}}</style><path class='a' d='M0 0h9'/>"
    comparison = judged(drawn(style.format("red")), drawn(style.format("blue")))
    assert (comparison.kinds, comparison.message) == (
        ("structure",),
        'text of svg/style[1] is ".a{fill:blue}", was ".a{fill:red}"',
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [("h10v10z", "h10.1v10.05z"), ("#336699", "#346799"), ('opacity="0.5"', 'opacity="0.502"'), ('x="5"', 'x="5.1"')],
)
def test_small_movements_are_within_tolerance(old: str, new: str) -> None:
    changed = DRAWING.replace(old, new)
    assert judged(DRAWING, changed).verdict == "within tolerance"
    exact = judged(DRAWING, changed, "exact")
    assert exact.verdict == "different"
    assert exact.message.endswith("(exact allows 0)")
    assert by_fingerprint(DRAWING, changed).verdict == "within tolerance"
    assert by_fingerprint(DRAWING, changed, "exact").verdict == "different"


def test_places_are_measured_as_they_are_drawn() -> None:
    shrunk = "<g transform='scale(.01)'><g transform='matrix(1 0 0 1 5 5)'><path d='M0 0H{}'/></g></g>"
    assert judged(drawn(shrunk.format(5000)), drawn(shrunk.format(5010))).passed
    assert not judged(drawn(shrunk.format(5000)), drawn(shrunk.format(5050))).passed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("m5 5 5 5z m1 1 2 2", "M5 5L10 10Z M6 6L8 8"),
        ("M0 0a5 5 0 0110 10", "M0,0 A5,5 0 0 1 10,10"),
        ("M1 1c1 1 2 2 3 3s1 1 2 2", "M1 1C2 2 3 3 4 4S5 5 6 6"),
        ("M.5.5.6-.7", "M0.5 0.5L0.6 -0.7"),
        ("M0 0q1 1 2 0t2 0", "M0 0Q1 1 2 0T4 0"),
        ("M1e1 0V5", "M10 0L10 5"),
    ],
)
def test_paths_are_compared_by_the_places_they_lead_to(one: str, other: str) -> None:
    paths = [drawn(f"<path d='{path}'/>") for path in (one, other)]
    assert judged(*paths, "exact").verdict == "identical"


@pytest.mark.parametrize("path", ["", "M", "5 5", "M0 0 x", "M0 0 A1 1 0 2 0 5 5", "M0 0Z5", "M1e999 0", "ħ"])
def test_broken_paths_are_the_same_only_as_themselves(path: str) -> None:
    broken = drawn(f"<path d='{path}'/>")
    assert judged(broken, broken.replace(b"<path ", b"<path  ")).verdict == "identical"
    assert not judged(broken, drawn("<path d='M0 0H7'/>")).passed


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "broken or truncated"),
        (DRAWING[:-9].encode(), "broken or truncated"),
        (b"<html/>", "its root is <html>"),
        (b"<svg xmlns='urn:other'/>", "its root is <svg>"),
        (b'<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>&a;</svg>', "a document type of its own"),
        (b'<!DOCTYPE svg SYSTEM "file:///etc/passwd"><svg>&a;</svg>', "uses entities of its own"),
        (b"<svg>&nbsp;</svg>", "broken or truncated"),
        (b"<svg>" + b"<g>" * 300, "nested deeper than 256"),
        (b"<svg>" + b"<g/>" * 100_001 + b"</svg>", "more than 100000 elements"),
        (b"<svg>" + b" " * 2**24 + b"</svg>", "more than 16777216 are refused"),
        (b'<?xml version="1.0" encoding="x-none"?><svg/>', "broken or truncated"),
        (b"\x1f\x8b\x08", "broken or truncated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_broken_documents_are_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UndecodableError, match=reason):
        fingerprint(data)
    assert judged(DRAWING, data).kinds == ("undecodable",)


def test_documents_in_other_encodings() -> None:
    for encoding in ("utf-16", "iso-8859-1"):
        text = f'<?xml version="1.0" encoding="{encoding}"?>{DRAWING.replace("Hello", "Grüße")}'
        assert judged(DRAWING.replace("Hello", "Grüße"), text.encode(encoding)).verdict == "identical"


def test_kept_fingerprint_tells_what_it_can(keep: Keep) -> None:
    golden = keep(DRAWING.encode(), MEDIA, file=False)
    golden = replace(golden, fingerprint=json.loads(json.dumps(golden.fingerprint)))

    def told(old: str, new: str) -> str:
        return compare_output(golden, DRAWING.replace(old, new).encode(), MEDIA).message

    assert told("g1", "gg") == "drawings are identical"
    assert told("Hello", "Hallo") == "text differs; the golden file was not kept, so the place cannot be shown"
    assert told("<rect ", "<circle ") == "0 elements rect, was 1"
    assert told("scale(2)", "rotate(2)").startswith("elements or their attributes are others; ")
    assert told("#336699", "#3366aa") == "mean of colours in run 3 of 3: moved 17 levels (normal allows 3)"
    assert told("h10v", "h12v") == (
        "mean of places in run 9 of 18: moved 4 % of the picture's side (normal allows 0.3)"
    )
    assert told("0 0 100 100", "0 0 200 100") == "viewBox is 0 0 200 100, was 0 0 100 100"


def test_golden_file_is_preferred(keep: Keep) -> None:
    golden = keep(DRAWING.encode(), MEDIA)
    comparison = compare_output(golden, DRAWING.replace("#336699", "#3366aa").encode(), MEDIA)
    assert comparison.message.startswith("svg/g[1]/rect[1] fill is")
    table: dict[str, float | str] = {"svg_colour": 20}
    assert compare_output(golden, DRAWING.replace("#336699", "#3366aa").encode(), MEDIA, tolerance=table).passed
    with pytest.raises(CompareError, match="SVG is broken"):
        compare_output(replace(golden, read=lambda: b"<"), b"<svg/>", MEDIA)


def test_fingerprint_is_small_and_no_picture_is_drawn() -> None:
    many = drawn("".join(f"<path d='M{n} {n}h{n}' fill='#{n:06x}' opacity='{n / 5000}'/>" for n in range(5000)))
    assert len(json.dumps(describe(many, MEDIA))) < 3500
    assert draw(many, many) is None


numbers = st.floats(-1000, 1000, allow_nan=False)


@given(st.lists(numbers, min_size=2, max_size=8), st.floats(0, 5), st.floats(0, 5))
@settings(max_examples=50)
def test_judgement_is_symmetric_and_follows_the_strength(places: list[float], one: float, other: float) -> None:
    less, more = sorted((one, other))

    def polygon(by: float) -> bytes:
        return drawn(f"<polygon points='{' '.join(repr(place + by) for place in places)}'/>")

    near, far = judged(polygon(0), polygon(less)), judged(polygon(0), polygon(more))
    assert near.distance <= far.distance + 1e-6
    assert judged(polygon(more), polygon(0)).distance == pytest.approx(far.distance)
    # The fingerprint keeps means as half precision of the largest coordinate, here up to 0.05 % of the side.
    if max(map(abs, places)) <= 100 and far.distance <= 1 - 0.05 / 0.3:
        assert by_fingerprint(polygon(0), polygon(more)).passed


@given(st.data())
@settings(max_examples=150)
def test_mutated_documents_raise_nothing_else(data: st.DataObject) -> None:
    mutated = bytearray(DRAWING.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.sampled_from(b"\0<>&'\"=#0eM-.Zz \xc3\xff"))
    there = judged(DRAWING, bytes(mutated))
    try:
        assert judged(bytes(mutated), DRAWING).distance == pytest.approx(there.distance)
        assert by_fingerprint(DRAWING, bytes(mutated)).tolerance == "normal"
        assert json.loads(json.dumps(fingerprint(bytes(mutated)), allow_nan=False))
    except CompareError:
        assert there.kinds == ("undecodable",)
