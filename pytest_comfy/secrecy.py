"""What nothing that is recorded or told may hold: secrets by their looks, a project's own patterns, known values."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from urllib.parse import quote, quote_plus

# Compiled, and kept, by re at the first use: pytest's start need not wait for them.
REDACTED = "<redacted>"
"""What stands in golden runs, in digests and in what is told, in place of a secret."""
_SIGNS = (
    "sk-",
    "hf_",
    "gh",
    "github_pat_",
    "eyJ",
    "AKIA",
    "ASIA",
    "xox",
    "glpat-",
    "AIza",
    "r8_",
    "comfyui-",
    "=",
    "earer ",
    "@",
)
_SECRETS = (
    r"((?<![\w-])[Bb]earer +"
    r"|[?&](?i:[\w-]*(?:token|secret|password|signature)|(?:api[_-]?|access[_-]?)?key|sig|auth)=)"
    r"[^\s&#\"'<>]{6,}"
    r"|(?<=://)([^\s/?#:@\"'<>]{0,60}:)[^\s/?#@\"'<>]{1,200}(?=@)"
    r"|(?<![\w-])(?:sk-[\w-]{16,}|hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}|(?:AKIA|ASIA)[A-Z0-9]{16}|xox[abeprs]-[\w-]{10,}|glpat-[\w-]{16,}"
    r"|AIza[\w-]{30,}|r8_[A-Za-z0-9]{20,}|comfyui-[0-9a-f]{32,})(?![\w-])"
)
_NEEDED = ("output", "temp", "executing", "executed", "execution_success", "success", "progress", "image/png")
"""Words of ComfyUI's messages: a recording without them is none."""
_SHORTEST = 8
_SHORTEST_WORD = 12
_FEWEST_DIFFERENT = 5
_MOST_HEARD = 1000

Patterns = tuple[re.Pattern[str], ...]


class _Process:
    """What this process takes out of texts beside what looks like a secret: its own patterns, and values heard of."""

    patterns: Patterns = ()
    heard: dict[str, None]
    lasting: dict[str, None]
    expression: re.Pattern[str] | None = None

    def __init__(self) -> None:
        self.heard = {}
        self.lasting = {}


_process = _Process()


def compiled(patterns: Iterable[str], name: str) -> Patterns:
    """Return regular expressions made ready.

    Raises ValueError, a sentence that names `name`, for one that is none, and for one that no recording would survive.
    """
    found = []
    for text in patterns:
        try:
            found.append(re.compile(text))
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{name}: {text!r} is no regular expression ({error})") from None
        word = next((word for word in _NEEDED if any(one[0] for one in found[-1].finditer(word))), None)
        if word is not None:
            raise ValueError(f"{name}: {text!r} takes out {word!r}, a word that recordings need: narrow it down")
    return tuple(found)


def take_out(patterns: Patterns) -> None:
    """From now on take out of all texts of this process what matches one of these, and nothing heard of before."""
    _process.patterns = patterns
    _process.heard.clear()
    _process.lasting.clear()
    _process.expression = None


def take_out_too(patterns: Patterns) -> None:
    """From now on take out what matches one of these as well."""
    _process.patterns = tuple(dict.fromkeys((*_process.patterns, *patterns)))


def own_patterns() -> Patterns:
    """Return the patterns given to `take_out`."""
    return _process.patterns


def heard_of(values: Collection[str], *, lasting: bool = False) -> None:
    """Note secrets that stood under a secret name: what is told from now on does not hold them.

    lasting  whether they are not forgotten when many others are heard of, as what a server is reached by
    """
    kept = _process.lasting if lasting else _process.heard
    new = [value for value in values if value not in kept and is_distinctive(value)]
    if not new:
        return
    kept.update(dict.fromkeys(new))
    while len(_process.heard) > _MOST_HEARD:
        del _process.heard[next(iter(_process.heard))]
    _process.expression = expression_of((*_process.heard, *_process.lasting))


def heard() -> re.Pattern[str] | None:
    """Return what finds the values that were heard of, see `heard_of`."""
    return _process.expression


def is_distinctive(value: str) -> bool:
    """Whether a secret cannot well be anything else, so that it may be taken out wherever it stands.

    Of 8 characters at least, 5 different ones, and of 12 where it is but one word of letters: a password "true" or
    "password" would take too much with it.
    """
    shortest = _SHORTEST_WORD if value.isalpha() else _SHORTEST
    return len(value) >= shortest and len(set(value)) >= _FEWEST_DIFFERENT and value not in REDACTED


def expression_of(values: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds those of the values that are distinctive, as they are and as JSON and URLs escape them."""
    forms = {form for value in values if is_distinctive(value) for form in forms_of(value)}
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None


def forms_of(value: str) -> set[str]:
    """Return a text as it is, as JSON escapes it (which is how ComfyUI writes metadata), and as URLs do."""
    bare = value.encode("utf-8", "replace").decode()
    return {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], quote(bare, safe=""),
            quote_plus(bare)}  # fmt: skip


def without_secrets(text: str, known: re.Pattern[str] | None = None) -> str:
    """Return a text without what looks like a key or token of a known service, and without what is one's own.

    known  finds values to be taken out as well, see `expression_of`

    What is left has nothing to be taken out, so that doing it twice is doing it once.
    """
    own = _process.patterns
    if known is None and not own and not _may_hold(text):
        return text
    while True:
        # What was taken out stays as it is, whatever the patterns say of it.
        parts = [_once(part, known, own) for part in text.split(REDACTED)]
        done = REDACTED.join(parts)
        if done == text:
            return done
        text = done


def fit_to_tell(text: str) -> str:
    """Return a text to be told: without secrets, and without the values that were heard of."""
    return without_secrets(text, _process.expression)


def find_secrets(text: str) -> list[str]:
    """Return what looks like a key or token of a known service in a text, and what is one's own."""
    found = [one[0].removeprefix(_kept(one)) for one in re.finditer(_SECRETS, text)] if _may_hold(text) else []
    return found + [one[0] for pattern in _process.patterns for one in pattern.finditer(text) if one[0]]


def _once(text: str, known: re.Pattern[str] | None, own: Patterns) -> str:
    for pattern in own if known is None else (known, *own):
        text = pattern.sub(lambda found: REDACTED if found[0] else "", text)
    return re.sub(_SECRETS, lambda found: f"{_kept(found)}{REDACTED}", text) if _may_hold(text) else text


def _kept(found: re.Match[str]) -> str:
    """Return what stays of a match: the name in front of the secret."""
    return found[1] or found[2] or ""


def _may_hold(text: str) -> bool:
    # Most texts hold nothing of the kind, and are many.
    for word in _SIGNS:  # noqa: SIM110 - `any` takes twice as long
        if word in text:
            return True
    return False
