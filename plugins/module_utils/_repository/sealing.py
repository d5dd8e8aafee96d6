# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypts and authenticates the contents of a repository: libsodium's secretstream around zstd.

docs/backup-format.md is the definition. A sealed content is `G1`, the number of the data key in two bytes, the stream's
header, and chunks of which the last one is marked. Each chunk is bound to a context, such as the tenant and the name of
the object, so that a content is refused in another place.
"""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import LibraryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import bounded
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import FILE, most_of

try:
    import zstandard
    from nacl import bindings as sodium
    from nacl.exceptions import CryptoError
except ImportError:
    IMPORT_ERROR: str | None = traceback.format_exc()
else:
    IMPORT_ERROR = None

KEY_BYTES = 32
# Larger chunks are slower: the library copies each into memory that it has to ask for.
CHUNK_BYTES = 128 * 1024
_MAGIC = b"G1"
_HEADER_BYTES, _EXTRA_BYTES = 24, 17
_FRONT_BYTES = len(_MAGIC) + 2 + _HEADER_BYTES
_PLAIN, _ZSTD = b"\0", b"\1"
_LEVEL = 3
# What a frame needs to be read, where the level needs 2 MiB.
_WINDOW_BYTES = 8 * 1024 * 1024
# What does not shrink by a twentieth is stored as it is.
_WORTH = 0.95


@dataclass(frozen=True)
class DataKeys:
    """The keys of one tenant's repository, by number. The highest number encrypts, all of them decrypt."""

    tenant: str
    keys: Mapping[int, bytes] = field(repr=False)

    def seal(self, kind: str, name: str, content: bytes) -> bytes:
        """The sealed content of a `kind` of object, with its name."""
        if kind != FILE and len(content) > most_of(kind):
            raise StateError(f"{name} of {self.tenant} would have {len(content)} bytes, more than any reader takes")
        return b"".join(self.seal_pieces(kind, name, _shrunk(content)))

    def seal_stream(self, kind: str, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The sealed content of a stream, as it comes. Its first piece decides whether the stream is compressed."""
        return self.seal_pieces(kind, name, _shrunk_stream(pieces))

    def seal_pieces(self, kind: str, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Encrypt pieces that begin with the byte of their encoding."""
        number = max(self.keys)
        state = sodium.crypto_secretstream_xchacha20poly1305_state()
        header = sodium.crypto_secretstream_xchacha20poly1305_init_push(state, self.keys[number])
        yield _MAGIC + number.to_bytes(2, "big") + header
        context = self._context(kind, name)
        for chunk, last in _chunks(pieces, CHUNK_BYTES):
            tag = (
                sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
                if last
                else sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
            )
            yield sodium.crypto_secretstream_xchacha20poly1305_push(state, chunk, context, tag)

    def open(self, kind: str, name: str, sealed: bytes, where: str) -> bytes:
        """The content of a sealed object. Raises StateError, naming `where`, for one that was not written so."""
        return b"".join(self.open_stream(kind, name, (sealed,), where, most_of(kind)))

    def open_stream(
        self, kind: str, name: str, pieces: Iterable[bytes | memoryview], where: str, most: int
    ) -> Iterator[bytes]:
        """The content of a sealed stream, as it comes, in small pieces. It is complete only where no exception ends it.

        most: its recorded size, in bytes. Raises StateError as soon as there is more.
        """
        return bounded(_unshrunk(self._decrypt(kind, name, pieces, where), where), most, where)

    def _decrypt(self, kind: str, name: str, pieces: Iterable[bytes | memoryview], where: str) -> Iterator[bytes]:
        chunks = _chunks(pieces, CHUNK_BYTES + _EXTRA_BYTES, _FRONT_BYTES)
        front, last = next(chunks, (b"", True))
        number = int.from_bytes(front[len(_MAGIC) : len(_MAGIC) + 2], "big")
        if last or len(front) != _FRONT_BYTES or not front.startswith(_MAGIC):
            raise StateError(f"{where} is damaged: it is no sealed content, or was cut off")
        if number not in self.keys:
            raise StateError(f"{where} is sealed with the data key {number}, which the keys of {self.tenant} lack")
        state = sodium.crypto_secretstream_xchacha20poly1305_state()
        sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, front[-_HEADER_BYTES:], self.keys[number])
        context = self._context(kind, name)
        for chunk, last in chunks:
            try:
                content, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, chunk, context)
            except (CryptoError, ValueError) as error:
                raise StateError(
                    f"{where} is damaged or forged, or lies in another object's place: its authentication failed"
                ) from error
            if last != (tag == sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL):
                raise StateError(f"{where} is damaged: its end was cut off, or something follows on it")
            yield content

    def _context(self, kind: str, name: str) -> bytes:
        return f"gantry.odoo 1\n{kind}\n{self.tenant}\n{name}".encode()


