# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest and names of files for the unit tests."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import (
    DatabaseFacts,
    Dump,
    FilestoreFacts,
    Manifest,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Locale, Setting
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_access import DatabaseRight
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index, Shard, Use
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName


def blob(text: str) -> str:
    """The name that a file with this text has in a filestore."""
    digest = hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:2]}/{digest}"


MANIFEST = Manifest(
    tenant="harbour",
    number=1795345800,
    name="20261122T103000Z",
    snapshot_time=datetime(2026, 11, 22, 10, 30, 0, 123456, tzinfo=timezone.utc),
    finished_time=datetime(2026, 11, 22, 10, 30, 9, tzinfo=timezone.utc),
    client_version=17,
    database=DatabaseFacts(
        name="harbour",
        odoo_version="19.0",
        uuid="8f1c0b9e-0000-4000-8000-000000000000",
        server_version=170005,
        locale=Locale("UTF8", "C", "C.UTF-8"),
        modules={"base": "19.0.1.3"},
        tables={"public.res_users": 5},
        sequences={"public.res_users_id_seq": 7},
        extensions={"pg_trgm": "public", "unaccent": "unaccent_schema"},
        unaccent_immutable=False,
        pending={"stock": "to upgrade"},
        rights=(DatabaseRight("bi_reader", "CONNECT", True), DatabaseRight("bi_reader", "TEMPORARY")),
        settings=(Setting("", "work_mem", "64MB"), Setting("odoo_harbour", "lock_timeout", "10s")),
    ),
    filestore=FilestoreFacts(files=2, bytes=30, orphans=1, missing=(blob("lost"),)),
    dump=Dump((DataName(1795345800, 0),), (1040,), 1000, "0" * 64),
    index=Index(
        0,
        {"": Shard("", DataName(1795345800, 2), "1" * 64, 2, 30)},
        {DataName(1795345800, 1): Use(2, 130, 130)},
    ),
)
