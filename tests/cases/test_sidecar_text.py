"""`text = ...` under an output in the sidecar: how an output that is text is compared."""

from __future__ import annotations

import pytest
from projects import failure_of, graph, recorded

HEAD = "txt2img.json [default]"


@pytest.fixture
def check(project, serve):
    """Run live: check(sidecar, golden text, actual text, *arguments)."""

    def run(sidecar, golden, actual, *args):
        project.both(outputs={"9": {"text": [golden]}})
        project.write("workflows/txt2img.toml", sidecar)
        server = serve(recorded(outputs={"9": {"text": [actual]}}))
        return project.run("workflows", "--comfy-url", server.url, *args)

    return run


def rule(text):
    return f'[outputs."Save Image"]\ntext = {text}\n'


def told(result):
    result.assert_outcomes(failed=1)
    return failure_of(result, HEAD)[0]


class TestModes:
    def test_without_a_word_text_is_compared_exactly(self, check):
        assert told(check("", "a red  fox", "a red fox")).endswith('line 1 is "a red fox", was "a red  fox"')

    def test_without_a_word_json_is_compared_by_value(self, check):
        check("", '{"a": 1, "b": [2]}', '{"b":[2],"a":1.0}').assert_outcomes(passed=1)

    def test_exact_compares_json_as_the_text_it_is(self, check):
        check(rule('"exact"'), '{"a": 1}', '{"a":1}').assert_outcomes(failed=1)

    def test_whitespace_does_not_count(self, check):
        check(rule('"whitespace"'), "a red  fox\n", "a red\nfox").assert_outcomes(passed=1)

    def test_words_count(self, check):
        assert told(check(rule('"whitespace"'), "a red fox", "a  red cat")).endswith('"cat", was "fox"')

    def test_pattern_stands_for_the_golden_text(self, check):
        check(rule("{regex = 'took [0-9.]+ s'}"), "took 1.2 s", "took 33 s").assert_outcomes(passed=1)

    def test_pattern_must_match_all_of_the_text(self, check):
        assert told(check(rule("{regex = '[0-9.]+ s'}"), "1.2 s", "took 33 s")).endswith(
            'the text "took 33 s" does not match the pattern [0-9.]+ s'
        )

    def test_pattern_that_the_golden_text_does_not_match_fails_as_well(self, check):
        assert told(check(rule("{regex = '[a-z]+'}"), "1.2 s", "1.2 s")).endswith("does not match the pattern [a-z]+")

    def test_numbers_within_a_share(self, check):
        check(rule("{numbers = 0.01}"), "loss 0.500", "loss 0.504").assert_outcomes(passed=1)

    def test_numbers_beyond_the_share(self, check):
        assert told(check(rule("{numbers = 0.01}"), "loss 0.500", "loss 0.51")).endswith(
            "line 1 is 0.51, was 0.500: moved 1.96 % (the rule allows 1 %)"
        )

    def test_numbers_within_an_absolute_limit(self, check):
        check(rule("{relative = 0, absolute = 2}"), '{"x": 1}', '{"x": 3}').assert_outcomes(passed=1)

    @pytest.mark.parametrize(("tolerance", "passed"), [("exact", 0), ("strict", 0), ("normal", 1), ("loose", 1)])
    def test_numbers_without_a_limit_take_the_tolerance(self, check, tolerance, passed):
        result = check(rule('"numbers"'), "1000", "1000.9", f"--comfy-tolerance={tolerance}")
        result.assert_outcomes(passed=passed, failed=1 - passed)


def test_tolerance_of_the_command_line_leaves_the_rule(check):
    check(rule('"whitespace"'), "a b", "a  b", "--comfy-tolerance=exact").assert_outcomes(passed=1)


def test_special_rule_wins_over_a_general_one(check):
    sidecar = '[outputs."9.text.0"]\ntext = "whitespace"\n[outputs.SaveImage]\ntext = "exact"\n'
    check(sidecar, "a b", "a  b").assert_outcomes(passed=1)


def test_rule_says_nothing_to_pictures(project):
    project.both(prompt=graph())
    project.write("workflows/txt2img.toml", rule("{regex = 'x'}"))
    project.run("workflows").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('"fuzzy"', "'fuzzy' is no way to compare texts; known are exact, whitespace, json, regex, numbers"),
        ('"regex"', '"regex" needs a pattern: {regex = "..."}'),
        ("{regex = '['}", "'[' is no regular expression: unterminated character set at position 0"),
        ("{numbers = -1}", "relative must be a number from 0 up, not -1"),
        ("{absolute = 'x'}", "absolute must be a number from 0 up, not 'x'"),
        ("{number = 1}", 'a way to compare texts is "exact", "whitespace", "json", "numbers", {regex = "..."}, '
         "{numbers = 0.01} or {relative = 0.01, absolute = 0.1}, not {'number': 1}"),
    ],
)  # fmt: skip
def test_rule_that_is_none_is_refused(project, value, message):
    project.workflow(sidecar=rule(value))
    result = project.run("workflows")
    result.assert_outcomes(errors=1)
    lines = failure_of(result, "ERROR at setup of txt2img.json")
    assert lines == [f"workflows/txt2img.toml: outputs.Save Image.text: {message}"]
