"""Users, their files and their settings: the routes of ComfyUI's user_manager.py and app_settings.py.

As with the real server unless it is started with --multi-user, every request is that of the user `default`.
"""

from __future__ import annotations

import json
import posixpath
import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from ..media import guessed_type, is_active, static_type
from ..versions import Trait, Version
from .life import Life, Route
from .sending import send
from .userdata import UserData, UserFile

_SETTINGS = "comfy.settings.json"
_SYSTEM_USER = "__"
_BAD_NAME = 'Invalid filename. Please avoid special characters like :\\/*?"<>|'

_FOLDER_SIZE = 4096
"""Bytes that a disk tells of a folder."""


def user_routes(life: Callable[[], Life]) -> list[Route]:
    """Return the routes of users and settings."""

    async def get_users(request: web.Request) -> web.StreamResponse:
        return web.json_response({"storage": "server", "migrated": life().userdata.exists("")})

    async def post_users(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        return _add_user(body["username"], life())

    async def get_settings(request: web.Request) -> web.StreamResponse:
        return web.json_response(_settings(life().userdata))

    async def get_setting(request: web.Request) -> web.StreamResponse:
        known, name = _settings(life().userdata), request.match_info["id"]
        # No .get(): a client may have written a list there, or a text.
        found = known[name] if name in known else None  # noqa: SIM401
        return web.json_response(found)

    async def post_settings(request: web.Request) -> web.StreamResponse:
        new = await request.json()
        _save_settings(life().userdata, {**_settings(life().userdata), **new})
        return web.Response()

    async def post_setting(request: web.Request) -> web.StreamResponse:
        value = await request.json()
        known = _settings(life().userdata)
        known[request.match_info["id"]] = value
        _save_settings(life().userdata, known)
        return web.Response()

    return [
        ("GET", "/users", get_users),
        ("POST", "/users", post_users),
        ("GET", "/settings", get_settings),
        ("GET", "/settings/{id}", get_setting),
        ("POST", "/settings", post_settings),
        ("POST", "/settings/{id}", post_setting),
        *_file_routes(life),
    ]


def _add_user(name: Any, life: Life) -> web.Response:
    if name in life.users.values():
        return web.json_response({"error": "Duplicate username."}, status=400)
    stripped = name.strip()
    user_id = re.sub("[^a-zA-Z0-9-_]+", "-", stripped)
    wrong = "" if stripped else "username not provided"
    if life.version.is_modern and not wrong and (stripped + user_id).startswith(_SYSTEM_USER):
        wrong = "System User prefix not allowed"
    if wrong:
        if not life.version.is_modern:
            raise ValueError(wrong)
        return web.json_response({"error": wrong}, status=400)
    user_id = f"{user_id}_{uuid.uuid4()}"
    life.users[user_id] = stripped
    return web.json_response(user_id)


def _settings(userdata: UserData) -> Any:
    """Return the settings: a file of the user like others, which clients may write and break."""
    userdata.make_parent(_SETTINGS)
    stored = userdata.files.get(_SETTINGS)
    try:
        return {} if stored is None else json.loads(stored.content)
    except (ValueError, RecursionError):
        return {}


def _save_settings(userdata: UserData, settings: Any) -> None:
    userdata.write(_SETTINGS, json.dumps(settings, indent=4).encode())


def _file_routes(life: Callable[[], Life]) -> list[Route]:
    async def list_files(request: web.Request) -> web.StreamResponse:
        return _listing(request, life())

    async def list_tree(request: web.Request) -> web.StreamResponse:
        return _tree(request, life().userdata)

    async def get_file(request: web.Request) -> web.StreamResponse:
        path = _path(request, life().userdata, must_exist=True)
        if not isinstance(path, str):
            return path
        stored = life().userdata.files.get(path)
        if stored is None:
            return web.StreamResponse(status=403)
        headers = _file_headers(path, life().version)
        media_type = headers.get("Content-Type", static_type(path))
        return send(request, stored.content, stored.modified_ns, media_type, headers)

    async def post_file(request: web.Request) -> web.StreamResponse:
        userdata = life().userdata
        path = _path(request, userdata)
        if not isinstance(path, str):
            return path
        if request.query.get("overwrite") == "false" and userdata.exists(path):
            return web.Response(status=409, text="File already exists")
        content = await request.read()
        try:
            userdata.write(path, content)
        except OSError:
            return web.Response(status=400, reason=_BAD_NAME)
        return _told(request, life(), path)

    async def delete_file(request: web.Request) -> web.StreamResponse:
        path = _path(request, life().userdata, must_exist=True)
        if not isinstance(path, str):
            return path
        life().userdata.remove(path)
        return web.Response(status=204)

    async def move_file(request: web.Request) -> web.StreamResponse:
        userdata = life().userdata
        source = _path(request, userdata, must_exist=True)
        if not isinstance(source, str):
            return source
        target = _path(request, userdata, name="dest")
        if not isinstance(target, str):
            if not life().version.is_modern:
                raise TypeError("0.3.64 goes on with its own refusal as if it were a path")
            return target
        if request.query.get("overwrite") == "false" and userdata.exists(target):
            return web.Response(status=409, text="File already exists")
        userdata.move(source, target)
        return _told(request, life(), target)

    return [
        ("GET", "/userdata", list_files),
        ("GET", "/v2/userdata", list_tree),
        ("GET", "/userdata/{file}", get_file),
        ("POST", "/userdata/{file}", post_file),
        ("DELETE", "/userdata/{file}", delete_file),
        ("POST", "/userdata/{file}/move/{dest}", move_file),
    ]


def _path(request: web.Request, userdata: UserData, name: str = "file", must_exist: bool = False) -> str | web.Response:
    """Return the path that the URL names, or the refusal."""
    path = userdata.resolve(request.match_info[name])
    if path is None:
        return web.Response(status=403)
    userdata.make_parent(path)
    return web.Response(status=404) if must_exist and not userdata.exists(path) else path


def _file_headers(path: str, version: Version) -> dict[str, str]:
    """Return the headers of a user's file."""
    if not version.has(Trait.NOTHING_SNIFFED):
        return {}
    media_type = guessed_type(path)
    disposition = "attachment"
    if path == "user.css" and version.has(Trait.SVG_IN_IMAGES):
        media_type, disposition = "text/css", "inline"
    elif is_active(media_type):
        media_type = "application/octet-stream"
    return {"Content-Type": media_type, "X-Content-Type-Options": "nosniff", "Content-Disposition": disposition}


def _told(request: web.Request, life: Life, path: str) -> web.Response:
    """Return what a file was stored as: its path, or with `full_info` its facts."""
    if request.query.get("full_info", "").lower() != "true":
        return web.json_response(path or ".")
    stored = life.userdata.files.get(path)
    if stored is not None:
        return web.json_response(_facts(path, stored, life.version))
    made = _moment(life.userdata.folders[path], life.version)
    return web.json_response({"path": path or ".", "size": _FOLDER_SIZE, "modified": made, "created": made})


def _moment(ns: int, version: Version) -> float:
    """Return a moment as userdata tells it: in seconds, in later versions in whole ms."""
    return ns // 1_000_000 if version.has(Trait.WHOLE_MILLISECONDS) else ns / 1e9


def _facts(path: str, stored: UserFile, version: Version) -> dict[str, Any]:
    written = _moment(stored.modified_ns, version)
    return {"path": path, "size": len(stored.content), "modified": written, "created": written}


def _listing(request: web.Request, life: Life) -> web.Response:
    userdata = life.userdata

    def asked(name: str) -> bool:
        return request.query.get(name, "").lower() == "true"

    directory = request.query.get("dir", "")
    if not directory:
        return web.Response(status=400, text="Directory not provided")
    folder = userdata.resolve(directory)
    if folder is None:
        return web.Response(status=403, text="Invalid directory")
    userdata.make_parent(folder)
    if not userdata.exists(folder):
        return web.Response(status=404, text="Directory not found")
    listed: list[Any] = []
    for path, stored in userdata.below(folder) if folder in userdata.folders else ():
        names = path.split("/")
        # ComfyUI lists with a glob, which passes over hidden names.
        if any(name.startswith(".") for name in names) or (len(names) > 1 and not asked("recurse")):
            continue
        if asked("full_info"):
            listed.append(_facts(path, stored, life.version))
        else:
            listed.append([path, *names] if asked("split") else path)
    return web.json_response(listed)


def _tree(request: web.Request, userdata: UserData) -> web.Response:
    wanted = unquote(request.query.get("path", ""))
    folder = userdata.resolve(wanted) if wanted else ""
    if folder is None:
        return web.Response(status=400, text="Invalid path requested")
    if not userdata.exists(folder):
        return web.Response(status=404, text="Requested path not found") if folder else web.json_response([])
    if folder in userdata.files:
        return web.Response(status=400, text="Requested path is not a directory")
    entries: list[dict[str, Any]] = [
        {"name": posixpath.basename(path), "path": path, "type": "directory"} for path in userdata.folders_below(folder)
    ]
    for relative, stored in userdata.below(folder):
        path = posixpath.join(folder, relative)
        facts = {"size": len(stored.content), "modified": stored.modified_ns / 1e9}
        entries.append({"name": posixpath.basename(path), "path": path, "type": "file", **facts})
    entries.sort(key=lambda entry: (entry["type"] != "directory", entry["name"].lower()))
    return web.json_response(entries)
