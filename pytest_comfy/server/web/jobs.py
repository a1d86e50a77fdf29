"""`/api/jobs` (0.8.0): queue and history as one list; the shapes and quirks are those of ComfyUI's jobs.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from ..execution.engine import Engine
from ..execution.posting import is_job_id
from ..versions import Trait, Version
from .job_outputs import normalized, previewable, summary
from .life import Life, Route
from .pages import not_found

_STATUSES = ("pending", "in_progress", "completed", "failed")
_ENDS = ("execution_success", "execution_error", "execution_interrupted")

Job = dict[str, Any]


class _Refused(Exception):
    """A request that ComfyUI answers with 400 and this text; `more` stands beside it."""

    def __init__(self, text: str, **more: Any) -> None:
        super().__init__(text)
        self.more = more


def job_routes(life: Callable[[], Life]) -> list[Route]:
    """Return the routes, which ComfyUI names with /api in front, so that there is no plain /jobs."""

    async def get_jobs(request: web.Request) -> web.StreamResponse:
        if not life().version.is_modern:
            return await not_found(request)
        try:
            return web.json_response(_page(request.query, life()))
        except _Refused as refused:
            return web.json_response({"error": str(refused)}, status=400)

    async def get_job(request: web.Request) -> web.StreamResponse:
        if not life().version.is_modern:
            return await not_found(request)
        job = _one(request.match_info["job_id"], life())
        return web.json_response({"error": "Job not found"}, status=404) if job is None else web.json_response(job)

    async def cancel_job(request: web.Request) -> web.StreamResponse:
        _require_cancelling(request, life())
        return web.json_response({"cancelled": _cancel(request.match_info["job_id"], life().engine)})

    async def cancel_jobs(request: web.Request) -> web.StreamResponse:
        _require_cancelling(request, life())
        try:
            body = await request.json()
            return web.json_response(_cancel_all(body, life().engine))
        except json.JSONDecodeError:
            return web.json_response({"error": "Request body must be valid JSON"}, status=400)
        except _Refused as refused:
            return web.json_response({"error": str(refused), **refused.more}, status=400)

    return [
        ("GET", "/api/jobs", get_jobs),
        ("GET", "/api/jobs/{job_id}", get_job),
        ("POST", "/api/jobs/{job_id}/cancel", cancel_job),
        ("POST", "/api/jobs/cancel", cancel_jobs),
    ]


def _require_cancelling(request: web.Request, life: Life) -> None:
    """Raise what earlier versions answer to a POST: the path is not known, but for GET."""
    if not life.version.has(Trait.JOBS_CAN_BE_CANCELLED):
        raise web.HTTPMethodNotAllowed(request.method, ("GET", "HEAD"))


def _cancel(job_id: str, engine: Engine) -> bool:
    """Interrupt a running job or drop a waiting one; False where it is neither."""
    return engine.interrupt(job_id) or engine.delete(job_id)


def _cancel_all(body: Any, engine: Engine) -> dict[str, Any]:
    job_ids = body.get("job_ids") if isinstance(body, dict) else None
    if not isinstance(job_ids, list):
        raise _Refused("job_ids must be a list")
    invalid = [one if isinstance(one, str) else repr(one) for one in job_ids if not is_job_id(one)]
    if invalid:
        raise _Refused("job_ids contains invalid id(s)", invalid_ids=invalid)
    done = [_cancel(one, engine) for one in job_ids]  # all of them, whatever became of the first
    return {"cancelled": any(done)}


def _page(query: Mapping[str, str], life: Life) -> dict[str, Any]:
    known = (*_STATUSES, "cancelled") if life.version.has(Trait.CANCELLED_JOBS) else _STATUSES
    statuses = [one.strip().lower() for one in query.get("status", "").split(",") if one.strip()]
    wrong = [one for one in statuses if one not in known]
    if wrong:
        raise _Refused(f"Invalid status value(s): {', '.join(wrong)}. Valid values: {', '.join(known)}")
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
    jobs = _all(life, statuses if query.get("status") else known)
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


def _all(life: Life, statuses: Iterable[str]) -> list[Job]:
    jobs, engine = [], life.engine
    if "in_progress" in statuses:
        jobs += [_queued(job.as_item(), "in_progress", life.version) for job in engine.running]
    if "pending" in statuses:
        jobs += [_queued(job.as_item(), "pending", life.version) for job in engine.pending]
    for prompt_id, text in engine.history.items():
        job = _finished(prompt_id, json.loads(text), life.version)
        if job["status"] in statuses:
            jobs.append(job)
    return jobs


def _one(job_id: str, life: Life) -> Job | None:
    engine = life.engine
    text = engine.history.get(job_id)
    if text is not None:
        entry = json.loads(text)
        _, _, prompt, extra_data, _ = entry["prompt"]
        return {
            **_finished(job_id, entry, life.version),
            "outputs": normalized(entry["outputs"], life.version),
            "execution_status": entry["status"],
            "workflow": {"prompt": prompt, "extra_data": extra_data},
        }
    for status, jobs in (("in_progress", engine.running), ("pending", engine.pending)):
        for job in jobs:
            if job.prompt_id == job_id:
                return _queued(job.as_item(), status, life.version)
    return None


def _queued(item: list[Any], status: str, version: Version) -> Job:
    number, prompt_id, _, extra_data, _ = item
    created, workflow_id = _metadata(extra_data)
    return _pruned(
        id=prompt_id,
        status=status,
        priority=number,
        create_time=created,
        outputs_count=0,
        previewable_outputs_count=0 if version.has(Trait.PREVIEWS_COUNTED) else None,
        workflow_id=workflow_id,
    )


def _finished(prompt_id: str, entry: Mapping[str, Any], version: Version) -> Job:
    number, _, _, extra_data, _ = entry["prompt"]
    created, workflow_id = _metadata(extra_data)
    status = entry.get("status") or {}
    start = end = error = None
    failed = "failed"
    for name, data in status.get("messages", ()):
        if name == "execution_start":
            start = data.get("timestamp")
        elif name in _ENDS:
            end = data.get("timestamp")
            error = data if name == "execution_error" else error
            if name == "execution_interrupted" and version.has(Trait.CANCELLED_JOBS):
                failed = "cancelled"
    count, preview = summary(entry["outputs"], version)
    return _pruned(
        id=prompt_id,
        # An interrupted run is an "error" in history.
        status=failed if status.get("status_str") == "error" else "completed",
        priority=number,
        create_time=created,
        execution_start_time=start,
        execution_end_time=end,
        execution_error=error,
        outputs_count=count,
        previewable_outputs_count=(
            previewable(entry["outputs"], version) if version.has(Trait.PREVIEWS_COUNTED) else None
        ),
        preview_output=preview,
        workflow_id=workflow_id,
    )


def _metadata(extra_data: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return create_time and workflow_id; ComfyUI too fails with 500 where extra_pnginfo is no object."""
    workflow = extra_data.get("extra_pnginfo", {}).get("workflow", {})
    return extra_data.get("create_time"), workflow.get("id")


def _pruned(**job: Any) -> Job:
    return {name: value for name, value in job.items() if value is not None}
