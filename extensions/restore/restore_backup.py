# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the backups of a tenant, or write one of them to a directory, with nothing but the repository and a key.

This program stands alone, for the day on which neither Ansible nor the collection can be used. It needs Python 3.9,
PyNaCl and zstandard, and boto3 for a bucket. It reads the format that docs/backup-format.md defines, and shares no code
with the collection. A backup is written as `database.dump`, for pg_restore, and `filestore/`; no server is touched.
What is missing or damaged is listed and left out, all else is written, and the program ends with 1. A damaged dump is
kept as `database.dump.damaged`.

    python3 restore_backup.py --directory /mnt/backups --key-file estate.key harbour
    python3 restore_backup.py --bucket backups --endpoint https://s3.example --key-file estate.key --to /srv/x harbour

The key is one of `keys` in `backup_repository` of the inventory, as `openssl rand -base64 32` has made it. One of them
opens all backups of a tenant, and the error says its name where another one was given. Where it is not known which file
holds it, give them all: --key-file old.key --key-file new.key. Without --to, the backups are listed. A tenant or a
backup that is not there is answered with those that are.

The credentials of a bucket are those of the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

try:
    import zstandard
    from nacl import bindings, exceptions
except ImportError as error:
    sys.exit(f"{error.name} is not installed; install the packages PyNaCl and zstandard for this Python")

CHUNK = 128 * 1024 + 17
READ = 1024 * 1024
# what is read as a whole has less, and no frame needs more to be decompressed
WHOLE = 64 * 1024 * 1024
WINDOW = 8 * 1024 * 1024
KEY = 32
SHOWN = 20
BAD_VALUES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
DATA = re.compile(r"[1-9][0-9]{0,14}/[0-9]{1,15}")
FILE = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{38}")
# Of a backup that has a manifest and is not in the catalog.
UNLISTED = "unlisted"
MANIFEST = re.compile(r"manifests/([1-9][0-9]*)(?:-([1-9][0-9]*))?")


class DamagedError(Exception):
    """Something in the repository is missing, or not what was written."""


class StoreError(Exception):
    """The store does not answer."""


