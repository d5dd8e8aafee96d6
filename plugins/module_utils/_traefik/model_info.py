# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an edge serves, as it was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route

View = Mapping[str, Any]


@dataclass(frozen=True)
class Document:
    """A file of the watched directory.

    content: the document, None for one that this collection has not written. owner: whose routes it has; empty for
    none. routes: those, by name. fault: why they cannot be read.
    """

    path: str
    text: str
    content: Mapping[str, Any] | None = None
    owner: str = ""
    routes: Mapping[str, Route] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True)
class Entry:
    """One router. section, name: as Traefik's own view has it.

    live: its settings there, None where Traefik does not have it. owner, kind: empty for a router that is none of
    traefik_route's. file: path of the document; empty where that is not known. hosts: names that the rule is limited
    to, none where it is not. agrees: whether document and live objects are the same, None where that is not known.
    """

    section: str
    name: str
    settings: Mapping[str, Any]
    live: Mapping[str, Any] | None
    owner: str
    route: str
    kind: str
    record: Route | None
    file: str
    hosts: tuple[str, ...]
    agrees: bool | None

    @property
    def provider(self) -> str:
        """Name of the provider."""
        return self.name.rpartition("@")[2]

    @property
    def entry_points(self) -> tuple[str, ...]:
        """Names of the entry points."""
        return tuple(self.settings.get("entryPoints") or ())


@dataclass(frozen=True)
class Certificate:
    """What a client is served for a name. fingerprint: SHA-256; empty where there is none, with the reason in `why`.

    names, not_after: as Traefik lists them, empty for a certificate that it does not list.
    """

    host: str
    fingerprint: str
    names: tuple[str, ...] = ()
    not_after: str = ""
    why: str = ""
