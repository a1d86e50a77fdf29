"""Is what a server said in one scenario what the captured one said? Answers in order, messages client by client."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from .captures import Event, content_of
from .compare import compare_json, is_lax, short
from .names import UUID, Names

_ETAG = re.compile(r'"[0-9a-f]+-([0-9a-f]+)"')
_IGNORED_HEADERS = ("date", "server")


def compare_scenario(expected: Sequence[Event], actual: Sequence[Event], names: Names | None = None) -> list[str]:
    """Return all differences: answers first, in order, then messages client by client."""
    names = Names() if names is None else names
    found: list[str] = []
    theirs = [event for event in expected if event["kind"] == "http"]
    ours = [event for event in actual if event["kind"] == "http"]
    if len(theirs) != len(ours):
        found.append(f"{len(theirs)} answers expected, got {len(ours)}")
    for number, (one, other) in enumerate(zip(theirs, ours, strict=False)):
        found += [f"{named(one, number)}: {text}" for text in compare_http(one, other, names)]
    clients = list(dict.fromkeys(event["client"] for event in expected if event["kind"] == "ws-open"))
    for client in clients:
        found += [f"client {client}: {text}" for text in _compare_client(client, expected, actual, names)]
    return found


def named(event: Event, number: int) -> str:
    """Return a request in a few words."""
    asked = event["request"]
    return f"answer {number}, {asked['method']} {asked['path']} {short(asked.get('params') or '', 90)}".rstrip()


def compare_http(expected: Event, actual: Event, names: Names) -> list[str]:
    """Return the differences between two answers."""
    theirs, ours = expected["response"], actual["response"]
    if theirs["status"] != ours["status"]:
        return [f"status: expected {theirs['status']}, got {ours['status']} {short(_body(ours))}"]
    found = list(_compare_bodies(theirs, ours, names))
    return found + list(_compare_headers(theirs, ours, names))


def _body(response: Mapping[str, Any]) -> Any:
    return next((response[key] for key in ("json", "text", "base64") if response.get(key)), "")


def _compare_bodies(theirs: Mapping[str, Any], ours: Mapping[str, Any], names: Names) -> Iterator[str]:
    if "bytes" in theirs:
        return
    if "json" in theirs:
        if "json" not in ours:
            yield f"expected JSON, got {short(_body(ours))}"
        elif not (isinstance(theirs["json"], str) and theirs["json"] == ours["json"]):
            yield from compare_json(theirs["json"], ours["json"], names)
    elif "text" in theirs:
        if ours.get("text") != names.translate(theirs["text"]):
            yield f"expected text {short(theirs['text'])}, got {short(_body(ours))}"
    else:
        wanted, got = content_of(theirs), content_of(ours)
        if wanted != got:
            yield f"expected {len(wanted)} bytes {wanted[:24]!r}..., got {len(got)} bytes {got[:24]!r}..."


def _compare_headers(theirs: Mapping[str, Any], ours: Mapping[str, Any], names: Names) -> Iterator[str]:
    wanted = {name.lower(): value for name, value in theirs["headers"].items()}
    got = {name.lower(): value for name, value in ours["headers"].items()}
    for name in sorted((wanted.keys() | got.keys()) - set(_IGNORED_HEADERS)):
        if name not in got:
            yield f"header {name}: expected {wanted[name]!r}, missing"
        elif name not in wanted:
            yield f"header {name}: unexpected {got[name]!r}"
        elif name == "etag":
            if not _same_etag(wanted[name], got[name], names):
                yield f"header etag: expected the shape of {wanted[name]}, got {got[name]}"
        elif name == "last-modified":
            # Its moment is the machine's, its shape is not.
            if re.sub(r"\d", "0", wanted[name])[-13:] != re.sub(r"\d", "0", got[name])[-13:]:
                yield f"header last-modified: expected the shape of {wanted[name]!r}, got {got[name]!r}"
        elif name == "content-disposition":
            if names.translate(_quoted(wanted[name])) != _quoted(got[name]):
                yield f"header content-disposition: expected {wanted[name]!r}, got {got[name]!r}"
        elif name == "content-length" and "bytes" in theirs:
            continue
        elif name == "content-length" and is_lax(theirs.get("json")):
            length = len(json.dumps(ours.get("json")).encode())
            if got[name] != str(length):
                yield f"header content-length: expected our body's {length}, got {got[name]}"
        elif wanted[name] != got[name]:
            yield f"header {name}: expected {wanted[name]!r}, got {got[name]!r}"


def _same_etag(wanted: str, got: str, names: Names) -> bool:
    """Compare ETags: size as it is, time of change renamed (the same file keeps it)."""
    theirs, ours = _ETAG.fullmatch(wanted), _ETAG.fullmatch(got)
    return bool(theirs and ours and theirs[1] == ours[1] and names.same("etag", wanted, got))


def _quoted(header: str) -> str:
    found = re.fullmatch(r'filename="(.*)"', header)
    return found[1] if found else header


def _compare_client(client: str, expected: Sequence[Event], actual: Sequence[Event], names: Names) -> Iterator[str]:
    theirs, ours = _heard(client, expected), _heard(client, actual)
    if sum(event["kind"] == "ws-open" and event["client"] == client for event in expected) > 1:
        counts = Counter(_word(one, names) for one in theirs if _is_status(one))
        got = Counter(_word(one, names, False) for one in ours if _is_status(one))
        if counts != got:
            yield f"status: expected {dict(counts)}, got {dict(got)}"
        theirs = [one for one in theirs if not _is_status(one)]
        ours = [one for one in ours if not _is_status(one)]
    wanted = [_word(one, names) for one in theirs]
    got_words = [_word(one, names, False) for one in ours]
    for what, a, b, c, d in SequenceMatcher(None, wanted, got_words, autojunk=False).get_opcodes():
        if what == "equal":
            for one, other, number in zip(theirs[a:b], ours[c:d], range(a, b), strict=True):
                for text in _compare_messages(one, other, names):
                    yield f"message {number}, {wanted[number]}: {text}"
        else:
            yield f"message {a}: expected {_listed(wanted[a:b])}, got {_listed(got_words[c:d])}"


def _listed(words: Sequence[str]) -> str:
    shown = ", ".join(words[:8]) + (f" and {len(words) - 8} more" if len(words) > 8 else "")
    return f"[{shown}]" if words else "nothing"


def _heard(client: str, events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event["kind"] in ("ws-text", "ws-binary") and event["client"] == client]


def _is_status(event: Event) -> bool:
    return bool(event["kind"] == "ws-text" and event["json"]["type"] == "status")


def _word(event: Event, names: Names, translate: bool = True) -> str:
    """Return what a message is, for the order: type, what it is about, and of which run."""
    if event["kind"] == "ws-binary":
        return f"binary {int.from_bytes(base64.b64decode(event['base64'])[:4], 'big')}"
    kind, data = event["json"].get("type"), event["json"].get("data")
    if translate:
        data = names.translate(data)
    if kind == "status":
        return f"status {data['status']['exec_info']['queue_remaining']}{' with sid' if 'sid' in data else ''}"
    told = data if isinstance(data, Mapping) else {}
    about = f" {told['node']}" if "node" in told else ""
    return f"{kind}{about} ({str(told.get('prompt_id', ''))[:8]})"


def _compare_messages(expected: Event, actual: Event, names: Names) -> list[str]:
    if expected["kind"] == "ws-binary":
        return list(_compare_frames(expected, actual, names))
    theirs, ours = expected["json"], actual["json"]
    found = [f"{key}: unexpected beside type and data" for key in ours.keys() - theirs.keys()]
    data = theirs.get("data")
    about = data.get("prompt_id", "") if isinstance(data, Mapping) else ""
    return found + compare_json(data, ours.get("data"), names, (theirs["type"],), str(about))


def _compare_frames(expected: Event, actual: Event, names: Names) -> Iterator[str]:
    theirs, ours = base64.b64decode(expected["base64"]), base64.b64decode(actual["base64"])
    if int.from_bytes(theirs[:4], "big") == 4:
        if theirs[4:8] != ours[4:8]:
            yield f"length of metadata: expected {theirs[4:8].hex()}, got {ours[4:8].hex()}"
            return
        length = int.from_bytes(theirs[4:8], "big")
        wanted, got = theirs[8 : 8 + length].decode(), ours[8 : 8 + length].decode(errors="replace")
        if len(wanted) < length:
            # The frame was cut within the metadata: ids that begin there are renamed letter by letter.
            wanted = _translate_beginning(wanted, got, names)
            if not got.startswith(wanted):
                yield f"metadata: expected to begin with {wanted!r}, got {got[: len(wanted)]!r}"
            return
        try:
            told = json.loads(got)
        except ValueError:
            told = got
        yield from compare_json(json.loads(wanted), told, names, ("metadata",))
        theirs, ours = theirs[8 + length :], ours[8 + length :]
    if expected.get("cut"):
        ours = ours[: len(theirs)]
    if theirs != ours:
        yield f"frame: expected {len(theirs)} bytes {theirs[:24]!r}..., got {len(ours)} bytes {ours[:24]!r}..."


def _translate_beginning(wanted: str, got: str, names: Names) -> str:
    """Return the beginning of some metadata with the run's id as ours calls it."""
    for match in UUID.finditer(got):
        begun = wanted[match.start() : match.end()]
        if str(names.captured("id", match[0])).startswith(begun):
            wanted = wanted[: match.start()] + match[0][: len(begun)] + wanted[match.end() :]
    return wanted
