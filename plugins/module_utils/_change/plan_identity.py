# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a login, a user of AWX or a key belongs to, and what that identity may do. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import (
    APPROVE,
    AWX_USER,
    BREAK,
    DELETE,
    LOGIN,
    NAME,
    REQUEST,
    RESTORE,
    Identities,
    Identity,
    Key,
    folded,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import RESUME, STANDARD
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import shown

_SOURCES = {LOGIN: "the login", AWX_USER: "the AWX user", NAME: "the name"}
_LISTS = {LOGIN: "logins", AWX_USER: "awx_users", NAME: "name"}
_DEEDS = {
    REQUEST: "request a change",
    APPROVE: "approve a change",
    BREAK: "break a lease",
    RESTORE: "restore a tenant",
    DELETE: "delete a tenant",
}
# What a kind of change needs beside the right to request one.
_KINDS = {"restore": RESTORE, "recover": RESTORE, "decommission": DELETE}


@dataclass(frozen=True)
class Asker:
    """Who asks for a change. name: of the identity, or of the login where none is declared.

    authenticated: whether identities are declared. refused: why this one may not ask, empty where it may.
    """

    name: str
    authenticated: bool = False
    refused: str = ""
    identity: Identity | None = None

    def refused_to_finish(self, kinds: Iterable[str]) -> str:
        """Why this one may not finish what was interrupted, empty where it may. kinds: of the changes of its parts."""
        if not self.authenticated:
            return ""
        actions = {_KINDS[kind] for kind in kinds if kind in _KINDS}
        if self.identity is None:
            return f"{self.name} may not {_DEEDS[min(actions)]}" if actions else ""
        return _lacking(self.identity, sorted(actions))


def asker_of(identities: Identities, source: str, name: str, kind: str, classification: str = STANDARD) -> Asker:
    """Who asks for a change of a kind and class. source: one of SOURCES.

    Who resumes a change restores service, so that everybody may who can run it, without an approval; what it finishes
    is asked apart.
    """
    if not identities.listed:
        return Asker(name)
    try:
        identity = identity_of(identities, source, name)
    except RefusedError as error:
        resumes = kind == RESUME and classification == STANDARD
        # an identity may have that very name
        return Asker(f"{name} of no identity", True, "" if resumes else str(error))
    actions = [] if kind == RESUME else [REQUEST, *([_KINDS[kind]] if kind in _KINDS else [])]
    return Asker(identity.name, True, _lacking(identity, actions), identity)


def _lacking(identity: Identity, actions: Iterable[str]) -> str:
    try:
        for action in actions:
            require_may(identity, action)
    except RefusedError as error:
        return str(error)
    return ""


def may(identity: Identity, action: str) -> bool:
    """Whether the identity may do that. action: one of ACTIONS."""
    return action in identity.may


def identity_of(identities: Identities, source: str, name: str) -> Identity:
    """The identity that a name belongs to. source: one of SOURCES. Raises RefusedError for one that is of none."""
    exact = unicodedata.normalize("NFC", name)
    found = next((one for one in identities.listed if exact in one.names(source)), None)
    if found is not None:
        return found
    said = f"{_SOURCES[source]} {shown(name)} belongs to no identity"
    close = [one for one in identities.listed for other in one.names(source) if folded(other) == folded(name)]
    if close:
        raise RefusedError(
            f"{said}, and names are compared exactly: one of {close[0].name} looks like it; use that one, or declare "
            f"this one in {_LISTS[source]} of change_identities if the account is of the same person"
        )
    raise RefusedError(f"{said}; declare it in {_LISTS[source]} of change_identities, where that person may do this")


def holder_of(identities: Identities, fingerprint: str) -> tuple[Identity, Key]:
    """The identity that a key belongs to, and the key. Raises RefusedError for a key of none, or one taken back."""
    if any(key.fingerprint == fingerprint for key in identities.revoked):
        raise RefusedError(f"the key {fingerprint} is among change_revoked_keys; use another one")
    for one in identities.listed:
        for key in one.keys:
            if key.fingerprint == fingerprint:
                return one, key
    raise RefusedError(f"the key {fingerprint} belongs to no identity; declare it in keys of change_identities")


def require_may(identity: Identity, action: str) -> None:
    """Raise RefusedError where the identity may not do that."""
    if not may(identity, action):
        raise RefusedError(
            f"{identity.name} may not {_DEEDS[action]}; have somebody do it who may, or add {action} to may of "
            f"{identity.name} in change_identities"
        )


def require_other(requester: Identity, approver: Identity) -> None:
    """Raise RefusedError where one person would approve an own change."""
    if requester.name == approver.name:
        raise RefusedError(f"{approver.name} cannot approve an own change; have someone else approve it")


def named(identities: Identities, name: str) -> Identity:
    """The identity that a record names, by its own name, or by a login or user of AWX as before there were identities.

    Raises RefusedError for one that is of none.
    """
    exact = unicodedata.normalize("NFC", name)
    for source in (NAME, LOGIN, AWX_USER):
        for one in identities.listed:
            if exact in one.names(source):
                return one
    return identity_of(identities, NAME, name)
