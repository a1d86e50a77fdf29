"""Batches: what the report of a case says when their pictures moved, are missing, new or repeated."""

from __future__ import annotations

import pytest
from projects import failure_of, png, recorded

HEAD = "txt2img.json [default]"


@pytest.fixture
def check(project, serve):
    """Check a run that makes the pictures of some seeds against a golden run of others, by the case's report."""

    def start(before, after, sidecar=None, **golden):
        project.workflow(sidecar=sidecar)
        project.golden(outputs={"9": {"images": [png(seed) for seed in before]}}, **golden)
        made = [png(seed) if isinstance(seed, int) else seed for seed in after]
        result = project.run("workflows", "--comfy-url", serve(recorded(outputs={"9": {"images": made}})).url)
        if result.ret == 0:
            return []
        return [line for line in failure_of(result, HEAD) if not line.startswith(("same env", "approve with"))]

    return start


def files(name, *kinds):
    return [
        f"  {kind}: comfy-report/txt2img/default/{where}.{kind}.png" for kind, where in zip(kinds, name, strict=True)
    ]


def test_swapped(project, check):
    assert check([1, 2, 3, 4], [1, 3, 2, 4]) == [
        "different: node 9 'Save Image' images 1: pictures 2 and 3 changed places",
        *files(("9.images.2", "9.images.1"), "actual", "golden"),
        "different: node 9 'Save Image' images 2: picture 3 is now second",
        *files(("9.images.1", "9.images.2"), "actual", "golden"),
        "other outputs: 2 identical",
    ]
    assert (project.root / "comfy-report/txt2img/default/9.images.2.actual.png").read_bytes() == png(2)
    assert (project.root / "comfy-report/txt2img/default/9.images.1.golden.png").read_bytes() == png(2)


def test_swapped_and_rendered_a_little_otherwise(check):
    first, *_, last = check([1, 2, 3], [png(2, shift=1), png(1, shift=1), png(3, shift=1)])
    assert first == "different: node 9 'Save Image' images 0: pictures 1 and 2 changed places"
    assert last == "other outputs: 1 within tolerance"


def test_moved_through(check):
    first, *_ = check([1, 2, 3], [2, 3, 1])
    assert first.endswith("images 0: the order changed: picture 1 is now third, picture 2 first, picture 3 second")


def test_missing_in_the_middle(check):
    assert check([1, 2, 3, 4], [1, 3, 4]) == [
        "missing: node 9 'Save Image' images 1: picture 2 of 4 is missing; the others are there, in order",
        *files(("9.images.1",), "golden"),
        "other outputs: 3 identical",
    ]


def test_missing_where_golden_files_are_not_kept(check):
    assert check([1, 2, 3, 4], [1, 3, 4], files=False) == [
        "missing: node 9 'Save Image' images 1: picture 2 of 4 is missing; the others are there, in order",
        "other outputs: 3 identical",
    ]


def test_new_in_the_middle(check):
    assert check([1, 2, 3], [1, 9, 2, 3]) == [
        "unexpected: node 9 'Save Image' images 1: picture 2 of 4 is new; the others are there, in order",
        *files(("9.images.1",), "actual"),
        "other outputs: 3 identical",
    ]


def test_repeated(check):
    first, *rest = check([1, 2, 3], [1, 2, 2])
    assert first == "different: node 9 'Save Image' images 2: picture 3 repeats picture 2"
    assert rest[:3] == files(["9.images.2"] * 3, "actual", "golden", "difference")


def test_all_the_same(check):
    lines = [line for line in check([1, 2, 3, 4], [7, 7, 7, 7]) if line.startswith("different: ")]
    assert lines == [
        "different: node 9 'Save Image' images 0: all 4 pictures are the same",
        *(
            f"different: node 9 'Save Image' images {index}: picture {index + 1} repeats picture 1"
            for index in (1, 2, 3)
        ),
    ]


def test_golden_pictures_that_are_the_same(check):
    assert check([1, 1, 2, 2], [1, 1, 2, 2]) == []
    assert check([1, 1, 2, 2], [1, 2, 2])[0] == (
        "missing: node 9 'Save Image' images 1: picture 2 of 4 is missing; the others are there, in order"
    )


def test_ignored_pictures_take_no_part(check):
    sidecar = '[outputs."9.images.1"]\nignore = true\n'
    assert check([1, 2, 3, 4], [1, 7, 4], sidecar)[0] == (
        "missing: node 9 'Save Image' images 2: picture 3 of 4 is missing; the others are there, in order"
    )


def test_tolerance_of_one_picture_stays_at_its_place(check):
    sidecar = '[outputs."9.images.0"]\ntolerance = "exact"\n'
    lines = check([1, 2], [png(2, shift=1), png(1, shift=1)], sidecar)
    assert [line for line in lines if "node 9" in line] == [
        "missing: node 9 'Save Image' images 0: picture 1 of 2 is missing",
        "unexpected: node 9 'Save Image' images 1: picture 2 of 2 is new; the golden run has 2",
    ]


def test_moved_pictures_are_properties_of_the_case(project, serve):
    project.both(outputs={"9": {"images": [png(1), png(2)]}})
    url = serve(recorded(outputs={"9": {"images": [png(2), png(1)]}})).url
    project.run("workflows", "--comfy-url", url, "--junit-xml=out.xml").assert_outcomes(failed=1)
    text = (project.root / "out.xml").read_text()
    assert 'name="comfy_verdicts" value="{&quot;different&quot;: 2}"' in text
    assert "value=\"different: node 9 'Save Image' images 0: pictures 1 and 2 changed places\"" in text
