# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealed contents: what was written comes back, and nothing else does."""

from __future__ import annotations

import hashlib
import random
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import PieceReader, segments
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import most_of
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import (
    CHUNK_BYTES,
    DataKeys,
)

KEYS = DataKeys("harbour", {1: b"1" * 32, 2: b"2" * 32})
WHERE = "data/7/0 in the bucket backups"
RANDOM = random.Random(11).randbytes(3 * CHUNK_BYTES)
EDGES = [0, 1, CHUNK_BYTES - 2, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES - 1, 2 * CHUNK_BYTES]


def cut(data: bytes, size: int) -> list[bytes]:
    """The data in pieces."""
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("kind", ["random", "text"])
def test_contents_come_back_at_once_and_in_pieces(size: int, kind: str) -> None:
    content = RANDOM[:size] if kind == "random" else b"a" * size
    sealed = KEYS.seal("file", "x", content)
    assert KEYS.open("file", "x", sealed, WHERE) == content
    assert b"".join(KEYS.open_stream("file", "x", cut(sealed, 999), WHERE, size)) == content
    streamed = b"".join(KEYS.seal_stream("file", "x", cut(content, 7000)))
    assert KEYS.open("file", "x", streamed, WHERE) == content
    if kind == "text" and size > 1000:
        assert len(sealed) < size / 10
        assert len(streamed) < size / 10


ZEROS = 64 * 1024 * 1024


def test_zeros_take_no_more_memory_than_a_piece_of_them() -> None:
    sealed = KEYS.seal("file", "x", bytes(ZEROS))
    assert len(sealed) < CHUNK_BYTES
    tracemalloc.start()
    try:
        digest, size = hashlib.sha1(), 0
        for piece in KEYS.open_stream("file", "x", [sealed], WHERE, ZEROS):
            digest.update(piece)
            size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (size, digest.hexdigest()) == (ZEROS, hashlib.sha1(bytes(ZEROS)).hexdigest())
    assert peak < 2 * 1024 * 1024


def test_more_than_was_recorded_is_refused_as_soon_as_it_comes() -> None:
    sealed = KEYS.seal("file", "x", bytes(ZEROS))
    read = []
    with pytest.raises(StateError, match=r"^data/7/0 in .* is damaged or forged: it holds more than 300000 bytes"):
        read += iter(KEYS.open_stream("file", "x", [sealed], WHERE, 300_000))
    assert sum(map(len, read)) <= 300_000


@pytest.mark.parametrize("kind", ["manifest", "record", "shard", "policy", "keys", "drill"])
def test_what_is_read_as_a_whole_has_a_bound(kind: str) -> None:
    most = most_of(kind)
    assert KEYS.open(kind, "x", KEYS.seal(kind, "x", bytes(most)), WHERE) == bytes(most)
    more = b"".join(KEYS.seal_stream(kind, "x", [bytes(most), b"1"]))
    with pytest.raises(StateError, match=f"more than {most} bytes"):
        KEYS.open(kind, "x", more, WHERE)
    with pytest.raises(StateError, match="more than any reader takes"):
        KEYS.seal(kind, "x", bytes(most + 1))


def test_what_follows_on_a_compressed_content_is_found() -> None:
    frame = zstandard.ZstdCompressor().compress(b"a" * 100)
    with pytest.raises(StateError, match=r"something follows on its compressed|compressed content cannot be read"):
        KEYS.open("file", "x", b"".join(KEYS.seal_pieces("file", "x", [b"\1", frame, bytes(CHUNK_BYTES)])), WHERE)
    with pytest.raises(StateError, match="its compressed content cannot be read"):
        KEYS.open("file", "x", b"".join(KEYS.seal_pieces("file", "x", [b"\1", b"no frame, but long enough"])), WHERE)
    large = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    wide = zstandard.ZstdCompressor(compression_params=large).compressobj()
    content = wide.compress(RANDOM) + wide.flush()
    with pytest.raises(StateError, match="its compressed content cannot be read"):
        KEYS.open("file", "x", b"".join(KEYS.seal_pieces("file", "x", [b"\1", content])), WHERE)


def test_the_same_content_is_sealed_in_another_way_each_time() -> None:
    assert KEYS.seal("file", "x", b"salary") != KEYS.seal("file", "x", b"salary")
    assert b"salary" not in KEYS.seal("file", "x", b"salary")


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_is_found_wherever_it_is(place: int, change: int) -> None:
    sealed = bytearray(KEYS.seal("file", "x", RANDOM[: CHUNK_BYTES + 5]))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(StateError, match=r"is damaged|is sealed with the data key"):
        KEYS.open("file", "x", bytes(sealed), WHERE)


@given(st.integers(0, 10**6))
def test_a_lost_end_is_found(kept: int) -> None:
    sealed = KEYS.seal("file", "x", RANDOM[: CHUNK_BYTES + 5])
    with pytest.raises(StateError, match=r"data/7/0 in the bucket backups is damaged"):
        KEYS.open("file", "x", sealed[: kept % len(sealed)], WHERE)


def test_a_lost_chunk_at_the_end_is_found() -> None:
    sealed = KEYS.seal("file", "x", RANDOM)
    front = 28 + 2 * (CHUNK_BYTES + 17)
    with pytest.raises(StateError, match="its end was cut off, or something follows on it"):
        KEYS.open("file", "x", sealed[:front], WHERE)
    with pytest.raises(StateError, match="damaged"):
        KEYS.open("file", "x", sealed + KEYS.seal("file", "x", b"more"), WHERE)


@pytest.mark.parametrize(
    ("keys", "kind", "name"),
    [
        (KEYS, "file", "y"),
        (KEYS, "dump", "x"),
        (DataKeys("north", KEYS.keys), "file", "x"),
        (DataKeys("harbour", {2: b"3" * 32}), "file", "x"),
    ],
)
def test_a_content_is_refused_in_another_place_and_by_another_key(keys: DataKeys, kind: str, name: str) -> None:
    sealed = KEYS.seal("file", "x", b"content")
    with pytest.raises(StateError, match="forged, or lies in another object's place"):
        keys.open(kind, name, sealed, WHERE)


def test_a_key_that_is_not_there_is_named() -> None:
    sealed = KEYS.seal("file", "x", b"content")
    with pytest.raises(StateError, match="sealed with the data key 2, which the keys of harbour lack"):
        DataKeys("harbour", {1: b"1" * 32}).open("file", "x", sealed, WHERE)
    assert b"\x02" * 32 not in repr(KEYS).encode()
    assert "2222" not in repr(KEYS)


@pytest.mark.parametrize(
    ("pieces", "groups"),
    [
        ([], [[b""]]),
        ([b"abc"], [[b"abc"]]),
        ([b"abc", b"defg"], [[b"abc", b"defg"]]),
        ([b"abcd", b"e"], [[b"abcd"], [b"e"]]),
        ([b"abcdefgh", b"ij", b"kl", b"m"], [[b"abcdefgh"], [b"ij", b"kl"], [b"m"]]),
    ],
)
def test_a_stream_is_cut_into_segments(pieces: list[bytes], groups: list[list[bytes]]) -> None:
    assert [list(group) for group in segments(pieces, 4)] == groups


def test_pieces_are_read_like_a_file() -> None:
    reader = PieceReader([b"abc", b"", b"de", b"fgh"])
    assert reader.read(2) == b"ab"
    reader.skip(1)
    assert list(map(bytes, reader.span(4))) == [b"de", b"fg"]
    assert reader.read() == b"h"
    assert reader.read(5) == b""
    assert reader.size == 8
