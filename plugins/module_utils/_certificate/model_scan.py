# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of a host as they were found: in files, and served. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import Certificate, Refusal
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import in_url

TRUSTED, UNTRUSTED, UNKNOWN = "trusted", "untrusted", "unknown"
CRITICAL, WARNING = "critical", "warning"


@dataclass(frozen=True)
class Seen:
    """A certificate with the chain that is beside it. Texts are fit for a terminal.

    own: what orders are judged by, whose moments are those of all of the chain. not_before, not_after: its own.
    last: the subject of the end of the chain. trust: whether that leads to an authority which was named as trusted.
    authority, authority_ends: the one that it leads to, and when that expires; none where it leads to none.
    """

    own: Certificate
    subject: str
    issuer: str
    names: tuple[str, ...]
    key_id: str
    not_before: datetime
    not_after: datetime
    last: str = ""
    trust: str = UNKNOWN
    authority: str = ""
    authority_ends: datetime | None = None


@dataclass(frozen=True)
class Held:
    """A certificate in a file. label: for people. request: the name under which it is ordered, empty for others.

    fault: why no server could load it. key_fits: None where no key belongs to the file, or it could not be compared.
    renew_share: of its lifetime, below which it is due. refusal: of its last order.
    wanted: whether anything is to serve it; not so for what is no longer requested.
    """

    label: str
    path: str
    seen: Seen | None = None
    fault: str = ""
    key_fits: bool | None = None
    request: str = ""
    renew_share: float = 0.33
    refusal: Refusal | None = None
    wanted: bool = True


@dataclass(frozen=True)
class Endpoint:
    """A place that serves a certificate. file: the path of the one that it is to serve, empty where none is known.

    protocol: what comes before TLS; tls for nothing, postgresql for its request.
    """

    host: str
    port: int
    server_name: str = ""
    protocol: str = "tls"
    file: str = ""
    authorities: str = ""

    @property
    def place(self) -> str:
        """The place as a sentence names it."""
        return f"{in_url(self.host)}:{self.port}" + (f" ({self.server_name})" if self.server_name else "")


@dataclass(frozen=True)
class Served:
    """The answer of an endpoint. why: the reason where it served no certificate that could be read."""

    endpoint: Endpoint
    seen: Seen | None = None
    why: str = ""


@dataclass(frozen=True)
class RevokedList:
    """A list of revoked certificates (CRL) in a file, with the common name of its issuer.

    next_update: until when it is valid; None for one that does not say so.
    """

    path: str
    signer: str
    last_update: datetime
    next_update: datetime | None


@dataclass(frozen=True)
class Finding:
    """What is wrong with a certificate."""

    kind: str
    severity: str
    sentence: str


@dataclass(frozen=True)
class ListRow:
    """The list of one internal authority, judged. seen: None where there is none. due: why it is to be renewed."""

    authority: str
    path: str
    seen: RevokedList | None
    due: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Row:
    """One certificate, judged: with all files that hold it, and all endpoints that serve it.

    due: why it is to be renewed; empty where it is not, or what is not requested any more.
    """

    name: str
    seen: Seen | None
    held: tuple[Held, ...]
    served: tuple[Endpoint, ...]
    due: str
    renew_share: float
    findings: tuple[Finding, ...]
    wanted: bool = True
