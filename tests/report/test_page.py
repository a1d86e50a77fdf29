"""The page of a report, without a browser: what it tells, what it links, and how large it is."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import shlex

import pytest

from pytest_comfy.report.html import write_page

from .pages import Page
from .samples import CHANGES, Sample, everything, many, png, scene


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report of everything, and its page."""
    folder = tmp_path_factory.mktemp("comfy-report")
    sample = everything(folder, videos=False)
    return folder, sample.document, Page(write_page(folder, sample.document))


@pytest.fixture
def sample(tmp_path):
    return Sample(tmp_path)


def written(sample, inline=False):
    return Page(write_page(sample.report_dir, sample.document, inline))


def test_first_screen_tells_what_happened(report):
    _, document, page = report
    failed = document["counts"]["cases"]["failed"]
    assert f"{failed} of {len(document['cases'])} cases are not as approved, 1 could not be judged" in page.text
    for word, number in document["counts"]["outputs"].items():
        assert f"{number} {word}" in page.text
    assert "commit 4f0c2a9be1d7" in page.text


def test_same_change_in_many_cases_is_told_once_with_what_they_have_in_common(report):
    _, _, page = report
    assert page.text.count("different in 4 cases since ComfyUI 0.30.0") == 1
    (show,) = [one for one in page.of("button") if one.get("data-title") == "softer"]
    members = [one["id"] for one in page.of("article") if show["data-group"] in one.get("data-groups", "").split()]
    assert sorted(members) == ["harbour-default", "harbour-night", "portrait-default", "valley-default"]


def test_cases_of_a_change_with_nothing_in_common_are_told_without_a_since(sample):
    for at, differences in enumerate((["ComfyUI 0.8.0 -> 0.30.0"], ["torch 2.5 -> 2.9"])):
        key = f"x{at}/default"
        environment = {"golden": "a", "actual": "b", "differences": differences}
        sample.case(key, [sample.output(key, "9.images.0", message="softer (energy 1)")], environment=environment)
    text = written(sample).text
    assert "different in 2 cases" in text and "since" not in text


def test_worst_come_first(report):
    _, _, page = report
    cases = page.of("article", class_="case")
    order = [one["data-distance"] for one in cases if "different" in one["data-words"]]
    assert [float(one) for one in order] == sorted(map(float, order), reverse=True)
    assert cases[0]["id"] == "upscale-default" and cases[-1]["data-words"] == "passed"


def test_output_has_its_sentence_and_every_part_with_its_limit(report):
    _, document, page = report
    output = next(case for case in document["cases"] if case["key"] == "portrait/default")["outputs"][0]
    assert output["message"] in page.text
    assert len(output["parts"]) > 10
    for part in output["parts"]:
        limit = "∞" if part["limit"] == "inf" else f"{part['limit']:.3g}"
        row = f"{part['name']} {part['value']:.3g} {limit}"
        assert re.search(rf"\b{re.escape(row)}(?!\d)", page.text)


def test_pictures_are_lazy_have_their_size_and_are_there(report):
    folder, _, page = report
    pictures = page.of("img")
    assert len(pictures) > 30
    for one in pictures:
        assert one["loading"] == "lazy" and (folder / one["src"]).is_file() and "alt" in one
    whole = [one for one in pictures if one["alt"] in ("golden", "actual")]
    assert whole and all(int(one["width"]) and int(one["height"]) for one in whole)


def test_regions_are_framed_in_pixels_of_the_picture(sample):
    key = "a/default"
    output = sample.picture(key, "9.images.0", scene(3), CHANGES["repainted"])
    sample.case(key, [output])
    page = written(sample)
    frames = [tuple(int(one[name]) for name in ("x", "y", "width", "height")) for one in page.of("rect") if "y" in one
              and "rx" not in one and "class" not in one]  # fmt: skip
    assert output["regions"] and frames == 2 * [tuple(one) for one in output["regions"]]


def test_text_is_a_diff_with_the_words_marked(report):
    _, _, page = report
    assert "<mark>dawn</mark>" in page.source and "<mark>dusk</mark>" in page.source
    assert "+ and one line more" in page.text
    assert "line 26" not in page.text  # far from what differs


def test_players_and_sheets_of_other_kinds(report):
    folder, _, page = report
    assert len(page.of("audio")) == 2 and all((folder / one["src"]).is_file() for one in page.of("audio"))
    assert "statue/default/21.3d.0.difference.png" in page.addresses
    assert "statue/default/21.3d.0.golden.obj" in page.addresses


def test_workflow_is_drawn_with_judged_nodes_in_the_colour_of_their_verdict(sample):
    sample.case("a/default", [sample.output("a/default", "9.images.0", message="softer")])
    page = written(sample)
    assert len(page.of("g")) == 7
    assert [one["class"] for one in page.of("g") if one] == ["v-different"]
    assert "9 Save Image: different" in page.text


