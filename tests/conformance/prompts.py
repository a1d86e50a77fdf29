"""The prompts of the scenarios: small pictures of one colour, which any ComfyUI makes without a model."""

from __future__ import annotations

from typing import Any

Prompt = dict[str, Any]


def node(class_type: str, title: str | None = None, **inputs: Any) -> dict[str, Any]:
    """Return a node."""
    meta = {"_meta": {"title": title}} if title else {}
    return {"class_type": class_type, "inputs": inputs, **meta}


def chain(color: int, *, size: int = 48, batch: int = 1, prefix: str = "cap/img") -> Prompt:
    """Return a prompt of four nodes: a picture, inverted, blurred, saved."""
    return {
        "1": node("EmptyImage", "Canvas", width=size, height=size, batch_size=batch, color=color),
        "2": node("ImageInvert", image=["1", 0]),
        "3": node("ImageBlur", image=["2", 0], blur_radius=2, sigma=1.0),
        "4": node("SaveImage", images=["3", 0], filename_prefix=prefix),
    }


def slow(color: int, seconds: float = 1.5) -> Prompt:
    """Return a prompt that sleeps on its way; it needs ComfyUI's testing nodes."""
    return {**chain(color), "2": node("TestSleep", value=["1", 0], seconds=seconds)}


def failing(color: int, class_type: str, **inputs: Any) -> Prompt:
    """Return a prompt in which a node of this class fails, behind the second."""
    return {
        **chain(color),
        "4": node("SaveImage", images=["7", 0], filename_prefix="x"),
        "7": node(class_type, value=["2", 0], **inputs),
    }


def kinds(color: int) -> dict[str, Prompt]:
    """Return what it is -> a prompt that puts out this kind of file or text."""
    picture = node("EmptyImage", width=32, height=32, batch_size=3, color=color)
    sound = node("EmptyAudio", duration=0.5, sample_rate=44100, channels=2)
    latent = node("EmptyLatentImage", width=64, height=64, batch_size=1)
    video = node("CreateVideo", images=["1", 0], fps=8.0)
    return {
        "animated webp": {"1": picture, "2": node("SaveAnimatedWEBP", images=["1", 0], filename_prefix="kind/anim",
                                                   fps=6.0, lossless=False, quality=80, method="default")},
        "animated png": {"1": picture, "2": node("SaveAnimatedPNG", images=["1", 0], filename_prefix="kind/anim",
                                                  fps=6.0, compress_level=4)},
        "webm": {"1": picture, "2": node("SaveWEBM", images=["1", 0], filename_prefix="kind/vid", codec="vp9",
                                         fps=8.0, crf=32.0)},
        "mp4": {"1": picture, "2": video, "3": node("SaveVideo", video=["2", 0], filename_prefix="kind/vid",
                                                     format="auto", codec="auto")},
        "flac": {"1": sound, "2": node("SaveAudio", audio=["1", 0], filename_prefix="kind/sound")},
        "preview of sound": {"1": sound, "2": node("PreviewAudio", audio=["1", 0])},
        "text": {"1": sound, "2": node("PreviewAny", source=["1", 0])},
        "joined text": {"1": node("StringConcatenate", string_a="one", string_b="two", delimiter="-"),
                        "2": node("PreviewAny", source=["1", 0])},
        "latent": {"1": latent, "2": node("SaveLatent", samples=["1", 0], filename_prefix="kind/latent")},
        "websocket": {"1": picture, "2": node("SaveImageWebsocket", images=["1", 0])},
        "mask": {"1": node("SolidMask", value=0.25, width=16, height=16), "2": node("MaskPreview", mask=["1", 0])},
    }  # fmt: skip


def intermediate(color: int) -> Prompt:
    """Return a prompt with a node that tells of its output without being an output node, and texts and comparisons."""
    return {
        **chain(color),
        "5": node("ImageCropV2", image=["2", 0], crop_region={"x": 2, "y": 2, "width": 12, "height": 12}),
        "6": node("PreviewImage", images=["5", 0]),
        "7": node("SaveText", text="two\nlines", filename_prefix="cap/text", format="md"),
        "8": node("ImageCompare", image_a=["1", 0], image_b=["3", 0], compare_view={}),
    }


def refused(color: int) -> dict[str, Any]:
    """Return what is wrong -> a prompt that no server takes."""
    good = chain(color)
    return {
        "empty": {},
        "no outputs": {"1": good["1"]},
        "no class": {**good, "3": {"inputs": {}}},
        "unknown class": {**good, "3": node("NoSuchNode", "Mine", image=["2", 0])},
        "unknown class without title": {**good, "3": node("NoSuchNode", image=["2", 0])},
        "input missing": {**good, "1": node("EmptyImage", width=8, batch_size=1, color=0)},
        "output's input missing": {**good, "4": node("SaveImage", filename_prefix="x")},
        "not in list": {**good, "5": node("LoadImage", image="no-such.png"), "6": node("SaveImage", images=["5", 0])},
        "too small": {**good, "1": node("EmptyImage", width=0, height=0, batch_size=0, color=0)},
        "too big": {**good, "1": node("EmptyImage", width=10**8, height=8, batch_size=1, color=0)},
        "no number": {**good, "1": node("EmptyImage", width="wide", height=8, batch_size=1, color=0)},
        "wrong type": {**good, "4": node("SaveImage", images=["5", 0], filename_prefix="x"),
                       "5": node("SolidMask", value=1.0, width=8, height=8)},
        "bad link": {**good, "2": node("ImageInvert", image=["1"])},
        "link to nowhere": {**good, "2": node("ImageInvert", image=["77", 0])},
        "slot out of range": {**good, "2": node("ImageInvert", image=["1", 9])},
        "cycle": {**good, "2": node("ImageInvert", image=["3", 0])},
        "longer cycle with a fault in it": {
            **good, "2": node("ImageInvert", image=["5", 0]), "5": node("ImageBlur", image=["3", 0], blur_radius=0),
        },
        "choice that is none": {**good, "5": node("SaveText", text="x", filename_prefix="x", format="it's")},
    }  # fmt: skip
