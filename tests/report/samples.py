"""Reports to look at: documents of report.json of every kind of output, with real files beside them."""

from __future__ import annotations

import io
import math
import wave

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from pytest_comfy.compare import compare_images, draw_difference
from pytest_comfy.judging.verdict import OutputVerdict

SUFFIXES = {
    "image/png": ".png", "image/webp": ".webp", "audio/x-wav": ".wav", "video/mp4": ".mp4", "text/plain": ".txt",
    "model/obj": ".obj",
}  # fmt: skip
NODES = (
    ("4", "CheckpointLoaderSimple", "Load Checkpoint"), ("6", "CLIPTextEncode", "Positive"),
    ("7", "CLIPTextEncode", "Negative"), ("5", "EmptyLatentImage", "Canvas"), ("3", "KSampler", "KSampler"),
    ("8", "VAEDecode", "VAE Decode"), ("9", "SaveImage", "Save Image"),
)  # fmt: skip
LINKS = (
    ("4", 0, "3", "model"), ("4", 1, "6", "clip"), ("4", 1, "7", "clip"), ("6", 0, "3", "positive"),
    ("7", 0, "3", "negative"), ("5", 0, "3", "latent_image"), ("3", 0, "8", "samples"), ("4", 2, "8", "vae"),
    ("8", 0, "9", "images"),
)  # fmt: skip
OLD, NEW = "ComfyUI 0.8.0, torch 2.5.1+cu124, cuda NVIDIA L4", "ComfyUI 0.30.0, torch 2.9.0+cu128, cuda NVIDIA L4"
DIFFERENCES = ["ComfyUI 0.8.0 -> 0.30.0", "torch 2.5.1+cu124 -> 2.9.0+cu128"]
TRACEBACK = """Traceback (most recent call last):
  File "/app/execution.py", line 518, in execute
    output_data = await get_output_data(prompt_id, unique_id, obj, input_data_all)
  File "/app/nodes.py", line 1538, in common_ksampler
    samples = comfy.sample.sample(model, noise, steps, cfg, sampler_name)
RuntimeError: mat1 and mat2 shapes cannot be multiplied (77x2048 and 768x320)
"""


def scene(seed=1, size=(256, 192)):
    """A sky over hills, another for every seed."""
    random = np.random.default_rng(seed)
    width, height = size
    y, x = np.mgrid[0:height, 0:width] / height
    tint = random.uniform(40, 200, (2, 3))
    values = tint[0] * (1 - y)[..., None] + tint[1] * y[..., None]
    for level in (0.5, 0.66, 0.82):
        ridge = level + 0.07 * np.sin(x * random.uniform(2, 7) + random.uniform(0, 6)) + 0.02 * np.sin(x * 23 + level)
        values = np.where(
            (y > ridge)[..., None], random.uniform(20, 160, 3) + 12 * np.sin(40 * x * y)[..., None], values
        )
    values += random.normal(0, 3, values.shape)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def png(picture):
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def repainted(picture):
    changed = picture.copy()
    width, height = picture.size
    ImageDraw.Draw(changed).ellipse((width * 0.55, height * 0.3, width * 0.75, height * 0.56), fill=(206, 74, 60))
    return changed


CHANGES = {
    "softer": lambda picture: picture.filter(ImageFilter.GaussianBlur(1.3)),
    "greyer": lambda picture: ImageEnhance.Color(picture).enhance(0.4),
    "lighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.12),
    "repainted": repainted,
    "moved": lambda picture: picture.transform(picture.size, Image.Transform.AFFINE, (1, 0, 5, 0, 1, 0)),
    "noisier": lambda p: Image.fromarray(
        (np.asarray(p) + np.random.default_rng(3).normal(0, 9, (p.height, p.width, 3))).clip(0, 255).astype(np.uint8)
    ),
}


