"""Is what our server said what the real one said, up to renaming?

Both sides are lists of events as captures hold them. Ids, file names and moments are another in every run: they
must be renamed one-to-one, and to the same everywhere. All else is equal, but for what `RACY` lists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .names import Names, is_id

Path = tuple[Any, ...]

UNORDERED, NUMBER, TRACEBACK, SUFFIXES = "unordered", "number", "traceback", "suffixes"


@dataclass(frozen=True)
class Race:
    """Something that is not the same in two runs of the real server.

    tail    the end of the path to it; `...` stands for one key or index, whatever it is
    how     "unordered": a list compared as a multiset; "number": any number of the same type; "traceback": any list
            of strings; "suffixes": lists that are the ends of one order of the same items, whatever that order is
    """

    tail: Path
    how: str
    reason: str


RACY = [
    # 0.3.64 answers ["3", "2"] in `uploads`, 0.8.0 ["2", "3"], for the same prompt: `list()` of a set.
    Race(("prompt", 4), UNORDERED, "outputs to execute are a set in validation"),
    Race(("queue_running", ..., 4), UNORDERED, "the same"),
    Race(("queue_pending", ..., 4), UNORDERED, "the same"),
    # `execution_cached` of rerun_fully_cached: the nodes come from a set of strings, whose order is the process's.
    Race(("execution_cached", "nodes"), UNORDERED, "a set of node ids"),
    # execution_error_*: `executed` and `current_outputs` are sets of node ids in the executor.
    Race(("execution_error", "executed"), UNORDERED, "a set of node ids"),
    Race(("execution_error", "current_outputs"), UNORDERED, "a set of node ids"),
    Race(("execution_interrupted", "executed"), UNORDERED, "a set of node ids"),
    # validation_errors: inputs are validated in the order of a set of names, outputs in the order of a set of ids.
    Race(("node_errors", ..., "errors"), UNORDERED, "inputs are validated in the order of a set"),
    # `two_faults`: an output is noted at every faulty node seen so far. 0.8.0 took 11 first ({"11": ["11", "9"], "4":
    # ["9"]}), 0.3.64 took 9 first ({"4": ["9", "11"], "11": ["11"]}), for the same prompt.
    Race(("node_errors", ..., "dependent_outputs"), SUFFIXES, "outputs are validated in the order of a set"),
    # validation_errors, link_to_missing_node: lines and numbers of ComfyUI's own source (838 in 0.8.0, 808 in 0.3.64).
    # The tracebacks of runs are replayed, and so are compared.
    Race(("extra_info", "traceback"), TRACEBACK, "ComfyUI's source lines"),
    # metadata asks twice (/system_stats, /api/system_stats): only these differ between the two answers.
    Race(("system", "ram_free"), NUMBER, "memory"),
    Race(("devices", ..., "vram_free"), NUMBER, "memory"),
    Race(("devices", ..., "torch_vram_free"), NUMBER, "memory"),
    Race(("devices", ..., "torch_vram_total"), NUMBER, "memory"),
]
"""All that is compared less strictly. Further, without a path:

- The answer of a `POST /prompt` and the messages that it causes: they travel on two connections. The captures
  hold both orders (0.8.0: `success` answers before the first `status`, `txt2img_previews` after `executing`), so
  answers are compared with answers and messages with messages of the same client.
- `status` where several sockets share one client letter (output_kinds): each socket gets each broadcast, and which
  one is read first is chance (0.8.0, events 216 to 226). There they are counted; elsewhere their place is compared.