def require_libraries() -> None:
    """Raises LibraryError where PyNaCl or zstandard is not on the host."""
    if IMPORT_ERROR is not None:
        raise LibraryError("PyNaCl" if "nacl" in IMPORT_ERROR.splitlines()[-1] else "zstandard", IMPORT_ERROR)


def key_number(sealed: bytes | None) -> int:
    """The number of the data key that a content says it is sealed with, 0 where there is none."""
    front = len(_MAGIC)
    return int.from_bytes(sealed[front : front + 2], "big") if sealed and sealed.startswith(_MAGIC) else 0


def new_key() -> bytes:
    """A key of random bytes."""
    key: bytes = sodium.randombytes(KEY_BYTES)
    return key


def _shrunk(content: bytes) -> tuple[bytes, bytes]:
    smaller = zstandard.ZstdCompressor(level=_LEVEL).compress(content)
    return (_ZSTD, smaller) if len(smaller) < len(content) * _WORTH else (_PLAIN, content)


def _shrunk_stream(pieces: Iterable[bytes]) -> Iterator[bytes]:
    coming = iter(pieces)
    first = next(coming, b"")
    encoding, _content = _shrunk(first)
    yield encoding
    if encoding == _PLAIN:
        yield first
        yield from coming
        return
    packer = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
    yield packer.compress(first)
    for piece in coming:
        yield packer.compress(piece)
    yield packer.flush()


def _unshrunk(pieces: Iterator[bytes], where: str) -> Iterator[bytes]:
    first = next(pieces, b"")
    if first[:1] == _PLAIN:
        yield first[1:]
        yield from pieces
        return
    if first[:1] != _ZSTD:
        raise StateError(f"{where} has an encoding that this version does not know; update gantry.odoo to read it")
    source: Any = _Source(first[1:], pieces)
    unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).stream_reader(source)
    try:
        yield from iter(partial(unpacker.read, CHUNK_BYTES), b"")
    except zstandard.ZstdError as error:
        raise StateError(f"{where} is damaged: its compressed content cannot be read") from error
    # the last chunk is authenticated as such, so it is read also where the frame ended before
    if any(pieces):
        raise StateError(f"{where} is damaged: something follows on its compressed content")


class _Source:
    """Pieces of bytes as the library reads them."""

    def __init__(self, first: bytes, pieces: Iterator[bytes]) -> None:
        self._pieces = (piece for piece in itertools.chain((first,), pieces) if piece)

    def read(self, _size: int) -> bytes:
        """The next piece; empty at the end."""
        return next(self._pieces, b"")


def _chunks(pieces: Iterable[bytes | memoryview], size: int, first: int = 0) -> Iterator[tuple[bytes, bool]]:
    """The bytes of all pieces in chunks of `size` bytes, and whether each is the last one, which may be shorter.

    first: the size of the first chunk, where it is another one. No bytes at all are one empty chunk.
    """
    wanted = first or size
    held: list[memoryview] = []
    length = 0
    for piece in pieces:
        view = memoryview(piece)
        while view:
            # a chunk goes out when something is behind it, so that the last one is known
            if length == wanted:
                yield b"".join(held), False
                held.clear()
                wanted, length = size, 0
            taken = view[: wanted - length]
            held.append(taken)
            length += len(taken)
            view = view[len(taken) :]
    yield b"".join(held), True
