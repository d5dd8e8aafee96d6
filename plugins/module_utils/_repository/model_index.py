# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of a backup: where each file of its filestore lies. Names are Odoo's, such as `0a/0a4d...`; sizes in bytes.

The names are divided among shards by their first hexadecimal digits, so that a backup rewrites only the shards that
changed, and nobody has to hold all names at once.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import items, number, parse_json, text
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import is_store_fname
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName, parse_data_name

DIGITS = "0123456789abcdef"
# A shard of so many files takes a moment to read and about 200 kB.
FILES_A_SHARD = 4096
WIDEST = 2


class Place(NamedTuple):
    """Where one file lies: `length` sealed bytes at `offset` of an object. size: of the file itself."""

    size: int
    held: DataName
    offset: int
    length: int


@dataclass(frozen=True)
class Use:
    """How far an object is used by a backup. total: its own size; live: what the backup's files take of that."""

    files: int
    live: int
    total: int


@dataclass(frozen=True)
class Shard:
    """The files whose names begin with `prefix`. digest: of the names, so that an equal shard need not be read."""

    prefix: str
    held: DataName
    digest: str
    files: int
    bytes: int


@dataclass(frozen=True)
class Index:
    """All files of a backup. width: digits of a shard's prefix. uses: of each object with files."""

    width: int = 0
    shards: Mapping[str, Shard] = field(default_factory=dict)
    uses: Mapping[DataName, Use] = field(default_factory=dict)

    @property
    def files(self) -> int:
        """The number of files."""
        return sum(shard.files for shard in self.shards.values())

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(shard.bytes for shard in self.shards.values())

    def objects(self) -> set[DataName]:
        """Every object that the files and their shards need."""
        return {*self.uses, *(shard.held for shard in self.shards.values())}

    def lost(self, stored: Mapping[DataName, int]) -> set[DataName]:
        """The objects that are missing or cut off. stored: the size in bytes of each that is there."""
        missing = {shard.held for shard in self.shards.values() if shard.held not in stored}
        return missing | {name for name, use in self.uses.items() if stored.get(name) != use.total}

    def overlapping(self, prefix: str) -> list[Shard]:
        """The shards that may hold names with that prefix, also where they are divided in another way."""
        return [
            shard
            for shard in self.shards.values()
            if shard.prefix.startswith(prefix) or prefix.startswith(shard.prefix)
        ]

    def as_body(self) -> dict[str, Any]:
        """The index as a part of a manifest."""
        return {
            "width": self.width,
            "shards": [[one.prefix, str(one.held), one.digest, one.files, one.bytes] for one in self.shards.values()],
            "uses": [[str(name), one.files, one.live, one.total] for name, one in sorted(self.uses.items())],
        }


def index_from(body: Mapping[str, Any], where: str) -> Index:
    """The index in a manifest. Raises StateError, naming `where`, where it is none."""
    try:
        shards = [
            Shard(text(prefix), parse_data_name(held), text(digest), number(files), number(size))
            for prefix, held, digest, files, size in items(body["shards"])
        ]
        uses = {
            parse_data_name(name): Use(number(files), number(live), number(total))
            for name, files, live, total in items(body["uses"])
        }
        return Index(number(body["width"], 0, WIDEST), {one.prefix: one for one in shards}, uses)
    except BAD_VALUES as error:
        raise StateError(f"{where} holds no index of files: {error!r}") from error


def objects_in(manifest: Mapping[str, Any], where: str) -> set[DataName]:
    """Every object that the backup with this manifest needs. Raises StateError, naming `where`, where it is none."""
    try:
        dump = set(map(parse_data_name, items(manifest["dump"]["held"])))
        index = manifest["index"]
    except BAD_VALUES as error:
        raise StateError(f"{where} names no dump or no index: {error!r}") from error
    return dump | index_from(index, where).objects()


def width_for(files: int) -> int:
    """The number of digits by which so many names are divided among shards."""
    width = 0
    while width < WIDEST and files > FILES_A_SHARD * len(DIGITS) ** width:
        width += 1
    return width


def prefixes(width: int) -> list[str]:
    """All prefixes of that many digits, in the order of the names."""
    found = [""]
    for _digit in range(width):
        found = [stem + digit for stem in found for digit in DIGITS]
    return found


def digest_of(names: Iterable[str]) -> str:
    """What two shards have in common that hold the same names. names: in their order."""
    found = hashlib.sha256()
    for name in names:
        found.update(name.encode() + b"\n")
    return found.hexdigest()