def sound(pitch=440, seconds=1.5, cut=False):
    time = np.arange(int(seconds * 22050)) / 22050
    values = 0.4 * np.sin(2 * np.pi * pitch * time) * np.exp(-time) + 0.15 * np.sin(2 * np.pi * 3 * pitch * time)
    if cut:
        values[len(values) // 2 : len(values) // 2 + 3000] = 0
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22050)
        file.writeframes((values * 32000).astype("<i2").tobytes())
    return stream.getvalue()


def animation(late=0, frames=8):
    pictures = []
    for at in range(frames):
        picture = Image.new("RGB", (160, 120), (28, 34, 52))
        x = 12 + 16 * max(0, at - late)
        ImageDraw.Draw(picture).ellipse((x, 44, x + 32, 76), fill=(238, 178, 92))
        pictures.append(picture)
    stream = io.BytesIO()
    pictures[0].save(stream, "WEBP", save_all=True, append_images=pictures[1:], duration=120, lossless=True)
    return stream.getvalue()


def video(late=0, frames=24):
    """An H.264 file; needs PyAV."""
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        track = container.add_stream("libx264", rate=12)
        track.width, track.height, track.pix_fmt = 160, 120, "yuv420p"
        for at in range(frames):
            picture = Image.new("RGB", (160, 120), (24, 44, 46))
            x = 4 + 5 * max(0, at - late)
            ImageDraw.Draw(picture).rectangle((x, 40, x + 30, 80), fill=(228, 120, 96))
            container.mux(track.encode(av.VideoFrame.from_image(picture)))
        container.mux(track.encode())
    return stream.getvalue()


