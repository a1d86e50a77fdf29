"""comfy_max_memory: what one run may take of the machine's memory."""

from __future__ import annotations

import pytest
from projects import failure_of, graph, lines_of, png, recorded, section_of

HEAD = "txt2img.json [default]"
SPARE = "that comfy_max_memory allows one run: raise it if that is right"


@pytest.mark.parametrize("value", ["much", "-2GB", "0", "100 kB", "2 parsecs"])
def test_value_that_is_no_size_is_a_usage_error(project, value):
    project.ini(f"comfy_max_memory = {value}")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = f"comfy_max_memory {value!r}: must be a size of at least 1 MB, such as 2GB, 512 MiB or a number of bytes"
    assert f"ERROR: {told}" in result.errlines
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize("value", ["3MB", "3 MiB", "3000000", "2GB"])
def test_run_that_takes_less_passes(project, serve, value):
    project.both()
    project.ini(f"comfy_max_memory = {value}")
    project.run("workflows").assert_outcomes(passed=1)
    project.run("workflows", "--comfy-url", serve(recorded()).url).assert_outcomes(passed=1)


def test_output_that_is_larger_is_an_error_that_names_it(project, serve):
    project.both()
    project.ini("comfy_max_memory = 2MB")
    server = serve(recorded(outputs={"9": {"images": [png() + bytes(3_000_000)]}}))
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(errors=1)
    (told,) = _error(result)
    assert told.startswith("node 9 'Save Image' (SaveImage), images 0: 'out9_00001_.png' was not downloaded: http://")
    assert told.endswith(f"/view: the answer is 3.01 MB, more than is left of the 2 MB {SPARE}")


def test_outputs_that_are_larger_together(project, serve):
    saves = ("9", "10", "11")
    prompt = graph(saves=saves)
    outputs = {save: {"images": [png(at) + bytes(900_000)]} for at, save in enumerate(saves)}
    project.both(prompt=prompt, outputs=outputs)
    project.ini("comfy_max_memory = 2MB")
    result = project.run("workflows", "--comfy-url", serve(recorded(prompt, outputs)).url)
    result.assert_outcomes(errors=1)
    (told,) = _error(result)
    assert told.startswith("node 11 'Save 11' (SaveImage), images 0: 'out11_00001_.png' was not downloaded")


def test_picture_that_becomes_larger_is_an_error_and_no_failure(project, serve):
    """A few kilobytes that are four million pixels."""
    project.both()
    project.ini("comfy_max_memory = 20MB")
    server = serve(recorded(outputs={"9": {"images": [png(2, size=(2000, 2000))]}}))
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(errors=1)
    (told,) = _error(result)
    assert told == (
        "output 9.images.0 of 'Save Image' cannot be judged: the picture is 2000x2000, and to compare it takes 116 MB "
        f"of memory, more than is left of the 20 MB {SPARE}"
    )


def test_picture_that_becomes_larger_is_not_approved(project, serve):
    project.workflow()
    project.ini("comfy_max_memory = 20MB")
    server = serve(recorded(outputs={"9": {"images": [png(2, size=(2000, 2000))]}}))
    result = project.run("workflows", "--comfy-url", server.url, "--comfy-update", "--comfy-reason=new")
    result.assert_outcomes(errors=1)
    (told,) = _error(result)
    assert told.startswith("output 9.images.0 of 'Save Image' cannot be approved: the picture is 2000x2000, and to ")
    assert project.files("golden") == []


def test_difference_that_cannot_be_drawn_leaves_the_verdict(project, serve):
    project.both(outputs={"9": {"images": [png(1, size=(1500, 20))]}})
    project.ini("comfy_max_memory = 12MB")
    server = serve(recorded(outputs={"9": {"images": [png(2, size=(20, 1500))]}}))
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    lines = failure_of(result, HEAD)
    assert lines[0] == "different: node 9 'Save Image' images 0: size is 20x1500, was 1500x20"
    told = "report: 9.images.0: the picture of what differs is of 1500x1500, and to draw it takes 65.2 MB of memory"
    assert [line for line in lines if line.startswith(told)] != []


def test_messages_that_are_too_many_are_counted(project, serve, monkeypatch):
    from pytest_comfy.client import watch

    project.both()
    run = recorded()
    step = {"type": "progress", "data": {"prompt_id": "<prompt_id>", "node": "3", "value": 1, "max": 2}}
    run.document["events"][3:3] = [[0.002, step]] * 30
    monkeypatch.setattr(watch, "MOST_MESSAGES", 20)
    result = project.run("workflows", "--comfy-url", serve(run).url)
    result.assert_outcomes(passed=1)
    assert "events: 10 messages and pictures on the way were too many to be kept" in section_of(result, "comfy")


def test_fixtures_have_the_same_limit(project, serve):
    project.ini("comfy_max_memory = 2MB")
    project.pytester.makepyfile(
        """
        import pytest
        from pytest_comfy.client import TooLarge

        def test_it(comfy_client):
            assert comfy_client.max_memory == 2_000_000
        """
    )
    project.run().assert_outcomes(passed=1)


def _error(result):
    """The lines under the headline of a case that could not be judged."""
    lines = lines_of(result)
    start = next(at for at, line in enumerate(lines) if HEAD in line and line.startswith("_"))
    end = next(at for at in range(start + 1, len(lines)) if lines[at].startswith(("=", "-", "_")))
    return [line for line in lines[start + 1 : end] if line]
