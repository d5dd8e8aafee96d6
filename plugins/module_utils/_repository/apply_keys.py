# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and makes the wrapped data keys of a tenant's repository."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import parse_document
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_below import Below
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Record, StateLog, StrayError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import (
    Keyring,
    MasterKey,
    data_keys_body,
    keyring_from,
    keys_for,
    parse_data_keys,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import KEYS, data_name, manifest_name
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import DataKeys

# The first keys of a listing may be those of a tenant whose root lies within this one.
LOOKED_AT = 1000
_CATALOG = re.compile(r"catalog/[0-9]{6}/[0-9]{3}")
_UNOPENED = "without them none of its backups can be opened, and no new ones are made beside those"


@dataclass(frozen=True)
class KeyLog(StateLog[Keyring]):
    """The records of a tenant's wrapped data keys."""

    NAME = "keys"

    def read(self) -> Keyring:
        """The newest keyring. What is no keyring is found here alone, as nothing seals these records."""
        with self._log.judging_the_first():
            return super().read()

    def parsed(self, record: Record | None) -> Keyring:
        """The keyring that a record says."""
        return Keyring() if record is None else keyring_from(record.number, record.body, self.objects.where)


def read_keyring(store: Below, records: Below) -> Keyring | None:
    """The wrapped data keys of a repository, None where there is none yet. Raises StateError where they are lost."""
    try:
        keyring = KeyLog(records).read()
    except StrayError:
        raise
    except StateError as error:
        raise StateError(f"{error}; {_UNOPENED}; {keys_from(store, records)}") from error
    if not keyring.number:
        _require_nothing(store, records)
        return None
    return keyring


def _require_nothing(store: Below, records: Below) -> None:
    """Raises StateError where something was sealed by keys that are not there any more."""
    found = [key for key in store.names("manifests/", LOOKED_AT) if manifest_name(key)]
    found += [key for key in store.names("data/", LOOKED_AT) if data_name(key)]
    found += [key for key in records.names("catalog/", LOOKED_AT) if _CATALOG.fullmatch(key)]
    if found:
        raise StateError(
            f"the {records.where} has lost its wrapped data keys: nothing is below {KeyLog.NAME}/, and {found[0]} is "
            f"there; {_UNOPENED}; {keys_from(store, records)}"
        )


def keys_from(store: Below, records: Below) -> str:
    """What to do where wrapped data keys are lost, as a clause."""
    sources = ["its second repository, which can still be read"]
    if store.where != records.where and store.names(f"{KeyLog.NAME}/", 1):
        sources.insert(0, f"the {store.where}, which has a copy of it")
    return f"copy the newest record of {KeyLog.NAME}/ back from {', or '.join(sources)}, or from its versions"


def wrap(keys: Mapping[int, bytes], tenant: str, master: MasterKey, number: int = 1) -> Keyring:
    """The keyring that holds data keys for who has the master key."""
    body = json.dumps(data_keys_body(keys)).encode()
    return Keyring(number, master.name, DataKeys(tenant, {1: master.secret}).seal(KEYS, master.name, body))


def unwrap(keyring: Keyring, tenant: str, masters: Sequence[MasterKey], where: str) -> DataKeys:
    """The data keys of a keyring. Raises StateError where the master keys do not open it."""
    fitting = [one for one in keys_for(tenant, masters) if one.name == keyring.wrapped_by]
    if not fitting:
        raise StateError(
            f"the data keys in the {where} are wrapped by the key {keyring.wrapped_by!r}, which is not in "
            "repository.keys; add it there"
        )
    what = f"the wrapped data keys in the {where} (key {keyring.wrapped_by!r} of repository.keys)"
    try:
        opened = DataKeys(tenant, {1: fitting[0].secret}).open(KEYS, keyring.wrapped_by, keyring.wrapped, what)
    except StateError as error:
        raise StateError(
            f"{error}; give the right key of that name, or, where record {keyring.number} of {KeyLog.NAME} is damaged, "
            "copy it back from the second repository, which can still be read, or from its versions; none are made anew"
        ) from error
    return DataKeys(tenant, parse_data_keys(parse_document(opened, what), where))
