"""The run that a report kept becomes the golden run: no server, the same files, and refused where that is not right."""

from __future__ import annotations

import pytest
from projects import png, recorded

from pytest_comfy.report.approving import Refused, approve, load_report, undo

KEY = "txt2img/default"


def other(seed=2, **more):
    return recorded(outputs={"9": {"images": [png(seed)]}}, **more)


def tree(folder):
    """Name -> bytes of all files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def changed(project, serve):
    """A project whose report tells of one case that became another picture; there is no server any more."""
    project.golden(run=recorded(approvals=[{"at": "2026-01-02T03:04:05Z", "by": "somebody", "reason": "first"}]))
    project.workflow()
    server = serve(other())
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
    server.stop()
    project.report = project.root / "comfy-report"
    (project.case,) = load_report(project.report)["cases"]
    return project


class TestApprove:
    def test_golden_run_is_the_kept_run(self, changed):
        approved = approve(changed.report, changed.case, changed.root, "as it should be")
        assert approved.folder == changed.root / "golden" / KEY
        document, kept = changed.read(f"golden/{KEY}/run.json"), changed.read(f"comfy-report/{KEY}/run/run.json")
        first, last = document.pop("approvals")
        assert first == {"at": "2026-01-02T03:04:05Z", "by": "somebody", "reason": "first"}
        assert last["reason"] == "as it should be" and last["by"].startswith("pytest-comfy ") and last["at"] > "2026"
        assert kept.pop("approvals") == [first, {}] and document == kept
        assert (approved.folder / "9.images.0.png").read_bytes() == png(2)
        changed.run("workflows").assert_outcomes(passed=1)

    def test_undo(self, changed, tmp_path):
        before = tree(changed.root / "golden")
        approved = approve(changed.report, changed.case, changed.root, None, keep=tmp_path)
        assert tree(changed.root / "golden") != before
        undo(approved)
        assert tree(changed.root / "golden") == before

    def test_golden_run_that_changed_since(self, changed):
        changed.golden(run=other(3))
        before = tree(changed.root)
        with pytest.raises(Refused, match="golden/txt2img/default: the golden run changed since the case was judged"):
            approve(changed.report, changed.case, changed.root, None)
        assert tree(changed.root) == before