class Directory:
    """A repository in a directory."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix, in their order."""
        yield from sorted(
            one.relative_to(self.path).as_posix() for one in (self.path / prefix).rglob("*") if one.is_file()
        )

    def tenants(self, prefix: str) -> list[str]:
        """The names below a prefix, which ends with a slash or is empty."""
        return sorted(one.name for one in (self.path / prefix).glob("[!.]*") if one.is_dir())

    def pieces(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of an object."""
        try:
            with (self.path / key).open("rb") as stream:
                stream.seek(offset)
                left = length
                while piece := stream.read(READ if left is None else min(READ, left)):
                    left = None if left is None else left - len(piece)
                    yield piece
        except OSError as error:
            raise DamagedError(f"{key} cannot be read: {error.strerror}") from error


class Bucket:
    """A repository in a bucket."""

    def __init__(self, name: str, endpoint: str | None, region: str, ca_bundle: str | None) -> None:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError as error:
            raise StoreError(f"{error.name} is not installed; install the package boto3 for this Python") from error
        self.refused, self.silent = ClientError, BotoCoreError
        style = Config(s3={"addressing_style": "path" if endpoint else "auto"})
        self.name = name
        self.client = boto3.client("s3", endpoint_url=endpoint, region_name=region, verify=ca_bundle, config=style)

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix, in their order."""
        try:
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
                yield from (item["Key"] for item in page.get("Contents", []))
        except (self.refused, self.silent) as error:
            raise StoreError(f"bucket {self.name} cannot be listed: {error}") from error

    def tenants(self, prefix: str) -> list[str]:
        """The names below a prefix, which ends with a slash or is empty."""
        pages = self.client.get_paginator("list_objects_v2")
        try:
            found = pages.paginate(Bucket=self.name, Prefix=prefix, Delimiter="/")
            return [
                one["Prefix"][len(prefix) :].rstrip("/") for page in found for one in page.get("CommonPrefixes", [])
            ]
        except (self.refused, self.silent) as error:
            raise StoreError(f"bucket {self.name} cannot be listed: {error}") from error

    def pieces(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of an object."""
        asked = {} if length is None else {"Range": f"bytes={offset}-{offset + length - 1}"}
        try:
            yield from self.client.get_object(Bucket=self.name, Key=key, **asked)["Body"].iter_chunks(READ)
        except self.refused as error:
            raise DamagedError(f"{key} cannot be read: {error}") from error
        except self.silent as error:
            raise StoreError(f"bucket {self.name} does not answer for {key}: {error}") from error


def opened(
    keys: dict[int, bytes], tenant: str, kind: str, name: str, pieces: Iterable[bytes], most: int = WHOLE
) -> Iterator[bytes]:
    """The content of a sealed stream. most: its recorded size in bytes; more is refused as soon as it comes."""
    coming = decrypted(keys, tenant, kind, name, pieces)
    first = next(coming, b"")
    if first[:1] == b"\0":
        content: Iterator[bytes] = chain((first[1:],), coming)
    elif first[:1] == b"\1":
        source: Any = Source(chain((first[1:],), coming))
        unpacker = zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(source)
        content = iter(partial(unpacker.read, CHUNK), b"")
    else:
        raise DamagedError(f"{kind} {name} has an encoding that this program does not know")
    try:
        yield from bounded(content, most, f"{kind} {name}")
    except zstandard.ZstdError as error:
        raise DamagedError(f"{kind} {name} is damaged: it cannot be decompressed") from error
    if any(coming):
        raise DamagedError(f"{kind} {name} is damaged: something follows on its content")


def bounded(pieces: Iterable[bytes], most: int, what: str) -> Iterator[bytes]:
    """The same pieces, of at most `most` bytes."""
    left = most
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise DamagedError(f"{what} is damaged or forged: it holds more than {most} bytes")
        yield piece


class Source:
    """Pieces of bytes as the library reads them."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = (piece for piece in pieces if piece)

    def read(self, _size: int) -> bytes:
        """The next piece; empty at the end."""
        return next(self.pieces, b"")


def decrypted(keys: dict[int, bytes], tenant: str, kind: str, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What a sealed stream holds, which begins with the byte of its encoding."""
    chunks = in_chunks(pieces)
    front, last = next(chunks, (b"", True))
    number = int.from_bytes(front[2:4], "big")
    if last or front[:2] != b"G1":
        raise DamagedError(f"{kind} {name} is damaged or forged: it is no sealed content")
    if number not in keys:
        raise DamagedError(
            f"{kind} {name} is sealed with data key {number}, and the newest record of the keys has {few(keys)}: it "
            "is an older one, or the content is forged; bring the newest record below keys/ back"
        )
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, front[4:28], keys[number])
    context = f"gantry.odoo 1\n{kind}\n{tenant}\n{name}".encode()
    for chunk, last in chunks:
        try:
            content, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(state, chunk, context)
        except (exceptions.CryptoError, ValueError) as error:
            raise DamagedError(f"{kind} {name} is damaged or forged") from error
        if last != (tag == bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL):
            raise DamagedError(f"{kind} {name} is cut off")
        yield content


def in_chunks(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The front of 28 bytes, then the chunks, and whether each is the last one."""
    wanted, held = 28, b""
    for piece in pieces:
        held += piece
        while len(held) > wanted:
            yield held[:wanted], False
            held, wanted = held[wanted:], CHUNK
    yield held, True


class Tenant:
    """The backups of one tenant. bad: what of them is missing or damaged, and why."""

    def __init__(self, store: Any, records: Any, prefix: str, tenant: str, masters: dict[str, bytes]) -> None:
        """masters: the keys that were given, by the name of their file."""
        self.store, self.records, self.tenant = store, records, tenant
        self.root = f"{prefix.strip('/')}/{tenant}/" if prefix.strip("/") else f"{tenant}/"
        self.bad: list[str] = []
        newest = next(iter(self.records.keys(f"{self.root}keys/")), None)
        if newest is None:
            raise DamagedError(self.absent(prefix))
        with expected(f"the record {newest} of the keys"):
            ring = json.loads(b"".join(bounded(self.records.pieces(newest), WHOLE, newest)))
            wrapped = json.loads(self.unwrapped(masters, str(ring["wrapped_by"]), base64.b64decode(ring["wrapped"])))
            self.keys = {int(number): base64.b64decode(key) for number, key in wrapped.items()}

    def absent(self, prefix: str) -> str:
        """What is said where there are no keys of the tenant."""
        above = self.root[: -len(self.tenant) - 1]
        there = [
            one for one in self.records.tenants(above) if next(iter(self.records.keys(f"{above}{one}/keys/")), None)
        ]
        below = f"below prefix {prefix}" if above else "without a prefix"
        if there:
            return f"there are no keys of tenant {self.tenant} {below}; the repository has {few(there)}"
        others = few(self.records.tenants("")) if above else "none"
        return (
            f"there are no keys of tenant {self.tenant} {below}, nor of any other one ({others} is there); give the "
            "right --prefix, or the bucket of records as --records-bucket"
        )

    def unwrapped(self, masters: dict[str, bytes], name: str, wrapped: bytes) -> bytes:
        """The data keys, by the first of the keys that opens them. name: of the key that wrapped them."""
        for master in masters.values():
            try:
                return b"".join(opened({1: master}, self.tenant, "keys", name, [wrapped]))
            except DamagedError:
                continue
        raise DamagedError(
            f"the backups of {self.tenant} are opened by the key called {name}, and by none of those that were given "
            f"({', '.join(masters)}); give the file of {name} as --key-file, or its record below keys/ is damaged"
        )

    @contextmanager
    def noted(self, what: str) -> Iterator[None]:
        """Note what is missing or damaged, and go on."""
        try:
            with expected(what):
                yield
        except DamagedError as error:
            self.bad.append(f"{what}: {error}")
            print(f"missing or damaged: {self.bad[-1]}", file=sys.stderr)

    def read(self, kind: str, key: str) -> Any:
        """The JSON in a small object."""
        return json.loads(b"".join(opened(self.keys, self.tenant, kind, key, self.store.pieces(self.root + key))))

    def catalog(self) -> list[dict[str, Any]]:
        """The complete backups; those with a manifest where the catalog is lost or damaged."""
        manifests = self.manifests()
        newest = next(iter(self.records.keys(f"{self.root}catalog/")), None)
        if newest is not None:
            key = newest[len(self.root) :]
            with self.noted("catalog"):
                body = b"".join(opened(self.keys, self.tenant, "record", key, self.records.pieces(newest)))
                record = json.loads(body)
                entries = [
                    {**one, "number": whole(one["number"]), "healed": whole(one["healed"])} for one in record["entries"]
                ]
                known = {one["number"] for one in entries}
                least = whole(record["given_up"])
                lacking = [one for one in manifests if one["number"] not in known and one["number"] > least]
                return sorted([*entries, *self.unlisted(lacking)], key=lambda one: one["number"])
        return manifests

    def unlisted(self, lacking: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of the backups with manifests that the catalog lacks, though no expiry has removed them."""
        found = []
        for one in lacking:
            with self.noted(f"a manifest that is not in the catalog, {one['name']}"):
                self.read("manifest", f"manifests/{one['number']}" + (f"-{one['healed']}" if one["healed"] else ""))
                found.append({**one, "restorable": UNLISTED})
        if found:
            names = ", ".join(one["name"] for one in found)
            self.bad.append(f"the catalog lacks {names}")
            print(
                f"the catalog lacks {names}, of which there are manifests: it is an older one, or a backup was "
                "interrupted at its end; name one with --backup to write it",
                file=sys.stderr,
            )
        return found

    def manifests(self) -> list[dict[str, Any]]:
        """The backups that have a manifest."""
        found = [MANIFEST.fullmatch(key[len(self.root) :]) for key in self.store.keys(f"{self.root}manifests/")]
        healed: dict[int, int] = {}
        for number, run in ((int(one[1]), int(one[2] or 0)) for one in found if one):
            healed[number] = max(run, healed.get(number, 0))
        return [{"number": one, "name": f"number {one}", "healed": run} for one, run in sorted(healed.items())]

    def write(self, number: int, target: Path, healed: int = 0) -> str:
        """Write a backup into a directory; what it holds, in words. healed: the run that wrote its manifest anew.

        What is missing or damaged is noted and left out, and all else is written.
        """
        key = f"manifests/{number}-{healed}" if healed else f"manifests/{number}"
        with expected(f"manifest {number}"):
            manifest = self.read("manifest", key)
            if (manifest["tenant"], manifest["number"]) != (self.tenant, number):
                raise DamagedError(f"manifest {number} is another one")
            dump, shards = manifest["dump"], manifest["index"]["shards"]
            lost, size = len(manifest["filestore"]["missing"]), whole(dump["size"])
        target.mkdir(mode=0o700, parents=True)
        with self.noted("dump"):
            self.write_dump(target / "database.dump", size, dump)
        files = 0
        for place, shard in enumerate(shards, 1):
            with self.noted(f"part {place} of {len(shards)} of the index, with its files"):
                _prefix, held, _digest, count, *_rest = shard
                listed = self.read("shard", data_key(held))
                if len(listed) != count:
                    raise DamagedError(f"it lists {len(listed)} files, and the manifest {count}")
                for item in listed:
                    before = len(self.bad)
                    with self.noted(f"file {item[0] if isinstance(item, list) and item else item}"):
                        self.write_file(target / "filestore", *item)
                    files += len(self.bad) == before
        return f"{size} bytes of dump, {files} files, {lost} lost before the backup"

    def write_dump(self, path: Path, size: int, dump: dict[str, Any]) -> None:
        """Write the dump. One that is damaged is kept under another name, as pg_restore may read a part of it."""
        damaged = path.with_name(f"{path.name}.damaged")
        digest, written = hashlib.sha256(), 0
        with damaged.open("xb") as stream:
            for key in map(data_key, dump["held"]):
                pieces = self.store.pieces(self.root + key)
                written += copy(opened(self.keys, self.tenant, "dump", key, pieces, size - written), stream, digest)
        if digest.hexdigest() != dump["sha256"]:
            raise DamagedError("its SHA-256 is not that of the manifest")
        damaged.rename(path)

    def write_file(self, filestore: Path, name: str, size: int, held: str, offset: int, length: int) -> None:
        """Write one file of the filestore, whose SHA-1 is its name."""
        if not FILE.fullmatch(name):
            raise DamagedError("it is no name of a file")
        pieces = self.store.pieces(self.root + data_key(held), whole(offset), whole(length))
        path, digest = filestore / name, hashlib.sha1()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with path.open("xb") as stream:
                written = copy(opened(self.keys, self.tenant, "file", name, pieces, whole(size)), stream, digest)
            if digest.hexdigest() != name[3:] or written != size:
                raise DamagedError("it is not what was written")
        except FileExistsError as error:
            raise DamagedError("it is listed twice") from error
        except BaseException:
            path.unlink(missing_ok=True)
            raise


@contextmanager
def expected(what: str) -> Iterator[None]:
    """Raise DamagedError where a value that was read is of another kind than it is to be."""
    try:
        yield
    except BAD_VALUES as error:
        raise DamagedError(f"{what} cannot be read: {error!r}") from error


def whole(value: Any) -> int:
    """A size, a place or a number, which JSON could also say as something else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"{value!r} is no size")
    return value


def data_key(held: str) -> str:
    """The key of an object with contents."""
    if not DATA.fullmatch(held):
        raise ValueError(f"{held!r} is no name of an object")
    return f"data/{held}"


def copy(pieces: Iterable[bytes], stream: BinaryIO, digest: Any) -> int:
    """Write pieces; their size."""
    size = 0
    for piece in pieces:
        digest.update(piece)
        size += stream.write(piece)
    return size


def few(names: Iterable[Any]) -> str:
    """Names in a sentence."""
    listed = [str(one) for one in names]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return (", ".join(listed[:SHOWN]) or "none") + more


def is_intact(entry: dict[str, Any]) -> bool:
    """Whether the catalog has the backup, and no check has found it damaged; without a catalog nobody knows."""
    return entry.get("restorable", "full") == "full"


def line(entry: dict[str, Any]) -> str:
    """A backup as it is listed."""
    state = "" if is_intact(entry) else "  not in the catalog" if entry["restorable"] == UNLISTED else "  damaged"
    return f"{entry['name']}  {entry.get('files', '')} files{state}"


def main() -> int:
    """List or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--directory", help="`directory` of backup_repository")
    where.add_argument("--bucket", help="`bucket` of backup_repository")
    parser.add_argument("--records-bucket", help="`records_bucket` of backup_repository, where it has one")
    parser.add_argument("--endpoint", help="`endpoint_url` of backup_repository")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--ca-bundle")
    parser.add_argument("--prefix", default="", help="`prefix` of backup_repository; the tenants are below it")
    parser.add_argument(
        "--key-file",
        required=True,
        action="append",
        help="a master key in base64; - reads it from standard input; may be given several times",
    )
    parser.add_argument("--backup", default="latest", help="as it is listed; by default the latest one that is intact")
    parser.add_argument("--to", type=Path, help="a directory that does not exist yet; without it, backups are listed")
    parser.add_argument("tenant", help="the name of the tenant, a directory below the prefix")
    given = parser.parse_args()
    try:
        return run(given)
    except (DamagedError, StoreError) as error:
        said = str(error)
    except OSError as error:
        said = f"{error.filename or given.to} cannot be used: {error.strerror}"
    print(f"{os.path.basename(sys.argv[0])}: {said}", file=sys.stderr)
    return 1


def run(given: argparse.Namespace) -> int:
    """List or write what was asked for; 1 where something is missing or damaged."""
    reach = (given.endpoint, given.region, given.ca_bundle)
    store: Any = Directory(given.directory) if given.directory else Bucket(given.bucket, *reach)
    records = Bucket(given.records_bucket, *reach) if given.records_bucket else store
    tenant = Tenant(store, records, given.prefix, given.tenant, {path: master_key(path) for path in given.key_file})
    entries = tenant.catalog()
    if given.to is None:
        print("\n".join(map(line, entries)) or "no backups")
        return int(bool(tenant.bad))
    intact = [one for one in entries if is_intact(one)] or entries
    chosen = intact[-1:] if given.backup == "latest" else [one for one in entries if one["name"] == given.backup]
    if not chosen:
        there = few(one["name"] for one in reversed(entries))
        raise DamagedError(f"there is no backup {given.backup} of {given.tenant}; there are {there}")
    held = tenant.write(chosen[0]["number"], given.to, chosen[0]["healed"])
    print(f"{chosen[0]['name']}: {held}" + (f", {len(tenant.bad)} missing or damaged" if tenant.bad else ""))
    return int(bool(tenant.bad))


def master_key(path: str) -> bytes:
    """The key in a file, or in the standard input."""
    try:
        key = base64.b64decode(sys.stdin.read() if path == "-" else Path(path).read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY:
        raise DamagedError(f"{path} holds no key of {KEY} bytes in base64")
    return key


if __name__ == "__main__":
    sys.exit(main())
