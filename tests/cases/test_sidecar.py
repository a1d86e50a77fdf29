"""`txt2img.toml` beside `txt2img.json`, and `comfy.toml` for a folder."""

from __future__ import annotations

import hashlib

import pytest
from projects import SIDE, failure_of, graph, png, recorded
from ui_form import definitions

from pytest_comfy.compare.limits import IMAGE
from pytest_comfy.server import FakeComfyServer, faults

HEAD = "txt2img.json [default]"


def collected(result):
    return [line for line in result.outlines if "::" in line]


def error_of(project, sidecar, name="workflows/txt2img.toml"):
    """What is said of a sidecar that is not understood: one line, as an error of the file."""
    project.workflow()
    project.write(name, sidecar)
    result = project.run("workflows")
    result.assert_outcomes(errors=1)
    lines = failure_of(result, "ERROR at setup of txt2img.json")
    assert len(lines) == 1
    return lines[0]


class TestCases:
    def test_each_case_is_an_item_with_its_values(self, project):
        project.workflow(sidecar='[cases.red.set]\n"Canvas.color" = 1\n[cases.blue.set]\n"Canvas.color" = 2\n')
        project.golden("txt2img/red", prompt=graph(1))
        project.golden("txt2img/blue", prompt=graph(2))
        result = project.run("workflows", "-v")
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(["workflows/txt2img.json::red PASSED*", "workflows/txt2img.json::blue PASSED*"])

    def test_named_cases_replace_the_default_one(self, project):
        project.workflow(sidecar="[cases.small]\n")
        assert collected(project.run("--collect-only", "-q")) == ["workflows/txt2img.json::small"]

    def test_sidecar_of_the_file_holds_for_every_case(self, project):
        project.workflow(sidecar='set = {"Canvas.color" = 5}\n[cases.a]\n[cases.b]\nset = {"Canvas.color" = 6}\n')
        project.golden("txt2img/a", prompt=graph(5))
        project.golden("txt2img/b", prompt=graph(6))
        project.run("workflows").assert_outcomes(passed=2)

    @pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "end."])
    def test_name_that_is_no_folder_is_refused(self, project, name):
        told = error_of(project, f'[cases."{name}"]\n')
        assert told.startswith(f"workflows/txt2img.toml: case {name!r} cannot name a folder: ")

    def test_names_alike_but_for_case_are_refused(self, project):
        told = error_of(project, "[cases.Small]\n[cases.small]\n")
        assert told.endswith("and no two names alike but for case")

    def test_cases_that_are_no_tables(self, project):
        told = error_of(project, 'cases = ["a"]\n')
        assert told == "workflows/txt2img.toml: cases must be tables: write [cases.NAME]"


class TestSet:
    @pytest.mark.parametrize("address", ["Canvas.color", "EmptyImage.color", "3.color"])
    def test_by_title_class_and_id(self, project, address):
        project.workflow(sidecar=f'[set]\n"{address}" = 99\n')
        project.golden(prompt=graph(99))
        project.run("workflows").assert_outcomes(passed=1)

    def test_without_quotes_means_the_same(self, project):
        project.workflow(sidecar="[set]\nCanvas.color = 99\n")
        project.golden(prompt=graph(99))
        project.run("workflows").assert_outcomes(passed=1)

    @pytest.mark.parametrize("approved", [True, False])
    def test_ambiguous_address_lists_the_candidates(self, project, approved):
        project.workflow(prompt=graph(saves=("9", "10")), sidecar='[set]\n"SaveImage.filename_prefix" = "x"\n')
        if approved:
            project.golden(prompt=graph(saves=("9", "10")))
        result = project.run("workflows")
        result.assert_outcomes(failed=1)
        assert failure_of(result, HEAD) == [
            "workflows/txt2img.json: 'SaveImage.filename_prefix' is ambiguous: use the node's id, one of "
            "9.filename_prefix (Save Image [SaveImage]), 10.filename_prefix (Save 10 [SaveImage])"
        ]

    def test_unknown_node_lists_the_inputs_nearest_first(self, project):
        project.both()
        project.write("workflows/txt2img.toml", '[set]\n"Canvvas.color" = 1\n')
        result = project.run("workflows")
        result.assert_outcomes(failed=1)
        assert failure_of(result, HEAD)[0].startswith(
            "workflows/txt2img.json: 'Canvvas.color' names no input; known are Canvas.color, "
        )

    def test_unknown_input_lists_those_of_the_node(self, project):
        project.both()
        project.write("workflows/txt2img.toml", '[set]\n"Canvas.colour" = 1\n')
        result = project.run("workflows")
        result.assert_outcomes(failed=1)
        assert failure_of(result, HEAD)[0].startswith(
            "workflows/txt2img.json: 'Canvas.colour' names no input; Canvas [EmptyImage] has Canvas.color, "
        )

    def test_value_that_is_no_json(self, project):
        told = error_of(project, '[set]\n"Canvas.color" = 2026-01-01\n')
        assert told == "workflows/txt2img.toml: 'Canvas.color': 2026-01-01 is no JSON value; put it in quotes"


