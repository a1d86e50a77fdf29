"""Placeholder sounds, written by hand: a tone as FLAC, silence as MP3 and Opus.

Without a codec at hand, silence is what can be written in the latter two; their tags tell them apart.
"""

from __future__ import annotations

import math
import struct
from functools import cache

RATE = 44_100
"""Samples a second."""

_BLOCK = 4096
_BLOCKS = 5
_LOUDNESS = 6000
_VENDOR = b"pytest-comfy"
_MP3_FRAMES = 20
_OPUS_PACKETS = 25
_OPUS_SILENCE = b"\xf8\xff\xfe"
"""20 ms of silence, mono, the CELT coder's shortest packet (RFC 6716)."""


def flac(digest: str, prompt: str) -> bytes:
    """Return half a second of a tone, 16 bit, mono, uncompressed frames; its pitch is taken from `digest`."""
    pitch = 220 + int(digest[:4], 16) % 660
    samples = [round(_LOUDNESS * math.sin(2 * math.pi * pitch * number / RATE)) for number in range(_BLOCK * _BLOCKS)]
    about = struct.pack(">HH", _BLOCK, _BLOCK) + bytes(6)
    about += ((RATE << 44) | (0 << 41) | (15 << 36) | len(samples)).to_bytes(8, "big") + bytes(16)
    frames = b"".join(
        _flac_frame(number, samples[number * _BLOCK : (number + 1) * _BLOCK]) for number in range(_BLOCKS)
    )
    tags = _comments(prompt)
    return b"fLaC" + b"\x00" + _length(about) + about + b"\x84" + _length(tags) + tags + frames


def mp3(digest: str, prompt: str) -> bytes:
    """Return half a second of silence, MPEG-1 layer III, 128 kbit/s, with the prompt in an ID3 tag."""
    told = b"\x03prompt\0" + prompt.encode() + b"\0"
    frames = _id3_frame(b"TXXX", told) + _id3_frame(b"TXXX", b"\x03digest\0" + digest.encode())
    tag = b"ID3\x04\x00\x00" + _synchsafe(len(frames)) + frames
    # 144 * 128000 / 44100 bytes a frame; all zero after the header means: no energy in any band.
    return tag + (b"\xff\xfb\x90\xc4" + bytes(413)) * _MP3_FRAMES


def opus(digest: str, prompt: str) -> bytes:
    """Return half a second of silence in an Ogg file, with the prompt among its comments."""
    serial = int(digest[:8], 16)
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 48_000, 0, 0)
    tags = b"OpusTags" + _comments(prompt)
    pages = [_ogg_pages([head], serial, 0, 2, 0)]
    pages.append(_ogg_pages([tags], serial, 1, 0, 0))
    done = 1 + _ogg_count(tags)
    pages.append(_ogg_pages([_OPUS_SILENCE] * _OPUS_PACKETS, serial, done, 4, 960 * _OPUS_PACKETS))
    return b"".join(pages)


def _flac_frame(number: int, samples: list[int]) -> bytes:
    # Fixed block size, 4096 samples, 44.1 kHz, mono, 16 bit; then the frame's number.
    header = b"\xff\xf8\xc9\x08" + bytes([number])
    header += bytes([_crc(header, 0x07, 8)])
    frame = header + b"\x02" + struct.pack(f">{len(samples)}h", *samples)
    return frame + _crc(frame, 0x8005, 16).to_bytes(2, "big")


def _comments(prompt: str) -> bytes:
    told = b"prompt=" + prompt.encode()
    return struct.pack("<I", len(_VENDOR)) + _VENDOR + struct.pack("<II", 1, len(told)) + told


def _length(block: bytes) -> bytes:
    return len(block).to_bytes(3, "big")


def _id3_frame(name: bytes, content: bytes) -> bytes:
    return name + _synchsafe(len(content)) + b"\0\0" + content


def _synchsafe(number: int) -> bytes:
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


def _ogg_count(packet: bytes) -> int:
    return (len(packet) // 255 + 1 + 254) // 255


def _ogg_pages(packets: list[bytes], serial: int, first: int, kind: int, position: int) -> bytes:
    """Return packets as Ogg pages; a packet too long for one page goes on in the next."""
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    content = b"".join(packets)
    pages, at = [], 0
    for number, start in enumerate(range(0, len(lacing), 255)):
        segments = lacing[start : start + 255]
        ends = start + 255 >= len(lacing)
        flags = (kind if ends or kind == 2 else 0) | (1 if number else 0)
        where = position if ends else -1
        page = b"OggS\0" + struct.pack("<BqIII", flags, where, serial, first + number, 0)
        page += bytes([len(segments)]) + segments + content[at : at + sum(segments)]
        at += sum(segments)
        pages.append(page[:22] + _crc(page, 0x04C11DB7, 32).to_bytes(4, "little") + page[26:])
    return b"".join(pages)


@cache
def _table(polynomial: int, bits: int) -> list[int]:
    table = []
    for byte in range(256):
        value = byte << (bits - 8)
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value >> (bits - 1) else 0)
            value &= (1 << bits) - 1
        table.append(value)
    return table


def _crc(data: bytes, polynomial: int, bits: int) -> int:
    """Return the checksum of FLAC and Ogg: highest bit first, beginning with 0."""
    table, value, mask, shift = _table(polynomial, bits), 0, (1 << bits) - 1, bits - 8
    for byte in data:
        value = ((value << 8) & mask) ^ table[(value >> shift) ^ byte]
    return value
