# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes certificates of an authority of its own, for tests and benchmarks: any number, and wrong in any way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Issued:
    """A certificate with its key. chain: what it is served with, itself first."""

    name: x509.Name
    signer: ec.EllipticCurvePrivateKey
    certificate: bytes
    chain: bytes = b""

    def key(self, password: bytes = b"") -> bytes:
        """The key as PEM, encrypted with a password."""
        hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.signer.private_bytes(PEM, serialization.PrivateFormat.PKCS8, hidden)


def issue(
    name: str,
    now: datetime,
    issuer: Issued | None = None,
    *,
    names: Sequence[str] = (),
    days: tuple[float, float] = (10, 80),
    is_authority: bool = False,
) -> Issued:
    """A certificate that began days[0] days ago and ends in days[1] days, self-signed without an issuer."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(
        issuer_name=issuer.name if issuer else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=days[0]),
        not_valid_after=now + timedelta(days=days[1]),
    ).add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(alternative, critical=False)
    made = builder.sign(issuer.signer if issuer else key, hashes.SHA256()).public_bytes(PEM)
    return Issued(subject, key, made, made + (issuer.chain if issuer and issuer.chain else b""))


def authority(now: datetime, days: float = 900) -> tuple[Issued, Issued]:
    """A root, and an intermediate that is served with what it issues."""
    root = issue("Harbour Root", now, days=(900, 3000), is_authority=True)
    middle = issue("Harbour Issuing", now, Issued(root.name, root.signer, b""), days=(100, days), is_authority=True)
    return root, middle


def store(directory: Path, pairs: Mapping[str, tuple[Issued, Sequence[str]]]) -> None:
    """Write pairs as gantry.odoo.certificate_files keeps them: by name, with the domains that were asked for."""
    for name, (one, domains) in pairs.items():
        version = directory / name / "versions" / "1"
        version.mkdir(parents=True)
        (version / "certificate.pem").write_bytes(one.chain)
        (version / "key.pem").write_bytes(one.key())
        (version / "request.json").write_text(json.dumps({"domains": list(domains)}), encoding="utf-8")
        (directory / name / "current").symlink_to("versions/1")
