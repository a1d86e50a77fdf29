"""A project and a report of it, made by hand: what a session leaves on a changed server."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from projects import graph, png, recorded

from pytest_comfy.golden import GoldenStore
from pytest_comfy.report.telling import dumps

KEY = "txt2img/default"
FIRST = {"at": "2026-01-02T03:04:05Z", "by": "somebody", "reason": "first"}
GITIGNORE = "*\n"


def tree(folder):
    """Name -> bytes of all files below a folder, and None for folders and links."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in folder.rglob("*")
    }


def write_json(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(dumps(document))


def lay_workflow(root, name="txt2img", prompt=None, golden=True, baseline=None):
    """Write a workflow and, if wanted, its golden run; returns where the latter is."""
    write_json(root / f"workflows/{name}.json", prompt or graph())
    store = GoldenStore(root / "golden", baseline)
    if not golden:
        return store.folder(f"{name}/default")
    return store.write(f"{name}/default", recorded(prompt, workflow=f"workflows/{name}.json", approvals=[FIRST]))


def kept(name="txt2img", seed=2, earlier=(FIRST,), prompt=None, **more):
    """A run in the form in which reports keep it."""
    run = recorded(prompt, {"9": {"images": [png(seed)]}}, **{"workflow": f"workflows/{name}.json", **more})
    return replace(run, document={**run.document, "approvals": [*earlier, {}]})


def entry(root, name="txt2img", *, run=None, report=None, target=None, golden=None, verdict="different", **more):
    """The entry of a case whose kept run is written to the report as well.

    golden, target  folders below `root`; the usual one without
    """
    key = f"{name}/default"
    folder = golden or root / "golden" / key
    run_file = folder / "run.json"
    if run is not None:
        GoldenStore((report or root / "comfy-report") / key).write("run", run)
    output = {
        "name": "9.images.0", "node": "9", "title": "Save Image", "key": "images", "index": 0, "kind": "image",
        "media_type": "image/png", "verdict": verdict, "message": "softer at the left", "kinds": ["sharpness"],
        "group": "softer", "distance": 2.5, "tolerance": "normal", "parts": [], "regions": [], "size": [64, 64],
        "files": {}, "text": None,
    }  # fmt: skip
    return {
        "node_id": f"workflows/{name}.json::default", "key": key, "project": "", "source": f"workflows/{name}.json",
        "case": "default", "folder": key, "outcome": "failed", "headline": "softer", "failure": None, "notes": [],
        "text": "softer", "server": "http://127.0.0.1:1 (ComfyUI 0.8.0)", "mode": "live", "seconds": 0.5,
        "prompt_id": "a", "started": "2026-11-26T07:00:00Z",
        "golden": {
            "folder": folder.relative_to(root).as_posix(),
            "digest": hashlib.sha256(run_file.read_bytes()).hexdigest(), "approved": FIRST["at"], "reason": "first",
        } if run_file.exists() else None,
        "target": (target or folder).relative_to(root).as_posix(), "run": f"{key}/run" if run else None,
        "refused": None if run else "there is no run to approve", "unless": None, "doubts": [],
        "environment": {"golden": None, "actual": None, "differences": []}, "prompt_differences": [], "timings": [],
        "graph": {"nodes": [], "links": []}, "error": None, "server_log": None, "approve": None, "outputs": [output],
        **more,
    }  # fmt: skip


def document(cases, *, commit=None, passed=0, **more):
    """The document of a session with these cases, and some that passed beside them."""
    outcomes = ("passed", "failed", "error", "approved", "xfailed")
    verdicts = ("identical", "within tolerance", "different", "missing", "unexpected", "ignored")
    counts = {word: sum(case["outcome"] == word for case in cases) for word in outcomes}
    made = [output["verdict"] for case in cases for output in case["outputs"]]
    return {
        "schema": 1, "created": "2026-11-26T07:00:01Z", "by": "pytest-comfy 0", "interrupted": False, "mode": "live",
        "servers": ["http://127.0.0.1:1 (ComfyUI 0.8.0)"], "commit": commit,
        "counts": {"cases": {**counts, "passed": counts["passed"] + passed},
                   "outputs": {**{word: made.count(word) for word in verdicts}, "identical": passed},
                   "drift": {"new": 0, "changed": 0, "known": 0, "fixed": 0}},
        "causes": {"failing": 0, "passing": 0, "differences": []}, "known": None, "ci": None, "cases": list(cases),
        **more,
    }  # fmt: skip


def lay_report(report, cases, **more):
    """Write report.json and the case.json of each case."""
    write_json(report / "report.json", document(cases, **more))
    for case in cases:
        write_json(report / case["folder"] / "case.json", case)
    (report / ".gitignore").write_text(GITIGNORE, encoding="utf-8")
    return report


def lay_all(root, name="txt2img", earlier=(FIRST,), **more):
    """A project with one case, and the report of a session in which its picture became another; returns the entry.

    earlier  the approvals of its golden run; there is none without
    """
    lay_workflow(root, name, golden=bool(earlier))
    case = entry(root, name, run=kept(name, earlier=earlier), **more)
    lay_report(root / "comfy-report", [case])
    return case
