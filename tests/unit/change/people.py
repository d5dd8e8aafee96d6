# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People with real SSH keys, made once, and a change that they ask for and approve."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_signature import sign
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import (
    APPROVED,
    Asked,
    Inventory,
    Sealed,
    Statement,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import Identities, identities_from

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)
KINDS = {
    "mara": ("ed25519", ""),
    "tom": ("ed25519", ""),
    "ines": ("ecdsa", "384"),
    "otto": ("rsa", "2048"),
    "eve": ("ed25519", ""),
}
MAY = {"mara": ["request", "approve"], "tom": ["approve"], "ines": ["request", "approve", "break"], "otto": ["request"]}
ASKED = Asked(
    requester="mara",
    kind="patch",
    classification="normal",
    reason="the release of November",
    inventory=Inventory("0123456789012345678901234567890123456789"),
    policy={"change_classes": "f" * 64},
    facts={"release": "2026.11", "downtime_minutes": 0},
    parts=("app1", "app2"),
    covers=("group:app",),
)


@dataclass(frozen=True)
class People:
    """Their keys are files in a directory. eve has a key, and is nobody of the estate."""

    directory: Path

    def key(self, name: str) -> str:
        """The path of the private key, which is made when it is first asked for."""
        path = self.directory / name
        if not path.exists():
            kind, bits = KINDS[name]
            argv = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"{name}@example.com", "-f", str(path)]
            subprocess.run([*argv, *(["-b", bits] if bits else [])], check=True)
        return str(path)

    def public(self, name: str) -> str:
        """The line of the public key."""
        return Path(f"{self.key(name)}.pub").read_text(encoding="utf-8").strip()

    def declared(self, *, with_rsa: bool = False, **keys: dict[str, str]) -> list[dict[str, Any]]:
        """The identities as an inventory has them. keys: the bounds of the key of some. with_rsa: with otto's."""
        return [
            {
                "name": name,
                "logins": [name],
                "awx_users": [f"{name}.x"],
                "keys": [{"key": self.public(name), **keys.get(name, {})}],
                "may": MAY[name],
            }
            for name in MAY
            if name != "otto" or with_rsa
        ]

    def identities(self, revoked: tuple[str, ...] = (), **keys: dict[str, str]) -> Identities:
        """The identities. revoked: whose keys are taken back."""
        return identities_from(self.declared(**keys), [self.public(name) for name in revoked])

    def sealed(self, statement: Statement, by: str = "") -> Sealed:
        """A statement, signed by the key of who says it, or of somebody else."""
        text = statement.as_text()
        return Sealed(text, sign(text, self.key(by or statement.by)))


def approved(by: str = "tom", ago: timedelta = timedelta(), request: int = 1, digest: str = ASKED.digest) -> Statement:
    """An approval of the change."""
    return Statement(APPROVED, by, NOW - ago, request, digest)


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    """The people of the estate."""
    return People(tmp_path_factory.mktemp("keys"))
