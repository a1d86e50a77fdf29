"""The review page as a person uses it, in Chromium."""

from __future__ import annotations

import contextlib
import json
import os

import pytest
from chromium import CHROMIUM, page_that_reaches
from kept import entry, kept, lay_report, lay_workflow, tree
from projects import png, recorded

from pytest_comfy.golden import GoldenRun, GoldenStore

from .desks import lay, pictures, reviewing

AXE = os.environ.get("AXE_CORE", "")  # read before the environment is taken out of the tests' way

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


def opened(browser, asker, anchor="", **context):
    """Return the page once it knows what is decided; `page.complaints` are its errors."""
    page = page_that_reaches(browser, asker.server.url, **context)
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(f"{asker.server.address}{anchor}", wait_until="load")
    if context.get("java_script_enabled", True):
        page.wait_for_function("() => document.querySelector('#progress').textContent")
    return page


@pytest.fixture
def page(browser, asker):
    page = opened(browser, asker)
    yield page
    assert page.complaints == []
    page.context.close()


def opened_case(page, name):
    """Open a case, and return its article."""
    article = page.locator(f"[id='{name}']")
    article.locator("summary.line").click()
    return article


def told(page, text):
    """Wait until the live region has said something."""
    page.wait_for_function("text => document.querySelector('#told').textContent.includes(text)", arg=text)


def button(article, name):
    return article.locator(".decide.whole").get_by_role("button", name=name)


def progress(page):
    return page.locator("#progress").text_content()


def test_address_loses_its_token(page):
    assert "token" not in page.url and page.url.endswith("/index.html")
    page.reload()
    page.wait_for_function("() => document.querySelector('#progress').textContent")


def test_approve_with_a_reason(page, root):
    article = opened_case(page, "garden-default")
    article.locator(".decide.whole input").fill("the new sampler")
    button(article, "Approve").click()
    told(page, "Approved garden/default")
    assert pictures(root) == [2, 1, 1]
    assert GoldenRun.load(root / "golden/garden/default").document["approvals"][-1]["reason"] == "the new sampler"
    assert button(article, "Approve").get_attribute("aria-pressed") == "true"
    assert article.locator(".line .decision").text_content() == "✓ approved"
    said = article.locator(".standing").text_content()
    assert said == "Approved. Written to golden/garden/default. Reason: the new sampler"
    assert progress(page) == "1 approved, 0 rejected, 2 to decide"
    # The focus stays where the person is.
    assert page.evaluate("document.activeElement.dataset.decide") == "approved"


def test_reject_and_undo_where_it_was_decided(page, root):
    article = opened_case(page, "garden-default")
    button(article, "Reject").click()
    told(page, "Rejected garden/default")
    assert article.locator(".line .decision").text_content() == "✕ rejected"
    button(article, "Undo").click()
    told(page, "Undone: rejected garden/default")
    assert not article.locator(".line .decision").is_visible()
    assert progress(page) == "0 approved, 0 rejected, 3 to decide" and pictures(root) == [1, 1, 1]
    assert page.evaluate("document.activeElement.dataset.decide") == "approved"


def test_outputs_one_by_one(page, root):
    article = opened_case(page, "batch-default")
    assert "once all 2 outputs are approved" in article.locator(".standing").text_content()
    for at, line in ((1, "1 of 2 approved"), (0, "✓ approved")):
        output = page.locator(f"[id='batch-default/9.images.{at}']")
        output.get_by_role("button", name="Approve").click()
        told(page, f"Approved batch/default 9.images.{at}")
        assert output.locator("header .decision").text_content() == "✓ approved"
        assert article.locator(".line .decision").text_content() == line
        assert pictures(root) == ([1, 1, 1] if at else [1, 2, 1])


def test_list_of_decisions_undoes_each(page, root):
    before = tree(root / "golden")
    for name in ("garden-default", "street-default"):
        button(opened_case(page, name), "Approve").click()
        told(page, f"Approved {name.replace('-', '/')}")
    page.get_by_role("button", name="Decisions 2").click()
    dialog = page.locator("#decisions")
    assert dialog.locator("li .name").all_text_contents() == ["street/default", "garden/default"]
    dialog.get_by_role("button", name="Undo: approved garden/default").click()
    told(page, "Undone: approved garden/default")
    assert pictures(root) == [1, 1, 2]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Undo: approved street/default"
    dialog.get_by_role("button", name="Undo: approved street/default").click()
    told(page, "Undone: approved street/default")
    assert tree(root / "golden") == before
    assert dialog.locator("#decisions-told").text_content() == "Nothing is decided yet."