def test_error_has_node_traceback_and_log(report):
    _, _, page = report
    assert "RuntimeError in node 3 KSampler" in page.text
    assert 'File "/app/execution.py", line 518, in execute' in page.text
    assert "model weight dtype torch.float16" in page.text


def test_passing_cases_are_a_line_and_nothing_else(sample):
    sample.passed(1)
    page = written(sample)
    assert "The case is as approved" in page.text
    assert not page.of("details") and not page.of("g")


def test_interrupted_session_says_so(sample):
    sample.document["interrupted"] = True
    assert "interrupted" in written(sample).text


def test_nothing_is_loaded_from_elsewhere(report):
    folder, _, page = report
    assert page.policy["default-src"] == "'none'"
    assert page.policy["script-src"] == page.policy["style-src"] == "'self'"
    for address in page.addresses:
        assert address.startswith(("#", "data:,")) or (folder / address).is_file(), address
    for name in ("report.css", *(one["src"].split("/")[1] for one in page.of("script"))):
        content = (folder / "assets" / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://|@import|\bimport\b *[({\"']|eval\(", content), name


def test_no_element_has_a_style_or_a_script_of_its_own(report):
    _, _, page = report
    assert not [one for _, one in page.elements if any(key == "style" or key.startswith("on") for key in one)]
    assert not page.of("style") and all(one.get("src") for one in page.of("script"))


def test_address_of_the_ci_run_is_linked_only_where_it_is_one(sample):
    sample.document["ci"] = {"name": "GitHub Actions", "url": "https://example.org/runs/7"}
    (link,) = [one for one in written(sample).of("a") if one.get("rel")]
    assert link["href"] == "https://example.org/runs/7" and "noreferrer" in link["rel"]
    for url in ("javascript:alert(1)", "data:text/html,x", "//example.org", "https://a b", None, 7):
        sample.document["ci"] = {"name": "CI", "url": url}
        assert not [one for one in written(sample).of("a") if one.get("rel")]


def test_inlined_page_is_one_file_that_its_policy_allows(sample):
    key = "a/default"
    sample.case(key, [sample.picture(key, "9.images.0", scene(3), CHANGES["softer"])])
    written(sample)
    assert (sample.report_dir / "assets").is_dir()
    page = written(sample, inline=True)
    assert not (sample.report_dir / "assets").exists()
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    golden = base64.b64encode((sample.report_dir / key / "9.images.0.golden.png").read_bytes()).decode()
    assert page.source.count(golden) == 1  # its thumbnail is a small picture of its own
    for name in ("script", "style"):
        contents = re.findall(rf"<{name}>(.*?)</{name}>", page.source, re.DOTALL)
        hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in contents]
        assert contents and page.policy[f"{name}-src"].split() == [f"'sha256-{one}'" for one in hashes]
    assert "connect-src" not in page.policy


def test_assets_of_others_stay_when_the_page_is_inlined(sample):
    written(sample)
    (sample.report_dir / "assets/own.txt").write_text("x")
    written(sample, inline=True)
    assert [path.name for path in (sample.report_dir / "assets").iterdir()] == ["own.txt"]


def test_details_that_there_is_no_room_for_have_a_page_of_their_own(tmp_path):
    """500 cases with 1,500 pictures that all failed."""
    sample = many(tmp_path)
    page = written(sample)
    assert len(page.source.encode()) < 2_000_000
    assert len(page.of("article", class_="case")) == 500
    own = [address for address in page.addresses if address.endswith("/case.html")]
    assert 0 < len(own) < 500
    for address in (own[0], own[-1]):
        case = Page(tmp_path / address)
        assert case.policy == page.policy
        assert "softer" in case.text and len(case.of("img", alt="golden")) == 3
        for one in [*case.addresses, case.of("link", rel="stylesheet")[0]["href"]]:
            target = one.partition("#")[0]
            assert (tmp_path / address).parent.joinpath(target).exists() or one == "data:,"
        assert f"../../../index.html#{case.of('article')[0]['id']}" in case.addresses


def test_page_of_a_case_goes_once_there_is_room(tmp_path):
    sample = many(tmp_path)
    page = written(sample)
    own = next(address for address in page.addresses if address.endswith("/case.html"))
    sample.document["cases"] = [one for one in sample.document["cases"] if one["folder"] == own.rpartition("/")[0]]
    written(sample)
    assert not (tmp_path / own).exists()


def test_two_cases_of_one_folder_do_not_share_its_page(sample, monkeypatch):
    monkeypatch.setattr("pytest_comfy.report.html.render.MOST_DETAILS", 0)
    for message in ("softer", "lighter"):
        sample.case("a/b", [sample.output("a/b", "9.images.0", message=message)])
    page = written(sample)
    own = Page(sample.report_dir / "a/b/case.html")
    assert [len(one.of("section", class_="output")) for one in (page, own)] == [1, 1]


