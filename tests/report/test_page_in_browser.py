"""The page of a report as a person uses it, in Chromium."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
from chromium import CHROMIUM
from PIL import Image

from pytest_comfy.report.html import write_page

from .browsing import opened, ready, served
from .samples import CHANGES, Sample, everything, repainted, scene
from .test_page_hostile import EVIL, everywhere

AXE = os.environ.get("AXE_CORE", "")  # read before the environment is taken out of the tests' way

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comfy-report")
    write_page(folder, everything(folder).document)
    return folder


@pytest.fixture(scope="module")
def served_at(folder):
    with served(folder) as address:
        yield address


@pytest.fixture
def page(browser, served_at):
    page = opened(browser, served_at)
    yield page
    assert page.complaints == []
    page.context.close()


@pytest.fixture
def from_disk(browser, folder):
    page = opened(browser, folder.as_uri())
    yield page
    assert page.complaints == []
    page.context.close()


def shown(page):
    return [one.get_attribute("id") for one in page.locator(".case:visible").all()]


def pixels(locator):
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")).astype(int)


WAYS = ["side", "swipe", "blink", "onion", "heat", "drawn"]


def test_page_from_a_disk_has_its_style_and_all_six_ways_by_key(from_disk):
    stage = ready(from_disk, "garden-default")
    assert from_disk.evaluate("getComputedStyle(document.body).margin") == "0px"
    for key, way in enumerate(WAYS, 1):
        from_disk.keyboard.press(str(key))
        assert stage.get_attribute("data-way") == way
        assert from_disk.evaluate("location.hash") == f"#garden-default/9.images.0{'' if way == 'side' else f'/{way}'}"
    assert stage.locator(".difference img").is_visible() and not stage.locator(".pair").is_visible()


def test_page_from_a_disk_says_why_it_has_no_values_of_pixels(from_disk):
    stage = ready(from_disk, "garden-default")
    stage.locator(".golden img").hover()
    assert "a browser does not tell those of pictures from a disk" in stage.locator(".values").text_content()


def test_values_of_the_pixel_under_the_pointer_of_both_pictures(page):
    stage = ready(page, "garden-default")
    golden = scene(32)
    stage.locator(".golden img").hover(position={"x": 166.5, "y": 80.5})
    before, after = golden.getpixel((166, 80)), repainted(golden).getpixel((166, 80))
    told = stage.locator(".values").text_content().split()
    apart = [now - was for was, now in zip(before, after, strict=True)]
    assert told == ["x", "166", "y", "80", "golden", *map(str, before), "actual", *map(str, after), "difference",
                    *(f"{one:+d}" if one else "0" for one in apart)]  # fmt: skip


def test_slider_divides_golden_from_actual(page):
    stage = ready(page, "garden-default")
    stage.get_by_role("button", name="Swipe").click()
    well = stage.locator(".well")
    box = well.bounding_box()
    for share in (0.25, 0.8):
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + 40)
        page.mouse.up()
        assert float(stage.locator("input[name=swipe]").input_value()) == pytest.approx(100 * share, abs=1)
        column, middle = int(box["width"] * 0.66), int(box["height"] * 0.43)  # in what was painted over
        is_actual = pixels(well)[middle, column][0] > 190
        assert is_actual == (share < 0.66)
    stage.locator("input[name=swipe]").focus()
    page.keyboard.press("Home")
    assert stage.evaluate("one => one.style.getPropertyValue('--at')") == "0%"


def test_blink_goes_by_itself_until_space_and_then_by_space(page):
    stage = ready(page, "garden-default")
    page.keyboard.press("3")
    handle = stage.element_handle()
    for now in ("actual", "golden", "actual"):
        page.wait_for_function("([stage, now]) => stage.dataset.now === now", arg=[handle, now])
        assert stage.locator(".pair .golden").is_visible() == (now == "golden")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(" ")
    assert stage.locator("[data-blink]").get_attribute("aria-pressed") == "false"
    now = stage.get_attribute("data-now")
    page.keyboard.press(" ")
    assert {now, stage.get_attribute("data-now")} == {"golden", "actual"}


def test_blink_waits_for_whoever_wants_less_motion(browser, served_at):
    page = opened(browser, served_at, reduced_motion="reduce")
    stage = ready(page, "garden-default")
    page.keyboard.press("3")
    assert stage.locator("[data-blink]").get_attribute("aria-pressed") == "false"
    stage.get_by_role("button", name="The other").click()
    assert stage.get_attribute("data-now") == "actual"
    page.context.close()


def test_onion_skin_mixes_both(page):
    stage = ready(page, "garden-default")
    page.keyboard.press("4")
    golden, actual = scene(32).getpixel((166, 80)), repainted(scene(32)).getpixel((166, 80))
    slider = stage.locator("input[name=onion]")
    for value in (0, 50, 100):
        slider.fill(str(value))
        mixed = [was + (now - was) * value / 100 for was, now in zip(golden, actual, strict=True)]
        assert pixels(stage.locator(".well"))[80, 166] == pytest.approx(mixed, abs=6)


@pytest.mark.parametrize("colours", [False, True])
def test_heat_map_is_dark_where_nothing_changed_and_framed_where_something_did(page, colours):
    stage = ready(page, "garden-default")
    page.keyboard.press("5")
    if colours:
        stage.get_by_role("button", name="In colours").click()
    for frames in (True, False):
        if not frames:
            page.keyboard.press("b")
        picture = pixels(stage.locator(".well"))
        assert picture[20, 20].max() < 40 and picture[80, 166].max() > 150
        cyan = (abs(picture - (0, 213, 240)).max(axis=2) < 25).sum()
        assert (cyan > 100) == frames


def test_zoom_and_pan_go_in_step(page):
    stage = ready(page, "garden-default")
    golden, actual = stage.locator(".golden .layer"), stage.locator(".actual .layer")
    box = stage.locator(".golden img").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    page.wait_for_function("one => one.style.transform", arg=golden.element_handle())
    zoomed = golden.evaluate("one => one.style.transform")
    assert "scale(" in zoomed and actual.evaluate("one => one.style.transform") == zoomed
    now = stage.locator(".golden img").bounding_box()  # what was under the pointer still is
    assert (box["x"] + 100 - now["x"]) / now["width"] == pytest.approx(100 / 256, abs=0.01)
    page.mouse.down()
    page.mouse.move(box["x"] + 70, box["y"] + 50)
    page.mouse.up()
    panned = golden.evaluate("one => one.style.transform")
    assert panned != zoomed and actual.evaluate("one => one.style.transform") == panned
    assert page.evaluate("scrollY") > 0
    page.keyboard.press("0")
    assert golden.evaluate("one => one.style.transform") == ""


def test_filter_by_verdict_kind_and_name(page):
    every = shown(page)
    page.locator(".chip", has_text="missing").click()
    assert shown(page) == ["inpaint-default"]
    page.locator(".chip", has_text="error").click()
    assert shown(page) == ["upscale-default", "inpaint-default"]
    assert page.locator("#shown").text_content() == f"2 of {len(every)}"
    page.locator(".filter").get_by_role("button", name="Show all").click()
    assert shown(page) == every
    page.locator("#kind").select_option("pitch")
    assert shown(page) == ["music-default"]
    page.locator("#kind").select_option("is:animation")
    assert shown(page) == ["bounce-default"]
    page.locator("#kind").select_option("")
    page.keyboard.press("/")
    page.keyboard.type("dusk STREET rain")
    assert shown(page) == [] and page.locator("#none").is_visible()
    page.locator("#search").fill("STREET rain")
    assert shown(page) == ["street-rain"]


def test_cases_of_one_change_are_shown_from_the_first_screen(page):
    page.get_by_role("button", name="Show these 4").click()
    assert sorted(shown(page)) == ["harbour-default", "harbour-night", "portrait-default", "valley-default"]
    page.get_by_role("button", name="Show all, not only “softer”").click()
    assert len(shown(page)) > 20


def test_sort_by_distance_name_and_time(page):
    worst = shown(page)
    page.locator("#sort").select_option("name")
    assert shown(page) == sorted(worst, key=lambda name: name.replace("-", "/"))
    page.locator("#sort").select_option("slow")
    assert shown(page)[0] == "portrait-default"
    page.locator("#sort").select_option("distance")
    distances = [float(one.get_attribute("data-distance")) for one in page.locator(".case").all()]
    assert distances == sorted(distances, reverse=True)
    page.locator("#sort").select_option("worst")
    assert shown(page) == worst


def test_keyboard_goes_through_cases_and_outputs(page):
    order = shown(page)
    current = page.locator(".case.current")
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        assert current.get_attribute("id") == order[at]
    assert page.locator(".case > details[open]").count() == 1  # the one before is closed again
    page.keyboard.press("o")
    assert page.locator(".case > details[open]").count() == 0
    ready(page, "batch-four")
    for key, output in (("n", 0), ("n", 1), ("n", 2), ("p", 1)):
        page.keyboard.press(key)
        assert page.locator(".output.current").get_attribute("id") == f"batch-four/9.images.{output}"


def test_help_is_there_and_single_keys_can_be_switched_off(page):
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.locator(".case.current").count() == 0
    page.reload()
    page.keyboard.press("j")
    assert page.locator(".case.current").count() == 0


def test_keys_typed_into_the_search_are_text(page):
    page.locator("#search").focus()
    page.keyboard.type("jk1?")
    assert page.locator("#search").input_value() == "jk1?"
    assert page.locator(".case.current").count() == 0 and not page.locator("#help").is_visible()


def test_address_leads_to_case_output_and_way(browser, served_at):
    page = opened(browser, served_at, "#batch-four/9.images.2/onion")
    stage = page.locator("[id='batch-four/9.images.2'] .stage")
    page.wait_for_function("stage => stage.dataset.way === 'onion'", arg=stage.element_handle())
    assert stage.is_visible()
    page.locator(".chip", has_text="missing").click()
    page.evaluate("location.hash = '#garden-default'")
    page.wait_for_function("() => document.querySelector('.case.current')?.id === 'garden-default'")
    assert page.locator("#garden-default summary.line").is_visible()
    page.evaluate("location.hash = '#nobody/9.images.0/onion'; location.hash = '#%E0%A4%A'")
    assert page.complaints == []
    page.context.close()


def test_output_that_passed_is_folded_and_opens(page):
    ready(page, "batch-four")
    folded = page.locator("[id='batch-four/9.images.1']")
    assert not folded.locator("img").first.is_visible()
    page.locator("#batch-four .tile").nth(1).click()
    page.wait_for_function("() => document.querySelector('[id=\"batch-four/9.images.1\"] .ways')")
    assert folded.locator(".golden img").is_visible()


def test_dark_and_light_as_the_system_until_the_reader_chooses(browser, served_at):
    page = opened(browser, served_at, color_scheme="dark")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(background)
    page.get_by_role("button", name="Light", exact=True).click()
    light = page.evaluate(background)
    assert dark != light
    page.reload()
    assert page.evaluate(background) == light
    page.get_by_role("button", name="Dark", exact=True).click()
    assert page.evaluate(background) == dark
    page.context.close()


def test_without_scripts_everything_can_be_read(browser, folder):
    page = opened(browser, folder.as_uri(), java_script_enabled=False)
    assert not page.locator(".tools").is_visible() and not page.locator(".filter").is_visible()
    page.locator("#garden-default summary.line").click()
    golden, actual = (page.locator(f"#garden-default .{role} img") for role in ("golden", "actual"))
    boxes = golden.bounding_box(), actual.bounding_box()
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert page.locator("#garden-default .difference img").is_visible()
    page.locator("#caption-default summary.line").click()
    assert page.locator("#caption-default mark").first.is_visible()
    page.context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_phone_has_nothing_beyond_its_side(browser, served_at, scripts):
    page = opened(browser, served_at, viewport={"width": 390, "height": 844}, java_script_enabled=scripts)
    for case in ("garden-default", "batch-four", "caption-default", "upscale-default", "clip-default"):
        page.locator(f"#{case} > details > summary").click()
        page.locator(f"#{case} .more summary").first.click()
    size = page.locator("body").bounding_box()
    assert size["width"] == 390
    wide = [one for one in page.locator(".case, .output, .stage, .diff, .group").all() if one.is_visible()]
    assert all(one.bounding_box()["x"] + one.bounding_box()["width"] <= 390.5 for one in wide)
    page.context.close()


def test_paper_has_all_that_failed_and_nothing_to_click(page):
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    for selector in (".filter", ".tools", ".ways", ".group button"):
        assert not page.locator(selector).first.is_visible()
    assert page.locator("#garden-default .golden img").is_visible()
    assert page.locator("#garden-default .parts table").is_visible()
    assert page.locator("#upscale-default pre").first.is_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf()[:4] == b"%PDF"


def test_sounds_are_drawn_and_play_in_step(page):
    page.locator("#music-default summary.line").click()
    page.wait_for_function("() => document.querySelectorAll('#music-default .sheets canvas').length === 4")
    drawn = page.locator("#music-default .sheets canvas").nth(1)
    assert len(np.unique(pixels(drawn).reshape(-1, 3), axis=0)) > 20
    players = page.locator("#music-default audio")
    page.locator("#music-default").get_by_role("button", name="Play both").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('#music-default audio')].every(one => one.currentTime > 0.1)"
    )
    page.locator("#music-default").get_by_role("button", name="Pause both").click()
    page.wait_for_function("() => [...document.querySelectorAll('#music-default audio')].every(one => one.paused)")
    page.locator("#music-default .player input").fill("0.5")
    times = [players.nth(at).evaluate("one => one.currentTime") for at in (0, 1)]
    assert times == [pytest.approx(0.75, abs=0.05)] * 2


@pytest.mark.parametrize("way", ["page", "from_disk"])
def test_videos_have_strips_and_go_in_step(request, way):
    page = request.getfixturevalue(way)
    page.locator("#clip-default summary.line").click()
    page.wait_for_function("() => document.querySelectorAll('#clip-default .strip canvas').length === 20")
    strip = page.locator("#clip-default .strip").first
    assert len(np.unique(pixels(strip).reshape(-1, 3), axis=0)) > 10
    strip.locator("canvas").nth(4).click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('#clip-default video')].every(one => one.currentTime > 0.5)"
    )
    page.locator("#clip-default").get_by_role("button", name="On by a frame").click()
    page.wait_for_function("""() => {
        const [first, second] = [...document.querySelectorAll('#clip-default video')].map(one => one.currentTime);
        return first > 0.93 && Math.abs(first - second) < 0.01;
    }""")


def test_animations_go_frame_by_frame(page):
    page.locator("#bounce-default summary.line").click()
    page.wait_for_function("() => document.querySelectorAll('#bounce-default .strip canvas').length > 12")
    canvases = page.locator("#bounce-default .frames-in-step canvas")
    page.locator("#bounce-default").get_by_role("button", name="On by a frame").click()
    balls = [np.argwhere(pixels(canvases.nth(at))[..., 0] > 200)[:, 1].mean() for at in (0, 1)]
    assert balls[0] - balls[1] > 10  # the actual one starts two frames later


def test_inlined_page_has_scripts_values_and_sound_from_a_disk(browser, tmp_path):
    write_page(tmp_path, everything(tmp_path).document, inline=True)
    alone = tmp_path / "alone"
    alone.mkdir()
    (tmp_path / "index.html").rename(alone / "index.html")
    page = opened(browser, alone.as_uri())
    stage = ready(page, "garden-default")
    stage.locator(".golden img").hover(position={"x": 166.5, "y": 80.5})
    assert "x 166  y 80 golden" in stage.locator(".values").text_content()
    page.locator("#music-default summary.line").click()
    page.wait_for_function("() => document.querySelectorAll('#music-default .sheets canvas').length === 4")
    page.locator("#clip-default summary.line").click()
    page.wait_for_function("() => document.querySelectorAll('#clip-default .strip canvas').length === 20")
    assert page.complaints == []
    page.context.close()


def test_details_on_a_page_of_their_own_work_as_well(browser, tmp_path, monkeypatch):
    monkeypatch.setattr("pytest_comfy.report.html.render.MOST_DETAILS", 0)
    sample = Sample(tmp_path)
    sample.case("a/b", [sample.picture("a/b", "9.images.0", scene(3), CHANGES["repainted"])])
    write_page(tmp_path, sample.document)
    page = opened(browser, tmp_path.as_uri())
    page.locator("a.line").click()
    stage = page.locator(".stage.ready")
    stage.locator(".golden img").evaluate("one => one.decode()")
    page.keyboard.press("2")
    assert stage.get_attribute("data-way") == "swipe"
    page.get_by_role("link", name="All cases").click()
    page.wait_for_url("**/index.html#a-b")
    assert page.complaints == []
    page.context.close()


@pytest.mark.parametrize("inline", [False, True])
def test_hostile_texts_run_nothing(browser, tmp_path, inline):
    sample = everything(tmp_path, videos=False)
    document = everywhere(sample.document, " ".join(one for one in EVIL))
    write_page(tmp_path, document, inline)
    with served(tmp_path) as address:
        page = opened(browser, address)
        for line in page.locator("summary.line").all()[:6]:
            line.click()
        assert page.evaluate("document.querySelectorAll('[onerror], [onload], svg script, iframe').length") == 0
        text = page.locator("main").inner_text()
        assert "<script>alert(1)</script>" in text and '"><img src=x onerror=alert(1)>' in text
        page.keyboard.press("j")
        assert page.complaints == []
        page.context.close()


@pytest.mark.skipif(not AXE, reason="needs axe-core: AXE_CORE names its axe.min.js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_violation_of_wcag(browser, served_at, scheme, width):
    page = opened(browser, served_at, color_scheme=scheme, viewport={"width": width, "height": 900})
    for case in ("garden-default", "batch-four", "caption-default", "upscale-default", "music-default", "clip-default"):
        page.locator(f"#{case} > details > summary").click()
        for more in page.locator(f"#{case} .body details > summary").all():
            more.click()
    with open(AXE, encoding="utf-8") as script:
        page.evaluate(script.read())
    run = """() => axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"""
    for way in ("1", "2", "3", "4", "5", "6", "?"):
        page.keyboard.press(way)
        found = page.evaluate(run)
        assert [
            (one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in found["violations"]
        ] == []
    page.context.close()
