"""Something must be left to compare, and be there to be seen: what judges nothing is an error, and no green."""

from __future__ import annotations

import numpy as np
import pytest
from projects import SIDE, failure_of, graph, png, recorded, section_of

from pytest_comfy.compare.limits import IMAGE

HEAD = "ERROR at setup of txt2img.json [default]"
LEFT = f"masks, or `only`, leave nothing of its {SIDE}x{SIDE} pixels to compare: ignore it, or let some be compared"


def errored(project, *words):
    result = project.run("workflows", *words)
    result.assert_outcomes(errors=1)
    assert "Traceback" not in result.stdout.str()
    return failure_of(result, HEAD)


def sidecar(project, text):
    project.write("workflows/txt2img.toml", f'[outputs."Save Image"]\n{text}\n')


@pytest.mark.parametrize(
    "text",
    [
        f"masks = [[0, 0, {SIDE}, {SIDE}]]",
        "masks = [[0, 0, 9999, 9999]]",
        f"masks = [[0, 0, {SIDE}, 40], [0, 30, {SIDE}, {SIDE}], [3, 3, 5, 5]]",
        f"only = [[{SIDE}, 0, 5, 5]]",
        "only = [[0, 0, 9, 9]]\nmasks = [[0, 0, 10, 10]]",
    ],
)
@pytest.mark.parametrize("live", [False, True])
def test_masks_over_the_whole(project, serve, text, live):
    project.both()
    sidecar(project, text)
    words = ["--comfy-url", serve(recorded()).url] if live else []
    assert errored(project, *words) == [f"output 9.images.0 of 'Save Image': {LEFT}"]


def test_masks_over_the_whole_are_not_approved(project, serve):
    project.workflow()
    sidecar(project, "masks = [[0, 0, 9999, 9999]]")
    assert LEFT in errored(project, "--comfy-url", serve(recorded()).url, "--comfy-update")[0]
    assert project.files("golden") == []


def test_masks_that_leave_a_pixel(project):
    project.both()
    sidecar(project, f"masks = [[1, 0, {SIDE}, {SIDE}], [0, 1, {SIDE}, {SIDE}]]")
    project.run("workflows").assert_outcomes(passed=1)


def test_masks_mean_nothing_to_texts(project):
    project.both(outputs={"9": {"text": ["a cat"], "images": [png()]}})
    sidecar(project, f"masks = [[0, 0, {SIDE - 1}, {SIDE}]]")
    project.run("workflows").assert_outcomes(passed=1)


def test_limits_that_are_all_infinite(project, serve):
    project.both()
    sidecar(project, f"tolerance = {{{', '.join(f'{part} = inf' for part in IMAGE)}}}")
    (line,) = errored(project, "--comfy-url", serve(recorded(outputs={"9": {"images": [png(2)]}})).url)
    assert line.endswith("all limits are infinite, so that nothing of the output is judged: give one a number")


ALL = '[outputs."Save Image"]\nignore = true\n'


def test_ignoring_every_output_is_an_error_unless_that_is_allowed(project, serve):
    project.both()
    project.write("workflows/txt2img.toml", ALL)
    told = "every output is ignored, so that nothing is judged: compare one of them, or say allow_unjudged = true in"
    assert errored(project)[0].startswith(told)
    project.write("workflows/txt2img.toml", f"allow_unjudged = true\n{ALL}")
    result = project.run("workflows")
    result.assert_outcomes(passed=1)
    assert section_of(result, "comfy")[0].endswith("0 unexpected, 1 ignored")


def test_ignoring_every_output_is_approved_only_where_that_is_allowed(project, serve):
    project.workflow(sidecar=ALL)
    url = ["--comfy-url", serve(recorded(), recorded(), recorded()).url]
    assert errored(project, *url, "--comfy-update") == ["the run made no output to compare later: nothing was approved"]
    project.write("workflows/txt2img.toml", f"allow_unjudged = true\n{ALL}")
    project.run("workflows", *url, "--comfy-update").assert_outcomes(passed=1)
    project.run("workflows").assert_outcomes(passed=1)
    project.run("workflows", *url).assert_outcomes(passed=1)


def flat(level, alpha=255):
    return lambda picture: picture.paste((level, level, level, alpha)[: len(picture.getbands())], (0, 0, SIDE, SIDE))


BLANK = [
    (png(edit=flat(0)), "black"),
    (png(edit=flat(2)), "black"),
    (png(edit=flat(255)), "white"),
    (png(edit=flat(90)), "flat"),
    (png(mode="RGBA", edit=flat(90, 0)), "fully transparent"),
    ("", "empty"),
    (" \n", "empty"),
]


@pytest.mark.parametrize(("data", "word"), BLANK)
@pytest.mark.parametrize("mode", ["missing", "changed", "all"])
def test_first_run_that_shows_nothing_is_not_approved_silently(project, serve, data, word, mode):
    key = "text" if isinstance(data, str) else "images"
    project.workflow()
    url = ["--comfy-url", serve(*[recorded(outputs={"9": {key: [data]}})] * 3).url]
    assert errored(project, *url, f"--comfy-update={mode}") == [
        f"output 9.{key}.0 of 'Save Image' is {word}: nothing was approved; if that is right, approve it with "
        "--comfy-allow-blank, or say blank = true in the sidecar"
    ]
    assert project.files("golden") == []
    project.run("workflows", *url, f"--comfy-update={mode}", "--comfy-allow-blank").assert_outcomes(passed=1)


def test_blank_by_the_sidecar(project, serve):
    project.workflow(sidecar="blank = true\n")
    url = serve(recorded(outputs={"9": {"images": [png(edit=flat(0))]}})).url
    project.run("workflows", "--comfy-url", url, "--comfy-update").assert_outcomes(passed=1)


def test_blank_output_that_is_ignored_does_not_matter(project, serve):
    prompt = graph(saves=("9", "10"))
    project.workflow(prompt=prompt, sidecar='[outputs."Save 10"]\nignore = true\n')
    server = serve(recorded(prompt, {"9": {"images": [png()]}, "10": {"images": [png(edit=flat(0))]}}))
    project.run("workflows", "--comfy-url", server.url, "--comfy-update").assert_outcomes(passed=1)


def test_noise_is_something(project, serve):
    grain = np.random.default_rng(1).integers(60, 90, (SIDE, SIDE, 3), dtype=np.uint8)

    def edit(picture):
        picture.putdata([tuple(int(level) for level in pixel) for row in grain for pixel in row])

    project.workflow()
    server = serve(recorded(outputs={"9": {"images": [png(edit=edit)]}}))
    project.run("workflows", "--comfy-url", server.url, "--comfy-update").assert_outcomes(passed=1)
