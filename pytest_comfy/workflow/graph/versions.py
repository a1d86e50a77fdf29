"""Which version of ComfyUI's page a workflow is converted as, and what the versions do differently.

What differs stands in `_SINCE` and `_UNTIL`, and in the node definitions' own language in `core.toml`: nowhere else is
a version named. A version that is newer than those known takes the newest rules.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

NEWEST = 58
"""The newest minor of the front-end's version 1 whose rules are known."""

_SINCE = {
    "names_proxies": 35,
    "reads_numbered_values": 35,
    "follows_inner_links": 35,
    "sends_inner_primitives": 35,
    "replaces_video_names": 35,
    "grows_ahead": 38,
    "loads_links_as_saved": 40,
    "keeps_holes": 40,
    "drops_unknown_parts": 40,
    "reads_ranges": 40,
    "keeps_text": 40,
    "skips_instances": 39,
    "fixes_comparisons": 39,
    "mutes_sources": 41,
    "renumbers": 41,
    "chooses_first": 41,
    "keeps_uploads": 41,
    "replaces_all_names": 45,
    "migrates_proxies": 46,
    "keeps_definitions": 47,
    "unpacks_groups": 47,
    "types_curves": 52,
    "goes_by_table": 53,
}
"""Rule -> the minor of the front-end it came in with, as far as that was read; see `Page` for what they say.

Where only 1.35 and 1.48 were looked at, it came in with what belongs to it.
"""
_UNTIL = {"keeps_raw_text": (40, 58), "repairs_links": (0, 38)}
"""Rule -> the minors it came in with and was gone with."""
_WIDGETS = {
    "COMFY_DYNAMICCOMBO_V3": 35,
    "LOAD_3D_ANIMATION": 0,
    "PREVIEW_3D_ANIMATION": 0,
    "BOUNDING_BOX": 39,
    "CURVE": 41,
    "PAINTER": 41,
    "RANGE": 45,
    "COLORS": 45,
    "BOUNDING_BOXES": 45,
    "COMPOSITOR": 48,
    "VIDEO_EDIT": 50,
    "RESOLUTION_PREVIEW": 53,
    "LIGHT_INFO_PREVIEW": 58,
    "COMFY_DYNAMICGROUP_V3": 0,
}
"""Type of a widget -> the minor it came in with; those that all versions have stand in `specs.py`.

Dynamic groups are those of 1.58: no server has classes with them whose page does not know them.
"""
_BY_KEY = (("has_intermediate_output", 48), ("search_aliases", 48), ("output_matchtypes", 35))
"""Key of a node definition -> the minor of the page that belongs to a server which has it, newest first."""
_OLDEST, _UNTOLD = 27, 35

_VERSION = re.compile(r"v?1\.(\d{1,4})(?:\.|$)")
_LATER = re.compile(r"v?(?:[2-9]|[1-9]\d{1,3})\.\d")


