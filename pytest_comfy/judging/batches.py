"""Outputs by batch: those of one node under one key, as the comparison of batches takes them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ..compare import Kept
from ..golden import GoldenOutput, GoldenRun
from ..golden.approved import approved


class Titled(Protocol):
    """An output of either side."""

    @property
    def title(self) -> str:
        """The node's title."""


Golden = TypeVar("Golden", bound=Titled)
Actual = TypeVar("Actual", bound=Titled)


@dataclass(frozen=True)
class Batch(Generic[Golden, Actual]):
    """The outputs of one node under one key, each by its index; `names` are those of all, node.key.index."""

    names: Mapping[int, str]
    golden: Mapping[int, Golden]
    actual: Mapping[int, Actual]

    def title(self, index: int) -> str:
        """Return the title of the node that made an output, as it is today."""
        return self.actual[index].title if index in self.actual else self.golden[index].title

    def without(self, ignored: Container[int]) -> Batch[Golden, Actual]:
        """Return the batch without some of its outputs."""
        return Batch(
            {index: name for index, name in self.names.items() if index not in ignored},
            {index: output for index, output in self.golden.items() if index not in ignored},
            {index: output for index, output in self.actual.items() if index not in ignored},
        )


def batches_of(golden: Mapping[str, Golden], actual: Mapping[str, Actual]) -> Iterator[Batch[Golden, Actual]]:
    """Yield named outputs by batch, in the order in which the batches first occur, golden ones first."""
    found: dict[str, dict[int, str]] = {}
    for name in (*golden, *actual):
        node_and_key, _, index = name.rpartition(".")
        found.setdefault(node_and_key, {})[int(index)] = name
    for names in found.values():
        yield Batch(
            names,
            {index: golden[name] for index, name in names.items() if name in golden},
            {index: actual[name] for index, name in names.items() if name in actual},
        )


def kept_of(golden: GoldenRun, output: GoldenOutput) -> Kept:
    """Return what was kept of an output, as the comparison takes it."""
    return Kept(
        media_type=output.media_type,
        sha256=output.sha256,
        pixels_sha256=output.pixels_sha256,
        fingerprint=output.fingerprint,
        masks=output.masks,
        read=(lambda: approved(golden, output)) if output.file else None,
        at_hand=golden.blobs.get(output.file) if output.file else None,
    )


def name_today(output: GoldenOutput, renamed: Mapping[str, str]) -> str:
    """Return the name of a golden output in the prompt of today, whose node ids may be others: golden -> today's."""
    first, dot, rest = output.node.partition(".")
    return f"{renamed.get(first, first)}{dot}{rest}.{output.key}.{output.index}"
