"""Bodies packed by gzip and deflate: unpacked a piece at a time, whatever they become."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.client import ServerUnreachable, TooLarge
from pytest_comfy.client.encoding import PIECE, EncodingError, decoded

pytestmark = pytest.mark.timeout(40)


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKERS = {
    ("gzip", gzip.compress), ("deflate", zlib.compress), ("Deflate ", raw_deflate), ("x-gzip", gzip.compress),
    ("identity", bytes), ("", bytes),
}  # fmt: skip


@given(st.binary(max_size=3000), st.sampled_from(sorted(PACKERS, key=str)), st.integers(1, 4000))
def test_body_comes_out_as_it_went_in(data, packer, step):
    name, pack = packer
    packed = pack(data)
    pieces = [packed[at : at + step] for at in range(0, len(packed), step)]
    assert b"".join(decoded(pieces, name)) == data


def test_no_piece_is_larger_than_it_may_be():
    packed = gzip.compress(bytes(20 * PIECE))
    sizes = [len(piece) for piece in decoded([packed], "gzip")]
    assert sum(sizes) == 20 * PIECE
    assert max(sizes) <= PIECE


def test_gzip_of_several_members_with_something_behind():
    packed = gzip.compress(b"one") + gzip.compress(b"two") + b"\0\0\0\0"
    assert b"".join(decoded([packed], "gzip")) == b"onetwo"


BROKEN = [b"no packed body at all", gzip.compress(bytes(9000))[:-9], zlib.compress(bytes(9000))[:-5]]


@pytest.mark.parametrize("name", ["gzip", "deflate"])
@pytest.mark.parametrize("packed", BROKEN, ids=["no packed body", "cut gzip", "cut deflate"])
def test_broken_body(name, packed):
    with pytest.raises(EncodingError, match=r"^the answer is (not packed as it says|packed, and breaks off)"):
        list(decoded([packed], name))


@pytest.mark.parametrize("name", ["br", "zstd", "gzip, gzip", "none"])
def test_encoding_that_was_not_asked_for(name):
    with pytest.raises(EncodingError, match="gzip, deflate was asked for"):
        list(decoded([b"x"], name))


@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_answers_are_unpacked(comfy, client, name):
    pack = gzip.compress if name == "gzip" else zlib.compress
    comfy.answer("GET", "/system_stats", body=pack(b'{"system": {"os": "x"}}'), headers={"Content-Encoding": name})
    assert client.system_stats() == {"system": {"os": "x"}}


def test_an_encoding_that_nobody_asked_for_is_an_answer_of_no_comfyui(comfy, client):
    comfy.answer("GET", "/system_stats", body=b"\x1b", headers={"Content-Encoding": "br"})
    told = "/system_stats: the answer is encoded as 'br', and gzip, deflate was asked"
    with pytest.raises(ServerUnreachable, match=told):
        client.system_stats()


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_bomb_is_given_up_whatever_the_status(comfy, client, status):
    packed = gzip.compress(bytes(40_000_000))
    headers = {"Content-Encoding": "gzip", "Location": "/elsewhere"}
    comfy.answer("GET", "/system_stats", status, body=packed, headers=headers)
    told = (
        r"the answer is .* MB and goes on and takes 3 times that once parsed, more than the 16 MB that such an answer"
    )
    with pytest.raises(TooLarge, match=told):
        client.system_stats()