class TestOutputs:
    def live(self, project, serve, sidecar, picture, **more):
        project.both(**more)
        project.write("workflows/txt2img.toml", sidecar)
        server = serve(recorded(outputs={"9": {"images": [picture]}}))
        return project.run("workflows", "--comfy-url", server.url)

    def test_without_a_word_a_small_shift_is_within_tolerance(self, project, serve):
        result = self.live(project, serve, "", png(shift=1))
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["outputs: 0 identical, 1 within tolerance, 0 different, 0 missing, 0 unexpected"])

    def test_tolerance_of_the_file(self, project, serve):
        result = self.live(project, serve, 'tolerance = "exact"\n', png(shift=1))
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["different: node 9 'Save Image' images 0: *"])

    @pytest.mark.parametrize("address", ["Save Image", "SaveImage", "9", "9.images", "9.images.0", "SaveImage.images"])
    def test_tolerance_of_one_output(self, project, serve, address):
        result = self.live(project, serve, f'[outputs."{address}"]\ntolerance = "exact"\n', png(shift=1))
        result.assert_outcomes(failed=1)

    def test_special_rule_wins_over_a_general_one(self, project, serve):
        sidecar = '[outputs."9.images.0"]\ntolerance = "normal"\n[outputs.SaveImage]\ntolerance = "exact"\n'
        self.live(project, serve, sidecar, png(shift=1)).assert_outcomes(passed=1)

    def test_tolerance_in_numbers(self, project, serve):
        limits = ", ".join(f"{part} = 500" for part in IMAGE)
        self.live(project, serve, f"tolerance = {{{limits}}}\n", png(2)).assert_outcomes(passed=1)

    def test_ignored_output_is_not_judged(self, project, serve):
        prompt = graph(saves=("9", "10"))
        project.both(prompt=prompt, outputs={"9": {"images": [png()]}, "10": {"images": [png(10)]}})
        project.write("workflows/txt2img.toml", '[outputs."Save 10"]\nignore = true\n')
        server = serve(recorded(prompt, {"9": {"images": [png()]}, "10": {"images": [png(11)]}}))
        result = project.run("workflows", "--comfy-url", server.url)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines([
            "outputs: 1 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected, 1 ignored"
        ])  # fmt: skip

    @pytest.fixture
    def approved_without(self, project, serve):
        """A golden run of two pictures, of which the second was ignored when it was approved."""
        prompt = graph(saves=("9", "10"))
        project.workflow(prompt=prompt, sidecar='[outputs."Save 10"]\nignore = true\n')
        server = serve(recorded(prompt, {"9": {"images": [png()]}, "10": {"images": [png(10)]}}))
        project.run("workflows", "--comfy-url", server.url, "--comfy-update").assert_outcomes(passed=1)
        assert [name for name in project.files("golden") if name.endswith(".png")] == ["txt2img/default/9.images.0.png"]
        return project

    def test_what_was_ignored_when_it_was_approved_is_replayed_without(self, approved_without):
        approved_without.run("workflows").assert_outcomes(passed=1)

    def test_what_was_ignored_then_and_is_not_now_cannot_be_replayed(self, approved_without):
        (approved_without.root / "workflows/txt2img.toml").unlink()
        result = approved_without.run("workflows")
        result.assert_outcomes(errors=1)
        assert failure_of(result, f"ERROR at setup of {HEAD}") == [
            "output 10.images.0 of 'Save 10' was left out when the golden run of workflows/txt2img.json::default was "
            "approved, so it cannot be replayed: approve it again live, or ignore it in the sidecar"
        ]

    def test_what_is_ignored_since_is_left_alone(self, project):
        prompt = graph(saves=("9", "10"))
        project.both(prompt=prompt, outputs={"9": {"images": [png()]}, "10": {"images": [png(10)]}})
        project.write("workflows/txt2img.toml", '[outputs."Save 10"]\nignore = true\n')
        result = project.run("workflows")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["outputs: 1 identical, *, 1 ignored"])

    def test_ignored_picture_of_the_socket_is_not_approved(self, project):
        """It comes by the socket, asked for or not."""
        sent = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["3", 0]}, "_meta": {"title": "Sent"}}
        known = {"SaveImageWebsocket": {"input": {"required": {"images": ["IMAGE", {}]}}, "output_node": True}}
        project.workflow(prompt=graph(**{"10": sent}), sidecar='[outputs."Sent"]\nignore = true\n')
        with FakeComfyServer((), synthesize=definitions(**known)) as server:
            words = ("workflows", "--comfy-url", server.url)
            project.run(*words, "--comfy-update").assert_outcomes(passed=1)
            project.run(*words).assert_outcomes(passed=1)
        run = project.read("golden/txt2img/default/run.json")
        assert [output["node"] for output in run["outputs"]] == ["9"]

    def test_mask_leaves_a_rectangle_out(self, project, serve):
        stamped = png(edit=lambda picture: picture.paste((255, 0, 0), (0, 0, SIDE, 16)))
        sidecar = f'[outputs."Save Image"]\nmasks = [[0, 0, {SIDE}, 16]]\n'
        masks = ((0, 0, SIDE, 16),)
        self.live(project, serve, sidecar, stamped, masks=masks).assert_outcomes(passed=1)

    def test_without_the_mask_the_same_picture_differs(self, project, serve):
        stamped = png(edit=lambda picture: picture.paste((255, 0, 0), (0, 0, SIDE, 16)))
        self.live(project, serve, "", stamped).assert_outcomes(failed=1)

    def test_rule_that_names_no_output_lists_those_there_are(self, project, serve):
        result = self.live(project, serve, "[outputs.Preview]\nignore = true\n", png())
        result.assert_outcomes(failed=1)
        assert failure_of(result, HEAD) == [
            "outputs.'Preview' in the sidecar names no output; there are Save Image (9.images.0)"
        ]

    def test_rule_that_names_no_output_keeps_the_first_run_from_being_approved(self, project, serve):
        project.workflow(sidecar='[outputs."Sav Image"]\nignore = true\n')
        result = project.run("workflows", "--comfy-url", serve(recorded()).url, "--comfy-update")
        result.assert_outcomes(failed=1)
        assert "outputs.'Sav Image' in the sidecar names no output" in failure_of(result, HEAD)[0]
        assert project.files("golden") == []

    def test_mask_that_is_no_rectangle(self, project):
        told = error_of(project, "[outputs.SaveImage]\nmasks = [[0, 0, 5]]\n")
        assert told.startswith("workflows/txt2img.toml: outputs.SaveImage.masks must be rectangles in pixels, [[x, y, ")

    def test_unknown_key_of_a_rule(self, project):
        told = error_of(project, "[outputs.SaveImage]\nmaks = []\n")
        assert "'outputs.SaveImage.maks' (did you mean 'masks'?); known are tolerance, ignore, masks, " in told


