"""A run against its golden run: output by output."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cases.options import CaseOptions, Masks, OutputRule, ToleranceSpec
from ..compare import (
    CompareError,
    Comparison,
    Drawing,
    TextRule,
    TooLargeError,
    UndecodableError,
    blank_word,
    draw_difference,
)
from ..compare.batch import Finding, Wanted, explain_batch
from ..compare.kept import Made
from ..compare.known import Known
from ..compare.media import kind_of
from ..compare.memory import within
from ..compare.threads import WORTH_BYTES, each
from ..golden import GoldenOutput, GoldenRun
from ..golden.approved import approved
from ..golden.redaction import clean
from ..media import suffix_of
from ..session.given import SettingsError
from ..text import listed
from ..workflow.addresses import names_of
from ..workflow.definitions import is_intermediate
from ..workflow.digest import class_of, match_nodes
from ..workflow.named import Named
from ..workflow.secrets import secrets_in
from .artefacts import Artefacts
from .batches import Batch, batches_of, kept_of, name_today
from .floor import widened
from .masks import masks_of, refuse_whole, size_of
from .verdict import OutputVerdict

if TYPE_CHECKING:
    from ..client import Output, Run


_DRAWN_AT_ONCE = 8
"""Drawings of what differs that are in memory before they are written."""
_AT_ONCE = {"image", "video"}
"""Kinds of outputs of which several are compared at once: libraries do the work, and let other threads run."""


class NotJudged(Exception):
    """The case could not be judged: neither passed nor failed. The text is for the user."""


class ShowsNothing(NotJudged):
    """A run was not approved as an output of it shows nothing, which may be right."""


class Judge:
    """Compares the outputs of runs of one prompt by the rules of one case.

    definition_of  gives the node definition of a class, None where nobody knows it
    keep_all       whether outputs that are as they should be are written to the report as well
    """

    def __init__(
        self,
        options: CaseOptions,
        artefacts: Artefacts,
        prompt: Mapping[str, Any],
        extra_data: Mapping[str, Any] | None = None,
        definition_of: Callable[[str], Mapping[str, Any] | None] = lambda class_type: None,
        *,
        keep_all: bool = False,
    ) -> None:
        self.keep_all = keep_all
        self.definition_of = definition_of
        self.options = options
        self.artefacts = artefacts
        self.prompt = prompt
        self.extra_data = extra_data
        self.known = Known()

    def outputs(self, golden: GoldenRun, run: Run) -> tuple[OutputVerdict, ...]:
        """Return the verdict of every output, those of the golden run first; raises NotJudged.

        Looking into them takes no more memory than the run leaves of what it may keep.
        """
        self.check_rules(run)
        with within(run.budget):
            return self._outputs(golden, run)

    def _outputs(self, golden: GoldenRun, run: Run) -> tuple[OutputVerdict, ...]:
        renamed = match_nodes(golden.prompt, run.prompt)
        expected = {name_today(output, renamed): output for output in golden.outputs}
        actual = {output.name: output for output in run.outputs}
        found = [verdict for batch in batches_of(expected, actual) for verdict in self._batch(golden, run, batch)]
        if found and all(one.verdict == "ignored" for one in found) and not self.options.allow_unjudged:
            raise NotJudged(
                "every output is ignored, so that nothing is judged: compare one of them, or say allow_unjudged = true "
                "in the sidecar"
            )
        return tuple(sorted(found, key=lambda verdict: verdict.verdict == "unexpected"))

    def ignored(self, output: Output) -> bool:
        """Whether the sidecar leaves an output out."""
        return self._is_ignored(output.name, output.title)

    def judges(self, output: Output) -> bool:
        """Whether an output counts for the verdict: what nodes show on the way does where the sidecar names it."""
        return not self._is_passed_over(output.name, output.title)

    def wanted(self, named: Named) -> bool:
        """Whether an output is to be downloaded: what is left out is not even asked for."""
        return not self._is_ignored(named.name, named.title)

    def masks(self, output: Output) -> Masks:
        """Return the masks of an output to be approved, (x, y, width, height) in pixels; raises NotJudged."""
        return self._masks(output.name, output.title, lambda: size_of(output.data))

    def refuse_blank(self, run: Run, but: Collection[str] = ()) -> None:
        """Raise ShowsNothing for an output that shows nothing, which nobody approves knowingly without a word.

        but  names of outputs that are not looked at
        """
        for output in run.outputs if not self.options.blank else ():
            # What is no file and no text is data, such as the settings of a camera: an empty list may well be right.
            if (
                output.name in but
                or not self.judges(output)
                or (not output.filename and output.media_type == "application/json")
            ):
                continue
            with suppress(CompareError):  # whoever cannot be looked at is refused with its own sentence
                seen = self.known.describe(output.data, output.media_type)
                word = blank_word(output.data, output.media_type, seen)
                if word is not None:
                    raise ShowsNothing(
                        f"output {output.name} of {output.title!r} is {word}: nothing was approved; if that is right, "
                        "approve it with --comfy-allow-blank, or say blank = true in the sidecar"
                    )

    def keep_actual(self, run: Run) -> tuple[OutputVerdict, ...]:
        """Write the outputs of a run that has no golden run, for a person to look at."""
        told = "there is no golden run to compare with"
        return tuple(self._unexpected(output, told) for output in run.outputs if self.judges(output))

    def _batch(self, golden: GoldenRun, run: Run, batch: Batch[GoldenOutput, Output]) -> Iterator[OutputVerdict]:
        ignored = {index for index, name in batch.names.items() if self._is_passed_over(name, batch.title(index))}
        for index in sorted(ignored & batch.golden.keys()):
            yield OutputVerdict(batch.names[index], batch.title(index), "ignored")
        batch = batch.without(ignored)
        if not batch.golden:
            for output in batch.actual.values():
                yield self._unexpected(output, "the golden run has no such output")
        elif not batch.actual:
            told = f"the run made {listed(output.name for output in run.outputs) or 'nothing'}"
            for index in batch.golden:
                yield OutputVerdict(batch.names[index], batch.title(index), "missing", told)
        else:
            yield from self._compared(golden, batch)

    def _compared(self, golden: GoldenRun, batch: Batch[GoldenOutput, Output]) -> Iterator[OutputVerdict]:
        wanted: dict[int, Wanted] = {}
        for index, kept in batch.golden.items():
            place = batch.names[index], batch.title(index)
            masks = self._masks(*place, partial(_size, kept))
            rules = widened(self._tolerance(*place), kept.floor), masks, self._text(*place)
            wanted[index] = Wanted(kept_of(golden, kept), *rules)
        made = {index: Made(output.data, output.media_type) for index, output in batch.actual.items()}
        both = [index for index in batch.golden if index in batch.actual]
        large = sum(len(one.data) for one in made.values()) >= WORTH_BYTES
        worth = large and all(kind_of(one.media_type) in _AT_ONCE for one in made.values())
        found = each(lambda index: self._compare(wanted[index], batch.actual[index]), both, worth)
        compared = dict(zip(both, found, strict=True))
        for index, comparison in compared.items():
            self.known.learn(made[index].media_type, comparison.described)
        findings = explain_batch(wanted, made, compared, self.known)
        for at in range(0, len(findings), _DRAWN_AT_ONCE):
            some = findings[at : at + _DRAWN_AT_ONCE]
            drawings = each(partial(self._drawn, golden, batch), some, worth)
            for finding, drawing in zip(some, drawings, strict=True):
                yield self._judged(golden, batch, finding, drawing)

    def _compare(self, wanted: Wanted, output: Output) -> Comparison:
        try:
            found = wanted.compare(Made(output.data, output.media_type))
            if _judges_nothing(found):
                raise CompareError(
                    "all limits are infinite, so that nothing of the output is judged: give one a number"
                )
            return found
        except CompareError as error:
            raise NotJudged(f"output {output.name} of {output.title!r} cannot be judged: {error}") from error
        except ValueError as error:
            raise NotJudged(f"output {output.name} of {output.title!r}: tolerance: {error}") from error

    def _drawn(self, golden: GoldenRun, batch: Batch[GoldenOutput, Output], finding: Finding) -> Drawing | str | None:
        """Draw what differs where an output failed; the text of the error where there is not memory enough for that."""
        index, comparison = finding.golden, finding.comparison
        if index is None or finding.actual is None or comparison is None or comparison.passed:
            return None
        before, output = batch.golden[index], batch.actual[finding.actual]
        if before.file is None or "order" in comparison.kinds:
            return None
        masks = self._masks(batch.names[index], output.title, partial(_size, before)) if before.size else ()
        data = approved(golden, before)
        try:
            return draw_difference(data, output.data, output.media_type, masks=masks, regions=comparison.regions)
        except TooLargeError as error:
            return str(error)

    def _judged(
        self,
        golden: GoldenRun,
        batch: Batch[GoldenOutput, Output],
        finding: Finding,
        drawing: Drawing | str | None,
    ) -> OutputVerdict:
        output = batch.actual[finding.actual] if finding.actual is not None else None
        index, comparison = finding.golden, finding.comparison
        if index is None:
            assert output is not None  # a finding is of one of the two at least
            return self._unexpected(output, finding.message)
        name = batch.names[index]
        files: tuple[tuple[str, Path], ...] = ()
        if self.keep_all or comparison is None or not comparison.passed:
            files = tuple(self._files(golden, batch.golden[index], name, output, drawing))
        return OutputVerdict(name, batch.title(index), finding.verdict, finding.message, comparison, files)

    def _unexpected(self, output: Output, told: str) -> OutputVerdict:
        files = tuple(self._write(output.name, "actual", output.media_type, output.data))
        return OutputVerdict(output.name, output.title, "unexpected", told, files=files)

    def _files(
        self, golden: GoldenRun, before: GoldenOutput, name: str, output: Output | None, drawing: Drawing | str | None
    ) -> Iterator[tuple[str, Path]]:
        """Write an output, the golden one, and what differs where it failed."""
        if output is not None:
            yield from self._write(output.name, "actual", output.media_type, output.data)
        if before.file is None:
            return
        yield from self._write(name, "golden", before.media_type, approved(golden, before))
        if isinstance(drawing, str):
            self.artefacts.tell(f"report: {name}: {drawing}")
        elif drawing:
            yield from self._kept(f"{name}.difference{drawing.suffix}", "difference", drawing.data)

    def _write(self, name: str, what: str, media_type: str, data: bytes) -> Iterator[tuple[str, Path]]:
        return self._kept(f"{name}.{what}{suffix_of(media_type)}", what, data)

    def _kept(self, file: str, what: str, data: bytes) -> Iterator[tuple[str, Path]]:
        """Write a file of the report and yield what it is and where, nothing where that failed."""
        bare = clean(data, secrets_in(self.prompt, self.extra_data))
        if bare is None:
            self.artefacts.refuse(file, "it holds a secret")
            return
        path = self.artefacts.write(file, bare)
        if path is not None:
            yield what, path

    def _is_ignored(self, name: str, title: str) -> bool:
        return any(rule.ignore for rule in self._rules(name, title))

    def _is_passed_over(self, name: str, title: str) -> bool:
        rules = self._rules(name, title)
        return any(rule.ignore for rule in rules) or (not rules and self._is_intermediate(name.partition(".")[0]))

    def _is_intermediate(self, node: str) -> bool:
        class_type = class_of(self.prompt.get(node))
        return isinstance(class_type, str) and is_intermediate(self.definition_of(class_type))

    def _masks(self, name: str, title: str, size: Callable[[], tuple[int, int]]) -> Masks:
        """Return the masks of an output, whose size in pixels is asked for where a mask is a picture."""
        try:
            masks = masks_of(self._rules(name, title), size)
            if masks:
                with suppress(UndecodableError):  # what is no picture has no masks, whatever a rule says
                    refuse_whole(masks, size())
            return masks
        except CompareError as error:
            raise NotJudged(f"output {name} of {title!r}: {error}") from error

    def _tolerance(self, name: str, title: str) -> ToleranceSpec:
        own = [rule.tolerance for rule in self._rules(name, title) if rule.tolerance is not None]
        return own[-1] if own else self.options.tolerance or "normal"

    def _text(self, name: str, title: str) -> TextRule | None:
        own = [rule.text for rule in self._rules(name, title) if rule.text is not None]
        return own[-1] if own else None

    def _rules(self, name: str, title: str) -> list[OutputRule]:
        """Return the rules for an output, the least special first."""
        if not self.options.outputs:
            return []
        node, _, rest = name.partition(".")
        key = rest.partition(".")[0]
        names = dict.fromkeys(names_of(node, self.prompt.get(node)))
        if title not in names:
            names = dict.fromkeys((title, *names))
        found = []
        for ending in ("", f".{key}", f".{rest}"):
            for who in names:
                found += [rule for rule in self.options.outputs if rule.address == f"{who}{ending}"]
        return found

    def check_rules(self, run: Run) -> None:
        """Raise SettingsError for a rule whose address names no node of the workflow."""
        for rule in self.options.outputs:
            names = {who for node_id, node in run.prompt.items() for who in names_of(node_id, node)} | {
                str(node_id) for node_id in run.ui
            }
            if not any(rule.address == who or rule.address.startswith(f"{who}.") for who in names):
                known = dict.fromkeys(f"{output.title} ({output.name})" for output in run.outputs)
                raise SettingsError(
                    f"outputs.{rule.address!r} in the sidecar names no output; there are {listed(known) or 'none'}"
                )


def _judges_nothing(comparison: Comparison) -> bool:
    parts = comparison.parts.values()
    return bool(parts) and all(part.limit == math.inf for part in parts)


def _size(golden: GoldenOutput) -> tuple[int, int]:
    if golden.size is None:
        raise UndecodableError("it is no picture, and mask pictures are for pictures alone")
    return golden.size
