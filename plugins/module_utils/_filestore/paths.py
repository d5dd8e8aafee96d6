# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the filestore of a database lies; contents are addressed by their SHA-1."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from datetime import datetime

CHUNK_BYTES = 1024 * 1024
# no name of a database begins with a dot
RECYCLED = ".recycled"
_STORE_FNAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{40}")


def filestore_path(data_dir: str, database: str) -> str:
    """The directory that holds the files of one database."""
    return os.path.join(data_dir, "filestore", database)


def recycled_path(data_dir: str, database: str, moment: datetime) -> str:
    """Where the filestore of a dropped database goes, dated in UTC to the second.

    It is below the filestores, since their directory may be a mount or a link: a rename never leaves its file system.
    """
    return os.path.join(data_dir, "filestore", RECYCLED, f"{moment:%Y%m%dT%H%M%SZ}-{database}")


def blob_path(filestore: str, store_fname: str) -> str:
    """The path of one attachment's file, `ab/abcd...` under its filestore."""
    return os.path.join(filestore, store_fname)


def is_store_fname(text: str) -> bool:
    """Whether `text` is a name that Odoo gives to a file: two hex digits, a slash, the SHA-1 they begin."""
    return bool(_STORE_FNAME.fullmatch(text)) and text[3:5] == text[:2]


def is_remote(store_fname: str) -> bool:
    """Whether an attachment is on object storage: an addon has given it a name such as `s3://bucket/abcd`."""
    return "://" in store_fname


def sha1_of(path: str) -> str:
    """The SHA-1 of a file's bytes, read in pieces. Raises OSError as open() does."""
    digest = hashlib.sha1()
    with open(path, "rb") as handle:
        for piece in iter(lambda: handle.read(CHUNK_BYTES), b""):
            digest.update(piece)
    return digest.hexdigest()


def blobs(filestore: str) -> Iterator[tuple[str, int]]:
    """Each file of a filestore as (store_fname, size in bytes); the collector's spool `checklist` is not one."""
    if not os.path.isdir(filestore):
        return
    with os.scandir(filestore) as shards:
        for shard in sorted(shards, key=lambda entry: entry.name):
            if len(shard.name) != 2 or not shard.is_dir(follow_symlinks=False):
                continue
            with os.scandir(shard.path) as files:
                for entry in files:
                    if is_store_fname(f"{shard.name}/{entry.name}"):
                        yield f"{shard.name}/{entry.name}", entry.stat(follow_symlinks=False).st_size
