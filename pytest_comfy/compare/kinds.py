"""The kinds of output: each is a folder, which loads when the first output of that kind must be looked into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from .drawing import Drawing
from .fingerprinting import Fingerprints
from .kept import Kept, Made
from .result import Comparison, Region
from .rules import Rules

if TYPE_CHECKING:
    from . import audio, image, latents, models, splats, svg, text, video

_FOLDERS: Mapping[str, str] = {
    "audio": "audio",
    "image": "image",
    "latent": "latents",
    "model": "models",
    "splat": "splats",
    "svg": "svg",
    "text": "text",
    "video": "video",
}
"""Kind, as `media.kind_of` names it -> the folder of this package that fulfils Kind."""


class Kind(Protocol):
    """What the folder of a kind offers."""

    @property
    def FINGERPRINTS(self) -> Fingerprints | None:
        """How outputs are compared without their bytes; None where that cannot be done."""

    def describe(self, data: bytes, masks: Sequence[Sequence[int]] = (), *, file_kept: bool = True) -> dict[str, Any]:
        """Return what is kept of an output, of size, pixels_sha256, fingerprint and masks what it has.

        masks      (x, y, width, height) in pixels, that do not count
        file_kept  whether the golden file is kept, from which a fingerprint can be made later: one that needs a
                   package which is missing may be left out then

        Raises UndecodableError for what cannot be decoded, CompareError for malformed masks, and MissingExtraError.
        """

    def compare(self, golden: Kept, actual: Made, rules: Rules) -> Comparison:
        """Compare an output with what was kept of the golden one, of the same kind and with other bytes.

        Raises CompareError when it cannot be judged.
        """

    def blank(self, data: bytes, made: Mapping[str, Any] | None = None) -> str | None:
        """Return how an output looks that shows nothing, such as "black"; None for any other.

        made  its fingerprint without masks, of this version, where it is known


        Raises as `describe` does.
        """

    def draw(
        self, golden: bytes, actual: bytes, masks: Sequence[Sequence[int]] = (), regions: Sequence[Region] = ()
    ) -> Drawing | None:
        """Draw two outputs and what differs; None when either cannot be read, or nothing can be shown."""


if TYPE_CHECKING:
    _CHECKED: tuple[Kind, ...] = (audio, image, latents, models, splats, svg, text, video)


def kind_named(name: str) -> Kind | None:
    """Return what judges outputs of a kind; None for kinds of which only the bytes are known."""
    folder = _FOLDERS.get(name)
    return cast(Kind, import_module(f".{folder}", __package__)) if folder else None