def test_keyboard_alone(page, root):
    order = [one.get_attribute("id") for one in page.locator(".case").all()]
    page.keyboard.press("j")
    page.keyboard.press("e")
    page.keyboard.type("art")  # typed into the field: no decision
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    told(page, f"Approved {order[0].replace('-', '/')}")
    page.keyboard.press("j")
    page.keyboard.press("r")
    told(page, f"Rejected {order[1].replace('-', '/')}")
    assert progress(page) == "1 approved, 1 rejected, 1 to decide"
    name = order[0].replace("-default", "")
    assert GoldenRun.load(root / f"golden/{name}/default").document["approvals"][-1]["reason"] == "art"
    for undone in (f"rejected {order[1]}", f"approved {order[0]}"):
        page.keyboard.press("u")
        told(page, f"Undone: {undone.replace('-', '/')}")
    page.keyboard.press("u")
    told(page, "There is nothing to undo")
    assert pictures(root) == [1, 1, 1]


def test_keyboard_decides_on_the_output_that_is_chosen(page):
    article = opened_case(page, "batch-default")
    article.locator(".stage.ready").first.wait_for()
    article.locator("header h5").first.click()
    page.keyboard.press("n")
    page.keyboard.press("a")
    told(page, "Approved batch/default 9.images.1")
    assert article.locator(".line .decision").text_content() == "1 of 2 approved"


def test_key_opens_a_case_before_it_decides(page, root):
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.keyboard.press("a")
    told(page, "Opened: look first")
    assert pictures(root) == [1, 1, 1] and page.locator(".case > details[open]").count() == 1


def test_ways_of_comparing_go_on_by_key(page):
    article = opened_case(page, "garden-default")
    stage = article.locator(".stage.ready")
    stage.wait_for()
    page.keyboard.press("2")
    assert stage.get_attribute("data-way") == "swipe"


@pytest.mark.parametrize("decision", ["Approve", "Reject"])
def test_all_that_match_the_filter(page, root, decision):
    word = "approved" if decision == "Approve" else "rejected"
    page.locator("#search").fill("default")
    page.locator("#search").fill("t/default")  # street alone; of the others no text has it
    assert [one.get_attribute("id") for one in page.locator(".case:visible").all()] == ["street-default"]
    page.locator("#search").fill("")
    opened_case(page, "street-default")
    button(page.locator("#street-default"), "Reject").click()
    told(page, "Rejected")
    page.locator("#decision").select_option("undecided")
    page.get_by_role("button", name=f"{decision} all shown…").click()
    dialog = page.locator("#together")
    dialog.locator("#together-reason").fill("all alike")
    dialog.get_by_role("button", name=f"{decision} 2 cases").click()
    told(page, f"2 {word}")
    assert not dialog.is_visible()
    assert pictures(root) == ([2, 2, 1] if decision == "Approve" else [1, 1, 1])
    page.locator("#decision").select_option("")
    lines = page.locator(".line .decision").all_text_contents()
    assert sorted(lines) == sorted(["✕ rejected", *([f"{'✓' if decision == 'Approve' else '✕'} {word}"] * 2)])


def test_search_does_not_find_what_was_decided(page):
    opened_case(page, "garden-default")
    button(page.locator("#garden-default"), "Approve").click()
    told(page, "Approved")
    page.locator("#search").fill("approved")
    assert page.locator(".case:visible").count() == 0
    page.locator("#search").fill("different garden")
    assert page.locator(".case:visible").count() == 1


def test_what_is_refused_among_all_is_told(browser, asker, root):
    other = recorded(outputs={"9": {"images": [png(5)]}}, workflow="workflows/street.json")
    GoldenStore(root / "golden").write("street/default", other)
    page = opened(browser, asker)
    page.get_by_role("button", name="Approve all shown…").click()
    dialog = page.locator("#together")
    dialog.get_by_role("button", name="Approve 3 cases").click()
    told(page, "2 approved, 1 refused")
    (sentence,) = dialog.locator(".refusals li").all_text_contents()
    assert sentence.startswith("street/default: golden/street/default: the golden run changed since")
    assert pictures(root) == [2, 2, 5]
    page.context.close()


