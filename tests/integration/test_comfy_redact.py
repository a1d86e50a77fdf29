"""comfy_redact: what is neither recorded nor told, beside what looks like a secret; `--redact` of the commands."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
import requests
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from projects import failure_of, graph, lines_of, png, recorded

from pytest_comfy.golden import find_runs
from pytest_comfy.secrecy import own_patterns

NAME = "zeus-7731"
INI = r"comfy_redact = zeus-\d+"


def named(color=7):
    prompt = graph(color)
    prompt["9"]["inputs"]["filename_prefix"] = f"for {NAME}"
    prompt["9"]["_meta"]["title"] = f"Save for {NAME}"
    return prompt


def with_text(data):
    """A picture with the name in its metadata, as ComfyUI writes the prompt there."""
    info, buffer = PngInfo(), io.BytesIO()
    info.add_text("prompt", f'{{"9": "for {NAME}"}}')
    Image.open(io.BytesIO(data)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def holding(folder):
    return [path for path in folder.rglob("*") if path.is_file() and NAME.encode() in path.read_bytes()]


@pytest.fixture
def private(project):
    project.ini(INI)
    project.workflow(prompt=named())
    return project


def test_golden_run_is_without_it_and_is_found_again(private, serve):
    server = serve(recorded(named(), {"9": {"images": [with_text(png())]}}))
    result = private.run("--comfy-url", server.url, "--comfy-update=missing", f"--comfy-reason=for {NAME}")
    result.assert_outcomes(passed=1)
    golden = private.root / "golden"
    assert private.files("golden") == ["txt2img/default/9.images.0.png", "txt2img/default/run.json"]
    assert holding(golden) == []
    run = private.read("golden/txt2img/default/run.json")
    assert run["prompt"]["9"]["inputs"]["filename_prefix"] == "for <redacted>"
    assert run["approvals"][0]["reason"] == "for <redacted>"
    private.run().assert_outcomes(passed=1)
    private.run("--comfy-url", server.url).assert_outcomes(passed=1)


def test_another_text_in_its_place_is_the_same_workflow(private, serve):
    private.run("--comfy-url", serve(recorded(named())).url, "--comfy-update=missing").assert_outcomes(passed=1)
    other = named()
    other["9"]["inputs"]["filename_prefix"] = "for zeus-0815"
    private.workflow(prompt=other)
    private.run().assert_outcomes(passed=1)
    other["9"]["inputs"]["filename_prefix"] = "for hera-0815"
    private.workflow(prompt=other)
    result = private.run()
    result.assert_outcomes(failed=1)
    assert any(
        'filename_prefix is "for hera-0815", was "for <redacted>"' in line
        for line in failure_of(result, "txt2img.json [default]")
    )


def test_failure_tells_nothing_of_it(private, serve):
    """Not in what the server says, nor on the terminal, in JUnit's file or in the report's pictures."""
    private.golden(run=recorded(named(), {"9": {"images": [with_text(png(1))]}}))
    server = serve(recorded(named(), {"9": {"images": [with_text(png(2))]}}))
    result = private.run("--comfy-url", server.url, "--junitxml=junit.xml")
    result.assert_outcomes(failed=1)
    told = failure_of(result, "txt2img.json [default]")
    assert told[0].startswith("different: node 9 'Save for <redacted>' images 0: ")
    assert "Save for &lt;redacted&gt;" in (private.root / "junit.xml").read_text()
    assert private.files("comfy-report/txt2img") != []
    assert NAME not in "\n".join([*lines_of(result), (private.root / "junit.xml").read_text()])
    assert holding(private.root / "comfy-report") == []


def test_error_of_the_server_is_told_without_it(private, serve):
    error = {"exception_type": "OSError", "exception_message": f"no place for {NAME}",
             "traceback": [f'  File "nodes.py", line 1, in {NAME}\n']}  # fmt: skip
    result = private.run("--comfy-url", serve(recorded(named(), {}, error=error)).url)
    result.assert_outcomes(failed=1)
    assert any("no place for <redacted>" in line for line in failure_of(result, "txt2img.json [default]"))
    assert NAME not in "\n".join(lines_of(result))


def test_fixtures(private, serve):
    private.write(
        "test_a.py",
        "def test_a(comfy_run, comfy_golden):\n"
        "    comfy_golden.check(comfy_run('txt2img.json'))\n",
    )  # fmt: skip
    result = private.run("test_a.py", "--comfy-url", serve(recorded(named())).url, "--comfy-update=missing")
    result.assert_outcomes(passed=1)
    assert private.files("golden") != [] and holding(private.root / "golden") == []
    private.run("test_a.py").assert_outcomes(passed=1)


def test_tracebacks_and_captured_output_of_a_test(private):
    private.golden(run=recorded(named()))
    private.write(
        "test_a.py",
        "def test_a(comfy_run):\n"
        "    prefix = comfy_run('txt2img.json').prompt['9']['inputs']['filename_prefix']\n"
        "    print('it is', prefix)\n"
        "    assert prefix == 'another'\n",
    )
    result = private.run("test_a.py", "--showlocals", "--junitxml=junit.xml", "-o", "junit_logging=all")
    result.assert_outcomes(failed=1)
    lines = lines_of(result)
    assert "it is for <redacted>" in lines
    assert any(line.startswith("E ") and "for <redacted>" in line for line in lines)
    assert "it is for &lt;redacted&gt;" in (private.root / "junit.xml").read_text()
    assert NAME not in "\n".join([*lines, (private.root / "junit.xml").read_text()])


def test_patterns_are_those_of_one_session(private):
    private.golden(run=recorded(named()))
    seen = []

    class Watching:
        def pytest_runtest_call(self):
            seen.append([pattern.pattern for pattern in own_patterns()])

    private.run(plugins=[Watching()]).assert_outcomes(passed=1)
    assert (seen, own_patterns()) == ([[r"zeus-\d+"]], ())


def test_choice_that_is_taken_out_is_no_refusal(project, live):
    """The golden run's definitions lack the choice, and so could not validate the prompt."""
    scale = {"upscale_method": "nearest-exact", "scale_by": 0.5, "image": ["3", 0]}
    prompt = graph(**{"5": {"class_type": "ImageScaleBy", "inputs": scale}})
    prompt["9"]["inputs"]["images"] = ["5", 0]
    project.ini("comfy_redact = nearest-exact")
    project.workflow(prompt=prompt)
    project.run("--comfy-url", live.url, "--comfy-update=missing").assert_outcomes(passed=1)
    assert "nearest-exact" not in (project.root / "golden/txt2img/default/run.json").read_text()
    project.run().assert_outcomes(passed=1)
    prompt["5"]["inputs"]["scale_by"] = -5
    project.workflow(prompt=prompt)
    assert any("would not take it" in line for line in failure_of(project.run(), "txt2img.json [default]"))


