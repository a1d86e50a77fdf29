"""Whatever stands in report.json changes the text that is shown, and nothing else."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_comfy.report.html import write_page

from .pages import Page
from .samples import Sample, png, scene

EVIL = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'onmouseover='alert(1)", "]]>--><!--",
    "</title><style>*{}</style>", "{{ 7*7 }}{% raw %}", "javascript:alert(1)", "\u202egnp.exe", "&lt;b&gt;",
    "\x1b[31mred\x07\x00", "\ud800x", "</script ><svg/onload=alert(1)>", "https://example.org/x.png",
    "../../etc/passwd", "\u2028\u2029\u200f\u061c",
)  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    sample = Sample(tmp_path_factory.mktemp("comfy-report"))
    key = "a/default"
    outputs = [
        sample.output(key, "9.images.0", message="softer", golden=png(scene(1, (8, 8))), actual=png(scene(2, (8, 8))),
                      kinds=["sharpness"], regions=[[1, 1, 2, 2]], size=[8, 8], distance=3,
                      parts=[{"name": "energy", "value": 3, "limit": 1, "distance": 3}]),
        sample.output(key, "9.text.0", message="text", media_type="text/plain", golden=b"a", actual=b"b",
                      text={"golden": "one\ntwo", "actual": "one\ntoo"}),
    ]  # fmt: skip
    error = {"type": "E", "message": "m", "node": "3", "title": "t", "class_type": "c", "traceback": "tb"}
    sample.case(key, outputs, "error", error=error, server_log="log", notes=["note"], prompt_differences=["x: 1 -> 2"])
    return sample


def skeleton(page):
    """The elements and attributes of a page, without the lines and words of its diffs, which go by the texts."""
    return [(name, sorted(found)) for name, found in page.elements if name not in ("tr", "td", "mark")]


def leaves(value, path=()):
    """The paths to all texts of a document."""
    if isinstance(value, str):
        yield path
    else:
        for key, one in (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        ):
            yield from leaves(one, (*path, key))


def replaced(document, path, value):
    changed = copy.deepcopy(document)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return changed


def everywhere(document, word):
    """A document with a word before every text, but those that say what there is."""
    for path in leaves(document):
        if path[-1] not in STRUCTURAL:
            document = replaced(document, path, f"{word} {path[-1]}")
    return document


STRUCTURAL = {"outcome", "verdict", "folder", "golden", "actual", "difference", "kind", "media_type"}
"""Texts that say what there is, not what it is called: others make another page, which must be safe as well."""


def is_safe(page, folder):
    """Whether a page holds no script, style, handler or address but ours."""
    assert not [one for _, one in page.elements if any(key.startswith("on") or key == "style" for key in one)]
    assert len(page.of("script")) == len([one for one in page.of("script") if one["src"].startswith("assets/")])
    assert {name for name, _ in page.elements}.isdisjoint({"iframe", "object", "embed", "base", "template", "style"})
    ids = {one["id"] for _, one in page.elements if "id" in one}
    for address in page.addresses:
        if address.startswith("#"):
            assert address[1:] in ids, address
        else:
            assert address == "data:," or (folder / address).resolve().is_relative_to(folder.resolve()), address


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
def test_hostile_text_everywhere_changes_only_text(sample, evil):
    plain, page = (Page(write_page(sample.report_dir, everywhere(sample.document, word))) for word in ("word", evil))
    is_safe(page, sample.report_dir)
    assert skeleton(page) == skeleton(plain)
    assert not set(page.source) & set("\x00\x07\x1b\u202e\u2066")
    if evil.isprintable() and evil.isascii():
        assert " ".join(evil.split()) in page.text


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_in_any_place(sample, data):
    path = data.draw(st.sampled_from(sorted(leaves(sample.document), key=str)))
    value = data.draw(st.sampled_from(EVIL) | st.text(max_size=60))
    page = Page(write_page(sample.report_dir, replaced(sample.document, path, value)))
    is_safe(page, sample.report_dir)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["inf", 1e400, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(value, path=()):
    yield path
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(one, (*path, key))


@given(st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_of_another_type_still_makes_a_page(sample, data):
    path = data.draw(st.sampled_from([one for one in places(sample.document) if one]))
    page = Page(write_page(sample.report_dir, replaced(sample.document, path, data.draw(JSON))))
    is_safe(page, sample.report_dir)


def test_every_key_may_be_missing(sample):
    for path in places(sample.document):
        if path and isinstance(path[-1], str):
            document = copy.deepcopy(sample.document)
            at = document
            for key in path[:-1]:
                at = at[key]
            del at[path[-1]]
            write_page(sample.report_dir, document)


def test_long_texts_are_cut_and_say_so(sample):
    page = write_page(sample.report_dir, everywhere(sample.document, "x" * 2**20))
    assert page.stat().st_size < 400_000
    assert "(cut: it has 1,048,586 characters)" in Page(page).text  # of " traceback"


@pytest.mark.parametrize("path", [
    "../outside.png", "a/../../outside.png", "/etc/hostname", "a//b.png", "C:\\x.png", "file:///etc/hostname",
    "https://example.org/x.png", "a/./x.png", "x\n.png", "a/default/9.images.0.golden.png\x00", "", "x" * 5000,
    "link.png", "linked/x.png", "a", 7, None, ["x"],
])  # fmt: skip
@pytest.mark.parametrize("inline", [False, True])
def test_path_that_leaves_the_folder_is_not_linked(tmp_path, path, inline):
    folder = tmp_path / "report"
    folder.mkdir()
    outside = tmp_path / "outside.png"
    outside.write_bytes(png(scene(1, (8, 8))))
    (folder / "a").mkdir()
    os.symlink(outside, folder / "link.png")
    os.symlink(tmp_path, folder / "linked")
    (tmp_path / "x.png").write_bytes(outside.read_bytes())
    sample = Sample(folder)
    output = sample.output("a/default", "9.images.0", message="softer", actual=png(scene(2, (8, 8))))
    output["files"]["golden"] = path
    sample.case("a/default", [output], folder=path)
    page = Page(write_page(folder, sample.document, inline))
    shown = [one["alt"] for one in page.of("img") if one["alt"] in ("golden", "actual")]
    assert shown == ["actual"]
    assert all(address.startswith(("#", "data:", "assets/", "a/default/")) for address in page.addresses)


def test_name_with_signs_of_addresses_is_found(tmp_path):
    sample = Sample(tmp_path)
    key = "50%25 #1?x=<b>&y/a b"
    sample.case(key, [sample.output(key, "9.images.0", message="softer", actual=png(scene(2, (8, 8))))])
    page = Page(write_page(tmp_path, sample.document))
    (source,) = {one["src"] for one in page.of("img")}
    assert source == "50%2525%20%231%3Fx%3D%3Cb%3E%26y/a%20b/9.images.0.actual.png"


@pytest.mark.parametrize("name", ["assets", "index.html"])
def test_link_in_the_place_of_what_is_written_is_not_followed(tmp_path, name):
    folder, elsewhere = tmp_path / "report", tmp_path / "elsewhere"
    folder.mkdir()
    if name == "assets":
        elsewhere.mkdir()
    else:
        elsewhere.write_text("as it was")
    os.symlink(elsewhere, folder / name)
    if name == "assets":
        with pytest.raises(OSError, match="it is a link"):
            write_page(folder, Sample(folder).document)
        assert list(elsewhere.iterdir()) == []
    else:
        write_page(folder, Sample(folder).document)
        assert elsewhere.read_text() == "as it was"


def test_broken_pictures_are_no_trouble_inlined():
    with tempfile.TemporaryDirectory() as folder:
        sample = Sample(Path(folder))
        for at, data in enumerate(
            (b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", png(scene(1))[:300], b"<svg onload=alert(1)/>")
        ):
            key = f"x{at}/default"
            sample.case(key, [sample.output(key, "9.images.0", message="softer", golden=data, actual=data)])
        page = Page(write_page(Path(folder), json.loads(json.dumps(sample.document)), True))
        assert all(one["src"].startswith("data:image/") for one in page.of("img", alt="golden"))
