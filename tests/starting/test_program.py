"""What --comfy-start may name."""

from __future__ import annotations

import shlex
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from installed import FLAGS, install

from pytest_comfy.starting.errors import StartError
from pytest_comfy.starting.program import flags_of, program_of, python_of


@pytest.fixture
def comfy(tmp_path):
    return install(tmp_path / "my ComfyUI")


def test_folder(comfy, tmp_path):
    program = program_of("my ComfyUI", tmp_path)
    assert program.words == (sys.executable, str(comfy / "main.py"))
    assert (program.cwd, program.home, program.flags) == (None, comfy, frozenset(FLAGS))


@pytest.mark.parametrize("place", [".venv/bin/python", "venv/bin/python", ".venv/Scripts/python.exe"])
def test_python_of_the_folder(comfy, place):
    (comfy / place).parent.mkdir(parents=True)
    (comfy / place).touch()
    assert python_of(comfy) == str(comfy / place)


def test_python_of_the_portable_build(comfy):
    beside = comfy.parent / "python_embeded/python.exe"
    beside.parent.mkdir()
    beside.touch()
    assert python_of(comfy) == str(beside)


@pytest.mark.parametrize("form", ["--base-directory {}", "--base-directory={}"])
def test_models_and_packs_are_those_of_the_base_directory(comfy, tmp_path, form):
    words = f"'my ComfyUI' --cpu {form.format('data')}"
    assert program_of(words, tmp_path).home == tmp_path / "data"


def test_command_with_a_main_py(comfy, tmp_path):
    program = program_of(f"{sys.executable} -X utf8 'my ComfyUI/main.py' --cpu", tmp_path)
    assert program.words[-1] == "--cpu" and program.cwd == tmp_path
    assert (program.home, program.knows("--base-directory")) == (comfy, True)


def test_command_of_which_nothing_is_known(tmp_path):
    program = program_of(f"{sys.executable} server.py", tmp_path)
    assert (program.home, program.flags, program.knows("--base-directory")) == (None, None, False)


@pytest.mark.parametrize("text", ["", "parser = None", "\xff"])
def test_flags_that_cannot_be_told(tmp_path, text):
    (tmp_path / "comfy").mkdir()
    (tmp_path / "comfy/cli_args.py").write_text(text, "latin-1")
    assert flags_of(tmp_path / "main.py") is None


WORDS = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), min_size=1, max_size=12)


@given(st.lists(WORDS, max_size=5))
def test_words_behind_a_folder_come_as_they_are_quoted(tmp_path_factory, words):
    folder = tmp_path_factory.mktemp("any") / "my ComfyUI"
    install(folder)
    assert list(program_of(shlex.join([str(folder), *words]), folder).words[2:]) == words


@given(WORDS)
def test_anything_else_is_a_command_or_refused_in_a_sentence(tmp_path_factory, text):
    try:
        program = program_of(text, tmp_path_factory.mktemp("any"))
    except StartError as error:
        assert str(error).startswith("comfy_start ")
    else:
        assert program.words
