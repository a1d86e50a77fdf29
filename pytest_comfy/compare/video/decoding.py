"""Video files to pictures by PyAV, every failure turned into one error, memory and time bounded."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from PIL import Image

from ..extras import load, open_media
from ..memory import fits, recall, remember, taking
from ..result import CompareError, UndecodableError
from ..still.decoding import MAX_ANIMATION_PIXELS, MAX_FRAMES, MOST_FRAMES_KEPT
from .containers import demuxer
from .planes import content, interpretation, to_picture

MAX_PIXELS = 2**25
"""Largest width times height, 8192x4096, which holds 8K video: a decoder keeps some twenty such frames."""
_FRAMES_KEPT = 21
"""Frames that a decoder keeps at most: sixteen of H.264 to look back at, and those on their way."""
_PICTURES = 30
"""Bytes a pixel of what is made of the current frame."""
_WIDEST = 8
"""Bytes a pixel where the file does not tell the format: four channels of 16 bits."""
JITTER = 1.01
"""Milliseconds that frames of a constant rate may lie off their times: Matroska rounds to whole ones."""


@dataclass(frozen=True)
class Timing:
    """When frames are shown.

    durations  milliseconds of each frame
    rate       frames a second, the mean over the video; 0 for a single frame without a rate
    constant   whether all frames are shown equally long, but for the rounding of the container
    """

    durations: list[float]
    rate: float
    constant: bool


class _Whole(NamedTuple):
    """All that a pass over a video tells."""

    pictures: list[Image.Image]
    timing: Timing
    sha256: str


class VideoReader:
    """Reads a video from start to end, as often as it is asked to.

    After a whole pass `timing` and `sha256` (of decoded planes, their interpretation and the timing) are known.
    """

    timing: Timing
    sha256: str

    def __init__(self, data: bytes) -> None:
        self._data = data

    def pictures(self) -> Iterator[Image.Image]:
        """Yield each frame as RGB or RGBA, which must not be changed. Raises UndecodableError and MissingExtraError.

        All of a short video are kept while its run is judged, so that they are decoded once.
        """
        known: _Whole | None = recall(self._data)
        if known is not None:
            self.timing, self.sha256 = known.timing, known.sha256
            yield from known.pictures
            return
        kept: list[Image.Image] = []
        size_kept = 0
        digest = hashlib.sha256()
        times: list[Fraction | None] = []
        described = ""
        with _opened(self._data) as (container, stream):
            size: tuple[int, int] | None = None
            frames = _decoded(container, stream)
            while True:
                with _guard():
                    frame = next(frames, None)
                    if frame is None:
                        break
                    if size is None:
                        size = frame.width, frame.height
                    _check_frame(frame, size, len(times))
                    if described != (described := interpretation(frame)):
                        digest.update(described.encode())
                    for plane in content(frame):
                        digest.update(plane)
                    times.append(None if frame.pts is None else frame.pts * Fraction(frame.time_base))
                    picture = to_picture(frame)
                size_kept += 4 * picture.width * picture.height
                if size_kept <= MOST_FRAMES_KEPT and fits(size_kept):
                    kept.append(picture)
                else:
                    kept.clear()
                yield picture
            with _guard():
                self.timing = _timing(times, stream)
        digest.update(str(_whole_milliseconds(times)).encode())
        self.sha256 = digest.hexdigest()
        if len(kept) == len(times):
            remember(self._data, _Whole(kept, self.timing, self.sha256), size_kept)


@contextmanager
def _opened(data: bytes) -> Iterator[tuple[Any, Any]]:
    av = _library()
    # Named formats and no protocols: a container must not make the machine open other files.
    options = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm", "protocol_whitelist": "none"}
    with _guard():
        container = open_media(av, data, format=demuxer(data), options=options)
    try:
        with _guard():
            if not container.streams.video:
                raise UndecodableError("the file has no video track")
            stream = container.streams.video[0]
            context = stream.codec_context
            _check_size(context.width, context.height)
            # Errors in the data end the decoding, where players would show something in their place.
            stream.codec_context.options = {"err_detect": "explode", "max_pixels": str(MAX_PIXELS)}
            stream.codec_context.thread_type = "NONE"
            size = f"the video is {context.width}x{context.height}, and to decode it"
        with taking(_cost(context), size):
            yield container, stream
    finally:
        container.close()


def _cost(context: Any) -> int:
    """Return the bytes that decoding takes, with as many frames to look back at as there may be."""
    form = context.format
    wide = form.padded_bits_per_pixel / 8 if form is not None else _WIDEST
    return int(context.width * context.height * (wide * _FRAMES_KEPT + _PICTURES))


def _library() -> Any:
    return load("av", "comparing video needs PyAV: pip install 'pytest-comfy[video]'")


@contextmanager
def _guard() -> Iterator[None]:
    """Let PyAV log nothing from this thread, and raise nothing but errors of ours."""
    av = _library()
    try:
        with av.logging.Capture():
            yield
    except CompareError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UndecodableError(f"the video is broken or truncated ({reason})") from error


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    for packet in container.demux(stream):
        yield from packet.decode()


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UndecodableError(f"the video is {width}x{height}, more than {MAX_PIXELS} pixels a frame are refused")


def _check_frame(frame: Any, size: tuple[int, int], index: int) -> None:
    width, height = frame.width, frame.height
    _check_size(width, height)
    if index >= MAX_FRAMES or (index + 1) * width * height > MAX_ANIMATION_PIXELS:
        raise UndecodableError(
            f"the video has more than {index} frames of {width}x{height}, more than {MAX_FRAMES} frames or "
            f"{MAX_ANIMATION_PIXELS} pixels are refused"
        )
    if (width, height) != size:
        raise UndecodableError(f"frame {index + 1} is {width}x{height}, those before are {size[0]}x{size[1]}")
    if frame.is_corrupt:
        raise UndecodableError(f"frame {index + 1} is broken")


def _whole_milliseconds(times: list[Fraction | None]) -> list[int | None]:
    """Return when frames are shown after the first, rounded as Matroska keeps it."""
    start = times[0] or 0
    return [None if time is None else math.floor((time - start) * 1000 + Fraction(1, 2)) for time in times]


def _timing(times: list[Fraction | None], stream: Any) -> Timing:
    if not times:
        raise UndecodableError("the video has no frames")
    declared = Fraction(stream.average_rate or 0)
    known = [time for time in times if time is not None]
    if len(known) < len(times) or len(times) == 1:
        shown = 1000 / declared if declared > 0 else Fraction(0)
        return Timing([round(float(shown), 3)] * len(times), float(declared), True)
    starts = sorted((time - min(known)) * 1000 for time in known)
    mean = starts[-1] / (len(starts) - 1)
    for shown in (1000 / declared if declared > 0 else mean, mean):
        if shown > 0 and all(abs(start - i * shown) <= JITTER for i, start in enumerate(starts)):
            return Timing([round(float(shown), 3)] * len(starts), float(1000 / shown), True)
    steps = [round(float(after - before), 3) for before, after in pairwise(starts)]
    rate = float(1000 / mean) if mean > 0 else 0.0
    return Timing([*steps, steps[-1]], rate, False)
