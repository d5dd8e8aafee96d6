# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies signatures with ssh-keygen. It is given one key, that of the identity that is said to have signed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import (
    NAMESPACE,
    Sealed,
    statement_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import Identities
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_approval import Signed
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_identity import holder_of
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_signature import (
    claimed,
    require_namespace,
    require_valid,
    revoked_lines,
    signers_line,
    stamp,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import text

PROGRAM = "ssh-keygen"
# It only computes; a host that is out of memory may take long.
VERIFY_SECONDS = 20
# ssh-keygen reads times by this zone.
IN_UTC = {"TZ": "UTC"}


@dataclass(frozen=True)
class Verifier:
    """Verifies signed statements by the identities of an inventory. at: the time at which keys have to be valid."""

    identities: Identities
    at: datetime

    def verified(self, sealed: Sealed, where: str) -> Signed:
        """The statement, and who signed it. Raises RefusedError or StateError with the reason, naming `where`."""
        statement = statement_from(sealed.text, where)
        try:
            signer, fingerprint = self._signer(sealed)
        except RefusedError as error:
            raise RefusedError(f"{where} does not count: {error}") from error
        return Signed(statement, signer, fingerprint, sealed.signature)

    def entry(self, body: Mapping[str, Any], where: str) -> Signed:
        """As verified, for an entry of the ledger with the event `approved` or `reviewed`."""
        try:
            sealed = Sealed(text(body["facts"]["signed"]), text(body["facts"]["signature"]))
        except BAD_VALUES as error:
            raise StateError(f"{where} has no signature ({error!r}), so that it proves nothing") from error
        return self.verified(sealed, where)

    def _signer(self, sealed: Sealed) -> tuple[str, str]:
        seen = claimed(sealed.signature)
        require_namespace(seen)
        holder, key = holder_of(self.identities, seen.fingerprint)
        require_valid(key, holder.name, self.at)
        signers = signers_line(holder.name, key)
        said = _ask(sealed, holder.name, signers, revoked_lines(self.identities.revoked), self.at)
        # the key that was looked up is the one that has signed
        if seen.fingerprint not in said.split():
            raise RefusedError(f"ssh-keygen names another key than {seen.fingerprint}")
        return holder.name, seen.fingerprint


def _ask(sealed: Sealed, name: str, signers: str, revoked: str, at: datetime) -> str:
    """What ssh-keygen says of a signature that is good. Raises RefusedError for another one."""
    with tempfile.TemporaryDirectory(prefix="gantry-approval-") as directory:
        files = {"signers": signers, "signature": sealed.signature, "revoked": revoked}
        paths = {word: _written(directory, word, content) for word, content in files.items()}
        argv = [PROGRAM, "-Y", "verify", "-f", paths["signers"], "-I", name, "-n", NAMESPACE]
        argv += ["-s", paths["signature"], "-r", paths["revoked"], f"-Overify-time={stamp(at)}"]
        try:
            return run(argv, Deadline(VERIFY_SECONDS), what=PROGRAM, env=IN_UTC, stdin=sealed.text)
        except StateError as error:
            raise RefusedError(f"the signature is not one of {name} over this text: {error}") from error


def _written(directory: str, name: str, content: str) -> str:
    path = os.path.join(directory, name)
    with open(path, "w", encoding="ascii", errors="strict") as stream:
        stream.write(content)
    return path