class TestMarks:
    def test_marks_select(self, project):
        project.ini("markers = slow: takes long", "    gpu: needs one")
        project.both("a")
        project.both("b")
        project.write("workflows/a.toml", 'marks = ["slow"]\n')
        project.run("-m", "slow", "--strict-markers").assert_outcomes(passed=1, deselected=1)

    def test_mark_that_is_no_name(self, project):
        told = error_of(project, 'marks = ["not slow"]\n')
        assert told == "workflows/txt2img.toml: mark 'not slow' is no name of a pytest mark"

    def test_skip_with_reason(self, project):
        project.workflow(sidecar='skip = "needs a GPU"\n')
        result = project.run("-rs")
        result.assert_outcomes(skipped=1)
        result.stdout.fnmatch_lines(["SKIPPED*: needs a GPU"])

    def test_skip_needs_a_reason(self, project):
        assert error_of(project, "skip = true\n") == 'workflows/txt2img.toml: skip needs a reason: write skip = "why"'

    def test_xfail(self, project):
        project.workflow(sidecar='xfail = "bug 7"\n')
        result = project.run("-rx")
        result.assert_outcomes(xfailed=1)
        result.stdout.fnmatch_lines(["XFAIL workflows/txt2img.json::default - bug 7*"])

    def test_xfail_that_passes(self, project):
        project.both()
        project.write("workflows/txt2img.toml", 'xfail = "bug 7"\n')
        project.run().assert_outcomes(xpassed=1)

    def test_strict_xfail_that_passes_fails(self, project):
        project.both()
        project.write("workflows/txt2img.toml", 'xfail = {reason = "bug 7", strict = true}\n')
        result = project.run()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*XPASS(strict)* bug 7"])

    def test_unknown_key_of_xfail(self, project):
        told = error_of(project, 'xfail = {reason = "x", strickt = true}\n')
        assert "unknown key 'xfail.strickt' (did you mean 'strict'?)" in told