@dataclass(frozen=True)
class Page:
    """A version of the page by its minor, such as 48 for 1.48.7, and its rules.

    names_proxies           values of instances are put to the names that `proxyWidgets` has
    reads_numbered_values   an object of values by number is a list
    follows_inner_links     an input within a subgraph is found by its link, not by the slot in the table of links
    sends_inner_primitives  a PrimitiveNode within a subgraph does not make the page fail
    replaces_video_names    SaveVideo's file name is one of those that are replaced
    replaces_all_names      and so are those of all other nodes that save
    repairs_links           links of the root graph whose ends disagree are repaired before it is loaded
    grows_ahead             a new node has one more step of an autogrow group than it must have
    loads_links_as_saved    inputs whose type follows from links keep their links while the file is loaded
    keeps_holes             inputs of an autogrow group keep their places
    drops_unknown_parts     inputs that a dynamic combo's option does not have are taken away
    reads_ranges            PrimitiveInt and PrimitiveFloat have their limits from the node's properties
    keeps_text              line ends in text areas stay as they are saved
    keeps_raw_text          and so does what is no text, but for Markdown
    fixes_comparisons       what an IMAGECOMPARE widget holds is not stored, and is sent empty
    skips_instances         of an instance that is muted or bypassed in the root graph nothing is sent
    mutes_sources           a muted node gives nothing, rather than a link that is dropped later on
    renumbers               nodes of subgraphs whose ids occur elsewhere get new ones
    chooses_first           null for a combo becomes its first choice
    keeps_uploads           names of files to load are sent as they are saved
    migrates_proxies        widgets listed by inner ids are inputs of the instance, each with values of its own
    keeps_definitions       values of instances are no longer written into the definition
    unpacks_groups          a legacy group node becomes a subgraph with new ids, and the modes of the nodes in it count,
                            while its own does not
    types_curves            all curves are sent with their type, not only those that are lists
    goes_by_table           inputs are linked by the table of links too, and a second node of an id is another one
    """

    minor: int = NEWEST
    names_proxies: bool = True
    reads_numbered_values: bool = True
    follows_inner_links: bool = True
    sends_inner_primitives: bool = True
    replaces_video_names: bool = True
    repairs_links: bool = False
    grows_ahead: bool = True
    loads_links_as_saved: bool = True
    keeps_holes: bool = True
    drops_unknown_parts: bool = True
    reads_ranges: bool = True
    keeps_text: bool = True
    keeps_raw_text: bool = False
    fixes_comparisons: bool = True
    skips_instances: bool = True
    mutes_sources: bool = True
    renumbers: bool = True
    chooses_first: bool = True
    keeps_uploads: bool = True
    replaces_all_names: bool = True
    migrates_proxies: bool = True
    keeps_definitions: bool = True
    unpacks_groups: bool = True
    types_curves: bool = True
    goes_by_table: bool = True

    def has_widget(self, kind: str) -> bool:
        """Whether the page has a widget of a type that came in at some time; False for types not listed."""
        return kind in _WIDGETS and self.minor >= _WIDGETS[kind]

    @property
    def is_known(self) -> bool:
        """Whether its rules were read, not taken from an older one."""
        return self.minor <= NEWEST


@functools.cache
def page(minor: int) -> Page:
    """Return the page of a minor with its rules; those of the newest known for later ones."""
    rules = {name: minor >= since for name, since in _SINCE.items()}
    rules |= {name: since <= minor < until for name, (since, until) in _UNTIL.items()}
    assert rules.keys() == {one.name for one in fields(Page)} - {"minor"}
    return Page(minor, **rules)


def is_later(kind: str) -> bool:
    """Whether a type of widgets is one that came in with some version of the page."""
    return kind in _WIDGETS


def page_of(definitions: Mapping[str, Any], server: str = "", file: str = "") -> Page:
    """Return the page that belongs to a server: by the version that it asks for, else by its definitions.

    server  `required_frontend_version` of /system_stats, such as "1.48.7"; "" where it is not known
    file    the version of the page that saved the file, for definitions that do not tell: whoever opens it elsewhere
            does so in the page that belongs to the server
    """
    for minor in (_minor(server), _by_definitions(definitions), _minor(file)):
        if minor is not None:
            return page(minor)
    return page(_UNTOLD)


def _minor(version: str) -> int | None:
    told = _VERSION.match(version)
    if told is not None:
        return int(told[1])
    return NEWEST + 1 if _LATER.match(version) else None


def _by_definitions(definitions: Mapping[str, Any]) -> int | None:
    """Return the minor that definitions tell of: later ones have keys and names that earlier ones do not know."""
    old = False
    for name, definition in definitions.items():
        if not isinstance(definition, Mapping):
            continue
        for key, minor in _BY_KEY:
            if key in definition:
                return minor
        old = old or ("api_node" in definition and "deprecated" in definition)
        old = old or (name == "PreviewAny" and definition.get("display_name") == "Preview Any")
    return _OLDEST if old else None
