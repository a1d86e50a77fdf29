"""Names for elements of a page, which links and filters find them by."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST = 80


class Names:
    """Gives every name an id of its own, of letters, digits, "_", "." and "-" alone.

    taken  ids that none may have
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}

    def of(self, name: str) -> str:
        """Return an id like the name, numbered where it is taken."""
        slug = slugged(name)
        found, number = slug, self._next.get(slug, 2)
        while found in self._taken:
            found, number = f"{slug}-{number}", number + 1
        self._next[slug] = number
        self._taken.add(found)
        return found


def slugged(name: str) -> str:
    """Return a name with all that an address could misread taken out."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name)[:_LONGEST].strip("-") or "-"
