"""`pytest-comfy renew`: fingerprints made anew from the golden files."""

from __future__ import annotations

import hashlib
import json
import sys

import pytest
from projects import png, recorded

from pytest_comfy.commands.__main__ import main
from pytest_comfy.compare.image.fingerprints import VERSION


@pytest.fixture
def golden(project, monkeypatch):
    """The run.json of a golden run whose fingerprint is of an older version, in the current folder."""
    monkeypatch.chdir(project.root)
    project.golden("txt2img/default")
    path = project.root / "golden/txt2img/default/run.json"
    change(path, lambda output: output.update(fingerprint={"version": 1, "phash": "00", "colour": "AAAA"}))
    return path


def change(path, edit):
    document = json.loads(path.read_text())
    edit(document["outputs"][0])
    path.write_text(json.dumps(document))


def test_old_fingerprints_are_made_anew_and_all_else_stays(golden, capsys):
    before = json.loads(golden.read_text())
    assert main(["renew"]) == 0
    assert capsys.readouterr().out == "1 golden run, 1 fingerprint made anew\n"
    after = json.loads(golden.read_text())
    assert after["outputs"][0]["fingerprint"]["version"] == VERSION
    before["outputs"][0]["fingerprint"] = after["outputs"][0]["fingerprint"]
    assert after == before


def test_those_of_today_are_left_alone(golden, capsys):
    main(["renew"])
    stamp = golden.read_bytes()
    assert main(["renew", "golden", "--all"]) == 0
    assert capsys.readouterr().out.endswith("1 golden run, 0 fingerprints made anew\n")
    assert golden.read_bytes() == stamp


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (
            lambda output: output.pop("file"),
            "run.json: output 9.images.0 of 'Save Image': its file was not kept, so that only a new approval can",
        ),
        (
            lambda output: output.update(file="gone.png"),
            "gone.png: output 9.images.0 of 'Save Image' is not there: restore it from version control, or",
        ),
        (
            lambda output: output.update(sha256="0" * 64),
            "9.images.0.png: output 9.images.0 of 'Save Image' is not the file that was approved: restore it from",
        ),
    ],
)
def test_what_cannot_be_renewed_is_told_and_stays(golden, capsys, edit, told):
    change(golden, edit)
    before = golden.read_bytes()
    assert main(["renew"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"pytest-comfy renew: golden/txt2img/default/{told}")
    assert golden.read_bytes() == before


def test_masks_of_the_approval_hold_for_what_is_made_anew(project, monkeypatch):
    monkeypatch.chdir(project.root)
    path = project.golden("txt2img/default", masks=[(0, 0, 16, 16)]) / "run.json"
    before = path.read_bytes()
    change(path, lambda output: output.update(fingerprint={"version": 1}))
    assert main(["renew"]) == 0
    assert json.loads(path.read_text()) == json.loads(before)


def test_package_that_is_missing_is_told_and_the_fingerprint_stays(golden, capsys, monkeypatch):
    sound = b"OggS, and what else a sound would hold"
    (golden.parent / "9.images.0.png").write_bytes(sound)
    change(
        golden,
        lambda one: one.update(
            media_type="audio/ogg", sha256=hashlib.sha256(sound).hexdigest(), fingerprint={"version": 0}
        ),
    )
    before = golden.read_bytes()
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(["renew"]) == 1
    assert "output 9.images.0 of 'Save Image': sound is decoded with PyAV: pip install" in capsys.readouterr().err
    assert golden.read_bytes() == before


def test_folder_without_golden_runs(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    assert main(["renew", "elsewhere"]) == 1
    assert capsys.readouterr().err == "pytest-comfy renew: elsewhere: there are no golden runs\n"


def test_old_fingerprints_with_their_file_still_compare(golden, project, serve):
    server = serve(recorded(outputs={"9": {"images": [png(shift=1)]}}))
    project.workflow()
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(passed=1)


def test_old_fingerprint_without_its_file_says_what_to_do(golden, project, serve):
    change(golden, lambda output: output.pop("file"))
    server = serve(recorded(outputs={"9": {"images": [png(shift=1)]}}))
    project.workflow()
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the kept fingerprint is of version 1*approve the run again*"])
