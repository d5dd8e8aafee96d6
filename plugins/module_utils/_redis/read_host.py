# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a host before Redis is set up or started there."""

from __future__ import annotations

import re

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import owner_ids
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_openssl import openssl, verify
from ansible_collections.gantry.odoo.plugins.module_utils._core.systemd import read_units
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_host import (
    NODE,
    PACKAGED,
    PLACES,
    Host,
    Tls,
    unit,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_files import refuse_pair, verifications

_TLS_PORT = re.compile(r"^tls-port [1-9]", re.MULTILINE)


def read_host(deadline: Deadline) -> Host:
    """The host as it is."""
    units = [PACKAGED[0], unit(NODE)]
    packaged, own = (shown["ActiveState"] == "active" for shown in read_units(units, ["ActiveState"], deadline))
    kind = run(["systemd-detect-virt", "--container"], deadline, what="systemd-detect-virt", accept=(0, 1))
    return Host(_configured_with_tls(), packaged, own, kind.strip() != "none")


def _configured_with_tls() -> bool | None:
    try:
        with open(PLACES[NODE].config, encoding="utf-8", errors="surrogateescape") as stream:
            return bool(_TLS_PORT.search(stream.read()))
    except FileNotFoundError:
        return None


def verify_tls(tls: Tls, name: str, mode: str, deadline: Deadline) -> None:
    """Ask the files what Redis, its replicas or a client would stumble over later. Raises StateError."""
    pair = openssl(["x509", "-in", tls.certificate, "-pubkey"], deadline)
    # an empty pass phrase keeps openssl from asking for one; Redis could not give it either
    public = openssl(["pkey", "-in", tls.key, "-passin", "pass:", "-pubout"], deadline)
    refuse_pair(tls, pair, public)
    verify(tls.certificate, tls.ca, verifications(tls, name, mode), deadline)


def verify_readable(tls: Tls, owner: str, deadline: Deadline) -> None:
    """Try to read the files as Redis would. Does nothing while the account is not there. Raises StateError."""
    ids = owner_ids(owner)
    if ids is None:
        return
    groups = ["--clear-groups"] if owner.isdigit() else ["--init-groups"]
    become = ["setpriv", f"--reuid={owner}", f"--regid={ids[1]}", *groups]
    script = 'for file; do test -r "$file" || echo "$file"; done'
    unreadable = run([*become, "sh", "-c", script, "sh", *tls.files], deadline, what="a look at the files of TLS")
    if unreadable:
        raise StateError(
            f"The user {owner} cannot read {', '.join(unreadable.splitlines())}; give the group {owner} the right to "
            "read it and to enter the directories above"
        )