class TestInputs:
    @pytest.fixture(autouse=True)
    def server_tells_no_classes(self, project):
        """The servers here know what they recorded, and not what nodes there are."""
        project.ini("comfy_preflight = off")

    def prompt(self, name):
        return graph(saves=("9",), **{"3": {"class_type": "LoadImage", "inputs": {"image": name},
                                            "_meta": {"title": "Load"}}})  # fmt: skip

    def test_file_beside_the_workflow_is_uploaded_and_the_servers_name_queued(self, project, serve):
        project.workflow(prompt=self.prompt("cat.png"))
        project.write("workflows/inputs/cat.png", png(5))
        server = serve(recorded(self.prompt("cat.png")))
        project.run("workflows", "--comfy-url", server.url)
        (body,) = server.prompts + server.unmatched
        name = body["prompt"]["3"]["inputs"]["image"]
        assert name.startswith("pytest-comfy/cat-")
        assert name.endswith(".png")
        import requests

        folder, _, file = name.partition("/")
        params = {"filename": file, "subfolder": folder, "type": "input"}
        assert requests.get(f"{server.url}/view", params, timeout=10).content == png(5)

    def test_text_that_is_the_name_of_a_file_by_chance_stays(self, project, serve):
        prompt = graph(saves=("9",), **{"3": {"class_type": "EmptyImage", "inputs": {"label": "cat.png"},
                                              "_meta": {"title": "Canvas"}}})  # fmt: skip
        project.workflow(prompt=prompt)
        project.write("workflows/inputs/cat.png", png(5))
        server = serve(recorded(prompt))
        project.run("workflows", "--comfy-url", server.url)
        (body,) = server.prompts + server.unmatched
        assert body["prompt"]["3"]["inputs"]["label"] == "cat.png"

    def test_annotation_of_the_folder_is_no_part_of_the_name(self, project, serve):
        project.workflow(prompt=self.prompt("cat.png [input]"))
        project.write("workflows/inputs/cat.png", png(5))
        server = serve(recorded(self.prompt("cat.png")))
        project.run("workflows", "--comfy-url", server.url)
        (body,) = server.prompts + server.unmatched
        assert (
            body["prompt"]["3"]["inputs"]["image"] == f"pytest-comfy/cat-{hashlib.sha256(png(5)).hexdigest()[:12]}.png"
        )

    @pytest.mark.parametrize("named", [False, True])
    @pytest.mark.parametrize(
        "name", ["../secret.png", "sub/../../secret.png", "{root}/workflows/secret.png", "../inputs-2/secret.png"]
    )
    def test_file_outside_of_inputs_is_never_sent(self, project, serve, name, named):
        name = name.format(root=project.root.as_posix())
        project.workflow(prompt=self.prompt(name), sidecar=f'inputs = ["{name}"]\n' if named else None)
        for path in ("inputs/sub/cat.png", "secret.png", "inputs-2/secret.png"):
            project.write(f"workflows/{path}", png(5))
        server = serve(recorded(self.prompt(name)))
        refused = server.faults.add(faults.http_status(500, path="/upload/*", times=0))
        result = project.run("workflows", "--comfy-url", server.url)
        assert refused.fired == 0
        if named:
            result.assert_outcomes(failed=1)
            assert failure_of(result, HEAD)[0].endswith("named under `inputs` in the sidecar, and is not there")
        else:
            (body,) = server.prompts + server.unmatched
            assert body["prompt"]["3"]["inputs"]["image"] == name

    def test_approved_with_an_upload_is_green_offline(self, project, serve):
        name = f"pytest-comfy/cat-{hashlib.sha256(png(5)).hexdigest()[:12]}.png"
        project.workflow(prompt=self.prompt("cat.png"))
        project.write("workflows/inputs/cat.png", png(5))
        server = serve(recorded(self.prompt(name)))
        project.run("workflows", "--comfy-url", server.url, "--comfy-update").assert_outcomes(passed=1)
        project.run("workflows").assert_outcomes(passed=1)

    def test_changed_input_file_is_a_changed_workflow(self, project):
        name = f"pytest-comfy/cat-{hashlib.sha256(png(5)).hexdigest()[:12]}.png"
        project.workflow(prompt=self.prompt("cat.png"))
        project.golden(prompt=self.prompt(name))
        project.write("workflows/inputs/cat.png", png(6))
        result = project.run("workflows")
        result.assert_outcomes(failed=1)
        now = f"pytest-comfy/cat-{hashlib.sha256(png(6)).hexdigest()[:12]}.png"
        assert (
            f'the workflow changed since: node 3 LoadImage.image is "{now}", was "{name}"'
            in failure_of(result, HEAD)[0]
        )

    def test_named_file_that_is_not_there(self, project):
        project.both()
        project.write("workflows/txt2img.toml", 'inputs = ["mask.png"]\n')
        result = project.run("workflows")
        result.assert_outcomes(failed=1)
        assert failure_of(result, HEAD) == [
            "workflows/inputs/mask.png: named under `inputs` in the sidecar, and is not there"
        ]

    def test_named_file_is_uploaded_for_any_class(self, project, serve):
        prompt = graph(saves=("9",), **{"3": {"class_type": "EmptyImage", "inputs": {"table": "x.csv"},
                                              "_meta": {"title": "Canvas"}}})  # fmt: skip
        project.workflow(prompt=prompt, sidecar='inputs = ["x.csv"]\n')
        project.write("workflows/inputs/x.csv", "1,2\n")
        server = serve(recorded(prompt))
        project.run("workflows", "--comfy-url", server.url)
        (body,) = server.prompts + server.unmatched
        assert body["prompt"]["3"]["inputs"]["table"].startswith("pytest-comfy/x-")


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("said", [True, False])
def test_node_that_is_refused_fails_the_case_unless_that_is_allowed(project, serve, live, said):
    prompt = graph(saves=("9", "10"))
    del prompt["10"]["inputs"]["images"]
    run = recorded(prompt)
    run.document["node_definitions"]["SaveImage"]["input"] = {"required": {"images": ["IMAGE", {}]}}
    run.document["node_definitions"]["EmptyImage"]["input"] = {}
    project.workflow(prompt=prompt, sidecar="allow_node_errors = true\n" if said else None)
    project.golden(run=run)
    result = project.run("workflows", *(["--comfy-url", serve(run).url] if live else []))
    if said:
        result.assert_outcomes(passed=1)
    else:
        result.assert_outcomes(failed=1)
        told = "sure to break: node 10 'Save 10'" if live else "only a part of the workflow and drop node 10 'Save 10'"
        assert told in failure_of(result, HEAD)[0]


