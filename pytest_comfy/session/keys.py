"""The golden keys of tests: folders made of names that hold whatever pytest's ids hold."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from .settings import Settings


def key_of_test(settings: Settings, path: Path, node_id: str) -> str:
    """Return the golden folder of a test: its file, then its name made safe."""
    file = (settings.within(path) or path.name).removesuffix(".py")
    return f"{file}/{_safe(node_id.partition('::')[2])}"


def check_key(settings: Settings, path: Path, node_id: str, name: str | None = None) -> str:
    """Return the golden folder of one of a test's checks, which `name` tells apart."""
    return f"{key_of_test(settings, path, node_id)}/{_safe(name) if name else 'default'}"


def _safe(name: str) -> str:
    """Return a folder name; where characters had to go, a part of the name's hash keeps it unique."""
    safe = re.sub(r"[^\w.=,-]", "_", name.replace("::", "."))[:100].strip(".")
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
