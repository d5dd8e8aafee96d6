# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the directories that hold the certificates of a host:

<path>/<name>/staging/{certificate,key}.pem          a pair that is being ordered, and request.json with its domains
<path>/<name>/versions/<serial>/{certificate,key}.pem, request.json, before: the version that it has replaced, and
                                                     forced: what it was installed for by force
<path>/<name>/refused.json                           why the last order failed, and when the next one is due
<path>/<name>/revoke.pem, revoke.json                a certificate that is to be revoked once another one is served
<path>/<name>/advice.json                            when the ACME server advises to renew the current pair
<path>/<name>/current, previous                      links to versions; one rename changes certificate and key
<path>/records.json                                  the records that answer challenges in DNS, while they are there
"""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import (
    ACME,
    Advice,
    Certificate,
    Found,
    Refusal,
    Revocation,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_dns import Record
from ansible_collections.gantry.odoo.plugins.module_utils._core import read_pem
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import decoded, items, moment, number, text

with contextlib.suppress(ImportError):  # The module says so: see HAS_CRYPTOGRAPHY.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

CERTIFICATE, KEY, REQUEST = "certificate.pem", "key.pem", "request.json"
BEFORE, FORCED = "before", "forced"
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

    def advice(self, name: str) -> str:
        """The path of the record of when the ACME server advises to renew the certificate."""
        return os.path.join(self.directory(name), "advice.json")

    def revoked_certificate(self, name: str) -> str:
        """The path of the certificate that is to be revoked."""
        return os.path.join(self.directory(name), "revoke.pem")

    def revocation(self, name: str) -> str:
        """The path of the record of a revocation that is under way."""
        return os.path.join(self.directory(name), "revoke.json")

    @property
    def records(self) -> str:
        """The path of the list of records in DNS; no name of a certificate has a dot."""
        return os.path.join(self.path, "records.json")

    def staged_certificate(self, name: str) -> str:
        """The path that the issued certificate, with its chain, is to be written to."""
        return os.path.join(self.staging(name), CERTIFICATE)

    def read(self, name: str) -> Found:
        """What the directory of `name` holds; a pair that no server could load counts as none."""
        current, broken = _pair(self.link(name, "current"))
        waiting = self._waiting(name)
        staged, unusable = _pair(waiting)
        return Found(
            current=current,
            broken=broken,
            staged=staged,
            unusable=unusable,
            interrupted=os.path.isdir(waiting) or bool(self.unlinked(name)),
            refusal=refusal_in(self.refusal(name)),
            waits=os.path.exists(os.path.join(waiting, CERTIFICATE)),
            advice=advice_in(self.advice(name), current),
            revocation=revocation_in(self.revocation(name)),
            forced_by=self.forced_by(name),
        )

    def forced_by(self, name: str) -> str:
        """What the current pair was installed for by force; empty where it was due."""
        return _line(self.link(name, "current"), FORCED) or ""

    def previous(self, name: str) -> Certificate | None:
        """The pair that the installed one has replaced, None where none is kept that a server could load."""
        kept = self.kept(name)
        return _pair(self.version(name, kept))[0] if kept else None

    def version(self, name: str, version: str) -> str:
        """The directory of one version."""
        return os.path.join(self.directory(name), "versions", version)

    def linked(self, name: str, link: str) -> str:
        """The version that `current` or `previous` leads to; empty without one."""
        try:
            return os.path.basename(os.readlink(self.link(name, link)))
        except OSError:
            return ""

    def kept(self, name: str) -> str:
        """The version that the current one has replaced, to which `previous` leads once a run has ended."""
        current = self.linked(name, "current")
        told = self._before(name, current) if current else ""
        if told is None:
            # installed by a former release
            told = self.linked(name, "previous")
        return told if told != current and told in self._versions(name) else ""

    def cut_off(self, name: str) -> str:
        """The version that a killed run was about to install or to stage again; empty without one."""
        current = self.linked(name, "current")
        others = self._versions(name) - {current, self.kept(name)}
        return next((one for one in others if self._before(name, one) == current), "")

    def is_cut_off(self, name: str) -> bool:
        """Whether a run was killed between the steps by which it installs a pair or puts one back."""
        return bool(self.unlinked(name)) or self.linked(name, "previous") != self.kept(name)

    def unlinked(self, name: str) -> set[str]:
        """The versions that are neither the current nor the previous one."""
        return self._versions(name) - {self.linked(name, link) for link in ("current", "previous")}

    def _waiting(self, name: str) -> str:
        """The directory of the pair that waits."""
        cut_off = self.cut_off(name)
        return self.version(name, cut_off) if cut_off else self.staging(name)

    def _versions(self, name: str) -> set[str]:
        try:
            return set(os.listdir(os.path.join(self.directory(name), "versions")))
        except FileNotFoundError:
            return set()

    def _before(self, name: str, version: str) -> str | None:
        """The version that was installed before; empty for the first one, None where it was not recorded."""
        return _line(self.version(name, version), BEFORE)


def _line(directory: str, file: str) -> str | None:
    """What was recorded beside a pair, None where nothing was."""
    try:
        with open(os.path.join(directory, file), encoding="utf-8") as stream:
            return stream.read(_LARGEST)
    except (OSError, UnicodeDecodeError):
        return None


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
        certificate = certificate_of(pem.chain, requested_for(directory), terms_of(directory))
    except read_pem.BAD_CERTIFICATES:
        return None, "has no names"
    return (certificate, "") if certificate.domains else (None, "has no names")


def certificate_of(
    chain: Sequence[x509.Certificate], requested: tuple[str, ...] = (), terms: tuple[tuple[str, str], ...] = ()
) -> Certificate:
    """The first certificate of a chain. Raises what is in BAD_CERTIFICATES for one that breaks its own rules.

    requested, terms: what it was ordered for.
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
        renewal_id=_renewal_id(first),
        terms=terms,
        root=_common_name(chain[-1].issuer),
        key_type=_key_type(first),
        signed_by=_common_name(first.issuer),
    )