- Headers `Date` and `Server`: the machine's.
- A body that is one JSON string (`/internal/logs`): prose of the recorded life, played as it was, with its ids.
- Bodies too long to be kept (`/object_info`): status and headers alone; `Content-Length` must be there.
- `Content-Length` of JSON that holds numbers, tracebacks or suffixes as above: our own body's.
"""

MOMENTS = {
    "create_time": "created",
    "execution_start_time": "execution_start",
    "execution_end_time": "end",
    "timestamp": "",
}
"""Keys of ms since the epoch -> what happened then; `timestamp` is that of the message it stands in."""

_NOTHING = object()
_ENDS = ("execution_success", "execution_error", "execution_interrupted")
_SHOWN = 300


def compare_json(expected: Any, actual: Any, names: Names, path: Path = (), prompt_id: str = "") -> list[str]:
    """Return the differences between two JSON values; `prompt_id` is the run that they tell of."""
    if type(expected) is not type(actual):
        return [f"{_at(path)}: expected {short(expected)}, got {short(actual)}"]
    if isinstance(expected, Mapping):
        return _compare_objects(expected, actual, names, path, prompt_id)
    if isinstance(expected, list):
        return _compare_lists(expected, actual, names, path, prompt_id)
    if _same_leaf(expected, actual, names, path, prompt_id):
        return []
    return [f"{_at(path)}: expected {short(names.translate(expected))}, got {short(actual)}"]


def _compare_objects(
    expected: Mapping[str, Any], actual: Mapping[str, Any], names: Names, path: Path, prompt_id: str
) -> list[str]:
    prompt_id = next((str(expected[key]) for key in ("prompt_id", "id") if is_id(expected.get(key))), prompt_id)
    found = []
    left = dict(actual)
    # What names things comes first, so that what follows is told in these names.
    for key in sorted(expected, key=lambda one: one not in ("prompt_id", "id", "sid")):
        wanted = names.translate(key)
        if is_id(key) and wanted not in left and len(expected) == len(actual) == 1:
            found += [f"{_at(path)}: expected key {wanted!r}, got {next(iter(left))!r}"]
            wanted = next(iter(left))
        if wanted not in left:
            found.append(f"{_at((*path, key))}: expected {short(expected[key])}, missing")
            continue
        about = key if is_id(key) else prompt_id
        item = left.pop(wanted)
        if key == "filename" and _is_file(expected) and _is_file(actual):
            if not names.same_file(str(expected.get("subfolder", "")), expected[key], item):
                found.append(f"{_at((*path, key))}: expected {names.translate(expected)[key]}, got {item}")
            continue
        found += compare_json(expected[key], item, names, (*path, key), about)
    if path[-1:] == ("node_errors",):
        found += _compare_dependents(expected, actual, path)
    return found + [f"{_at((*path, key))}: unexpected {short(value)}" for key, value in left.items()]


def _compare_lists(expected: list[Any], actual: list[Any], names: Names, path: Path, prompt_id: str) -> list[str]:
    how = _race(path)
    if how == TRACEBACK and all(isinstance(line, str) for line in actual):
        return []
    if how == SUFFIXES:
        return []  # seen as a whole at `node_errors`
    if len(expected) != len(actual):
        lengths = f"{len(expected)} items {short(expected)}, got {len(actual)} {short(actual)}"
        return [f"{_at(path)}: expected {lengths}"]
    if how == UNORDERED:
        return _compare_unordered(expected, actual, names, path, prompt_id)
    if len(expected) == 5 and is_id(expected[1]):
        prompt_id = expected[1]  # an item of the queue: number, id, prompt, extra_data, outputs
    steps: list[Any] = list(range(len(expected)))
    if len(expected) == 2 and isinstance(expected[0], str) and isinstance(expected[1], Mapping):
        steps[1] = expected[0]  # a message of history: it goes by its type, as on the socket
    return [
        text
        for one, other, step in zip(expected, actual, steps, strict=True)
        for text in compare_json(one, other, names, (*path, step), prompt_id)
    ]


def _compare_unordered(expected: list[Any], actual: list[Any], names: Names, path: Path, prompt_id: str) -> list[str]:
    left = list(actual)
    missing = []
    for item in expected:
        fits = (one for one in left if not compare_json(item, one, names, (*path, 0), prompt_id))
        found = next(fits, _NOTHING)
        if found is _NOTHING:
            missing.append(item)
        else:
            left.remove(found)
    if not missing:
        return []
    return [f"{_at(path)}: in any order, expected also {short(missing)}, got instead {short(left)}"]


def _compare_dependents(expected: Mapping[str, Any], actual: Mapping[str, Any], path: Path) -> list[str]:
    """Compare `dependent_outputs` of all nodes of `node_errors`: the ends of one order of the outputs."""

    def lists(told: Mapping[str, Any]) -> list[list[str]]:
        found = [node.get("dependent_outputs") for node in told.values() if isinstance(node, Mapping)]
        return sorted((one for one in found if isinstance(one, list)), key=len)

    wanted, got = lists(expected), lists(actual)
    order = got[-1] if got else []
    ends = all(one and order[-len(one) :] == one for one in got)
    outputs = sorted(wanted[-1]) if wanted else []
    if len(wanted) == len(got) and ends and sorted(order) == outputs:
        return []
    return [f"{_at(path)}: dependent_outputs: expected the ends of one order of {outputs}, got {got}"]


def _same_leaf(expected: Any, actual: Any, names: Names, path: Path, prompt_id: str) -> bool:
    key = path[-1] if path else ""
    if _race(path) == NUMBER:
        return True
    if key in MOMENTS and isinstance(expected, int):
        what = MOMENTS[key] or next((part for part in reversed(path[:-1]) if isinstance(part, str)), "")
        return actual > 1_600_000_000_000 and names.moment(
            prompt_id, "end" if what in _ENDS else what, expected, actual
        )
    if is_id(expected):
        return is_id(actual) and names.same("id", expected, actual)
    return bool(names.translate(expected) == actual)


def _is_file(item: Mapping[str, Any]) -> bool:
    return isinstance(item.get("filename"), str) and isinstance(item.get("subfolder", ""), str)


def _race(path: Path) -> str | None:
    for race in RACY:
        tail = path[len(path) - len(race.tail) :]
        if len(tail) == len(race.tail) and all(a in (..., b) for a, b in zip(race.tail, tail, strict=True)):
            return race.how
    return None


def is_lax(value: Any) -> bool:
    """Whether a body holds what may be longer or shorter in ours."""
    return any(_has(value, race.tail[-1]) for race in RACY if race.how in (NUMBER, TRACEBACK, SUFFIXES))


def _has(value: Any, key: str) -> bool:
    if isinstance(value, Mapping):
        return key in value or any(_has(item, key) for item in value.values())
    return isinstance(value, list) and any(_has(item, key) for item in value)


def _at(path: Path) -> str:
    return ".".join(str(part) for part in path) or "body"


def short(value: Any, most: int = _SHOWN) -> str:
    """Return a value as JSON, cut at `most` characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]}..."