class Sample:
    """A report that grows case by case in a folder; `document` is its report.json."""

    def __init__(self, report_dir, **more):
        self.report_dir = report_dir
        self.document = {
            "schema": 1, "created": "2026-11-26T07:00:00Z", "by": "pytest-comfy 0.1.0", "interrupted": False,
            "mode": "live", "servers": ["http://127.0.0.1:8188 (ComfyUI 0.30.0, torch 2.9.0+cu128, cuda NVIDIA L4)"],
            "commit": "4f0c2a9be1d7", "counts": {"cases": {}, "outputs": {}}, "ci": None, "cases": [], **more,
        }  # fmt: skip

    def case(self, key, outputs=(), outcome="failed", **more):
        """Add a case of outputs as the methods below give them."""
        name, _, case = key.rpartition("/")
        failed = [one for one in outputs if one["verdict"] in ("different", "missing", "unexpected")]
        headline = f"{failed[0]['group']}: node {failed[0]['node']} '{failed[0]['title']}'" if failed else ""
        changed = outcome == "failed"
        self.document["cases"].append({
            "node_id": f"workflows/{name}.json::{case}", "key": key, "project": "", "source": f"workflows/{name}.json",
            "case": case, "folder": key, "outcome": outcome, "headline": headline, "failure": None, "notes": [],
            "text": headline, "server": self.document["servers"][0], "mode": "live", "seconds": 4.21,
            "prompt_id": "6d1c", "started": "2026-11-26T07:00:00Z",
            "golden": {"folder": f"golden/{key}", "digest": "0" * 64, "approved": "2026-09-02T10:00:00Z",
                       "reason": "first version"},
            "target": f"golden/{key}", "run": f"{key}/run", "refused": None, "doubts": [],
            "environment": {"golden": OLD, "actual": NEW if changed else OLD,
                            "differences": DIFFERENCES if changed else []},
            "prompt_differences": [],
            "timings": [{"node": node, "title": title, "class_type": kind, "golden": 0.2 * at * at + 0.02,
                         "actual": 0.23 * at * at + 0.01, "cached": at == 0}
                        for at, (node, kind, title) in enumerate(NODES)],
            "graph": {"nodes": [{"id": node, "title": title, "class_type": kind} for node, kind, title in NODES],
                      "links": [list(one) for one in LINKS]},
            "error": None, "server_log": None,
            "approve": f"pytest workflows/{name}.json::{case} --comfy-update=changed" if changed else None,
            "outputs": list(outputs), **more,
        })  # fmt: skip
        counts = self.document["counts"]
        counts["cases"][outcome] = counts["cases"].get(outcome, 0) + 1
        for one in outputs:
            counts["outputs"][one["verdict"]] = counts["outputs"].get(one["verdict"], 0) + 1

    def output(self, key, name, verdict="different", message="", media_type="image/png", golden=None, actual=None,
               difference=None, **more):  # fmt: skip
        """Return an output, its files written into the folder of the case."""
        node, kept, index = name.split(".")
        folder = self.report_dir / key
        folder.mkdir(parents=True, exist_ok=True)
        files = {}
        for role, data in (("golden", golden), ("actual", actual), ("difference", difference)):
            if data is not None:
                suffix = SUFFIXES[media_type] if role != "difference" else ".png"
                (folder / f"{name}.{role}{suffix}").write_bytes(data)
                files[role] = f"{key}/{name}.{role}{suffix}"
        return {
            "name": name, "node": node, "title": "Save Image", "key": kept, "index": int(index),
            "kind": media_type.partition("/")[0], "media_type": media_type, "verdict": verdict, "message": message,
            "kinds": [], "group": OutputVerdict(name, "", "different", message).change,
            "distance": 0.0, "tolerance": "normal", "parts": [], "regions": [], "size": None, "files": files,
            "text": None, **more,
        }  # fmt: skip

    def picture(self, key, name, picture, change, **more):
        """Return an output of a picture before and after a change, judged and drawn as the plugin does it."""
        changed = change(picture)
        found = compare_images(picture, changed)
        before, after = png(picture), png(changed)
        sheet = draw_difference(before, after, "image/png", regions=found.regions)
        return self.output(
            key, name, found.verdict, found.message, golden=before, actual=after, difference=sheet and sheet.data,
            kinds=list(found.kinds), regions=[list(one) for one in found.regions], size=list(picture.size),
            distance="inf" if math.isinf(found.distance) else found.distance,
            parts=[{"name": part, "value": one.value, "limit": "inf" if math.isinf(one.limit) else one.limit,
                    "distance": "inf" if math.isinf(one.distance) else one.distance}
                   for part, one in found.parts.items()],
            **more,
        )  # fmt: skip

    def passed(self, count, outputs=1):
        """Add cases of which nothing is to be told."""
        for at in range(count):
            key = f"stable/scene_{at + 1:03}/default"
            self.case(key, [self.output(key, f"9.images.{n}", "identical") for n in range(outputs)], "passed")


def everything(report_dir, paint=scene, videos=True):
    """A report with every kind of output; `paint` makes a picture of a number."""
    sample = Sample(report_dir)
    add = sample.case
    key = "portrait/default"
    add(key, [sample.picture(key, "9.images.0", paint(7), CHANGES["softer"])], seconds=18.4,
        prompt_differences=["node 3 'KSampler' seed: 1 -> 2"])  # fmt: skip
    for at, name in enumerate(("harbour/default", "harbour/night", "valley/default")):
        add(name, [sample.picture(name, "9.images.0", paint(20 + at), CHANGES["softer"])])
    for at, (name, change) in enumerate((("street/default", "greyer"), ("street/rain", "greyer"),
                                         ("garden/default", "repainted"), ("lake/default", "moved"))):  # fmt: skip
        add(name, [sample.picture(name, "9.images.0", paint(30 + at), CHANGES[change])])
    key = "batch/four"
    changes = [CHANGES["lighter"], lambda one: one.copy(), CHANGES["repainted"], lambda one: one.copy()]
    add(key, [sample.picture(key, f"9.images.{at}", paint(40 + at), change) for at, change in enumerate(changes)])
    _other_kinds(sample, videos)
    add(
        "upscale/default",
        outcome="error",
        headline="RuntimeError in node 3 'KSampler'",
        outputs=[],
        error={
            "type": "RuntimeError",
            "message": TRACEBACK.splitlines()[-1],
            "node": "3",
            "title": "KSampler",
            "class_type": "KSampler",
            "traceback": TRACEBACK,
        },
        server_log="got prompt\nmodel weight dtype torch.float16\n!!! Exception during processing !!!\n" + TRACEBACK,
    )
    add(
        "inpaint/default", [sample.output("inpaint/default", "9.images.0", "missing", "missing: the node made nothing")]
    )
    add("draft/default", [], failure="missing: no golden run at golden/draft/default: approve one",
        headline="missing: no golden run")  # fmt: skip
    key = "poster/default"
    add(
        key,
        [sample.picture(key, "9.images.0", paint(60), lambda one: one.point(lambda level: level + 1))],
        "passed",
    )
    add("new/default", [], "approved")
    sample.passed(12)
    return sample