class TestErrors:
    def test_unknown_key_names_the_nearest(self, project):
        told = error_of(project, "tolerence = 'exact'\n")
        assert told.startswith(
            "workflows/txt2img.toml: unknown key 'tolerence' (did you mean 'tolerance'?); known are "
        )

    def test_unknown_key_of_a_case(self, project):
        told = error_of(project, "[cases.a]\ntimout = 3\n")
        assert "unknown key 'cases.a.timout' (did you mean 'timeout'?)" in told

    def test_broken_toml(self, project):
        told = error_of(project, "tolerance = \n")
        assert told.startswith("workflows/txt2img.toml: broken TOML: ")
        assert "line 1" in told

    def test_unknown_tolerance_names_the_nearest(self, project):
        told = error_of(project, 'tolerance = "exat"\n')
        assert told == (
            "workflows/txt2img.toml: tolerance: unknown tolerance 'exat'; did you mean 'exact'? "
            "Known: exact, strict, normal, loose"
        )

    @pytest.mark.parametrize("value", ["0", "-1", '"soon"', "true", "nan"])
    def test_timeout_that_is_no_time(self, project, value):
        assert error_of(project, f"timeout = {value}\n").endswith("must be a number of seconds above 0")

    def test_key_of_a_sidecar_in_the_folders_file(self, project):
        told = error_of(project, '[set]\n"Canvas.color" = 1\n', "workflows/comfy.toml")
        assert told == "workflows/comfy.toml: 'set' belongs into the sidecar of one workflow, not here"


