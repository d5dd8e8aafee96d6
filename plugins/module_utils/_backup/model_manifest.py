# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of a backup as the repository keeps it: what is written is what is read, or it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import (
    DatabaseFacts,
    Dump,
    FilestoreFacts,
    Manifest,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Locale, Setting
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index, index_from
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import parse_data_name

FORMAT = 1
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def stamp(moment: datetime) -> str:
    """A moment in UTC as the collection writes it, to the microsecond."""
    return moment.astimezone(timezone.utc).strftime(_TIME)


def parse_stamp(text: str) -> datetime:
    """The moment that `stamp` wrote. Raises ValueError for any other text."""
    return datetime.strptime(text, _TIME).replace(tzinfo=timezone.utc)


def manifest_body(manifest: Manifest) -> dict[str, Any]:
    """The manifest as the repository keeps it. The name is the catalog's."""
    body = {**asdict(replace(manifest, index=Index())), "format": FORMAT, "index": manifest.index.as_body()}
    del body["name"]
    body["dump"]["held"] = [str(name) for name in manifest.dump.held]
    body["snapshot_time"] = stamp(manifest.snapshot_time)
    body["finished_time"] = stamp(manifest.finished_time)
    return body


def entry_of(manifest: Manifest, stored: datetime) -> Entry:
    """What the catalog says of a backup. stored: when it was complete."""
    return Entry(
        number=manifest.number,
        snapshot=manifest.snapshot_time,
        stored=stored,
        uuid=manifest.database.uuid,
        odoo_version=manifest.database.odoo_version,
        dump_bytes=manifest.dump.size,
        files=manifest.filestore.files,
        files_bytes=manifest.filestore.bytes,
    )


def parse_manifest(body: Mapping[str, Any], name: str, where: str) -> Manifest:
    """The manifest of the backup with that name. Raises StateError, naming `where`, for one of another version."""
    if body.get("format") != FORMAT:
        raise StateError(f"{where} has format {body.get('format')}, not {FORMAT}; update gantry.odoo to read it")
    try:
        database, filestore, dump = (dict(body[part]) for part in ("database", "filestore", "dump"))
        database["locale"] = Locale(**database["locale"])
        database["settings"] = tuple(Setting(**one) for one in database["settings"])
        return Manifest(
            tenant=body["tenant"],
            number=int(body["number"]),
            name=name,
            snapshot_time=parse_stamp(body["snapshot_time"]),
            finished_time=parse_stamp(body["finished_time"]),
            client_version=int(body["client_version"]),
            database=DatabaseFacts(**database),
            filestore=FilestoreFacts(
                **{**filestore, "missing": tuple(filestore["missing"]), "kept": tuple(filestore["kept"])}
            ),
            dump=Dump(
                tuple(map(parse_data_name, dump["held"])),
                tuple(map(int, dump["stored"])),
                int(dump["size"]),
                str(dump["sha256"]),
            ),
            index=index_from(body["index"], where),
        )
    except BAD_VALUES as error:
        raise StateError(f"{where} is not a backup's manifest: {type(error).__name__} {error}") from error
