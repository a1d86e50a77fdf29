"""Files in UI form as test items: converted by the server's node definitions, offline by the golden run's."""

from __future__ import annotations

import json
import re

import pytest
from projects import failure_of, graph, lines_of, section_of
from ui_form import BYPASSED, MUTED, definitions, dice, nested, node, plain

from pytest_comfy import ComfyClient, FakeComfyServer, Workflow
from pytest_comfy.workflow.digest import prompt_digest

RUN = "golden/txt2img/default/run.json"
HEAD = "txt2img.json [default]"


def record(project, live, *flags):
    result = project.run("workflows", "--comfy-url", live.url, "--comfy-update", *flags)
    result.assert_outcomes(passed=1)
    return project.read(RUN)


def posted(server):
    """What was queued last: the prompt, and what came with it."""
    import requests

    history = requests.get(f"{server.url}/history", timeout=10).json()
    (*_, entry) = history.values()
    return entry["prompt"][2], entry["prompt"][3]


def judged(project):
    result = project.run("workflows")
    result.assert_outcomes(failed=1)
    assert "Traceback" not in result.stdout.str()
    return failure_of(result, HEAD)


@pytest.fixture
def page_of_later(live, monkeypatch):
    """The server asks for the front-end 1.48.7, which its definitions do not tell."""
    told = ComfyClient.system_stats

    def system_stats(self, timeout=None):
        stats = told(self, timeout)
        return {**stats, "system": {**stats["system"], "required_frontend_version": "1.48.7"}}

    monkeypatch.setattr(ComfyClient, "system_stats", system_stats)


class TestVersionOfThePage:
    """A muted instance: page 1.48 sends nothing of what is in it, earlier ones do."""

    def muted(self):
        graph = nested()
        graph["links"] = [[12, 3, *link[2:]] if link[0] == 12 else link for link in graph["links"]]
        graph["nodes"] = [{**one, "mode": MUTED} if one["id"] == 9 else one for one in graph["nodes"]]
        return graph

    def test_the_server_says_and_the_golden_run_keeps_it(self, project, live, page_of_later):
        project.workflow(prompt=self.muted())
        run = record(project, live)
        assert run["conversion"]["frontend"] == "1.48.7"
        assert not [node_id for node_id in run["prompt"] if node_id.startswith("9:")]
        project.run("workflows").assert_outcomes(passed=1)

    def test_where_it_does_not_the_definitions_do(self, project, live):
        project.workflow(prompt=self.muted())
        run = record(project, live)
        assert "frontend" not in run["conversion"]
        assert [node_id for node_id in run["prompt"] if node_id.startswith("9:")]
        project.run("workflows").assert_outcomes(passed=1)