def test_cases_of_several_projects_are_told_apart(sample):
    for project in ("packages/a", "packages/b"):
        sample.case("x/y", [sample.output("x/y", "9.images.0", message="softer")], project=project)
    page = written(sample)
    assert "packages/a/x/y" in page.text and "packages/b/x/y" in page.text


def test_addresses_are_unique(report, tmp_path):
    _, _, page = report
    sample = Sample(tmp_path)
    for key in ("a/b", "a-b", "a b", "../..", "", "main", "help", "search", "heat"):
        sample.case(key, [{**sample.output("x", name), "files": {}} for name in ("9.images.0", "9.images.0")])
    for one in (page, written(sample)):
        ids = [found["id"] for _, found in one.elements if "id" in found]
        assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[\w./-]+", name) for name in ids)


def test_picture_that_is_not_there_is_told_and_not_shown(sample):
    key = "a/default"
    output = sample.output(key, "9.images.0", message="softer", golden=png(scene(1)))
    output["files"]["actual"] = f"{key}/gone.png"
    sample.case(key, [output])
    page = written(sample)
    assert "Not there, or not in the report's folder: actual." in page.text
    assert not [address for address in page.addresses if "gone" in address]


def test_group_tells_of_the_outputs_that_changed_so_and_of_no_others(sample):
    key = "a/default"
    near = sample.picture(key, "9.images.0", scene(3), CHANGES["repainted"])
    far = sample.picture(key, "9.images.1", scene(4), CHANGES["repainted"])
    near.update(group="softer", distance=2.0)
    far.update(group="darker", distance=7.0)
    sample.case(key, [near, far, sample.output(key, "9.text.0", verdict="unexpected", group="unexpected")])
    told = groups_of(written(sample))
    assert set(told) == {"softer", "darker", "unexpected"}
    assert ">2\N{MULTIPLICATION SIGN}<" in told["softer"] and ">7\N{MULTIPLICATION SIGN}<" in told["darker"]
    assert "9.images.0" in told["softer"] and "9.images.1" not in told["softer"]
    assert "<img" not in told["unexpected"]


def groups_of(page):
    """Title -> source of each group on the first screen."""
    group = r'<article class="group.*?<h3><bdi(?: class="type")?>(.*?)</bdi>.*?</article>'
    return {found[1]: found[0] for found in re.finditer(group, page.source, re.DOTALL)}


def fault(**more):
    return {"type": "NotJudged", "message": "m", "node": None, "title": None, "class_type": None, "traceback": None,
            **more}  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "headline", "error", "title"),
    [
        ("failed", "node 3 'Canvas' (X) failed: out of memory", fault(type="torch.OutOfMemoryError", node="3"),
         "torch.OutOfMemoryError"),
        ("error", "workflows/a.json:1:2: broken JSON at line 1 column 2: x", fault(), "broken JSON"),
        ("error", "http://127.0.0.1:1: nothing listens", fault(), "nothing listens"),
        ("failed", "prompt refused: No golden run answers this prompt. The nearest is", fault(), "prompt refused"),
        ("failed", "missing: no golden run for workflows/a.json::default", None, "no golden run"),
        ("failed", "different: workflows/a.json::default is not what its golden run recorded: node 3 ...", None,
         "is not what its golden run recorded"),
    ],
)  # fmt: skip
def test_cases_without_outputs_are_grouped_by_what_a_person_understands(sample, outcome, headline, error, title):
    sample.case("a/default", [], outcome, headline=headline, error=error)
    assert list(groups_of(written(sample))) == [title]


def test_expected_failures_are_no_change_of_the_first_screen(sample):
    sample.case("a/default", [sample.output("a/default", "9.images.0", message="softer")], "xfailed")
    assert groups_of(written(sample)) == {}


def test_command_approves_that_very_case_of_this_report(sample):
    output = sample.output("a (b)/default", "9.images.0", message="softer")
    sample.case("a (b)/default", [output])
    (told,) = re.findall(r"<code><bdi>(pytest-comfy approve .*?)</bdi>", written(sample).source)
    words = shlex.split(html.unescape(told))
    assert words[2:] == [sample.report_dir.name, "-k", "workflows/a (b).json::default", "--reason", "why"]


@pytest.mark.parametrize("more", [{"run": None}, {"outcome": "passed"}, {"refused": "the socket dropped"}])
def test_what_cannot_be_approved_from_the_report_has_no_such_command(sample, more):
    sample.case("a/default", [sample.output("a/default", "9.images.0", message="softer")], **more)
    assert "pytest-comfy approve" not in written(sample).source


def test_names_of_types_keep_their_letters_and_sentences_begin_with_a_capital(sample):
    sample.case("a/default", [], headline="node 3 failed", error=fault(type="torch.OutOfMemoryError", node="3"))
    sample.case("b/default", [sample.output("b/default", "9.images.0", message="softer")])
    source = written(sample).source
    assert '<bdi class="type">torch.OutOfMemoryError</bdi>' in source and "<bdi>softer</bdi>" in source
