# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates with their keys, as Traefik is given them: copies under names that change with the certificate."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step


@dataclass(frozen=True)
class Pair:
    """One pair as found. certificate, key: the content of the files; None where check mode does not find them.

    valid: between which moments all of its chain is valid.
    """

    name: str
    certificate: bytes | None
    key: bytes | None
    valid: tuple[datetime, datetime] | None = None

    def path(self, directory: str, ending: str) -> str:
        """Where Traefik's copy is. A pair is never half old, and a new certificate makes a new document."""
        digest = hashlib.sha256(self.certificate).hexdigest()[:16] if self.certificate else "not-issued-yet"
        return f"{directory}/{self.name}-{digest}{ending}"

    def copies(self, directory: str) -> dict[str, bytes]:
        """Content by path of Traefik's copies."""
        if self.certificate is None or self.key is None:
            return {}
        return {self.path(directory, ".crt"): self.certificate, self.path(directory, ".key"): self.key}


def check_pairs(found: Sequence[Pair], default: str) -> None:
    """Raise InputError for a name that stands twice, or a default that is not listed."""
    names = [one.name for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"certificates names {', '.join(twice)} more than once")
    if default and default not in names:
        raise InputError(f"default_certificate is {default}, which certificates does not list ({', '.join(names)})")


def untimely(pair: Pair, now: datetime) -> str:
    """Why clients refuse a pair at this moment; empty where they do not."""
    if pair.valid is None or pair.valid[0] <= now < pair.valid[1]:
        return ""
    if now < pair.valid[0]:
        return f"certificate {pair.name} or its chain is valid only from {pair.valid[0]:%Y-%m-%d %H:%M} UTC on"
    return (
        f"certificate {pair.name} or an intermediate of its chain has expired since {pair.valid[1]:%Y-%m-%d %H:%M} UTC"
    )


def document(pairs: Sequence[Pair], default: str, directory: str) -> dict[str, Any]:
    """What Traefik's file provider is told; empty without pairs."""
    if not pairs:
        return {}
    listed = {
        one.name: {"certFile": one.path(directory, ".crt"), "keyFile": one.path(directory, ".key")} for one in pairs
    }
    stores = {"stores": {"default": {"defaultCertificate": listed[default]}}} if default else {}
    return {"tls": {**stores, "certificates": list(listed.values())}}


def steps(lacking: Iterable[str], unused: Iterable[str]) -> list[Step]:
    """What is to be done to the copies."""
    return [Step("copy", path, "not there, or not as it is to be") for path in lacking] + [
        Step("sweep", path, "not served any more") for path in unused
    ]
