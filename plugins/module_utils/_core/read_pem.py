# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a certificate with its chain, and its key, as one pair that servers can load: both of the same moment."""

from __future__ import annotations

import functools
import itertools
import re
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import opened_at_once

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
except ImportError:
    HAS_CRYPTOGRAPHY = False
else:
    HAS_CRYPTOGRAPHY = True
    # what the library raises where somebody else has written a certificate that breaks its own rules
    BAD_CERTIFICATES = (
        *BAD_VALUES,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    )

# no hyphen is in what it holds, so that none of many beginnings without an end is read to the end of the file
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_KEY = re.compile(rb"-----BEGIN (?P<kind>[A-Z ]*PRIVATE KEY)-----.+?-----END (?P=kind)-----", re.DOTALL)
# seconds that another process may need between the writes of the two files
SETTLES_S = 1.0
# many times what servers need: bytes of a file of certificates and of a key, and certificates of a chain
_LARGEST, _LARGEST_KEY, LONGEST = 1 << 20, 1 << 16, 20


@dataclass(frozen=True)
class Pem:
    """The two files as read. chain: the certificates, that of the key first; none where the library is missing."""

    certificate: bytes
    key: bytes
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def not_before(self) -> datetime:
        """Since when all of the chain is valid."""
        return max(utc(one, "not_valid_before") for one in self._sent)

    @property
    def first_to_end(self) -> x509.Certificate:
        """The certificate of the chain that expires first."""
        return min(self._sent, key=lambda one: utc(one, "not_valid_after"))

    @property
    def not_after(self) -> datetime:
        """Until when all of the chain is valid."""
        return utc(self.first_to_end, "not_valid_after")

    @property
    def _sent(self) -> Sequence[x509.Certificate]:
        # a root is trusted for itself, whatever its dates
        return [one for number, one in enumerate(self.chain) if not number or one.issuer != one.subject]


def read_pair(certificate: str, key: str) -> Pem:
    """The pair in two files, read again for a second where they do not fit, as another process may be replacing them.

    Raises OSError where a file cannot be read, and StateError, a sentence without its subject, where the pair is none.
    """
    deadline = Deadline(SETTLES_S)
    while True:
        try:
            return parse_pair(read_certificates(certificate), read_key(key))
        except StateError:
            if deadline.remaining <= 0:
                raise
        time.sleep(0.05)


def read_certificates(path: str) -> bytes:
    """The content of a file of certificates. Raises OSError, and StateError, without its subject, for a huge one."""
    return _content(path, _LARGEST)


def read_key(path: str) -> bytes:
    """The content of the file of a key. Raises as read_certificates."""
    return _content(path, _LARGEST_KEY)


def parse_pair(certificate: bytes, key: bytes) -> Pem:
    """The pair in the content of two files. Raises StateError, a sentence without its subject, where it is none."""
    if not HAS_CRYPTOGRAPHY:
        return Pem(certificate, key)
    chain = parse_chain(certificate)
    check_pair(chain, key)
    return Pem(certificate, key, chain)


def parse_chain(certificate: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a file, in its order. Raises StateError, without its subject, for one that is none."""
    try:
        chain = tuple(
            x509.load_pem_x509_certificate(block)
            for block in itertools.islice(certificate_blocks(certificate), LONGEST + 1)
        )
    except BAD_CERTIFICATES as error:
        raise StateError(f"has a certificate that cannot be read ({error})") from error
    if len(chain) > LONGEST:
        raise StateError(f"holds more than {LONGEST} certificates; name the one of a server with its chain")
    return chain


def check_pair(chain: Sequence[x509.Certificate], key: bytes | None, *, primes: bool = True) -> None:
    """Raise StateError, without its subject, where a chain is in no order, or `key`, unless None, is not the first's.

    primes: whether those of an RSA key are looked at, which takes 36 ms.
    """
    try:
        public = [_form(one.public_key()) for one in chain]
    except BAD_CERTIFICATES as error:
        raise StateError(f"has a certificate that cannot be read ({error})") from error
    own = None if key is None else _form(_private(key, primes).public_key())
    fault = next(_faults(chain, public, own), "")
    if fault:
        raise StateError(fault)


def first_certificate(content: bytes) -> bytes:
    """The first certificate of a PEM file, as DER. Raises ValueError without one."""
    for block in certificate_blocks(content):
        return ssl.PEM_cert_to_DER_cert(block.decode("ascii"))
    raise ValueError("it holds no certificate in PEM")


def utc(certificate: x509.Certificate, field: str) -> datetime:
    """`not_valid_before` or `not_valid_after` of a certificate."""
    found = moment(certificate, field)
    if found is None:
        raise ValueError(f"it has no {field}")
    return found


def moment(dated: x509.Certificate | x509.CertificateRevocationList, field: str) -> datetime | None:
    """A field of a certificate or of a list of revoked ones, which need not say when the next one comes."""
    # cryptography 42 gave the fields a zone, under new names.
    if hasattr(dated, f"{field}_utc"):
        found: datetime | None = getattr(dated, f"{field}_utc")
        return found
    bare: datetime | None = getattr(dated, field)
    return None if bare is None else bare.replace(tzinfo=timezone.utc)


def _faults(chain: Sequence[x509.Certificate], public: Sequence[bytes], key: bytes | None) -> Iterator[str]:
    if not chain:
        yield "holds no certificate"
    elif key is None:
        pass
    elif key not in public:
        yield "has the key of another certificate"
    elif public[0] != key:
        yield "is in the wrong order; put the certificate of the key first, and each issuer behind what it has issued"
    for one, issuer in zip(chain, chain[1:]):
        if is_issued_by(one, issuer):
            continue
        subject = issuer.subject.rfc4514_string() or "a name"
        if any(is_issued_by(one, other) for other in chain):
            yield f"is in the wrong order at {subject}; put each issuer behind what it has issued"
        yield f"holds two certificates, as {subject} has not issued the one before it; give each a file of its own"


@functools.lru_cache(maxsize=1 << 14)  # a chain is looked at for its order and for its end
def is_issued_by(one: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the key of `issuer` has signed `one`, under its name."""
    try:
        one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _private(content: bytes, primes: bool) -> Any:
    found = _KEY.search(content)
    if not found:
        raise StateError("has no key")
    try:
        return serialization.load_pem_private_key(found[0], password=None, unsafe_skip_rsa_key_validation=not primes)
    except TypeError as error:  # it asks for a password
        raise StateError("has an encrypted key, which no server can load; decrypt it with openssl pkey") from error
    except (*BAD_VALUES, UnsupportedAlgorithm) as error:
        raise StateError("has a key that cannot be read") from error


def _form(public: Any) -> bytes:
    form: bytes = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return form


def certificate_blocks(content: bytes) -> Iterator[bytes]:
    """Each certificate of a PEM file, as it is written."""
    return (found[0] for found in _CERTIFICATE.finditer(content))


def _content(path: str, largest: int) -> bytes:
    with opened_at_once(path) as stream:
        content = stream.read(largest + 1) or b""
    if len(content) > largest:
        raise StateError(f"is larger than {largest >> 10} KiB, so that it is not read")
    return content
