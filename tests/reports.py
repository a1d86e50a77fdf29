"""What tests of the report share: its schema, as docs/report.md tells it, and a look at what was written."""

from __future__ import annotations

import json

NUMBER = (int, float)
NONE = type(None)

DOCUMENT = {
    "schema": int, "created": str, "by": str, "interrupted": bool, "mode": str, "servers": list, "commit": (str, NONE),
    "counts": dict, "causes": dict, "known": (dict, NONE), "ci": (dict, NONE), "cases": list,
}  # fmt: skip
CASE = {
    "node_id": str, "key": str, "project": str, "source": str, "case": str, "folder": str, "outcome": str,
    "headline": str, "failure": (str, NONE), "notes": list, "text": str, "server": str, "mode": str, "seconds": NUMBER,
    "prompt_id": (str, NONE), "started": str, "golden": (dict, NONE), "target": str, "run": (str, NONE),
    "refused": (str, NONE), "unless": (str, NONE), "doubts": list, "environment": dict, "against": (dict, NONE),
    "blame": list, "preflight": list, "prompt_differences": list, "timings": list, "graph": dict, "error": (dict, NONE),
    "server_log": (str, NONE), "approve": (str, NONE), "drift": (str, NONE), "known_since": (str, NONE),
    "outputs": list,
}  # fmt: skip
GOLDEN = {"folder": str, "digest": str, "approved": (str, NONE), "reason": (str, NONE)}
ENVIRONMENT = {"golden": (str, NONE), "actual": (str, NONE), "differences": list}
AGAINST = {"server": str, "trend": str, "environment": str}
TIMING = {
    "node": str, "title": str, "class_type": str, "golden": (*NUMBER, NONE), "actual": (*NUMBER, NONE), "cached": bool,
}  # fmt: skip
GRAPH = {"nodes": list, "links": list}
ERROR = {
    "type": str, "message": str, "node": (str, NONE), "title": (str, NONE), "class_type": (str, NONE),
    "traceback": (str, NONE),
}  # fmt: skip
OUTPUT = {
    "name": str, "node": str, "title": str, "key": str, "index": int, "kind": str, "media_type": (str, NONE),
    "verdict": str, "message": str, "kinds": list, "group": (str, NONE), "distance": (*NUMBER, str, NONE),
    "tolerance": (str, NONE), "parts": list, "regions": list, "size": (list, NONE), "files": dict,
    "actual": (dict, NONE), "drift": (str, NONE), "text": (dict, NONE),
}  # fmt: skip
PART = {"name": str, "value": (*NUMBER, str), "limit": (*NUMBER, str), "distance": (*NUMBER, str)}


def report_of(project, folder="comfy-report"):
    """The document of the last session, which has the shape that is promised; so has each case's own."""
    document = project.read(f"{folder}/report.json")
    _check(document, DOCUMENT)
    for case in document["cases"]:
        check_case(case)
        own = project.read(f"{folder}/{case['folder']}/case.json")
        assert {**own, "outcome": case["outcome"]} == case
        for output in case["outputs"]:
            for name in output["files"].values():
                assert (project.root / folder / name).is_file()
    return document


def case_of(project, node_id="workflows/txt2img.json::default"):
    """The entry of one case."""
    (case,) = [case for case in report_of(project)["cases"] if case["node_id"] == node_id]
    return case


def check_case(case):
    """Assert that an entry has the shape that is promised."""
    _check(case, CASE)
    _check(case["environment"], ENVIRONMENT)
    _check(case["graph"], GRAPH)
    for key, shape in (("golden", GOLDEN), ("error", ERROR), ("against", AGAINST)):
        if case[key] is not None:
            _check(case[key], shape)
    for timing in case["timings"]:
        _check(timing, TIMING)
    for output in case["outputs"]:
        _check(output, OUTPUT)
        for part in output["parts"]:
            _check(part, PART)


def texts_of(folder):
    """All that the documents below a folder say, as one text."""
    return "\n".join(json.dumps(json.loads(path.read_bytes()), ensure_ascii=False) for path in folder.rglob("*.json"))


def _check(found, shape):
    assert list(found) == list(shape)
    wrong = {key: found[key] for key, kind in shape.items() if not isinstance(found[key], kind)}
    assert wrong == {}
