"""What recordings tell of the server: recorded answers, or else what the golden runs know."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ...workflow.definitions import upload_inputs
from ..files import FileStore
from ..versions import Version
from .choices import with_category, with_choices_of, with_names, with_uploads
from .library import Library
from .offered import named_files

_MODEL_FOLDERS = [
    "checkpoints",
    "configs",
    "loras",
    "vae",
    "text_encoders",
    "diffusion_models",
    "clip_vision",
    "style_models",
    "embeddings",
    "diffusers",
    "vae_approx",
    "controlnet",
    "gligen",
    "upscale_models",
    "latent_upscale_models",
    "custom_nodes",
    "hypernetworks",
    "photomaker",
    "classifiers",
    "model_patches",
    "audio_encoders",
]
"""ComfyUI 0.8.0, folder_paths.py, in its order."""

_MODERN_FOLDERS = ("latent_upscale_models",)
"""Not in 0.3.64."""

T = TypeVar("T")


class Facts:
    """What is computed from a library, once for each of its generations, and kept beside it."""

    __slots__ = ("_library",)

    def __init__(self, library: Library) -> None:
        self._library = library

    @property
    def environment(self) -> Mapping[str, Any]:
        """The environment of the first golden run, or nothing."""
        return self.once("environment", lambda: self._library.environment)

    @property
    def argv(self) -> frozenset[str]:
        """How the recorded server was started: of the recorded `/system_stats`, and what the golden runs keep of it."""
        return self.once("argv", self._argv)

    def models(self, version: Version) -> dict[str, list[str]]:
        """Return model folder -> sorted names."""
        found = self.once("models", lambda: models(self._library))
        if version.is_modern:
            return found
        return {folder: names for folder, names in found.items() if names or folder not in _MODERN_FOLDERS}

    def model_facts(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        """Return (folder, name) -> what the first golden run that tells of the file tells of it."""
        return self.once("model_facts", lambda: model_facts(self._library))

    def definitions(self) -> Mapping[str, Any]:
        """Return class -> definition: of the recorded `GET /object_info`, then what only the golden runs know."""
        return self.once("definitions", self._definitions)

    def object_info(self, files: FileStore) -> bytes:
        """Return `GET /object_info` as JSON, with the files uploaded so far among the choices."""
        known = self._fresh()
        if known.get("revision") != files.revision:
            uploaded = files.names("input")
            told = {name: self._live(name, one, uploaded) for name, one in self.definitions().items()}
            known["object_info"], known["revision"] = json.dumps(told).encode(), files.revision
        found: bytes = known["object_info"]
        return found

    def one_class(self, name: str, files: FileStore) -> dict[str, Any]:
        """Return `GET /object_info/{name}`: `{}` for an unknown class."""
        recorded = self.recorded(f"/object_info/{name}") or {}
        definition = recorded.get(name, self.definitions().get(name))
        return {} if definition is None else {name: self._live(name, definition, files.names("input"))}

    def live(self, classes: Iterable[Any], files: FileStore, *, named: bool = True) -> Mapping[str, Any]:
        """Return class -> definition of those classes that take uploads, with the files that are there.

        named  whether the files that golden runs name count as there
        """
        known, uploaded = self.definitions(), files.names("input")
        return {
            name: self._live(name, known[name], uploaded, named=named)
            for name in classes
            if name in known and upload_inputs(known[name])
        }

    def named(self) -> Mapping[str, Mapping[str, list[str]]]:
        """Return class -> input -> files that golden runs name there, as far as they are to be uploaded."""
        return self.once("named", lambda: named_files(self._library.documents(), self.definitions()))

    def _live(self, name: str, definition: Any, uploaded: Iterable[tuple[str, str]], *, named: bool = True) -> Any:
        offered = with_names(definition, self.named().get(name, {})) if named else definition
        return with_uploads(name, offered, uploaded)

    def recorded(self, path: str) -> dict[str, Any] | None:
        """Return a recorded answer that is an object."""
        exchange = self._library.exchanges.find("GET", path)
        if exchange is None or exchange.status != 200:
            return None
        try:
            found = json.loads(exchange.content)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` makes, which is kept under a name as long as the recordings stay what they are."""
        known = self._fresh()
        if name not in known:
            known[name] = make()
        found: T = known[name]
        return found

    def _argv(self) -> frozenset[str]:
        system = (self.recorded("/system_stats") or {}).get("system")
        told = [self.environment.get("argv"), system.get("argv") if isinstance(system, Mapping) else None]
        return frozenset(str(one) for listed in told if isinstance(listed, (list, tuple)) for one in listed)

    def _definitions(self) -> Mapping[str, Any]:
        told = dict(self.recorded("/object_info") or {})
        for document in self._library.documents():
            # Golden runs keep only the file names that they use: a class's choices are those of all together.
            for name, definition in (document.get("node_definitions") or {}).items():
                told[name] = with_choices_of(told[name], definition) if name in told else with_category(definition)
        return told

    def _fresh(self) -> dict[Any, Any]:
        known, stamp = self._library.beside, (self._library.generation, len(self._library.exchanges))
        if known.get("stamp") != stamp:
            known.clear()
            known["stamp"] = stamp
        return known


def facts_of(library: Library) -> Facts:
    """Return the facts of a library."""
    return Facts(library)


def node_definitions(library: Library) -> Mapping[str, Any]:
    """Return the definitions of all classes that the recordings know; not to be changed."""
    return facts_of(library).definitions()


def models(library: Library) -> dict[str, list[str]]:
    """Return model folder -> names, as the golden runs tell them; ComfyUI's folders are always there.

    An environment names them `{name: {"folder": folder, "size": bytes}}`, `{folder: [names]}`,
    `{folder: {name: facts}}` or `{"folder/name": facts}`; a name of which nothing is told is in no folder.
    """
    found: dict[str, set[str]] = {folder: set() for folder in _MODEL_FOLDERS}
    for document in library.documents():
        told = (document.get("environment") or {}).get("models") or {}
        for name, value in told.items():
            folder, slash, rest = name.partition("/")
            if isinstance(value, Mapping) and isinstance(value.get("folder"), str):
                found.setdefault(value["folder"], set()).add(name)
            elif slash:
                found.setdefault(folder, set()).add(rest)
            elif isinstance(value, (list, Mapping)) and value:
                found.setdefault(folder, set()).update(str(one) for one in value)
    return {folder: sorted(names) for folder, names in found.items()}


def model_facts(library: Library) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return (folder, name) -> facts, as `golden.environment.model_facts` makes them."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for document in library.documents():
        told = (document.get("environment") or {}).get("models")
        for name, value in told.items() if isinstance(told, Mapping) else ():
            if isinstance(value, Mapping) and isinstance(value.get("folder"), str):
                found.setdefault((value["folder"], name), value)
    return found
