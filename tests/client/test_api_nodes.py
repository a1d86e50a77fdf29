"""A client that may not queue what costs money, and finds out what does."""

from __future__ import annotations

import pytest
from projects import graph, recorded
from ui_form import definitions

from pytest_comfy.client import ApiNodesRefused, ComfyClient
from pytest_comfy.server import FakeComfyServer
from pytest_comfy.server.faults import http_status, slow


def careful(server):
    return ComfyClient(server.url, allow_api_nodes=False)


def test_others_are_queued(live_with):
    server = live_with(definitions())
    with careful(server) as client:
        assert client.run(graph()).images
        assert len(server.prompts) == 1


@pytest.mark.parametrize(
    "more", [{"api_node": True}, {"python_module": "comfy_api_nodes.nodes_x"}, {"category": "api node/image"}]
)
def test_api_nodes_are_refused(live_with, more):
    known = definitions()
    known["SaveImage"].update(more)
    server = live_with(known)
    with careful(server) as client:
        with pytest.raises(ApiNodesRefused, match=r"node 9 'Save Image' \(SaveImage\): is an API node"):
            client.run(graph())
        assert server.prompts == []


def test_several_are_counted(live_with):
    known = definitions()
    known["SaveImage"]["api_node"] = True
    server = live_with(known)
    with careful(server) as client:
        with pytest.raises(ApiNodesRefused, match="2 more of the kind"):
            client.queue_prompt(graph(saves=("9", "10", "11")))
        assert server.prompts == []


def test_own_clients_queue_them_unless_they_are_told(live_with):
    known = definitions()
    known["SaveImage"]["api_node"] = True
    server = live_with(known)
    with ComfyClient(server.url) as client:
        client.run(graph())
        assert len(server.prompts) == 1


def test_server_that_does_not_tell_gets_nothing():
    with FakeComfyServer([recorded()]) as server, careful(server) as client:
        server.faults.add(http_status(403, path="/object_info/SaveImage", times=0))
        with pytest.raises(ApiNodesRefused, match="does not answer /object_info for 'SaveImage'"):
            client.run(graph())
        assert server.prompts == []


def test_class_that_the_server_would_replace_by_one_is_refused(live_with):
    known = definitions()
    known["ImageScaleToMaxDimension"] = {**known["SaveImage"], "api_node": True}
    prompt = graph()
    prompt["9"]["class_type"] = "ResizeImagesByLongerEdge"
    server = live_with(known)
    with careful(server) as client:
        with pytest.raises(ApiNodesRefused, match=r"\(ResizeImagesByLongerEdge\): is an API node"):
            client.run(prompt)
        assert server.prompts == []


def test_nothing_is_taken_off_a_server_that_got_nothing(live_with):
    known = definitions()
    known["SaveImage"]["api_node"] = True
    server = live_with(known)
    with careful(server) as client:
        posted = server.faults.add(slow(0, method="POST", times=0))
        with pytest.raises(ApiNodesRefused):
            client.run(graph())
        assert posted.fired == 0
