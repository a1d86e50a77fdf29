"""The outputs of a case as the report's documents tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compare.media import is_json, kind_of
from ..golden.redaction import clean
from ..judging.batches import name_today
from ..workflow.digest import match_nodes
from ..workflow.secrets import secrets_in
from .telling import LONGEST_TEXT, line, number, told

if TYPE_CHECKING:
    from ..client import Output
    from ..compare import Comparison
    from ..golden import GoldenOutput, GoldenRun
    from ..judging.seen import Seen
    from ..judging.verdict import CaseVerdict, OutputVerdict

_KINDS = {"splat": "model"}
_KNOWN = ("image", "video", "audio", "model", "latent", "svg", "text")


def outputs_of(verdict: CaseVerdict, seen: Seen, kept: GoldenRun | None, report_dir: Path) -> list[dict[str, Any]]:
    """Return an entry for each output that was judged, in the order of the verdict; paths relative to the report's."""
    made = {one.name: one for one in seen.run.outputs} if seen.run else {}
    described = {one.name: one for one in kept.outputs} if kept else {}
    golden: dict[str, GoldenOutput] = {}
    before = seen.compared
    if before is not None:
        renamed = match_nodes(before.prompt, seen.prompt) if seen.prompt is not None else {}
        golden = {name_today(one, renamed): one for one in before.outputs}
    return [
        _Output(one, seen, made.get(one.name), golden.get(one.name), described.get(one.name)).entry(report_dir)
        for one in verdict.outputs
    ]


def kind_told(media_type: str, fingerprint: Mapping[str, Any] | None) -> str:
    """Return the kind by which an output is shown: that by which it is compared, animations and data on their own."""
    if is_json(media_type):
        return "data"
    kind = kind_of(media_type)
    if kind == "image" and fingerprint and "frames" in fingerprint:
        return "animation"
    kind = _KINDS.get(kind, kind)
    return kind if kind in _KNOWN else "model" if kind.startswith("model/") else "other"


@dataclass(frozen=True)
class _Output:
    """An output that was judged, and what is known of it: as it was made, as it was approved, and as it was kept."""

    verdict: OutputVerdict
    seen: Seen
    actual: Output | None
    golden: GoldenOutput | None
    kept: GoldenOutput | None

    def entry(self, report_dir: Path) -> dict[str, Any]:
        """Return the entry of the document."""
        verdict, comparison = self.verdict, self.verdict.comparison
        node, key, index = verdict.name.rsplit(".", 2)
        described = self.kept or self.golden
        known = self.actual or described
        media_type = known.media_type if known else None
        kind = kind_told(media_type, described.fingerprint if described else None) if media_type else "other"
        return {
            "name": verdict.name,
            "node": node,
            "title": line(verdict.title),
            "key": key,
            "index": int(index),
            "kind": kind,
            "media_type": line(media_type, 100) if media_type else None,
            "verdict": verdict.verdict,
            "message": told(verdict.message),
            "kinds": list(comparison.kinds) if comparison else [],
            "group": verdict.change,
            "distance": number(comparison.distance) if comparison else None,
            "tolerance": comparison.tolerance if comparison else None,
            "parts": _parts(comparison),
            "regions": [[int(edge) for edge in region] for region in comparison.regions] if comparison else [],
            "size": list(described.size) if described and described.size else None,
            "files": {what: path.relative_to(report_dir).as_posix() for what, path in verdict.files},
            "actual": self._hashes(),
            "drift": None,
            "text": self._texts() if kind in ("text", "data") else None,
        }

    def _hashes(self) -> dict[str, str | None] | None:
        """Return what tells the output from others: of its file, without secrets where it was kept, and its pixels."""
        if self.actual is None:
            return None
        if self.kept is not None:
            return {"sha256": self.kept.sha256, "pixels_sha256": self.kept.pixels_sha256}
        comparison = self.verdict.comparison
        known = (comparison.described if comparison else None) or {"sha256": sha256(self.actual.data).hexdigest()}
        return {key: known.get(key) for key in ("sha256", "pixels_sha256")}

    def _texts(self) -> dict[str, str | None] | None:
        if self.verdict.verdict in ("identical", "ignored"):
            return None
        golden, file = self.seen.compared, self.golden.file if self.golden else None
        return {
            "golden": self._text(golden.blobs.get(file)) if golden and file else None,
            "actual": self._text(self.actual.data) if self.actual else None,
        }

    def _text(self, data: bytes | None) -> str | None:
        run = self.seen.run
        bare = clean(data, secrets_in(run.prompt, run.extra_data) if run else set()) if data is not None else None
        return None if bare is None else told(bare[:LONGEST_TEXT].decode("utf-8", "replace"))


def _parts(comparison: Comparison | None) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "value": number(part.value),
            "limit": number(part.limit),
            "distance": number(part.distance),
        }
        for name, part in (comparison.parts.items() if comparison else ())
    ]
