# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest and the file index of a backup, as JSON: what is written is what is read, or it is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import (
    DatabaseFacts,
    FilestoreFacts,
    Manifest,
    Part,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import is_store_fname
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Locale

FORMAT = 1
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def stamp(moment: datetime) -> str:
    """A moment in UTC as the collection writes it, to the microsecond."""
    return moment.astimezone(timezone.utc).strftime(_TIME)


def parse_stamp(text: str) -> datetime:
    """The moment that `stamp` wrote. Raises ValueError for any other text."""
    return datetime.strptime(text, _TIME).replace(tzinfo=timezone.utc)


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest as it is stored."""
    document = {**asdict(manifest), "format": FORMAT}
    document["snapshot_time"] = stamp(manifest.snapshot_time)
    document["finished_time"] = stamp(manifest.finished_time)
    return json.dumps(document, sort_keys=True, indent=1).encode()


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Read a manifest. Raises StateError, naming `where`, for one that this version cannot vouch for."""
    try:
        document = json.loads(data)
        if document["format"] != FORMAT:
            raise StateError(f"{where} has format {document['format']}, not {FORMAT}; update gantry.odoo to read it")
        return _manifest(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(f"{where} is not a backup's manifest: {type(error).__name__} {error}") from error


def index_bytes(files: Mapping[str, int]) -> bytes:
    """The index of the filestore: names and sizes in bytes, in the order of the names."""
    return json.dumps({"format": FORMAT, "files": sorted(files.items())}, separators=(",", ":")).encode()


def parse_index(data: bytes, where: str) -> dict[str, int]:
    """The files of an index: size in bytes by name. Raises StateError, naming `where`, when it is not one."""
    try:
        document = json.loads(data)
        files = {str(name): int(size) for name, size in document["files"]}
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(f"{where} is not the file index of a backup: {type(error).__name__} {error}") from error
    strange = next((name for name in files if not is_store_fname(name)), None)
    if strange is not None:
        raise StateError(f"{where} names {strange!r}, which is not a file of a filestore")
    return files


def _manifest(document: Mapping[str, Any]) -> Manifest:
    database = dict(document["database"])
    database["locale"] = Locale(**database["locale"])
    filestore = dict(document["filestore"])
    filestore["missing"] = tuple(filestore["missing"])
    return Manifest(
        tenant=document["tenant"],
        backup_id=document["backup_id"],
        snapshot_time=parse_stamp(document["snapshot_time"]),
        finished_time=parse_stamp(document["finished_time"]),
        client_version=int(document["client_version"]),
        database=DatabaseFacts(**database),
        filestore=FilestoreFacts(**filestore),
        dump=Part(**document["dump"]),
        index=Part(**document["index"]),
    )
