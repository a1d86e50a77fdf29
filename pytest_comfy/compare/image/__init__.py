"""Pictures and animations, as they come in files: which of the two one is, is found out here.

`outputs` goes by the bytes and what was kept, `areas` are the parts of a picture that count.
"""

from __future__ import annotations

from .drawing import draw
from .outputs import FINGERPRINTS, blank, compare, describe

__all__ = ["FINGERPRINTS", "blank", "compare", "describe", "draw"]