def shard_bytes(files: Mapping[str, Place]) -> bytes:
    """The content of a shard."""
    listed = [[name, one.size, str(one.held), one.offset, one.length] for name, one in sorted(files.items())]
    return json.dumps(listed, separators=(",", ":")).encode()


def parse_shard(data: bytes, where: str) -> dict[str, Place]:
    """The files of a shard. Raises StateError, naming `where`, where it is none."""
    try:
        names: dict[str, DataName] = {}
        files: dict[str, Place] = {}
        for name, size, held, offset, length in items(parse_json(data, where)):
            if held not in names:
                names[held] = parse_data_name(held)
            if not is_store_fname(name):
                raise ValueError(f"{name!r} is no file of a filestore")
            if name in files:
                raise ValueError(f"{name} is there twice")
            files[name] = Place(number(size), names[held], number(offset), number(length))
    except BAD_VALUES as error:
        raise StateError(f"{where} is no part of an index of files: {error}") from error
    return files


def grouped(names: Iterable[str], width: int) -> Iterator[tuple[str | None, list[str]]]:
    """Every prefix of that many digits with its names, in their order; with None, names that begin with none of them.

    names: in the order of their bytes. Only the names of one prefix are held at once.
    """
    coming = iter(prefixes(width))
    ahead = next(coming, None)
    for begin, group in itertools.groupby(names, key=lambda name: name[:width]):
        while ahead is not None and ahead < begin:
            yield ahead, []
            ahead = next(coming, None)
        known = begin == ahead
        if known:
            ahead = next(coming, None)
        sound: list[str] = []
        strange: list[str] = []
        for name in group:
            (sound if known and is_store_fname(name) else strange).append(name)
        if known:
            yield begin, sound
        if strange:
            yield None, strange
    while ahead is not None:
        yield ahead, []
        ahead = next(coming, None)


class Tally:
    """Counts how far each object is used while files come and go."""

    def __init__(self, uses: Mapping[DataName, Use]) -> None:
        self._counts = {name: [use.files, use.live, use.total] for name, use in uses.items()}

    def change(self, gone: Iterable[Place], new: Iterable[Place], totals: Mapping[DataName, int]) -> None:
        """Count places that are not used any more, and new ones. totals: the sizes of objects not used before."""
        for sign, places in ((-1, gone), (1, new)):
            for place in places:
                if place.held not in self._counts and place.held not in totals:
                    raise StateError(f"a file lies in {place.held}, which its index does not use; take a backup anew")
                if place.held not in self._counts:
                    self._counts[place.held] = [0, 0, totals[place.held]]
                count = self._counts[place.held]
                count[0] += sign
                count[1] += sign * place.length

    def uses(self) -> dict[DataName, Use]:
        """How far each object is used that is used at all."""
        return {name: Use(*count) for name, count in sorted(self._counts.items()) if count[0]}


def size_of(files: Mapping[str, Place]) -> int:
    """The size of an object that holds exactly these files."""
    return max((place.offset + place.length for place in files.values()), default=0)


def wasteful(uses: Mapping[DataName, Use]) -> set[DataName]:
    """The objects whose files a backup sends again: they are less than half used, and together waste a fifth of all."""
    poor = {name: use for name, use in uses.items() if 2 * use.live < use.total}
    waste = sum(use.total - use.live for use in poor.values())
    return set(poor) if waste > sum(use.total for use in uses.values()) / 5 else set()


class Piece(NamedTuple):
    """Bytes of an object to read in one request, and the files in them by their names."""

    held: DataName
    offset: int
    length: int
    files: list[tuple[str, Place]]


def pieces_of(files: Iterable[tuple[str, Place]], gap: int, largest: int) -> list[Piece]:
    """The requests that bring `files`, names with their places, neighbours in an object together.

    gap: the most bytes between two of them. largest: the most bytes of a request for more than one file.
    """
    found: list[Piece] = []
    for name, place in sorted(files, key=lambda item: (item[1].held, item[1].offset)):
        last = found[-1] if found else None
        end = place.offset + place.length
        if (
            last
            and last.held == place.held
            and place.offset - (last.offset + last.length) <= gap
            and end - last.offset <= largest
        ):
            last.files.append((name, place))
            found[-1] = last._replace(length=max(last.length, end - last.offset))
        else:
            found.append(Piece(place.held, place.offset, place.length, [(name, place)]))
    return found
