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
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import (
    MOST,
    fields,
    flag,
    items,
    number,
    text,
    texts,
    within,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Locale, Setting
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_access import DatabaseRight
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, PARTIAL, Entry, Stay
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index, index_from
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import parse_data_name

FORMAT = 1
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def stamp(moment: datetime) -> str:
    """A moment in UTC as the collection writes it, to the microsecond."""
    return moment.astimezone(timezone.utc).strftime(_TIME)


def parse_stamp(text: str) -> datetime:
    """The moment that `stamp` wrote. Raises ValueError for any other text."""
    return within(datetime.strptime(text, _TIME).replace(tzinfo=timezone.utc))


def manifest_body(manifest: Manifest) -> dict[str, Any]:
    """The manifest as the repository keeps it. The name is the catalog's."""
    body = {**asdict(replace(manifest, index=Index())), "format": FORMAT, "index": manifest.index.as_body()}
    del body["name"]
    body["dump"]["held"] = [str(name) for name in manifest.dump.held]
    body["snapshot_time"] = stamp(manifest.snapshot_time)
    body["finished_time"] = stamp(manifest.finished_time)
    return body


def entry_of(manifest: Manifest, stored: datetime) -> Entry:
    """What the catalog says of a backup, which is partial without all of its files. stored: when it was complete."""
    return Entry(
        number=manifest.number,
        snapshot=manifest.snapshot_time,
        stored=stored,
        uuid=manifest.database.uuid,
        odoo_version=manifest.database.odoo_version,
        dump_bytes=manifest.dump.size,
        files=manifest.filestore.files,
        files_bytes=manifest.filestore.bytes,
        restorable=PARTIAL if manifest.filestore.missing else FULL,
    )


def parse_manifest(body: Mapping[str, Any], name: str, where: str) -> Manifest:
    """The manifest of the backup with that name. Raises StateError, naming `where`, for one of another version."""
    try:
        if body.get("format") != FORMAT:
            said = f"{body.get('format')!r:.60}"
            raise StateError(f"{where} has format {said}, not {FORMAT}; update gantry.odoo to read it")
        filestore, dump = body["filestore"], body["dump"]
        return Manifest(
            tenant=text(body["tenant"]),
            number=number(body["number"], 1),
            name=name,
            snapshot_time=parse_stamp(body["snapshot_time"]),
            finished_time=parse_stamp(body["finished_time"]),
            client_version=number(body["client_version"]),
            database=_database(body["database"]),
            filestore=FilestoreFacts(
                number(filestore["files"]),
                number(filestore["bytes"]),
                number(filestore["orphans"]),
                texts(filestore["missing"]),
                texts(filestore["kept"]),
            ),
            dump=Dump(
                tuple(map(parse_data_name, items(dump["held"]))),
                tuple(map(number, items(dump["stored"]))),
                number(dump["size"]),
                text(dump["sha256"]),
            ),
            index=index_from(body["index"], where),
            # a backup of an earlier version has none
            stay=_stay(body.get("stay")),
        )
    except BAD_VALUES as error:
        raise StateError(f"{where} is not a backup's manifest: {type(error).__name__} {error}") from error


def _database(body: Mapping[str, Any]) -> DatabaseFacts:
    return DatabaseFacts(
        name=text(body["name"]),
        odoo_version=text(body["odoo_version"]),
        uuid=text(body["uuid"]),
        modules=_texts_by(body["modules"]),
        extensions=_texts_by(body["extensions"]),
        pending=_texts_by(body.get("pending", {})),
        server_version=number(body["server_version"]),
        locale=Locale(**_texts_by(body["locale"])),
        tables={name: number(rows) for name, rows in fields(body["tables"]).items()},
        # a sequence may count down
        sequences={name: number(last, -MOST - 1) for name, last in fields(body["sequences"]).items()},
        unaccent_immutable=flag(body["unaccent_immutable"]),
        settings=tuple(Setting(**_texts_by(one)) for one in items(body["settings"])),
        # a backup of an earlier version has none
        rights=tuple(map(_right, items(body.get("rights", ())))),
    )


def _stay(value: Any) -> Stay | None:
    body = fields(value or {})
    return Stay(number(body["days"]), text(body["reason"])) if body else None


def _right(value: Any) -> DatabaseRight:
    body = fields(value)
    return DatabaseRight(text(body["role"]), text(body["privilege"]), flag(body["passes_on"]))


def _texts_by(value: Any) -> dict[str, str]:
    return {name: text(said) for name, said in fields(value).items()}
