"""Bytes to pictures, with everything that Pillow may raise or warn about turned into one error."""

from __future__ import annotations

import hashlib
import io
import struct
import threading
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from ..extras import load
from ..memory import decoded_once, fits, require
from ..result import CompareError, MissingExtraError, UndecodableError
from .costs import JXL, bytes_a_pixel
from .exr import SIGNATURE as EXR_SIGNATURE
from .exr import decode_exr
from .jxl import SIGNATURES as JXL_SIGNATURES
from .jxl import size_of

MAX_PIXELS = 2**28
"""Largest width times height, 16384x16384: four times the 8K upscales people make, 1 GiB as RGBA."""
MAX_FRAMES = 10_000
"""Most frames of an animation: nearly seven minutes at 24 frames a second."""
MAX_ANIMATION_PIXELS = 2**34
"""Most pixels over all frames, 16384 frames of 1024x1024: bounds the time an animation can take."""

MOST_FRAMES_KEPT = 2**26
"""Bytes of the frames of an animation up to which all of them are kept: 64 of 512x512."""
_FRAMES = "pytest_comfy_frames"
"""Attribute of animations: their frames, where they are kept."""
_PLANE = 4
"""Bytes a pixel of a picture, as Pillow keeps it; some take fewer."""

DEEP_COLOUR = "pytest_comfy.deep_colour"
"""Key in `Image.info` of pictures with more than 8 bits a colour channel; holds a digest of their stored data."""
FLOAT_BOUNDS = "pytest_comfy.float_bounds"
"""Key in `Image.info` of pictures in floating-point colours; holds their lowest and highest value."""

# EPS and PDF start programs, and vector or stub formats hold no pixels of their own: not in this list.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "TGA", "JPEG2000", "QOI", "JXL")


def decode(data: bytes) -> Image.Image:
    """Decode a picture or animation and read all of it, so that later seeking cannot fail.

    A still is turned as its EXIF orientation says and viewers show it.
    Raises UndecodableError for anything that is no complete picture of at most MAX_PIXELS a frame,
    MAX_FRAMES frames and MAX_ANIMATION_PIXELS in all, and TooLargeError, before any pixel is there, where to compare
    it would take more memory than there is. What it returns must not be changed: others may get the same.
    """
    return decoded_once(data, lambda: _decode(data), _bytes_kept)


def _bytes_kept(image: Image.Image) -> int:
    """Return the bytes that a picture is kept in; 0 for animations that whoever reads them has to seek in."""
    count = frame_count(image)
    return _PLANE * image.width * image.height * count if count == 1 or hasattr(image, _FRAMES) else 0


def _decode(data: bytes) -> Image.Image:
    if data.startswith(EXR_SIGNATURE):
        return _decode_exr(data)
    _check_plugins(data)
    with guard():
        Image.init()
        image = Image.open(io.BytesIO(data), formats=[name for name in _FORMATS if name in Image.OPEN])
        pixels = image.width * image.height
        count = frame_count(image)
        require(pixels * bytes_a_pixel(image, count), _named(image.width, image.height))
        if pixels > MAX_PIXELS:
            raise UndecodableError(
                f"the picture is {image.width}x{image.height}, more than {MAX_PIXELS} pixels are refused"
            )
        if count > MAX_FRAMES or count * pixels > MAX_ANIMATION_PIXELS:
            raise UndecodableError(
                f"the animation has {count} frames of {image.width}x{image.height}, more than {MAX_FRAMES} "
                f"frames or {MAX_ANIMATION_PIXELS} pixels are refused"
            )
        deep = _has_deep_colour(image)
        image.load()
        if deep:
            image.info[DEEP_COLOUR] = _stored_data_digest(data)
    if count == 1:
        return _upright(image)
    _read_frames(image, count)
    return image


def _read_frames(image: Image.Image, count: int) -> None:
    """Read all frames of an animation, and keep them with it where they take little: they are asked for often."""
    size = _PLANE * image.width * image.height * count
    keeps = size <= MOST_FRAMES_KEPT and fits(size + image.width * image.height * bytes_a_pixel(image, count))
    kept = [frame.copy() for frame in frames(image) if keeps]
    for frame in kept:
        setattr(frame, "n_frames", count)  # noqa: B010 - for `frame_count`: of an animation they remain
        if DEEP_COLOUR not in image.info:  # Pillow forgot it as it went back, and kept fingerprints were made without
            frame.info.pop(DEEP_COLOUR, None)
    if keeps:
        setattr(image, _FRAMES, kept)