@pytest.mark.parametrize("pattern", [r"\d+", "[A-Z]+", "z*", "nonce|identical|redacted"])
def test_patterns_that_take_out_much_break_nothing(private, serve, pattern):
    """Node ids, the words of the summary, and what stands for what was taken out, stay."""
    private.ini(f"comfy_redact = {pattern}")
    server = serve(recorded(named()))
    private.run("--comfy-url", server.url, "--comfy-update=missing").assert_outcomes(passed=1)
    run = private.read("golden/txt2img/default/run.json")
    assert list(run["ui"]) == ["9"]
    assert [row[1]["data"]["node"] for row in run["events"] if row[1]["type"] == "executed"] == ["9"]
    for arguments in ((), ("--comfy-url", server.url)):
        result = private.run(*arguments)
        result.assert_outcomes(passed=1)
        assert "outputs: 1 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected" in lines_of(result)


def test_model_files(private, serve):
    """Named by the prompt, and with what is known of them by the environment."""
    prompt = named()
    prompt["3"]["inputs"]["model"] = f"{NAME}.safetensors"
    facts = {f"{NAME}.safetensors": {"folder": "loras", "size": 5}}
    private.workflow(prompt=prompt)
    server = serve(recorded(prompt, environment={"models": facts}))
    private.run("--comfy-url", server.url, "--comfy-update=missing").assert_outcomes(passed=1)
    assert holding(private.root / "golden") == []
    environment = private.read("golden/txt2img/default/run.json")["environment"]
    assert environment["models"] == {"<redacted>.safetensors": {"folder": "loras", "size": 5}}
    private.run().assert_outcomes(passed=1)
    private.run("--comfy-url", server.url).assert_outcomes(passed=1)


