# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that are read in pieces: a body that is cut off goes on where it was."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import BODY_ATTEMPTS, Bucket
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import WHOLE_BYTES, Settings

CONTENT = bytes(range(256)) * 40


class Body:
    """A body that is cut off after some bytes."""

    def __init__(self, data: bytes, whole: int) -> None:
        self._data, self._left = BytesIO(data), whole

    def read(self, size: int) -> bytes:
        """The next bytes, or a time-out."""
        if self._left <= 0:
            raise ReadTimeoutError(endpoint_url="https://s3.example")
        piece = self._data.read(min(size, self._left))
        self._left -= len(piece)
        return piece


class Server:
    """A server that cuts bodies off. asked: the ranges that were asked for."""

    def __init__(self, sends: int, content: bytes = CONTENT) -> None:
        self.sends, self.content, self.etag = sends, content, "first"
        self.asked: list[str] = []

    def get_object(self, **request: Any) -> dict[str, Any]:
        """As S3 answers."""
        asked = request.get("Range", "")
        self.asked.append(asked)
        if request.get("IfMatch", self.etag) != self.etag:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "GetObject")
        first, _dash, last = asked.removeprefix("bytes=").partition("-")
        if asked and int(first) >= len(self.content):
            raise ClientError({"Error": {"Code": "InvalidRange"}}, "GetObject")
        data = self.content[int(first or 0) : int(last) + 1 if last else None]
        return {"Body": Body(data, self.sends), "ETag": self.etag}


def bucket(server: Server) -> Bucket:
    """The bucket of a server."""
    return Bucket(Settings("backups", "https://s3.example"), server)


@pytest.mark.parametrize("size", [1, 100, 4096])
def test_a_body_that_is_cut_off_goes_on_where_it_was(size: int) -> None:
    server = Server(3000)
    assert b"".join(bucket(server).pieces("key", size)) == CONTENT
    assert server.asked == ["", "bytes=3000-", "bytes=6000-", "bytes=9000-"]


def test_a_part_of_an_object_goes_on_as_well() -> None:
    server = Server(100)
    assert b"".join(bucket(server).pieces("key", 64, offset=10, length=250)) == CONTENT[10:260]
    assert server.asked == ["bytes=10-259", "bytes=110-259", "bytes=210-259"]


def test_a_body_that_is_cut_off_behind_its_last_byte_is_complete() -> None:
    server = Server(len(CONTENT))
    assert b"".join(bucket(server).pieces("key", 1000)) == CONTENT
    assert server.asked == ["", f"bytes={len(CONTENT)}-"]


def test_a_body_without_progress_ends_in_one_sentence() -> None:
    server = Server(0)
    with pytest.raises(UnreachableError, match=r"stopped sending key after 0 bytes, 5 times: .*; see the network"):
        b"".join(bucket(server).pieces("key", 1000))
    assert len(server.asked) == BODY_ATTEMPTS


def test_another_content_of_the_key_is_not_joined_to_the_first_one() -> None:
    server = Server(3000)
    coming = bucket(server).pieces("key", 3000)
    next(coming)
    server.etag = "second"
    with pytest.raises(StateError, match="could not read key: PreconditionFailed"):
        list(coming)


def test_a_directory_reads_the_same_pieces(tmp_path: Path) -> None:
    store = Directory(str(tmp_path))
    store.put("a/key", CONTENT)
    assert b"".join(store.pieces("a/key", 100)) == CONTENT
    assert b"".join(store.pieces("a/key", 64, offset=10, length=250)) == CONTENT[10:260]
    with pytest.raises(StateError, match="could not read a/other: there is no such object"):
        list(store.pieces("a/other", 100))


def test_a_stream_that_fails_leaves_the_object_of_before(tmp_path: Path) -> None:
    class Failing:
        """A stream that ends with an error."""

        def __init__(self) -> None:
            self._pieces = [b"new"]

        def read(self, _size: int = -1, /) -> bytes:
            """A piece, then an error."""
            if not self._pieces:
                raise StateError("pg_dump failed")
            return self._pieces.pop()

    store = Directory(str(tmp_path))
    store.put("a/key", b"old")
    with pytest.raises(StateError, match="pg_dump failed"):
        store.upload("a/key", Failing(), 3)
    assert store.get("a/key") == b"old"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["key"]
    assert list(store.objects("a/")) == ["a/key"]


def test_an_object_that_is_read_as_a_whole_has_a_bound(tmp_path: Path) -> None:
    store = Directory(str(tmp_path))
    store.put("keys/1", b"x")
    with Path(tmp_path, "keys/1").open("r+b") as stream:
        stream.truncate(10**12)
    endless = Server(10**12)
    endless.content = bytes(WHOLE_BYTES + 1)
    for place in (store, bucket(endless)):
        with pytest.raises(StateError, match=f"^keys/1 in the .* holds more than {WHOLE_BYTES} bytes"):
            place.get("keys/1")
    endless.content = CONTENT
    assert bucket(endless).get("keys/1") == CONTENT
