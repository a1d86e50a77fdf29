"""In what versions of ComfyUI differ when they validate, as switches."""

from __future__ import annotations

from dataclasses import dataclass

SINCE = {
    "modern": "0.4.0",
    "titles": "0.12.0",
    "grown": "0.12.0",
    "cycles": "0.20.0",
    "multiselect": "0.21.0",
    "models": "0.26.0",
    "groups": "0.38.0",
    "remote": "0.38.0",
}
"""Switch of `Manners` -> the version of ComfyUI that it came in with, as far as that is known."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a server validates; the defaults are those of 0.8.0.

    - `modern`: as 0.8.0 does, not as 0.3.64: choices of new-style combos, dynamic inputs, types that match any
    - `titles`: a class that is not there is a `missing_node_type`, and the node is called by its title (0.12.0)
    - `grown`: the first inputs of an autogrow are missing when they have no value (0.12.0)
    - `cycles`: cycles are explained in `node_errors` (0.20.0)
    - `multiselect`: lists of choices are checked one by one, and bad choices are shown by `repr()` (0.21.0)
    - `models`: loaders of 3D models look for their file (0.26.0)
    - `groups`: rows of dynamic groups are inputs, and refused where they are none of the group's (by 0.38.0)
    - `remote`: choices that the page fetches from elsewhere are not checked (by 0.38.0)
    """

    modern: bool = True
    titles: bool = False
    grown: bool = False
    cycles: bool = False
    multiselect: bool = False
    models: bool = False
    groups: bool = False
    remote: bool = False


def manners_of(number: tuple[int, int, int]) -> Manners:
    """Return how a version of ComfyUI validates, such as (0, 30, 0)."""
    return Manners(**{name: number >= tuple(map(int, since.split("."))) for name, since in SINCE.items()})