@pytest.mark.parametrize("pattern", ["(", "[a", "(?P<", "*"])
def test_pattern_that_is_none(private, pattern):
    private.ini("comfy_redact =", r"    zeus-\d+", f"    {pattern}")
    result = private.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (told,) = [line for line in result.errlines if "comfy_redact" in line]
    assert told.startswith(f"ERROR: comfy_redact: {pattern!r} is no regular expression (")


@pytest.mark.parametrize(("pattern", "word"), [(".*", "output"), (r"\w+", "output"), ("png$", "image/png")])
def test_pattern_that_takes_out_what_recordings_need(private, pattern, word):
    private.ini(f"comfy_redact = {pattern}")
    result = private.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: comfy_redact: {pattern!r} takes out {word!r}, a word that recordings need: narrow it down" in (
        result.errlines
    )


def start(*arguments):
    command = [sys.executable, "-m", "pytest_comfy.commands", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("given", [("--redact", r"zeus-\d+"), ("--redact", "hera", "--redact", "zeus-[0-9]+")])
def test_record_and_serve(tmp_path, serve, given):
    upstream = serve(recorded(named(), {"9": {"images": [with_text(png())]}}))
    into, body = tmp_path / "into", {"prompt": named(), "client_id": "c"}
    recorder = start("record", "--upstream", upstream.url, "--into", into, *given)
    try:
        url = recorder.stdout.readline().strip()
        assert requests.get(f"{url}/models/{NAME}", timeout=10).status_code == 404
        assert requests.post(f"{url}/prompt", json=body, timeout=10).status_code == 200
        assert recorder.stdout.readline().startswith("recorded ")
    finally:
        recorder.terminate()
        recorder.communicate(timeout=30)
    assert len(list(find_runs(into))) == 1 and holding(into) == []
    server = start("serve", into, "--port", "0", *given)
    try:
        url = server.stdout.readline().partition(" ")[0]
        assert requests.post(f"{url}/prompt", json=body, timeout=10).status_code == 200
    finally:
        server.terminate()
        out, _ = server.communicate(timeout=30)
    assert "prompts: 1 answered, 0 without a recording" in out


@pytest.mark.parametrize(
    "arguments", [("record", "--upstream", "http://127.0.0.1:1", "--into", "x"), ("serve", ".", "--port", "0")]
)
def test_pattern_of_a_command_that_is_none(tmp_path, arguments):
    process = start(*arguments, "--redact", "(")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.startswith(f"pytest-comfy {arguments[0]}: --redact: '(' is no regular expression (")


@pytest.mark.parametrize("golden", [True, False])
def test_what_hooks_of_conftest_files_add_to_a_report_is_without_it(private, golden):
    """Whether the session showed at its start that it has something of ours, or in the course of it."""
    if golden:
        private.golden("other/default")
    private.pytester.makeconftest(
        "import pytest\n"
        "@pytest.hookimpl(hookwrapper=True)\n"
        "def pytest_runtest_makereport(item, call):\n"
        "    outcome = yield\n"
        f"    outcome.get_result().sections.append(('from a hook', 'seen on {NAME}'))\n"
    )
    result = private.run()
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*from a hook*", "seen on *"])
    assert NAME not in result.stdout.str()
