"""`GET /api/jobs` (0.8.0): queue and history as one list; the shapes and quirks are those of ComfyUI's jobs.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from ..execution.engine import Engine
from .life import Life, Route
from .pages import not_found

_STATUSES = ("pending", "in_progress", "completed", "failed")
_PREVIEWED = ("images", "video", "audio")
_PREVIEWED_3D = (".obj", ".fbx", ".gltf", ".glb")
_ENDS = ("execution_success", "execution_error", "execution_interrupted")

Job = dict[str, Any]


class _Refused(Exception):
    """A query that ComfyUI answers with 400 and this text."""


def job_routes(life: Callable[[], Life]) -> list[Route]:
    """Return the routes, which ComfyUI names with /api in front, so that there is no plain /jobs."""

    async def get_jobs(request: web.Request) -> web.StreamResponse:
        if not life().version.is_modern:
            return await not_found(request)
        try:
            return web.json_response(_page(request.query, life().engine))
        except _Refused as refused:
            return web.json_response({"error": str(refused)}, status=400)

    async def get_job(request: web.Request) -> web.StreamResponse:
        if not life().version.is_modern:
            return await not_found(request)
        job = _one(request.match_info["job_id"], life().engine)
        return web.json_response({"error": "Job not found"}, status=404) if job is None else web.json_response(job)

    return [("GET", "/api/jobs", get_jobs), ("GET", "/api/jobs/{job_id}", get_job)]


def _page(query: Mapping[str, str], engine: Engine) -> dict[str, Any]:
    statuses = [one.strip().lower() for one in query.get("status", "").split(",") if one.strip()]
    wrong = [one for one in statuses if one not in _STATUSES]
    if wrong:
        raise _Refused(f"Invalid status value(s): {', '.join(wrong)}. Valid values: {', '.join(_STATUSES)}")
    sort_by = query.get("sort_by", "created_at").lower()
    if sort_by not in ("created_at", "execution_duration"):
        raise _Refused("sort_by must be 'created_at' or 'execution_duration'")
    sort_order = query.get("sort_order", "desc").lower()
    if sort_order not in ("asc", "desc"):
        raise _Refused("sort_order must be 'asc' or 'desc'")
    limit = _integer(query, "limit")
    if limit is not None and limit <= 0:
        raise _Refused("limit must be a positive integer")
    offset = max(0, _integer(query, "offset") or 0)
    # `status=,` names none, and a list of none lets nothing through; no status at all lets through everything.
    jobs = _all(engine, statuses if query.get("status") else _STATUSES)
    if query.get("workflow_id"):
        jobs = [job for job in jobs if job.get("workflow_id") == query["workflow_id"]]
    jobs.sort(key=_duration if sort_by == "execution_duration" else _created, reverse=sort_order == "desc")
    page = jobs[offset:][:limit]
    more = offset + len(page) < len(jobs)
    pagination = {"offset": offset, "limit": limit, "total": len(jobs), "has_more": more}
    return {"jobs": page, "pagination": pagination}


def _integer(query: Mapping[str, str], name: str) -> int | None:
    try:
        return int(query[name]) if name in query else None
    except ValueError as error:
        raise _Refused(f"{name} must be an integer") from error


def _created(job: Job) -> Any:
    return job.get("create_time", 0)


def _duration(job: Job) -> Any:
    start, end = job.get("execution_start_time", 0), job.get("execution_end_time", 0)
    return end - start if end and start else 0


def _all(engine: Engine, statuses: Iterable[str]) -> list[Job]:
    jobs = []
    if "in_progress" in statuses:
        jobs += [_queued(job.as_item(), "in_progress") for job in engine.running]
    if "pending" in statuses:
        jobs += [_queued(job.as_item(), "pending") for job in engine.pending]
    for prompt_id, text in engine.history.items():
        job = _finished(prompt_id, json.loads(text))
        if job["status"] in statuses:
            jobs.append(job)
    return jobs


def _one(job_id: str, engine: Engine) -> Job | None:
    text = engine.history.get(job_id)
    if text is not None:
        entry = json.loads(text)
        _, _, prompt, extra_data, _ = entry["prompt"]
        return {
            **_finished(job_id, entry),
            "outputs": entry["outputs"],
            "execution_status": entry["status"],
            "workflow": {"prompt": prompt, "extra_data": extra_data},
        }
    for status, jobs in (("in_progress", engine.running), ("pending", engine.pending)):
        for job in jobs:
            if job.prompt_id == job_id:
                return _queued(job.as_item(), status)
    return None


def _queued(item: list[Any], status: str) -> Job:
    number, prompt_id, _, extra_data, _ = item
    created, workflow_id = _metadata(extra_data)
    return _pruned(
        id=prompt_id, status=status, priority=number, create_time=created, outputs_count=0, workflow_id=workflow_id
    )


def _finished(prompt_id: str, entry: Mapping[str, Any]) -> Job:
    number, _, _, extra_data, _ = entry["prompt"]
    created, workflow_id = _metadata(extra_data)
    status = entry.get("status") or {}
    start = end = error = None
    for name, data in status.get("messages", ()):
        if name == "execution_start":
            start = data.get("timestamp")
        elif name in _ENDS:
            end = data.get("timestamp")
            error = data if name == "execution_error" else error
    count, preview = _summary(entry["outputs"])
    return _pruned(
        id=prompt_id,
        # An interrupted run is an "error" in history.
        status="failed" if status.get("status_str") == "error" else "completed",
        priority=number,
        create_time=created,
        execution_start_time=start,
        execution_end_time=end,
        execution_error=error,
        outputs_count=count,
        preview_output=preview,
        workflow_id=workflow_id,
    )


def _metadata(extra_data: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return create_time and workflow_id; ComfyUI too fails with 500 where extra_pnginfo is no object."""
    workflow = extra_data.get("extra_pnginfo", {}).get("workflow", {})
    return extra_data.get("create_time"), workflow.get("id")


def _summary(outputs: Mapping[str, Any]) -> tuple[int, Job | None]:
    """Return how many outputs there are, and the one to show: the first of type `output`, else the first."""
    items = [
        (node_id, media, item)
        for node_id, told in outputs.items()
        if isinstance(told, Mapping)
        for media, listed in told.items()
        if media != "animated" and isinstance(listed, list)
        for item in listed
        if isinstance(item, dict)
    ]
    shown = [
        {**item, "nodeId": node_id, "mediaType": media} for node_id, media, item in items if _is_shown(media, item)
    ]
    final = [item for item in shown if item.get("type") == "output"]
    return len(items), next(iter(final or shown), None)


def _is_shown(media: str, item: Mapping[str, Any]) -> bool:
    if media in _PREVIEWED or str(item.get("format") or "").startswith(("video/", "audio/")):
        return True
    return str(item.get("filename", "")).lower().endswith(_PREVIEWED_3D)


def _pruned(**job: Any) -> Job:
    return {name: value for name, value in job.items() if value is not None}
