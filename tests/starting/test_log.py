"""What the log of a server says of packs that it could not import."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.starting.log import import_failures, last_lines

BASE = "/tmp/pytest-comfy-start-1/base/custom_nodes"
TRACE = f"""Traceback (most recent call last):
  File "/opt/ComfyUI/nodes.py", line 2130, in load_custom_node
    module_spec.loader.exec_module(module)
  File "<frozen importlib._bootstrap_external>", line 940, in exec_module
  File "{BASE}/mine/__init__.py", line 2, in <module>
    from .sub.nodes import NODES
  File "{BASE}/mine/sub/nodes.py", line 7, in <module>
    import nothing
ModuleNotFoundError: No module named 'nothing'

"""
CANNOT = f"Cannot import {BASE}/mine module for custom nodes: No module named 'nothing'\n"
TOLD = "the server cannot import mine: ModuleNotFoundError: No module named 'nothing' (sub/nodes.py, line 7)"


def test_last_line_of_the_traceback_and_the_place_in_the_pack():
    assert import_failures(f"starting\n{TRACE}{CANNOT}more\n", ["mine"]) == [TOLD]


def test_colours_and_levels_of_newer_servers():
    level = "\x1b[1m\x1b[33m[WARNING]\x1b[0m "
    assert import_failures(f"{level}{TRACE}{level}{CANNOT}", ["mine"]) == [TOLD]


def test_packs_that_are_not_tested_are_no_failure():
    assert import_failures(TRACE + CANNOT, ["other", "min", "mine2"]) == []


def test_traceback_that_was_cut_off():
    told = "the server cannot import mine: No module named 'nothing'"
    assert import_failures(CANNOT, ["mine"]) == [told]


def test_syntax_error():
    trace = TRACE.replace("ModuleNotFoundError: No module named 'nothing'", "SyntaxError: invalid syntax")
    assert import_failures(trace + CANNOT, ["mine"])[0].endswith(
        "mine: SyntaxError: invalid syntax (sub/nodes.py, line 7)"
    )


def test_pack_without_nodes():
    for words in (
        "NODE_CLASS_MAPPINGS or NODES_LIST (need one).",
        "NODE_CLASS_MAPPINGS or comfy_entrypoint (need one).",
    ):
        log = f"Skip {BASE}/mine module for custom nodes due to the lack of {words}\n"
        (told,) = import_failures(log, ["mine"])
        assert told.startswith("the server cannot import mine: it has neither NODE_CLASS_MAPPINGS nor comfy_entrypoint")


def test_entry_point_that_raises():
    log = f"{TRACE}of another\nError while calling comfy_entrypoint in {BASE}/mine: no such thing\n"
    assert import_failures(log, ["mine"]) == ["the server cannot import mine: no such thing"]


def test_path_of_windows():
    assert import_failures("Cannot import C:\\a b\\custom_nodes\\mine module for custom nodes: no\n", ["mine"])


def test_each_pack_is_told_once():
    log = TRACE + CANNOT + CANNOT.replace("/mine ", "/other ")
    assert len(import_failures(log + CANNOT, ["mine", "other"])) == 2


@given(
    st.lists(st.sampled_from([*(TRACE + CANNOT).splitlines(), "", "\x1b[31m", "Skip  module for custom nodes due to "]))
)
def test_any_log_is_told_in_lines_that_can_be_printed(lines):
    log = "\n".join(lines)
    for told in (*import_failures(log, ["mine"]), *last_lines(log)):
        assert told.isprintable() and "\n" not in told
    failed = any(line.startswith("Cannot import") for line in lines)
    assert bool(import_failures(log, ["mine"])) == failed