def test_golden_run_that_moved_on_is_told_when_the_case_is_opened_and_when_it_is_approved(browser, asker, root):
    GoldenStore(root / "golden").write(
        "garden/default", recorded(outputs={"9": {"images": [png(5)]}}, workflow="workflows/garden.json")
    )
    page = opened(browser, asker)
    article = opened_case(page, "garden-default")
    refusal = article.locator(".decide.whole .refusal[role=alert]")
    refusal.wait_for()
    sentence = "golden/garden/default: the golden run changed since the case was judged: run again"
    assert refusal.text_content() == f"It cannot be approved: {sentence}"
    assert page.complaints == []
    button(article, "Approve").click()
    page.wait_for_function("one => one.textContent.startsWith('Not approved')", arg=refusal.element_handle())
    assert refusal.text_content() == f"Not approved: {sentence}"
    assert button(article, "Approve").get_attribute("aria-pressed") == "false" and pictures(root) == [5, 1, 1]
    page.context.close()


def test_decisions_are_shown_again_after_a_restart(browser, root):
    with reviewing(root) as asker:
        asker.decide("garden-default", reason="why not")
        asker.decide("street-default", "rejected", reason="too grey")
    with reviewing(root) as asker:
        page = opened(browser, asker)
        assert progress(page) == "1 approved, 1 rejected, 1 to decide"
        assert page.locator("#street-default .line .decision").text_content() == "✕ rejected"
        article = opened_case(page, "garden-default")
        assert article.locator(".standing").text_content().endswith("Reason: why not")
        assert not button(article, "Undo").is_visible()
        page.context.close()


def test_report_that_was_written_anew_while_it_is_looked_at(browser, asker, root):
    page = opened(browser, asker)
    report = root / "comfy-report/report.json"
    report.write_text(report.read_text().replace("2026-11-26T07:00:01Z", "2026-11-26T08:00:01Z"))
    article = opened_case(page, "garden-default")
    button(article, "Approve").click()
    refusal = article.locator(".decide.whole .refusal[role=alert]")
    page.wait_for_function("one => one.textContent.includes('reload the page')", arg=refusal.element_handle())
    assert pictures(root) == [1, 1, 1]
    page.context.close()


def test_server_that_was_ended(browser, root):
    with reviewing(root) as asker:
        page = opened(browser, asker)
        article = opened_case(page, "garden-default")
    button(article, "Approve").click()
    refusal = article.locator(".decide.whole .refusal[role=alert]")
    page.wait_for_function("one => one.textContent.includes('does not answer')", arg=refusal.element_handle())
    page.context.close()


def test_case_on_a_page_of_its_own(browser, root, monkeypatch):
    monkeypatch.setattr("pytest_comfy.report.html.render.MOST_DETAILS", 0)
    with reviewing(root) as asker:
        page = opened(browser, asker)
        page.locator("#garden-default a.line").click()
        page.wait_for_url("**/garden/default/case.html")
        article = page.locator("article.case")
        article.locator(".stage.ready").wait_for()
        page.keyboard.press("a")
        told(page, "Approved garden/default")
        assert pictures(root) == [2, 1, 1]
        page.get_by_role("link", name="All cases").click()
        page.wait_for_function("() => document.querySelector('#progress')?.textContent.startsWith('1 approved')")
        assert page.complaints == []
        page.context.close()


def test_case_that_cannot_be_approved_says_why_and_has_no_approve(browser, tmp_path):
    lay_workflow(tmp_path, "broken")
    case = entry(tmp_path, "broken", run=kept("broken"), refused="an output shows nothing: it is black")
    lay_report(tmp_path / "comfy-report", [case])
    with reviewing(tmp_path) as asker:
        page = opened(browser, asker)
        article = opened_case(page, "broken-default")
        assert "an output shows nothing: it is black" in article.locator(".decide.whole").inner_text()
        assert article.get_by_role("button", name="Approve").count() == 0
        page.keyboard.press("a")
        page.get_by_role("button", name="Approve all shown…").click()
        assert "None of the shown cases" in page.locator("#together-told").text_content()
        assert page.complaints == [] and asker.state()["decisions"] == []
        page.context.close()


