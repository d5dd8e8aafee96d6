# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive of a database in the form that Odoo itself writes and loads: names in it, and its manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import DatabaseFacts
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError

# As odoo/service/db.py writes them, and reads DUMP and FILES.
DUMP, FILES, MANIFEST = "dump.sql", "filestore/", "manifest.json"
_UUID = "database_uuid"


@dataclass(frozen=True)
class Archive:
    """What an archive that was found says of itself. uuid: of the database that it was written from."""

    database: str
    uuid: str


def manifest(facts: DatabaseFacts) -> bytes:
    """The manifest of an archive. Odoo ignores the key that it does not know."""
    # an Odoo between two versions is called saas~18.1
    version = [int(part) for part in re.findall(r"\d+", facts.odoo_version)]
    body = {
        "odoo_dump": "1",
        "db_name": facts.name,
        "version": facts.odoo_version,
        "version_info": [*version, 0, "final", 0, ""],
        "major_version": facts.odoo_version,
        "pg_version": f"{facts.server_version // 10000}.{facts.server_version % 10000}",
        "modules": dict(facts.modules),
        _UUID: facts.uuid,
    }
    return json.dumps(body, indent=4).encode()


def archive_from(data: bytes, where: str) -> Archive:
    """What a manifest says. Raises StateError where it is none of ours."""
    try:
        body: Mapping[str, Any] = json.loads(data)
        return Archive(str(body["db_name"]), str(body[_UUID]))
    except BAD_VALUES as error:
        raise StateError(
            f"{where} has a manifest that this module did not write ({error!r}); name another file"
        ) from error
