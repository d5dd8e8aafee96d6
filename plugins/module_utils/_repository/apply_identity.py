# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity of a repository: written once, so that the same place under two names is recognized."""

from __future__ import annotations

import json
import uuid

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import parse_document, text
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_below import Below
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Sealed
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import DataKeys

IDENTITY = "id"


def read_identity(records: Below, keys: DataKeys) -> str:
    """The identity of a repository, empty where it has none yet. Raises StateError where it is damaged."""
    data = Sealed(records, keys).get(IDENTITY)
    try:
        return "" if data is None else text(parse_document(data, IDENTITY)["id"])
    except BAD_VALUES as error:
        raise StateError(
            f"{IDENTITY} in the {records.where} cannot be read: {error!r}; see who has written it"
        ) from error


def make_identity(records: Below, contents: Below, keys: DataKeys) -> str:
    """The identity of a repository, which gets one where it has none. Of two writers at once, the first one counts.

    contents: where the same one is, since records may lie in a bucket of their own.
    """
    found = read_identity(records, keys) or _made(records, keys)
    if not read_identity(contents, keys):
        contents.put(IDENTITY, keys.seal("record", IDENTITY, _body(found)))
    return found


def _made(records: Below, keys: DataKeys) -> str:
    Sealed(records, keys).create(IDENTITY, _body(uuid.uuid4().hex))
    made = read_identity(records, keys)
    if not made:
        raise StateError(f"the {records.where} does not show what was written into it; see whether it is consistent")
    return made


def _body(identity: str) -> bytes:
    return json.dumps({"id": identity}).encode()
