"""A run against its golden run: output by output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .compare import CompareError, Kept, compare_output, difference_picture
from .golden import GoldenOutput, GoldenRun
from .golden.record import suffix_of
from .options import CaseOptions, Masks, OutputRule, ToleranceSpec
from .report.artefacts import Artefacts
from .settings import SettingsError
from .text import listed
from .verdict import OutputVerdict
from .workflow.addresses import names_of
from .workflow.digest import match_nodes

if TYPE_CHECKING:
    from .client import Output, Run


class NotJudged(Exception):
    """The case could not be judged: neither passed nor failed. The text is for the user."""


class Judge:
    """Compares the outputs of runs of one prompt by the rules of one case."""

    def __init__(self, options: CaseOptions, artefacts: Artefacts, prompt: Mapping[str, Any]) -> None:
        self.options = options
        self.artefacts = artefacts
        self.prompt = prompt

    def outputs(self, golden: GoldenRun, run: Run) -> tuple[OutputVerdict, ...]:
        """Return the verdict of every output, those of the golden run first; raises NotJudged."""
        self.check_rules(run)
        renamed = match_nodes(golden.prompt, run.prompt)
        expected = {_moved(output, renamed): output for output in golden.outputs}
        actual = {output.name: output for output in run.outputs}
        return tuple(self._verdicts(golden, run, expected, actual))

    def ignored(self, output: Output) -> bool:
        """Whether the sidecar leaves an output out."""
        return any(rule.ignore for rule in self._rules(output.name, output.title))

    def masks(self, output: Output) -> Masks:
        """Return the masks of an output, (x, y, width, height) in pixels."""
        rules = self._rules(output.name, output.title)
        return tuple(mask for rule in rules for mask in rule.masks)

    def keep_actual(self, run: Run) -> tuple[OutputVerdict, ...]:
        """Write the outputs of a run that has no golden run, for a person to look at."""
        return tuple(
            OutputVerdict(
                output.name,
                output.title,
                "unexpected",
                "there is no golden run to compare with",
                files=(("actual", self._write(output, "actual", output.data)),),
            )
            for output in run.outputs
            if not self.ignored(output)
        )

    def _verdicts(
        self, golden: GoldenRun, run: Run, expected: Mapping[str, GoldenOutput], actual: Mapping[str, Output]
    ) -> Iterator[OutputVerdict]:
        for name, before in expected.items():
            output = actual.get(name)
            if output is not None and self.ignored(output):
                yield OutputVerdict(name, output.title, "ignored")
            elif output is not None:
                yield self._compare(golden, before, output)
            elif not any(rule.ignore for rule in self._rules(name, before.title)):
                made = [other.name for other in run.outputs]
                yield OutputVerdict(name, before.title, "missing", f"the run made {listed(made) or 'nothing'}")
        for name, output in actual.items():
            if name not in expected and not self.ignored(output):
                path = self._write(output, "actual", output.data)
                yield OutputVerdict(
                    name,
                    output.title,
                    "unexpected",
                    "the golden run has no such output",
                    files=(("actual", path),),
                )

    def _compare(self, golden: GoldenRun, before: GoldenOutput, output: Output) -> OutputVerdict:
        masks = self.masks(output)
        kept = Kept(
            media_type=before.media_type,
            sha256=before.sha256,
            pixels_sha256=before.pixels_sha256,
            fingerprint=before.fingerprint,
            masks=before.masks,
            read=(lambda: golden.read(before.file or "")) if before.file else None,
        )
        try:
            comparison = compare_output(
                kept, output.data, output.media_type, tolerance=self._tolerance(output), masks=masks
            )
        except CompareError as error:
            raise NotJudged(f"output {output.name} of {output.title!r} cannot be judged: {error}") from error
        except ValueError as error:
            raise NotJudged(f"output {output.name} of {output.title!r}: tolerance: {error}") from error
        files = () if comparison.passed else tuple(self._pictures(golden, before, output))
        return OutputVerdict(output.name, output.title, comparison.verdict, comparison.message, comparison, files)

    def _pictures(self, golden: GoldenRun, before: GoldenOutput, output: Output) -> Iterator[tuple[str, Path]]:
        yield "actual", self._write(output, "actual", output.data)
        if before.file is None:
            return
        try:
            data = golden.read(before.file)
        except OSError:
            return  # the verdict was reached without the file, and says so where it matters
        yield "golden", self._write(output, "golden", data)
        picture = difference_picture(data, output.data)
        if picture:
            yield "difference", self.artefacts.write(f"{output.name}.difference.png", picture)

    def _write(self, output: Output, what: str, data: bytes) -> Path:
        return self.artefacts.write(f"{output.name}.{what}{suffix_of(output.media_type)}", data)

    def _tolerance(self, output: Output) -> ToleranceSpec:
        rules = self._rules(output.name, output.title)
        own = [rule.tolerance for rule in rules if rule.tolerance is not None]
        return own[-1] if own else self.options.tolerance or "normal"

    def _rules(self, name: str, title: str) -> list[OutputRule]:
        """Return the rules for an output, the least special first."""
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
                output.node for output in run.outputs
            }
            if not any(rule.address == who or rule.address.startswith(f"{who}.") for who in names):
                known = dict.fromkeys(f"{output.title} ({output.name})" for output in run.outputs)
                raise SettingsError(
                    f"outputs.{rule.address!r} in the sidecar names no output; there are {listed(known) or 'none'}"
                )


def _moved(output: GoldenOutput, renamed: Mapping[str, str]) -> str:
    """Return the name of a golden output in the prompt of today, whose node ids may be others."""
    first, dot, rest = output.node.partition(".")
    return f"{renamed.get(first, first)}{dot}{rest}.{output.key}.{output.index}"