class TestOffline:
    def test_recorded_live_and_replayed_without_a_server(self, project, live):
        project.workflow(prompt=nested())
        record(project, live)
        result = project.run("workflows")
        result.assert_outcomes(passed=1)
        assert section_of(result, "comfy") == [
            "outputs: 2 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected"
        ]

    def test_definitions_of_nodes_that_do_not_run_are_kept_too(self, project, live):
        project.workflow(prompt=nested())
        run = record(project, live)
        classes = {one["class_type"] for one in run["prompt"].values()}
        assert set(run["node_definitions"]) == classes | {"ImageInvert", "PreviewImage"}
        assert "ImageInvert" not in classes and "PreviewImage" not in classes

    def test_nodes_of_subgraphs_are_told_by_their_path(self, project, live):
        project.workflow(prompt=nested())
        run = record(project, live)
        assert [(one["node"], one["title"], one["file"]) for one in run["outputs"]] == [
            ("7", "Save", "7.images.0.png"),
            ("9:6", "Edit > Save", "9_6.images.0.png"),
        ]

    def test_changed_value_in_a_subgraph(self, project, live):
        project.workflow(prompt=nested())
        record(project, live)
        project.workflow(prompt=nested(sigma=2.5))
        assert judged(project)[0] == (
            "different: workflows/txt2img.json::default is not what its golden run recorded: the workflow changed "
            "since: node 9:5 Edit > ImageBlur.sigma is 2.5, was 2.0"
        )

    def test_without_a_golden_run(self, project):
        project.workflow(prompt=nested())
        assert judged(project)[0] == "missing: no golden run for workflows/txt2img.json::default"

    def test_class_that_the_golden_run_does_not_know(self, project, live):
        """Of a node that was put in since; the server may well have it."""
        project.workflow(prompt=plain())
        record(project, live)
        changed = plain()
        changed["nodes"].append(node(20, "ImageInvert", [], [("image", "IMAGE", None)]))
        project.workflow(prompt=changed)
        assert judged(project) == [
            "workflows/txt2img.json: its golden run has no definition of 'ImageInvert': record it live"
        ]

    def test_class_that_the_golden_run_does_not_know_is_not_missed_where_it_does_not_run(self, project, live):
        project.workflow(prompt=plain())
        record(project, live)
        changed = plain()
        changed["nodes"].append(node(20, "Elsewhere", [], [("image", "IMAGE", None)], mode=BYPASSED))
        project.workflow(prompt=changed)
        project.run("workflows").assert_outcomes(passed=1)

    def test_other_errors_of_the_conversion_are_told_as_they_are(self, project, live):
        project.workflow(prompt=plain())
        record(project, live)
        broken = plain()
        broken["links"][0][1] = 77
        project.workflow(prompt=broken)
        (line,) = judged(project)
        assert line.startswith("workflows/txt2img.json: ") and "77" in line and "record it live" not in line

    def test_file_names_on_the_server_stay_out_of_the_golden_run(self, project):
        known = definitions()
        known["LoadImage"]["input"]["required"]["image"][0] = ["private.png", "a b.png", "other.png"]
        with FakeComfyServer((), synthesize=known) as live:
            changed = plain()
            changed["nodes"].append(
                node(20, "LoadImage", ["a b.png", "image"], outputs=[("IMAGE", None)], mode=BYPASSED)
            )
            project.workflow(prompt=changed)
            run = record(project, live)
        assert run["node_definitions"]["LoadImage"]["input"]["required"]["image"][0] == ["a b.png"]
        assert "private" not in json.dumps(run)

    def test_unless_a_widget_without_a_value_takes_the_first_one(self, project):
        known = definitions()
        known["Load"] = {**known["LoadImage"], "name": "Load", "output_node": True,
                         "input": {"required": {"file": [["first.bin", "second.bin"], {}]}}}  # fmt: skip
        with FakeComfyServer((), synthesize=known) as live:
            changed = plain()
            changed["nodes"].append(node(20, "Load"))
            project.workflow(prompt=changed)
            run = record(project, live)
        assert run["prompt"]["20"]["inputs"] == {"file": "first.bin"}
        assert run["node_definitions"]["Load"]["input"]["required"]["file"][0] == ["first.bin"]
        project.run("workflows").assert_outcomes(passed=1)


class TestOneGoldenRunForBothForms:
    def test_export_of_the_file_passes_against_the_same_golden_run(self, project, live):
        project.workflow(prompt=plain())
        record(project, live)
        project.workflow(prompt=graph())
        project.run("workflows").assert_outcomes(passed=1)

    def test_value_edited_in_either_form(self, project, live):
        project.workflow(prompt=plain())
        record(project, live)
        told = []
        for form in (plain(8), graph(8)):
            project.workflow(prompt=form)
            told.append(judged(project))
        assert told[0] == told[1]
        assert "node 3 EmptyImage.color is 8, was 7" in told[0][0]

    def test_digests(self):
        for color in (7, 8):
            converted = Workflow.from_graph(plain(color)).converted(definitions())
            assert prompt_digest(converted.prompt()) == prompt_digest(graph(color))
        assert prompt_digest(graph(7)) != prompt_digest(graph(8))


class TestLive:
    def test_the_page_s_document_goes_with_the_prompt(self, project, live):
        project.workflow(prompt=nested())
        record(project, live)
        prompt, extra = posted(live)
        assert set(prompt) == {"3", "7", "9:5", "9:6", "9:8:2"}
        assert extra["extra_pnginfo"]["workflow"] == nested()

    def test_unknown_class_fails_with_one_sentence(self, project, live):
        changed = plain()
        changed["nodes"].append(node(20, "Elsewhere"))
        project.workflow(prompt=changed)
        result = project.run("workflows", "--comfy-url", live.url)
        result.assert_outcomes(failed=1)
        line = failure_of(result, HEAD)[0]
        assert line.startswith("sure to break: node 20 (Elsewhere): the server has no node class 'Elsewhere'")
        result = project.run("workflows", "--comfy-url", live.url, "--comfy-preflight=off")
        (line,) = failure_of(result, HEAD)
        assert line.startswith("workflows/txt2img.json: the server has no node class 'Elsewhere' (node 20 'Elsewhere'")
        assert "Traceback" not in result.stdout.str()


