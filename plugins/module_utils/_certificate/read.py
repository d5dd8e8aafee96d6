# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the directories that hold the certificates of a host:

<path>/<name>/staging/{certificate,key}.pem          a pair that is being ordered, and request.json with its domains
<path>/<name>/versions/<serial>/{certificate,key}.pem, request.json
<path>/<name>/refused.json                           why the last order failed, and when the next one is due
<path>/<name>/current, previous                      links to versions; one rename changes certificate and key
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import Certificate, Found, Refusal
from ansible_collections.gantry.odoo.plugins.module_utils._core import read_pem
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import decoded, items, moment, number, text

with contextlib.suppress(ImportError):  # The module says so: see HAS_CRYPTOGRAPHY.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

CERTIFICATE, KEY, REQUEST = "certificate.pem", "key.pem", "request.json"
_LARGEST = 1 << 20  # bytes of a record


@dataclass(frozen=True)
class Store:
    """Where the certificates are, and the group that may read them."""

    path: str
    gid: int = 0

    def directory(self, name: str) -> str:
        """The directory of one certificate."""
        return os.path.join(self.path, name)

    def current(self, name: str, file: str) -> str:
        """The path under which a server reads the installed certificate or key."""
        return os.path.join(self.directory(name), "current", file)

    def link(self, name: str, link: str) -> str:
        """The path of the link `current` or `previous`."""
        return os.path.join(self.directory(name), link)

    def staging(self, name: str) -> str:
        """The directory of the pair that is being ordered."""
        return os.path.join(self.directory(name), "staging")

    def refusal(self, name: str) -> str:
        """The path of the record of the last order, where it failed."""
        return os.path.join(self.directory(name), "refused.json")

    def staged_certificate(self, name: str) -> str:
        """The path that the issued certificate, with its chain, is to be written to."""
        return os.path.join(self.staging(name), CERTIFICATE)

    def read(self, name: str) -> Found:
        """What the directory of `name` holds; a pair that no server could load counts as none."""
        current, broken = _pair(self.link(name, "current"))
        staged, unusable = _pair(self.staging(name))
        return Found(
            current=current,
            broken=broken,
            staged=staged,
            unusable=unusable,
            interrupted=os.path.isdir(self.staging(name)) or bool(self.unlinked(name)),
            refusal=refusal_in(self.refusal(name)),
            waits=os.path.exists(self.staged_certificate(name)),
        )

    def unlinked(self, name: str) -> set[str]:
        """The versions that are neither the current nor the previous one."""
        versions = os.path.join(self.directory(name), "versions")
        kept = {os.path.basename(os.path.realpath(self.link(name, link))) for link in ("current", "previous")}
        return set(os.listdir(versions)) - kept if os.path.isdir(versions) else set()


def _pair(directory: str) -> tuple[Certificate | None, str]:
    """The certificate in `directory`, and why what is there is none; neither where nothing is there."""
    # before the library is used: on a bare host, where check mode has not installed it, there is nothing to read
    try:
        pem = read_pem.read_pair(os.path.join(directory, CERTIFICATE), os.path.join(directory, KEY))
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except StateError as error:
        return None, str(error)
    try:
        certificate = certificate_of(pem.chain, requested_for(directory))
    except read_pem.BAD_CERTIFICATES:
        return None, "has no names"
    return (certificate, "") if certificate.domains else (None, "has no names")


def certificate_of(chain: Sequence[x509.Certificate], requested: tuple[str, ...] = ()) -> Certificate:
    """The first certificate of a chain. Raises what is in BAD_CERTIFICATES for one that breaks its own rules.

    requested: the domains that it was ordered for.
    """
    first, pem = chain[0], read_pem.Pem(b"", b"", tuple(chain))
    try:
        names = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    ends = pem.first_to_end
    return Certificate(
        serial=first.serial_number,
        fingerprint_sha256=first.fingerprint(hashes.SHA256()).hex(),
        not_before=pem.not_before,
        not_after=pem.not_after,
        domains=tuple(names.get_values_for_type(x509.DNSName)),
        requested=requested,
        intermediate="" if ends is first else excerpt(ends.subject.rfc4514_string()),
    )


def requested_for(directory: str) -> tuple[str, ...]:
    """The domains that a pair was ordered for; none without a record, as pairs of former releases are."""
    try:
        with open(os.path.join(directory, REQUEST), "rb") as stream:
            return tuple(text(domain) for domain in items(decoded(stream.read(_LARGEST))["domains"]))
    except (OSError, *BAD_VALUES):
        return ()


def refusal_in(path: str) -> Refusal | None:
    """The record of a failed order; None without one. One that cannot be read holds no order back."""
    try:
        with open(path, "rb") as stream:
            body = decoded(stream.read(_LARGEST))
        return Refusal(
            tuple(text(domain) for domain in items(body["domains"])),
            text(body["why"]),
            number(body["tries"], 1),
            moment(body["tried"]),
            moment(body["until"]),
        )
    except (OSError, *BAD_VALUES):
        return None
