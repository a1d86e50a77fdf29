"""What differs between the versions of ComfyUI that the fake server can be: one table, read by all that differs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from ..text import plain
from ..workflow.validate import SINCE, Manners, manners_of

MEASURED = "0.30.0"
"""The newest version that was run beside the fake server."""

DEFAULT = MEASURED
"""Spoken where neither the user nor a recording names a version: that of what people run today."""

NEWEST = "0.38.0"
"""The newest version that is known, by its sources alone; newer ones are taken to do as it does."""

_NUMBERS = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")

Number = tuple[int, int, int]


class Trait(Enum):
    """Something that versions do since one: (that version, what it is).

    All that stands at 0.4.0 was measured at 0.8.0, and at 0.3.64 not to be there: what lies between was not looked
    at. The later ones stand at the release whose source has them first, but for those at 0.38.0: these were read in
    its sources, not measured, and may be of any release after 0.30.
    """

    MODERN = (SINCE["modern"], "what sets 0.8.0 apart from 0.3.64: jobs, choices of new-style combos, dynamic inputs")
    CANCELLED_JOBS = ("0.9.0", "the status of a job that was interrupted is `cancelled`, no longer `failed`")
    DATA_IN_POLICY = ("0.9.0", "the policy of --disable-api-nodes lets pages connect to `data:`")
    MISSING_NODE_TYPE = (
        SINCE["titles"],
        "a class that is not there is `missing_node_type`, and the node called by its title",
    )
    GROWN_INPUTS_NEEDED = (SINCE["grown"], "the first inputs of an autogrow are missing when they have no value")
    NODE_REPLACEMENTS = ("0.14.0", "obsolete classes are replaced before validation, and /node_replacements lists them")
    NORMALIZED_JOBS = ("0.14.0", "in jobs 3D files that are bare text become objects, and nulls vanish; .usdz is 3D")
    TEXT_PREVIEWS = ("0.16.0", "text may be the preview of a job")
    ASSETS = ("0.17.0", "/api/assets and /api/tags are there, switched off unless asked for")
    NEVER_STORED = ("0.18.0", "scripts and style sheets of the page are `no-store`, no longer `no-cache`")
    HASHED_NAMES = ("0.18.0", "/view takes `blake3:...` for the name of an asset")
    CROSS_SITE_REFUSED = ("0.19.0", "`Sec-Fetch-Site: cross-site` is answered 403")
    INTERMEDIATE_OUTPUTS = ("0.19.0", "nodes with `has_intermediate_output` tell of it from the cache too")
    DEPENDENCY_CYCLE = (SINCE["cycles"], "a cycle is explained in `node_errors`")
    ANNOTATED_FILES = ("0.20.0", "names of /internal/files end in the folder's: `x.png [output]`")
    MULTISELECT = (
        SINCE["multiselect"],
        "a list of choices is checked one by one, and `value_not_in_list` shows them by repr()",
    )
    WHOLE_MILLISECONDS = ("0.21.0", "userdata tells times in whole ms, no longer in seconds")
    PACKAGE_VERSIONS = ("0.22.0", "/system_stats has `comfy_package_versions`")
    RAM_CACHE = ("0.23.0", "results of earlier prompts stay until memory is short, not only those of the latest")
    PROMPT_IDS_CHECKED = ("0.25.0", "a prompt_id must be a UUID as Python writes it; null counts as none")
    SHORT_AUDIO_NAMES = ("0.25.0", "names of saved sounds end in their number, without the last underscore")
    USAGE_SOURCE = ("0.25.0", "the header Comfy-Usage-Source goes to extra_data")
    DEPLOY_ENVIRONMENT = ("0.25.0", "/system_stats has `deploy_environment`")
    JOBS_CAN_BE_CANCELLED = ("0.26.0", "POST /api/jobs/{id}/cancel and /api/jobs/cancel")
    MODEL_FILES_CHECKED = (SINCE["models"], "loaders of 3D models look for their file when a prompt is validated")
    NOTHING_SNIFFED = ("0.28.0", "/view and userdata say `nosniff`, and what a browser would run is an attachment")
    MODEL_TYPE_TAGS = ("0.28.0", "/features has `supports_model_type_tags`")
    MODEL_EXTENSIONS = ("0.28.0", "/experiment/models tells the endings of each folder's files")
    CACHED_FOR_NOBODY = ("0.28.0", "a cached run without client_id has its outputs in history")
    SVG_IN_IMAGES = ("0.30.0", "/view gives an SVG inline to an <img>, and what depends on that is never stored")
    TEXT_FILES_IN_JOBS = ("0.30.0", "saved texts are previews of jobs, after all that is no text")
    WORKFLOW_METADATA = ("0.38.0", "extra_data.workflow_metadata stands in every message of the prompt's run")
    DYNAMIC_GROUPS = (SINCE["groups"], "rows of a dynamic group are validated, and refused as `invalid_dynamic_input`")
    REMOTE_CHOICES = (SINCE["remote"], "choices that the page fetches (`remote_combo`) are not validated")
    PREVIEWS_COUNTED = ("0.38.0", "jobs tell `previewable_outputs_count`")
    ASSET_EXPORT = ("0.38.0", "POST /api/assets/export is there, switched off as the rest of the assets")
    OFFLINE_FLAG = ("0.38.0", "--offline has the page's policy; --disable-api-nodes is its old name")

    @property
    def since(self) -> Number:
        """The first version that does it."""
        return _number(self.value[0])


@dataclass(frozen=True, slots=True)
class Version:
    """A version of ComfyUI; `text` is as `/system_stats` tells it."""

    text: str

    @property
    def number(self) -> Number:
        """Such as (0, 8, 0); that of DEFAULT where the text holds none."""
        return _number(self.text)

    def has(self, trait: Trait) -> bool:
        """Whether this version does so."""
        return _has(self.text, trait)

    @property
    def is_modern(self) -> bool:
        """Whether it behaves as 0.8.0 does, not as 0.3.64."""
        return self.has(Trait.MODERN)

    @property
    def manners(self) -> Manners:
        """How it validates prompts."""
        return manners_of(self.number)

    @property
    def unknown(self) -> str | None:
        """A sentence on a version newer than all that is known (a patch release is not); None for others."""
        if self.number[:2] <= _number(NEWEST)[:2]:
            return None
        return (
            f"ComfyUI {plain(self.text)} is newer than {NEWEST}, the newest that is known: it is taken to do the same"
        )


@lru_cache(maxsize=1024)
def _has(text: str, trait: Trait) -> bool:
    return _number(text) >= trait.since


@lru_cache(maxsize=256)  # every answer depends on several
def _number(text: str) -> Number:
    found = _NUMBERS.match(text) or _NUMBERS.match(DEFAULT)
    assert found is not None
    major, minor, patch = found.groups(default="0")
    return int(major), int(minor), int(patch)