class TestWarnings:
    TOLD = "node 3 'Canvas' (3 values are saved for 4 widgets); the values that are there fit"

    @staticmethod
    def short():
        found = plain()
        found["nodes"][0]["widgets_values"].pop()
        return found

    def test_each_is_shown_once_at_the_item(self, project, live):
        project.workflow(prompt=self.short())
        result = project.run("workflows", "--comfy-url", live.url, "--comfy-update")
        result.assert_outcomes(passed=1)
        assert "workflows/txt2img.json::default" in section_of(result, "warnings summary")
        told = [line for line in lines_of(result) if "ConversionWarning" in line]
        assert len(told) == 1 and f"ConversionWarning: workflows/txt2img.json: {self.TOLD}" in told[0]

    def test_they_can_be_made_errors(self, project, live):
        project.ini("filterwarnings = error::pytest_comfy.workflow.graph.ConversionWarning")
        project.workflow(prompt=self.short())
        result = project.run("workflows", "--comfy-url", live.url, "--comfy-update")
        result.assert_outcomes(failed=1)
        (line,) = failure_of(result, HEAD)
        assert line.startswith(f"workflows/txt2img.json: {self.TOLD}")


class TestPageOfTomorrow:
    """A server that asks for a front-end newer than all that is known."""

    def test_that_it_is_not_known_is_said_once_for_all_workflows(self, project, live, monkeypatch):
        told = ComfyClient.system_stats

        def system_stats(self, timeout=None):
            stats = told(self, timeout)
            return {**stats, "system": {**stats["system"], "required_frontend_version": "1.99.0"}}

        monkeypatch.setattr(ComfyClient, "system_stats", system_stats)
        for name in ("txt2img", "other"):
            project.workflow(name, prompt=plain())
        result = project.run("workflows", "--comfy-url", live.url, "--comfy-update")
        result.assert_outcomes(passed=2)
        (line,) = [line for line in lines_of(result) if "ConversionWarning" in line]
        assert "ConversionWarning: the server's page is a later one than 1.58" in line


class TestDates:
    def test_the_date_is_kept_and_used_again(self, project, live):
        project.workflow(prompt=plain(prefix="%date:yyyy-MM-dd hh-mm-ss%"))
        run = record(project, live)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", run["conversion"]["date"])
        (choice,) = run["conversion"]["choices"]
        assert choice["kind"] == "date" and choice["after"] == run["prompt"]["9"]["inputs"]["filename_prefix"]
        self.turn_back(project)
        assert project.read(RUN)["prompt"]["9"]["inputs"]["filename_prefix"] == "2001-02-03 04-05-06"
        project.run("workflows").assert_outcomes(passed=1)

    def test_approved_again_it_stays(self, project, live):
        project.workflow(prompt=plain(prefix="%date:yyyy%"))
        record(project, live)
        self.turn_back(project)
        project.workflow(prompt=plain(8, prefix="%date:yyyy%"))
        run = record(project, live)
        assert run["conversion"]["date"] == "2001-02-03T04:05:06"
        assert run["prompt"]["9"]["inputs"]["filename_prefix"] == "2001"
        assert len(run["approvals"]) == 2

    @pytest.mark.parametrize("date", ["soon", 5, "2001-02-03T04:05:06+01:00"])
    def test_date_that_is_none(self, project, live, date):
        project.workflow(prompt=plain())
        run = record(project, live)
        run["conversion"]["date"] = date
        project.write(RUN, run)
        result = project.run("workflows")
        result.assert_outcomes(errors=1)
        (line,) = failure_of(result, f"ERROR at setup of {HEAD}")
        assert line.startswith("golden/txt2img/default/run.json: malformed conversion (")

    @staticmethod
    def turn_back(project):
        """Have the golden run made long ago."""
        run = project.read(RUN)
        run["conversion"]["date"] = "2001-02-03T04:05:06"
        prefix = run["prompt"]["9"]["inputs"]["filename_prefix"]
        run["prompt"]["9"]["inputs"]["filename_prefix"] = "2001" if len(prefix) == 4 else "2001-02-03 04-05-06"
        project.write(RUN, run)


