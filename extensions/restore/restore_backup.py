# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the backups of a tenant, or write one of them to a directory, with nothing but the repository and a key.

This program stands alone, for the day on which neither Ansible nor the collection can be used. It needs Python 3.9,
PyNaCl and zstandard, and boto3 for a bucket. It reads the format that docs/backup-format.md defines, and shares no code
with the collection. A backup is written as `database.dump`, for pg_restore, and `filestore/`; no server is touched.

    python3 restore_backup.py --directory /mnt/backups --key-file estate.key harbour
    python3 restore_backup.py --bucket backups --endpoint https://s3.example --key-file estate.key --to /srv/x harbour

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
from pathlib import Path
from typing import Any, BinaryIO

try:
    import zstandard
    from nacl import bindings, exceptions
except ImportError as error:
    sys.exit(f"{error.name} is not installed; install the packages PyNaCl and zstandard for this Python")

CHUNK = 128 * 1024 + 17
READ = 1024 * 1024
FILE = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{38}")
MANIFEST = re.compile(r"manifests/([1-9][0-9]*)(?:-([1-9][0-9]*))?")


class DamagedError(Exception):
    """Something in the repository is not what was written."""


class Directory:
    """A repository in a directory."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix, in their order."""
        yield from sorted(
            one.relative_to(self.path).as_posix() for one in (self.path / prefix).rglob("*") if one.is_file()
        )

    def pieces(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of an object."""
        with (self.path / key).open("rb") as stream:
            stream.seek(offset)
            left = length
            while piece := stream.read(READ if left is None else min(READ, left)):
                left = None if left is None else left - len(piece)
                yield piece


class Bucket:
    """A repository in a bucket."""

    def __init__(self, name: str, endpoint: str | None, region: str, ca_bundle: str | None) -> None:
        import boto3
        from botocore.config import Config

        style = Config(s3={"addressing_style": "path" if endpoint else "auto"})
        self.name = name
        self.client = boto3.client("s3", endpoint_url=endpoint, region_name=region, verify=ca_bundle, config=style)

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix, in their order."""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            yield from (item["Key"] for item in page.get("Contents", []))

    def pieces(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of an object."""
        asked = {} if length is None else {"Range": f"bytes={offset}-{offset + length - 1}"}
        yield from self.client.get_object(Bucket=self.name, Key=key, **asked)["Body"].iter_chunks(READ)


def opened(keys: dict[int, bytes], tenant: str, kind: str, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a sealed stream."""
    chunks = in_chunks(pieces)
    front, last = next(chunks, (b"", True))
    number = int.from_bytes(front[2:4], "big")
    if last or front[:2] != b"G1" or number not in keys:
        raise DamagedError(f"{kind} {name} is no sealed content, or its key {number} is not here")
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, front[4:28], keys[number])
    context = f"gantry.odoo 1\n{kind}\n{tenant}\n{name}".encode()
    unpacker: Any = None
    encoding = None
    for chunk, last in chunks:
        try:
            content, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(state, chunk, context)
        except (exceptions.CryptoError, ValueError) as error:
            raise DamagedError(f"{kind} {name} is damaged or forged") from error
        if last != (tag == bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL):
            raise DamagedError(f"{kind} {name} is cut off")
        if encoding is None:
            encoding, content = content[:1], content[1:]
            unpacker = zstandard.ZstdDecompressor().decompressobj() if encoding == b"\1" else None
        yield unpacker.decompress(content) if unpacker else content


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
    """The backups of one tenant."""

    def __init__(self, store: Any, records: Any, prefix: str, tenant: str, master: bytes) -> None:
        self.store, self.records, self.tenant = store, records, tenant
        self.root = f"{prefix.strip('/')}/{tenant}/" if prefix.strip("/") else f"{tenant}/"
        newest = next(iter(self.records.keys(f"{self.root}keys/")), None)
        if newest is None:
            raise DamagedError(f"there are no keys of tenant {tenant}")
        ring = json.loads(b"".join(self.records.pieces(newest)))
        wrapped = opened({1: master}, tenant, "keys", ring["wrapped_by"], [base64.b64decode(ring["wrapped"])])
        self.keys = {int(number): base64.b64decode(key) for number, key in json.loads(b"".join(wrapped)).items()}

    def read(self, kind: str, key: str) -> bytes:
        """The content of a small object."""
        return b"".join(opened(self.keys, self.tenant, kind, key, self.store.pieces(self.root + key)))

    def catalog(self) -> list[dict[str, Any]]:
        """The complete backups; those with a manifest where the catalog is lost."""
        newest = next(iter(self.records.keys(f"{self.root}catalog/")), None)
        if newest is None:
            found = [MANIFEST.fullmatch(key[len(self.root) :]) for key in self.store.keys(f"{self.root}manifests/")]
            healed: dict[int, int] = {}
            for number, run in ((int(one[1]), int(one[2] or 0)) for one in found if one):
                healed[number] = max(run, healed.get(number, 0))
            return [{"number": one, "name": f"number {one}", "healed": run} for one, run in healed.items()]
        key = newest[len(self.root) :]
        body = b"".join(opened(self.keys, self.tenant, "record", key, self.records.pieces(newest)))
        return json.loads(body)["entries"]

    def write(self, number: int, target: Path, healed: int = 0) -> str:
        """Write a backup into a directory; what it holds, in words. healed: the run that wrote its manifest anew."""
        key = f"manifests/{number}-{healed}" if healed else f"manifests/{number}"
        manifest = json.loads(self.read("manifest", key))
        if (manifest["tenant"], manifest["number"]) != (self.tenant, number):
            raise DamagedError(f"manifest {number} is another one")
        target.mkdir(mode=0o700, parents=True)
        digest = hashlib.sha256()
        with (target / "database.dump").open("xb") as stream:
            for key in (f"data/{held}" for held in manifest["dump"]["held"]):
                copy(opened(self.keys, self.tenant, "dump", key, self.store.pieces(self.root + key)), stream, digest)
        if digest.hexdigest() != manifest["dump"]["sha256"]:
            raise DamagedError("the dump is not what was written")
        files = 0
        for _prefix, held, *_rest in manifest["index"]["shards"]:
            for name, size, place, offset, length in json.loads(self.read("shard", f"data/{held}")):
                self.write_file(target / "filestore" / name, name, size, (place, offset, length))
                files += 1
        lost = len(manifest["filestore"]["missing"])
        return f"{manifest['dump']['size']} bytes of dump, {files} files, {lost} lost before the backup"

    def write_file(self, path: Path, name: str, size: int, place: tuple[str, int, int]) -> None:
        """Write one file of the filestore, whose SHA-1 is its name."""
        if not FILE.fullmatch(name):
            raise DamagedError(f"{name!r} is no name of a file")
        held, offset, length = place
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha1()
        with path.open("xb") as stream:
            pieces = self.store.pieces(f"{self.root}data/{held}", offset, length)
            written = copy(opened(self.keys, self.tenant, "file", name, pieces), stream, digest)
        if digest.hexdigest() != name[3:] or written != size:
            raise DamagedError(f"file {name} is not what was written")


def copy(pieces: Iterable[bytes], stream: BinaryIO, digest: Any) -> int:
    """Write pieces; their size."""
    size = 0
    for piece in pieces:
        digest.update(piece)
        size += stream.write(piece)
    return size


def is_intact(entry: dict[str, Any]) -> bool:
    """Whether no check has found the backup damaged; without a catalog nobody knows."""
    return entry.get("restorable", "full") == "full"


def line(entry: dict[str, Any]) -> str:
    """A backup as it is listed."""
    return f"{entry['name']}  {entry.get('files', '')} files{'' if is_intact(entry) else '  damaged'}"


def main() -> int:
    """List or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--directory")
    where.add_argument("--bucket")
    parser.add_argument("--records-bucket")
    parser.add_argument("--endpoint")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--ca-bundle")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--key-file", required=True, help="the master key in base64; - reads it from standard input")
    parser.add_argument("--backup", default="latest", help="as it is listed; by default the latest one")
    parser.add_argument("--to", type=Path, help="a directory that does not exist yet; without it, backups are listed")
    parser.add_argument("tenant")
    given = parser.parse_args()
    text = sys.stdin.read() if given.key_file == "-" else Path(given.key_file).read_text(encoding="ascii")
    reach = (given.endpoint, given.region, given.ca_bundle)
    store: Any = Directory(given.directory) if given.directory else Bucket(given.bucket, *reach)
    records = Bucket(given.records_bucket, *reach) if given.records_bucket else store
    try:
        tenant = Tenant(store, records, given.prefix, given.tenant, base64.b64decode(text))
        entries = sorted(tenant.catalog(), key=lambda one: one["number"])
        if given.to is None:
            print("\n".join(map(line, entries)) or "no backups")
            return 0
        intact = [one for one in entries if is_intact(one)] or entries
        chosen = intact[-1:] if given.backup == "latest" else [one for one in entries if one["name"] == given.backup]
        if not chosen:
            raise DamagedError(f"there is no backup {given.backup}")
        print(f"{chosen[0]['name']}: {tenant.write(chosen[0]['number'], given.to, chosen[0]['healed'])}")
    except DamagedError as error:
        print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
