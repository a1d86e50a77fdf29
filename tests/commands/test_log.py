"""`pytest-comfy log`: the approvals of golden runs, as a dated table, as JSON and as a curve."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from projects import graph, recorded

from pytest_comfy.commands.__main__ import main
from pytest_comfy.golden import GoldenStore

FIRST = {"at": "2026-03-02T09:10:00Z", "by": "pytest-comfy 0.1.0", "reason": "first version"}
SECOND = {
    "at": "2026-06-20T15:40:09Z", "by": "pytest-comfy 0.1.0", "reason": "the new sampler is meant",
    "environment": "ComfyUI 0.8.0, torch 2.13.0, cpu", "changed": ["ComfyUI 0.3.64 -> 0.8.0"],
    "distance": {"9.images.0": {"verdict": "different", "distance": 3.12}},
}  # fmt: skip
SAME = {**SECOND, "at": "2026-06-21T08:00:00Z", "reason": "", "changed": [], "distance": {}}
LARGER = {
    **SECOND, "at": "2026-10-05T08:00:00Z", "reason": "twice as large, as the whole page is now, and was meant to be",
    "changed": ["Python 3.11.7 -> 3.12.3", "model a-model-with-quite-a-name.safetensors size 261528332 -> 261528340"],
    "distance": {"9.images.0": {"verdict": "different", "distance": None}},
}  # fmt: skip


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The current folder: a project with a workflow of two cases, and a test."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows/txt2img.json").write_text(json.dumps(graph()))
    (tmp_path / "test_app.py").write_text("")
    keys = {"txt2img/default": [FIRST, SECOND, SAME, LARGER], "txt2img/night": [FIRST], "test_app/test_a/default": []}
    for key, approvals in keys.items():
        case = key.rpartition("/")[2]
        GoldenStore(tmp_path / "golden").write(key, recorded(approvals=approvals, case=case))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    return tmp_path


def printed(capsys, *words):
    assert main(["log", *words]) == 0
    return capsys.readouterr().out.splitlines()


def folders(capsys, *words):
    assert main(["log", *words, "--json"]) == 0
    return [one["folder"] for one in json.loads(capsys.readouterr().out)]


def test_table_fits_a_terminal(root, capsys):
    lines = printed(capsys, "workflows/txt2img.json", "--case", "default")
    assert lines == [
        "workflows/txt2img.json [default]  golden/txt2img/default",
        "approved (UTC)    distance    environment               why",
        "2026-03-02 09:10  -           -                         first version",
        "2026-06-20 15:40  3.12        ComfyUI 0.3.64 -> 0.8.0   the new sampler is meant",
        "2026-06-21 08:00  0           the same                  -",
        "2026-10-05 08:00  beyond      Python 3.11.7 -> 3.12.3;  twice as large, as the",
        "                              model a-model-with-       whole page is now, and",
        "                              quite-a-name.safetensors  was meant to be",
        "                              size 261528332 ->",
        "                              261528340",
    ]
    assert max(map(len, lines)) <= 80


def test_wider_terminal(root, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    lines = printed(capsys, "txt2img/default")
    assert len(lines) == 7 and 80 < max(map(len, lines)) <= 140


@pytest.mark.parametrize(
    "given", ["workflows/txt2img.json", "golden/txt2img", "txt2img", "txt2img/", "./workflows/../golden/txt2img"]
)
def test_what_may_be_named(root, capsys, given):
    assert folders(capsys, given) == ["golden/txt2img/default", "golden/txt2img/night"]
    assert folders(capsys, given, "--case", "night") == ["golden/txt2img/night"]


@pytest.mark.parametrize("given", ["test_app.py", "test_app", "test_app/test_a/default"])
def test_golden_runs_of_a_test(root, capsys, given):
    assert folders(capsys, given) == ["golden/test_app/test_a/default"]


def test_recording_that_nobody_approved(root, capsys):
    assert printed(capsys, "test_app.py")[-1] == "nobody approved it: it was recorded by hand"


def test_baselines_are_of_their_case(root, capsys):
    GoldenStore(root / "golden", "gpu").write("txt2img/night", recorded(approvals=[FIRST], case="night"))
    assert folders(capsys, "txt2img", "--case", "night") == ["golden/txt2img/night", "golden/txt2img/night+gpu"]


def test_from_another_folder(root, capsys, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(root / "workflows")
    assert folders(capsys, "txt2img.json", "--case", "default") == ["golden/txt2img/default"]
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert folders(capsys, "txt2img/default", "--root", str(root)) == ["golden/txt2img/default"]


def test_project_below_the_root(root, capsys):
    package = root / "packages/one"
    (package / "workflows").mkdir(parents=True)
    (package / "comfy.toml").write_text("")
    (package / "workflows/sea.json").write_text(json.dumps(graph()))
    GoldenStore(package / "golden").write("sea/default", recorded(approvals=[FIRST]))
    assert folders(capsys, "packages/one/workflows/sea.json") == ["packages/one/golden/sea/default"]


def test_json_has_all_that_is_known(root, capsys):
    assert main(["log", "txt2img/default", "--json"]) == 0
    ((one),) = json.loads(capsys.readouterr().out)
    assert (one["workflow"], one["case"]) == ("workflows/txt2img.json", "default")
    assert one["approvals"][0] == {**FIRST, "environment": None, "changed": None, "distance": None}
    assert one["approvals"][1] == SECOND


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["txt2imf"], "txt2imf: there is no golden run (did you mean 'txt2img'?)"),
        (["../golden"], "../golden: there is no golden run"),
        (["txt2img", "--case", "nihgt"], "there is no golden run of the case 'nihgt' (did you mean 'night'?)"),
        (["txt2img", "-o", "a.gif"], "a.gif: the curve is drawn as .png or .svg: name such a file"),
        (["txt2img", "-o", "gone/a.png"], "gone/a.png: cannot be written (No such file or directory)"),
        (["txt2img", "--root", "gone"], "gone: is no folder: name the project's with --root"),
    ],
)
def test_what_cannot_be_told(root, capsys, words, told):
    assert main(["log", *words]) == 2
    assert told in capsys.readouterr().err


def test_golden_run_that_is_broken(root, capsys):
    (root / "golden/txt2img/default/run.json").write_text("{")
    assert main(["log", "txt2img"]) == 2
    assert "broken JSON" in capsys.readouterr().err


def coloured(data, colour):
    """The places of the pixels of a colour, (x, y)."""
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    ys, xs = np.nonzero((pixels == colour).all(axis=2))
    return list(zip(xs.tolist(), ys.tolist(), strict=True))


def test_curve_as_a_picture_rises_where_the_run_moved(root, capsys):
    printed(capsys, "txt2img/default", "-o", "curve.png")
    line = coloured((root / "curve.png").read_bytes(), (0x0B, 0x6B, 0xCB))
    first, last = min(line), max(line)
    assert min(y for _, y in line) == min(y for x, y in line if x > last[0] - 40)  # beyond all numbers
    assert first[1] < max(y for _, y in line)  # 3.12 stands above 0


def test_curve_as_svg_says_what_changed(root, capsys):
    printed(capsys, "txt2img", "-o", "curve.svg")
    svg = ElementTree.fromstring((root / "curve.svg").read_bytes())
    texts = [found.text for found in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"workflows/txt2img.json", "ComfyUI 0.3.64 -> 0.8.0", "2026-06-20", "beyond", "default", "night"} <= set(
        texts
    )
    assert {found.tag.partition("}")[2] for found in svg.iter()} == {"svg", "rect", "text", "polyline", "circle"}


def test_curve_has_small_steps_added_up(root, capsys):
    step = {**SECOND, "changed": [], "distance": {"9.images.0": {"verdict": "within tolerance", "distance": 0.7}}}
    steps = [{**step, "at": f"2026-06-{day}T08:00:00Z"} for day in (20, 21)]
    GoldenStore(root / "golden").write("txt2img/default", recorded(approvals=steps))
    printed(capsys, "txt2img/default", "-o", "curve.svg")
    svg = ElementTree.fromstring((root / "curve.svg").read_bytes())
    lines = [found.get("points").split() for found in svg.iter("{http://www.w3.org/2000/svg}polyline")]
    *_, limit, added, single = [[float(point.split(",")[1]) for point in line] for line in lines]
    assert single[0] == single[1] == added[0] and limit[0] == limit[1]
    assert added[1] < limit[0] < single[1]  # 1.4 stands above the limit, and 0.7 below


def test_curve_of_texts_that_are_markup(root, capsys):
    evil = {**SECOND, "changed": ["</text><script>alert(1)</script> & \x1b[31m \u202e"]}
    GoldenStore(root / "golden").write("txt2img/default", recorded(approvals=[FIRST, evil], workflow="<b>&"))
    printed(capsys, "txt2img/default", "-o", "curve.svg")
    data = (root / "curve.svg").read_bytes()
    assert b"<script" not in data and b"\x1b" not in data
    assert ElementTree.fromstring(data) is not None
    printed(capsys, "txt2img/default", "-o", "curve.png")


@pytest.mark.parametrize("approvals", [[], [FIRST], [{"distance": {}}], [{**SECOND, "at": "2026"}] * 60])
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_curve_of_few_and_of_many(root, capsys, approvals, suffix):
    GoldenStore(root / "golden").write("txt2img/default", recorded(approvals=approvals))
    printed(capsys, "txt2img/default", "-o", f"curve{suffix}")
    assert (root / f"curve{suffix}").stat().st_size > 200