def _upright(image: Image.Image) -> Image.Image:
    if image.format == "JXL":  # its decoder has done so
        return image
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # of broken metadata Pillow raises what it likes, and viewers show the picture as it is
        return image
    if orientation == 1:
        return image
    with guard():
        return ImageOps.exif_transpose(image)


def _named(width: int, height: int) -> str:
    return f"the picture is {width}x{height}, and to compare it"


def _decode_exr(data: bytes) -> Image.Image:
    image, digest, bounds = decode_exr(data, MAX_PIXELS)
    if image.mode != "F":
        image.info.update({DEEP_COLOUR: digest, FLOAT_BOUNDS: bounds})
    return image


def _check_plugins(data: bytes) -> None:
    """Load what Pillow needs for a format, or say what to install; raises TooLargeError where opening decodes."""
    if data.startswith(JXL_SIGNATURES):
        load("pillow_jxl", "a JPEG XL picture needs a plugin: pip install 'pytest-comfy[jxl]'")  # it registers itself
        width, height = size_of(data)  # the plugin decodes all before it tells
        require(width * height * JXL, _named(width, height))
    elif data[4:12] in (b"ftypavif", b"ftypavis") and "AVIF" not in _readable():
        raise MissingExtraError("an AVIF picture needs a newer Pillow: pip install 'Pillow>=11.3'")


def _readable() -> Collection[str]:
    Image.init()
    return Image.OPEN


def frame_count(image: Image.Image) -> int:
    """Return the number of frames; 1 for stills and for animations of one frame."""
    return int(getattr(image, "n_frames", 1))


def frames(image: Image.Image) -> Iterator[Image.Image]:
    """Yield the image itself, loaded, at each of its frames in order, or the frames that `decode` kept of it.

    It is at its first frame afterwards. What is kept must be copied before the next step. Raises UndecodableError when
    a frame is broken.
    """
    if hasattr(image, _FRAMES):
        yield from getattr(image, _FRAMES)
        return
    with guard():
        count = frame_count(image)
    try:
        for index in range(count):
            with guard():
                if count > 1:
                    image.seek(index)
                image.load()
            yield image
    finally:
        if count > 1:
            with guard():
                image.seek(0)


class _Switches:
    """The switches of Pillow, and Python's for warnings, as we want them while any thread is inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: tuple[int | None, bool] = (None, False)
        self._warnings = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._warnings = warnings.catch_warnings(action="ignore")
                self._warnings.__enter__()
                self._before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
            Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses above twice this number
            ImageFile.LOAD_TRUNCATED_IMAGES = False
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = self._before
                self._warnings.__exit__(None, None, None)


_SWITCHES = _Switches()


@contextmanager
def guard() -> Iterator[None]:
    """Run Pillow with our limits, without warnings, and raise nothing but UndecodableError.

    Pillow's switches are global and other code in the process sets them (ComfyUI turns the pixel limit off
    and truncated files on), so they are set while anybody is in here, and put back.
    """
    with _SWITCHES:
        try:
            yield
        except CompareError:
            raise
        except Image.DecompressionBombError as error:
            raise UndecodableError(f"the picture has more than {MAX_PIXELS} pixels") from error
        except UnidentifiedImageError as error:
            raise UndecodableError("the bytes are no picture of a known format") from error
        except Exception as error:
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise UndecodableError(f"the picture is broken or truncated ({reason})") from error


def _has_deep_colour(image: Image.Image) -> bool:
    """Whether Pillow is about to drop the lower byte of 16-bit colour, which shows in the raw mode only."""
    if image.mode not in ("RGB", "RGBA", "LA", "RGBX", "CMYK"):
        return False
    for tile in getattr(image, "tile", ()):
        arguments = tile[3]
        raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
        if isinstance(raw, str) and ";16" in raw:
            return True
    return False


def _stored_data_digest(data: bytes) -> str:
    """Digest what holds the pixels: header and image data of a PNG, without its metadata; else all bytes."""
    digest = hashlib.sha256()
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return hashlib.sha256(data).hexdigest()
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"fcTL", b"fdAT"):
            digest.update(data[at + 8 : at + 8 + length])
        at += length + 12
    return digest.hexdigest()
