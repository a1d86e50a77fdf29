"""Faults as text, for the command line."""

from __future__ import annotations

import inspect

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_comfy.server import faults
from pytest_comfy.server.faults import Fault, FaultError, parse_fault

NEEDED = {
    "http_status": "status=503",
    "slow": "seconds=1",
    "trickle": "seconds=0.5",
    "drop": "event=executed",
    "duplicate": "event=executed",
    "reorder": "event=executed",
    "delay": "seconds=1,event=executed",
    "hold": "event=executed",
    "close_socket": "event=executed",
    "silent_socket": "event=executed",
    "restart": "event=executed",
}
MAKERS = sorted(name for name in faults.__all__ if inspect.isfunction(getattr(faults, name)) and name != "parse_fault")


@pytest.mark.parametrize("name", MAKERS)
def test_every_fault_can_be_named(name):
    fault = parse_fault(f"{name}:{NEEDED.get(name, '')}")
    assert isinstance(fault, Fault)
    assert fault.name == name
    if name in NEEDED:
        with pytest.raises(FaultError, match=rf"^fault {name}: needs [a-z_]+=…(, [a-z_]+=…)?$"):
            parse_fault(name)
    else:
        assert parse_fault(f" {name} ").name == name


def test_there_are_all_kinds():
    assert len(MAKERS) == 24
    assert set(NEEDED) < set(MAKERS)


def test_values_are_of_their_kinds(server):
    fault = parse_fault(" http_status : status=418, path = /queue , nth=2,times=0 , text=a\\,b: c=d ,")
    assert (fault.nth, fault.times) == (2, 0)
    server.faults.add(fault)
    replies = [requests.get(server.url + "/queue", timeout=10) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 418, 418]
    assert replies[1].text == "a,b: c=d"


def test_a_parsed_fault_is_aimed(server, connect):
    server.faults.add(parse_fault("drop:event=execut*,node=2,times=0,run=1"))
    peer = connect(server)
    kinds = [(one["type"], one["data"].get("node")) for one in peer.run()[1] if isinstance(one, dict)]
    assert ("executing", "1") in kinds
    assert not [node for _, node in kinds if node == "2"]


BAD = [
    ("", f"no fault is called '': there are {', '.join(MAKERS)}"),
    ("htp_status:status=1", "no fault is called 'htp_status' (did you mean 'http_status'?)"),
    ("Drop", "no fault is called 'Drop' (did you mean 'drop'?)"),
    ("out_of_memroy:node=3", "no fault is called 'out_of_memroy' (did you mean 'out_of_memory'?)"),
    ("http_status,status=5", "no fault is called 'http_status,status=5' (did you mean 'http_status'?)"),
    ("http_status:statsu=503", "fault http_status: takes no 'statsu' (did you mean 'status'?)"),
    ("hold:event=x,times=2", "fault hold: takes no 'times': it takes event, node, run, nth"),
    ("refuse_connections:x=1", "fault refuse_connections: takes no 'x': it takes nothing"),
    ("stuck_queue:x=1", "fault stuck_queue: takes no 'x': it takes run"),
    ("http_status:503", "fault http_status: '503' is not written KEY=VALUE (a comma in a value is \\,)"),
    ("http_status", "fault http_status: needs status=…"),
    ("delay", "fault delay: needs seconds=…, event=…"),
    ("http_status:status=5O3", "fault http_status: status='5O3' is no whole number"),
    ("http_status:status=503.0", "fault http_status: status='503.0' is no whole number"),
    ("slow:seconds=soon", "fault slow: seconds='soon' is no number"),
    ("slow:seconds=nan", "slow: nan is no number of seconds to wait"),
    ("drop:event=executed,run=", "fault drop: run='' is no whole number"),
    ("drop:event=a,event=b", "fault drop: event is given twice"),
    ("http_status:status=99", "http_status: status=99 is none of a final answer: 200 to 599"),
    ("slow:seconds=1,path=view", "slow: path='view' is to begin with / (or with *), as in /view or /upload/*"),
    ("slow:seconds=1,nth=0", "slow: nth starts at 1 and times at 0 (for ever), not nth=0, times=1"),
    (
        "close_socket:event=x,code=1005",
        "close_socket: code=1005 cannot be sent: 0, 1000 to 1003, 1007 to 1014, 3000 to 4999",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_what_cannot_be_understood_is_said_in_one_sentence(text, message):
    with pytest.raises(FaultError) as caught:
        parse_fault(text)
    assert str(caught.value) == message


NAMES = st.sampled_from(MAKERS) | st.text(max_size=12)
KEYS = st.sampled_from(["status", "path", "nth", "times", "event", "seconds", "code", "node", "share", "method"])
VALUES = st.sampled_from(["1", "0", "-1", "503", "/view", "*", "nan", "inf", "1e999", "9" * 5000, "", "\x1b[31m", "٣"])
PAIRS = st.tuples(KEYS | st.text(max_size=5), VALUES | st.text(max_size=8)).map("=".join)
TEXTS = st.tuples(NAMES, st.lists(PAIRS, max_size=4)).map(lambda pair: f"{pair[0]}:{','.join(pair[1])}")


@given(TEXTS | st.text())
@example("http_status:" + "x" * 100_000)
@example("y" * 100_000)
@example("slow:seconds=1,path=" + "z" * 100_000)
@example("drop:\nevent=executed")
@example("drop\r\n:")
def test_any_text_is_a_fault_or_refused_in_one_line(text):
    try:
        assert isinstance(parse_fault(text), Fault)
    except FaultError as error:
        message = str(error)
        assert message
        assert message.isprintable()
        assert len(message) < 600
