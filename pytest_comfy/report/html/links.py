"""What a page may show and link: files that lie in the report's folder, beside the page or written into it."""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...files import read_below, refuse_links
from ...media import media_type_of

SHOWN = {
    ".png": "image", ".apng": "image", ".jpg": "image", ".jpeg": "image", ".webp": "image", ".gif": "image",
    ".avif": "image", ".bmp": "image", ".svg": "image",
    ".mp4": "video", ".m4v": "video", ".webm": "video", ".mov": "video", ".mkv": "video",
    ".wav": "audio", ".mp3": "audio", ".ogg": "audio", ".opus": "audio", ".flac": "audio", ".m4a": "audio",
    ".aac": "audio",
}  # fmt: skip
"""How a name ends -> the element of a page that shows the file."""
_LONGEST = 1000
_THUMBNAIL = 176
"""Pixels of the longer side of a thumbnail that is written into the page."""
_MOST_PIXELS = 2**26


class Links:
    """Where the files of a report are found from a page of it.

    inline  whether what is shown is written into the page, as data: URLs; files that are not shown are not linked then
    """

    def __init__(self, report_dir: Path, inline: bool) -> None:
        self.report_dir = report_dir
        self.inline = inline
        self._urls: dict[str, str | None] = {}

    def url(self, path: Any) -> str | None:
        """Return the URL of a file, from the report's folder on; None where the path leaves it or leads nowhere."""
        return self._kept("", path, self._inlined if self.inline else self._linked)

    def thumbnail(self, path: Any) -> str | None:
        """Return the URL of a small picture: the file itself, but where it would be written into the page again."""
        return self._kept("thumbnail of ", path, self._small) if self.inline else self.url(path)

    def element(self, path: Any) -> str:
        """Return what shows a file: image, video, audio; '' where no browser does."""
        return SHOWN.get(Path(path).suffix.lower(), "") if isinstance(path, str) else ""

    def _kept(self, what: str, path: Any, make: Callable[[str], str | None]) -> str | None:
        if not is_inside(path) or not self._is_there(path):
            return None
        name = what + path
        if name not in self._urls:
            self._urls[name] = make(path)
        return self._urls[name]

    def _is_there(self, path: str) -> bool:
        target = self.report_dir / path
        try:
            refuse_links(self.report_dir, target)
            return target.is_file()
        except (OSError, ValueError):
            return False

    def _linked(self, path: str) -> str:
        return quote(path)

    def _inlined(self, path: str) -> str | None:
        if not self.element(path):
            return None
        try:
            data = read_below(self.report_dir, path)
        except OSError:
            return None
        media_type = media_type_of(path, data)
        return _data_url(media_type if media_type.startswith(("image/", "video/", "audio/")) else "image/png", data)

    def _small(self, path: str) -> str | None:
        from PIL import Image  # not at the top: only inlined pages need it

        with contextlib.suppress(OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            with Image.open(io.BytesIO(read_below(self.report_dir, path))) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    return None
                picture.draft("RGB", (_THUMBNAIL, _THUMBNAIL))
                small = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
            small.thumbnail((_THUMBNAIL, _THUMBNAIL))
            stream = io.BytesIO()
            small.save(stream, "WEBP", quality=75)
            return _data_url("image/webp", stream.getvalue())
        return None


def is_inside(path: Any) -> bool:
    """Whether a path, relative and with forward slashes, stays in the folder that it starts from."""
    if not isinstance(path, str) or not 0 < len(path) <= _LONGEST or "\\" in path or not path.isprintable():
        return False
    return not any(part in ("", ".", "..") for part in path.split("/"))


def _data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