def _key_type(certificate: x509.Certificate) -> str:
    try:
        return kind_of(certificate.public_key())
    except read_pem.BAD_CERTIFICATES:
        return ""


def kind_of(key: Any) -> str:
    """The type of a public key, as a request names it; empty for one that none does."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa-{key.key_size}"
    curves = {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384"}
    return curves.get(key.curve.name, "") if isinstance(key, ec.EllipticCurvePublicKey) else ""


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return excerpt(str(found[0].value)) if found else ""


def _renewal_id(certificate: x509.Certificate) -> str:
    try:
        issuer = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        issuer = None
    if not issuer:
        return ""
    serial = certificate.serial_number
    # as DER writes it, with a leading zero where the number would be taken for a negative one
    parts = (issuer, serial.to_bytes(serial.bit_length() // 8 + 1, "big"))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def requested_for(directory: str) -> tuple[str, ...]:
    """The domains that a pair was ordered for; none without a record, as pairs of former releases are."""
    try:
        with open(os.path.join(directory, REQUEST), "rb") as stream:
            return tuple(text(domain) for domain in items(decoded(stream.read(_LARGEST))["domains"]))
    except (OSError, *BAD_VALUES):
        return ()


def terms_of(directory: str) -> tuple[tuple[str, str], ...]:
    """What a pair was ordered with beside its domains; what was not recorded is not known."""
    try:
        with open(os.path.join(directory, REQUEST), "rb") as stream:
            body = decoded(stream.read(_LARGEST))
        return tuple(sorted((name, text(value)) for name, value in body.items() if name != "domains"))
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


def advice_in(path: str, current: Certificate | None) -> Advice | None:
    """The advice that was recorded of the current certificate; None without any, and for that of another one."""
    try:
        with open(path, "rb") as stream:
            body = decoded(stream.read(_LARGEST))
        found = Advice(int(text(body["serial"]), 16), moment(body["start"]), moment(body["end"]), text(body["url"]))
    except (OSError, *BAD_VALUES):
        return None
    return found if current is not None and found.serial == current.serial else None


def revocation_in(path: str) -> Revocation | None:
    """The revocation that was begun; None without any. Raises StateError where it cannot be read."""
    try:
        with open(path, "rb") as stream:
            body = decoded(stream.read(_LARGEST))
        return Revocation(
            int(text(body["serial"]), 16),
            text(body["reason"]),
            moment(body["not_after"]),
            text(body.get("issuer", ACME)),
            text(body.get("signed_by", "")),
        )
    except FileNotFoundError:
        return None
    except (OSError, *BAD_VALUES) as error:
        raise StateError(
            f"{path}, the record of a revocation, cannot be read ({excerpt(str(error))}); revoke the certificate "
            "beside it by hand, and remove both"
        ) from None


def records_in(path: str) -> list[Record]:
    """The records that a run has written in DNS and not removed; none without a list."""
    try:
        with open(path, "rb") as stream:
            listed = items(decoded(stream.read(_LARGEST)))
        return [Record(text(one["certificate"]), text(one["name"]), text(one["value"])) for one in listed]
    except (OSError, *BAD_VALUES):
        return []
