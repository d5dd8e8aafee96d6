# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a repository: master keys, which operators hold, wrap the data keys of each tenant."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import number, text

# a sealed content names its key in two bytes
MOST_KEYS = 2**16 - 1
MASTER_BYTES = 32


@dataclass(frozen=True)
class MasterKey:
    """A key that operators hold, by its name. tenant: the only one that it is for; empty for all tenants."""

    name: str
    secret: bytes = field(repr=False)
    tenant: str = ""


@dataclass(frozen=True)
class Keyring:
    """The data keys of one tenant, wrapped. wrapped_by: the master key. number: of the record, 0 for none."""

    number: int = 0
    wrapped_by: str = ""
    wrapped: bytes = b""

    def as_body(self) -> dict[str, Any]:
        """The record's body."""
        return {"wrapped_by": self.wrapped_by, "wrapped": base64.b64encode(self.wrapped).decode()}


def keyring_from(number: int, body: Mapping[str, Any], where: str) -> Keyring:
    """The keyring that a record holds. Raises StateError where it is none of ours."""
    try:
        return Keyring(number, text(body["wrapped_by"]), base64.b64decode(text(body["wrapped"]), validate=True))
    except BAD_VALUES as error:
        raise StateError(f"record {number} of the keys in the {where} cannot be read: {error!r}") from error


def parse_secret(option: str, text: str) -> bytes:
    """The bytes of a master key. Raises InputError, which does not show them, where they are no key."""
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        secret = b""
    if len(secret) != MASTER_BYTES:
        raise InputError(
            f"{option}: it is not a key of {MASTER_BYTES} bytes in base64; make one with `openssl rand -base64 32`"
        )
    return secret


def keys_for(tenant: str, keys: Sequence[MasterKey]) -> list[MasterKey]:
    """The master keys of a tenant, its own before those of all. Raises InputError where there is none."""
    fitting = [one for one in keys if one.tenant == tenant] + [one for one in keys if not one.tenant]
    if not fitting:
        raise InputError(f"repository.keys: none of them is for tenant {tenant}; give one, or one for all tenants")
    return fitting


def data_keys_body(keys: Mapping[int, bytes]) -> dict[str, str]:
    """Data keys as they are wrapped."""
    return {str(number): base64.b64encode(key).decode() for number, key in sorted(keys.items())}


def parse_data_keys(body: Mapping[str, str], where: str) -> dict[int, bytes]:
    """The data keys that were wrapped. Raises StateError where they are none."""
    try:
        keys = {
            number(int(name), 1, MOST_KEYS): base64.b64decode(text(key), validate=True) for name, key in body.items()
        }
    except BAD_VALUES as error:
        raise StateError(f"the data keys in the {where} cannot be read: {type(error).__name__}") from error
    if not keys or any(len(key) != MASTER_BYTES for key in keys.values()):
        raise StateError(f"the data keys in the {where} are incomplete; use a copy of the repository")
    return keys
