"""Style and scripts of the pages: ours, copied beside them or written into them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from ...files import is_folder, refuse_links, write_whole

STYLES = ("base", "overview", "cases", "output", "stage", "details", "print")
"""One sheet in the end, in this order."""
SCRIPTS = (
    "core", "theme", "links", "filter", "zoom", "pixels", "ways", "stage", "players", "video", "animation", "fourier",
    "sound", "keys",
)  # fmt: skip
"""Scripts in the order they are run in; each adds to the one name ComfyReport. No modules: from a disk, browsers refuse
those."""
REVIEW_STYLE = "review"
REVIEW_SCRIPTS = ("decisions", "deciding", "review")
"""What pages have beside them on which something is decided; such pages are served, and never written."""
_FOLDER = "assets"


@cache
def style() -> str:
    """Return the sheet."""
    return "\n".join(_read(f"{name}.css") for name in STYLES)


@cache
def script(name: str) -> str:
    """Return one script."""
    return _read(f"{name}.js")


def policy(inline: bool) -> str:
    """Return the Content-Security-Policy of the pages: nothing from elsewhere, and nothing that was not shipped."""
    scripts, styles = (_hashes(map(script, SCRIPTS)), _hashes([style()])) if inline else ("'self'", "'self'")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {scripts}",
            f"style-src {styles}",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            *([] if inline else ["connect-src 'self'"]),
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def served() -> dict[str, str]:
    """Return path -> content of all that pages on which something is decided load."""
    contents = {f"{name}.js": script(name) for name in (*SCRIPTS, *REVIEW_SCRIPTS)}
    contents |= {"report.css": style(), "review.css": _read(f"{REVIEW_STYLE}.css")}
    return {f"{_FOLDER}/{name}": content for name, content in contents.items()}


def place(report_dir: Path, inline: bool) -> None:
    """Put the assets beside the pages, or take those of an earlier report away. Raises OSError, also for links."""
    folder = report_dir / _FOLDER
    refuse_links(report_dir, folder)
    contents = {"report.css": style(), **{f"{name}.js": script(name) for name in SCRIPTS}}
    if not inline:
        folder.mkdir(exist_ok=True)
        for name, content in contents.items():
            write_whole(folder / name, content.encode("utf-8"))
    elif is_folder(folder):
        for name in contents:
            (folder / name).unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()


def _read(name: str) -> str:
    return files(__package__ or "").joinpath("static").joinpath(name).read_text("utf-8")


def _hashes(contents: Sequence[str] | map[str]) -> str:
    digests = (hashlib.sha256(content.encode("utf-8")).digest() for content in contents)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in digests)