class TestDynamicPrompts:
    def test_they_choose_by_the_case_and_the_golden_run_tells_what(self, project, live):
        project.workflow(prompt=dice())
        run = record(project, live)
        sent = run["prompt"]["20"]["inputs"]["text"]
        assert run["conversion"]["seed"] == "txt2img/default"
        assert run["conversion"]["choices"] == [
            {"node": "20", "input": "text", "kind": "dynamic prompt", "before": dice()["nodes"][2]["widgets_values"][0],
             "after": sent}
        ]  # fmt: skip
        assert re.fullmatch(r"a (red|green|blue|black|white|grey) fox", sent)
        project.run("workflows").assert_outcomes(passed=1)

    def test_every_case_chooses_for_itself(self, project, live):
        names = [f"case{number}" for number in range(12)]
        project.workflow(prompt=dice(), sidecar="".join(f"[cases.{name}]\n" for name in names))
        result = project.run("workflows", "--comfy-url", live.url, "--comfy-update")
        result.assert_outcomes(passed=12)
        chosen = {project.read(f"golden/txt2img/{name}/run.json")["prompt"]["20"]["inputs"]["text"] for name in names}
        assert len(chosen) > 1
        project.run("workflows").assert_outcomes(passed=12)

    @pytest.mark.parametrize(("told", "seed"), [("7", 7), ('"a text"', "a text"), ('""', "")])
    def test_seed_of_the_sidecar(self, project, live, told, seed):
        project.workflow(prompt=dice(), sidecar=f"dynamic_prompts = {told}\n")
        run = record(project, live)
        assert run["conversion"]["seed"] == seed
        expected = Workflow.from_graph(dice()).converted(definitions(), seed=seed).prompt()
        assert run["prompt"]["20"]["inputs"] == expected["20"]["inputs"]

    def test_left_alone(self, project, live):
        project.workflow(prompt=dice(), sidecar="dynamic_prompts = false\n")
        run = record(project, live)
        assert run["prompt"]["20"]["inputs"]["text"] == "a {red|green|blue|black|white|grey} fox"
        assert run["conversion"]["seed"] is None and run["conversion"]["choices"] == []

    def test_of_a_folder(self, project, live):
        project.write("workflows/comfy.toml", "dynamic_prompts = 5\n")
        project.workflow(prompt=dice())
        assert record(project, live)["conversion"]["seed"] == 5

    @pytest.mark.parametrize("value", ["true", "1.5", "[1]"])
    def test_value_that_is_no_seed(self, project, value):
        project.workflow(prompt=dice(), sidecar=f"dynamic_prompts = {value}\n")
        result = project.run("workflows")
        result.assert_outcomes(errors=1)
        assert failure_of(result, "ERROR at setup of txt2img.json") == [
            "workflows/txt2img.toml: dynamic_prompts must be a whole number or a text to choose by, or false to leave "
            "{a|b} as it is"
        ]

    def test_value_of_a_sidecar_is_sent_as_it_is(self, project, live):
        project.workflow(prompt=dice(), sidecar='set = {"Dice.text" = "{a|b}"}\n')
        assert record(project, live)["prompt"]["20"]["inputs"]["text"] == "{a|b}"

    def test_api_form_has_no_conversion(self, project, live):
        project.workflow(prompt=graph())
        assert "conversion" not in record(project, live)

    @pytest.mark.parametrize("name", ["text", "api_key"])
    def test_secrets_that_dice_are_thrown_for_are_not_kept(self, project, name):
        secret = "some words" if name == "api_key" else "hf_" + "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z"
        known = definitions()
        spec = known["Dice"]["input"]["required"]["text"]
        known["Dice"] = {**known["Dice"], "input": {"required": {name: spec}}, "input_order": {"required": [name]}}
        project.workflow(prompt=dice(f"{{red|blue}} {secret}"))
        with FakeComfyServer((), synthesize=known) as server:
            run = record(project, server)
        (choice,) = run["conversion"]["choices"]
        assert "<redacted>" in choice["before"] and "<redacted>" in choice["after"]
        assert secret not in json.dumps(run["conversion"])