class TestFolderFile:
    """Precedence: command line > mark > sidecar > inner comfy.toml > outer comfy.toml > ini > default."""

    @pytest.fixture
    def shifted(self, project, serve):
        """A picture shifted by one level: passes at `normal`, fails at `exact`."""
        project.both("sub/txt2img")
        server = serve(recorded(outputs={"9": {"images": [png(shift=1)]}}))
        return lambda *args: project.run("workflows", "--comfy-url", server.url, *args)

    def test_ini_over_default(self, project, shifted):
        project.ini("comfy_tolerance = exact")
        shifted().assert_outcomes(failed=1)

    def test_folder_over_ini(self, project, shifted):
        project.ini("comfy_tolerance = exact")
        project.write("workflows/comfy.toml", 'tolerance = "normal"\n')
        shifted().assert_outcomes(passed=1)

    def test_inner_folder_over_outer(self, project, shifted):
        project.write("comfy.toml", 'tolerance = "exact"\n')
        project.write("workflows/sub/comfy.toml", 'tolerance = "normal"\n')
        shifted().assert_outcomes(passed=1)

    def test_root_folder_holds_for_all(self, project, shifted):
        project.write("comfy.toml", 'tolerance = "exact"\n')
        shifted().assert_outcomes(failed=1)

    def test_sidecar_over_folder(self, project, shifted):
        project.write("workflows/comfy.toml", 'tolerance = "exact"\n')
        project.write("workflows/sub/txt2img.toml", 'tolerance = "normal"\n')
        shifted().assert_outcomes(passed=1)

    def test_case_over_sidecar(self, project, shifted):
        project.write("workflows/sub/txt2img.toml", 'tolerance = "normal"\n[cases.default]\ntolerance = "exact"\n')
        shifted().assert_outcomes(failed=1)

    def test_mark_over_sidecar(self, project, shifted):
        project.write("workflows/sub/txt2img.toml", 'tolerance = "exact"\n')
        project.write(
            "conftest.py",
            """
import pytest
def pytest_collection_modifyitems(items):
    items[0].add_marker(pytest.mark.comfy(tolerance="normal"))
""",
        )
        shifted().assert_outcomes(passed=1)

    def test_command_line_over_all(self, project, shifted):
        project.write("workflows/sub/txt2img.toml", '[outputs.SaveImage]\ntolerance = "exact"\n')
        shifted("--comfy-tolerance=normal").assert_outcomes(passed=1)

    def test_marks_and_skip_of_a_folder(self, project):
        project.both("sub/a")
        project.both("b")
        project.write("workflows/sub/comfy.toml", 'skip = "not here"\n')
        project.run("workflows").assert_outcomes(passed=1, skipped=1)

    def test_skip_false_takes_back_what_the_folder_said(self, project):
        project.both("sub/a")
        project.write("workflows/sub/comfy.toml", 'skip = "not here"\n')
        project.write("workflows/sub/a.toml", "skip = false\n")
        project.run("workflows").assert_outcomes(passed=1)


@pytest.mark.parametrize("key", ["set", "timeout", "outputs.x.text", "cases.a.set"])
def test_sidecar_of_many_levels_is_refused_in_one_sentence(project, key):
    told = error_of(project, f"{key}.{'.'.join(['a'] * 900)} = 1\n")
    assert told == "workflows/txt2img.toml: tables and lists in more than 50 levels"