def _other_kinds(sample, videos):
    add, output = sample.case, sample.output
    key, golden, actual = "music/default", sound(), sound(494, cut=True)
    sheet = draw_difference(golden, actual, "audio/x-wav") if videos else None
    add(key, [output(key, "5.audio.0", message="another pitch (pitch 41 %, limit 8 %)", media_type="audio/x-wav",
                     golden=golden, actual=actual, difference=sheet and sheet.data, title="Save Audio", kinds=["pitch"],
                     distance=5.1, parts=[{"name": "pitch", "value": 41, "limit": 8, "distance": 5.1}])])  # fmt: skip
    key, golden, actual = "bounce/default", animation(), animation(late=2)
    sheet = draw_difference(golden, actual, "image/webp")
    add(key, [output(key, "30.images.0", message="moves later (motion 1.2, normal allows 0.7)", media_type="image/webp",
                     golden=golden, actual=actual, difference=sheet.data, title="Save Animated WEBP", kinds=["motion"],
                     distance=1.7, size=[160, 120], kind="animation")])  # fmt: skip
    if videos:
        key, golden, actual = "clip/default", video(), video(late=6)
        sheet = draw_difference(golden, actual, "video/mp4")
        add(key, [output(key, "12.videos.0", message="moves later (motion 1.4, normal allows 0.7)", golden=golden,
                         actual=actual, difference=sheet and sheet.data, media_type="video/mp4", kinds=["motion"],
                         distance=2.0, size=[160, 120], title="Save Video")])  # fmt: skip
    key = "caption/default"
    before = "\n".join(f"a quiet street at dawn, line {at}" for at in range(30))
    after = before.replace("dawn, line 12", "dusk, line 12").replace("line 20", "line 20\nand one line more")
    add(key, [output(key, "14.text.0", message="text differs in line 13", media_type="text/plain",
                     golden=before.encode(), actual=after.encode(), kinds=["text"], distance="inf",
                     title="Preview Text", text={"golden": before, "actual": after})])  # fmt: skip
    key = "statue/default"
    add(key, [output(key, "21.3d.0", message="another shape (model_surface 8 %, limit 1.8 %)",
                     golden=b"v 0 0 0\n", actual=b"v 0 0 1\n", media_type="model/obj",
                     difference=png(scene(90, (480, 160))), distance=4.4, kinds=["surface"],
                     title="Save 3D")])  # fmt: skip


def many(report_dir, cases=500, outputs=3):
    """A large report in which everything failed; its pictures are five, again and again."""
    sample = Sample(report_dir)
    judged = [sample.picture(f"first/{n}", "9.images.0", scene(n, (96, 64)), CHANGES["softer"]) for n in range(5)]
    data = [{role: (report_dir / path).read_bytes() for role, path in one["files"].items()} for one in judged]
    for at in range(cases):
        key = f"many/scene_{at:03}/default"
        made = [sample.output(key, f"9.images.{n}", **data[at % 5]) for n in range(outputs)]
        own = ("name", "index", "files")
        sample.case(key, [{**judged[at % 5], **{name: one[name] for name in own}} for one in made])
    return sample