def test_hostile_reasons_and_names_are_text(browser, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    lay(tmp_path, ["garden"])
    with reviewing(tmp_path) as asker:
        page = opened(browser, asker)
        article = opened_case(page, "garden-default")
        article.locator(".decide.whole input").fill(evil)
        button(article, "Reject").click()
        told(page, "Rejected")
        assert evil in article.locator(".standing").text_content()
        page.get_by_role("button", name="Decisions 1").click()
        assert page.locator("#decisions .why").text_content() == evil
        assert page.locator("img[onerror]").count() == 0 and page.complaints == []
        page.context.close()


def test_svg_of_a_workflow_runs_nothing(browser, tmp_path):
    lay(tmp_path, ["batch"], outputs=5)
    with reviewing(tmp_path) as asker:
        page = opened(browser, asker)
        page.goto(f"{asker.server.url}/batch/default/9.images.2.actual.svg")
        assert page.evaluate("document.title") != "run"
        page.goto(f"{asker.server.url}/batch/default/9.images.0.actual.png")
        assert page.evaluate("document.images[0].naturalWidth") == 64
        page.context.close()


def test_other_sites_decide_nothing(browser, root):
    """A page of another port of 127.0.0.1 is of the same site: the browser sends the cookie along."""
    with reviewing(root) as asker, reviewing(root) as other:
        context = browser.new_context()
        page = context.new_page()
        page.goto(asker.server.address)
        page.goto(other.server.address)
        for mode in ("cors", "no-cors"):
            decision = {"case": "garden-default", "output": None, "decision": "approved", "reason": ""}
            body = json.dumps({"version": asker.version, **decision})
            found = page.evaluate(
                """([url, mode, body]) => fetch(url, {method: "POST", mode, body, credentials: "include"})
                    .then(answer => answer.status, error => "failed")""",
                [f"{asker.server.url}/-/decide", mode, body],
            )
            assert found in (0, "failed")
        assert pictures(root) == [1, 1, 1] and asker.state()["decisions"] == []
        context.close()


def test_without_scripts_it_says_what_deciding_needs(browser, asker):
    page = opened(browser, asker, java_script_enabled=False)
    assert page.get_by_text("Deciding needs JavaScript").is_visible()
    page.locator("#garden-default summary.line").click()
    assert page.locator("#garden-default .golden img").is_visible()
    for selector in (".decide", ".together", "[data-do='decisions']"):
        assert not page.locator(selector).first.is_visible()
    page.context.close()


def test_phone_has_nothing_beyond_its_side(browser, asker):
    page = opened(browser, asker, viewport={"width": 390, "height": 844})
    for name in ("garden-default", "batch-default"):
        opened_case(page, name)
    wide = page.locator(".decide, .decide button, .decide input, .together, .together button").all()
    boxes = [one.bounding_box() for one in wide if one.is_visible()]
    assert len(boxes) > 10 and all(box["x"] >= 0 and box["x"] + box["width"] <= 390.5 for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    # No button breaks its word, and what is said hides none of them.
    lines = page.locator("button:visible").all()
    assert all(one.bounding_box()["height"] < 45 for one in lines)
    button(page.locator("#batch-default"), "Reject").click()
    told(page, "Rejected")
    toast = page.locator(".toast").bounding_box()
    assert toast["y"] + toast["height"] < page.locator("#batch-default .whole").bounding_box()["y"]
    page.context.close()


def test_bar_of_an_open_case_stays_in_sight(browser, asker):
    page = opened(browser, asker, viewport={"width": 1000, "height": 400})
    article = opened_case(page, "garden-default")
    article.locator(".stage.ready").wait_for()
    page.evaluate("document.querySelector('#garden-default').scrollIntoView()")
    box = button(article, "Approve").bounding_box()
    assert box["y"] + box["height"] <= 400
    page.context.close()


@contextlib.contextmanager
def axe(page):
    """Yield what lists the violations that axe-core finds."""
    with open(AXE, encoding="utf-8") as script:
        page.evaluate(script.read())
    run = "() => axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"

    def violations():
        found = page.evaluate(run)["violations"]
        return [(one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in found]

    yield violations


@pytest.mark.skipif(not AXE, reason="needs axe-core: AXE_CORE names its axe.min.js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_violation_of_wcag(browser, asker, root, scheme, width):
    GoldenStore(root / "golden").write(
        "garden/default", recorded(outputs={"9": {"images": [png(5)]}}, workflow="workflows/garden.json")
    )
    page = opened(browser, asker, color_scheme=scheme, viewport={"width": width, "height": 900})
    with axe(page) as violations:
        assert violations() == []
        for name in ("garden-default", "batch-default", "street-default"):
            opened_case(page, name)
        page.locator("#garden-default .refusal[role=alert]").wait_for()
        button(page.locator("#street-default"), "Approve").click()
        told(page, "Approved")
        page.locator("[id='batch-default/9.images.0']").get_by_role("button", name="Reject").click()
        told(page, "Rejected")
        assert violations() == []
        page.get_by_role("button", name="Decisions 2").click()
        assert violations() == []
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Approve all shown…").click()
        assert violations() == []
    page.context.close()
