# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the certificates of a host: those in files, and those that its endpoints serve."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import Certificate
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_scan import (
    TRUSTED,
    UNKNOWN,
    UNTRUSTED,
    Endpoint,
    Held,
    RevokedList,
    Seen,
    Served,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.read import CERTIFICATE, KEY, certificate_of
from ansible_collections.gantry.odoo.plugins.module_utils._core import read_pem
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    InputError,
    StateError,
    UnreachableError,
    excerpt,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_served import WHOLE_CHAIN, read_served

with contextlib.suppress(ImportError):  # The module says so: see HAS_CRYPTOGRAPHY.
    from cryptography import x509

# What a directory may hold, and how much of a name is shown: others write what is served.
_MOST_FILES, _MOST_NAMES, _LONGEST_NAME = 10_000, 100, 253
_LIST = re.compile(rb"-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----")
_LARGEST_LIST = 16 << 20  # bytes of a file of lists
_ENDINGS = (".pem", ".crt", ".cer")
_AT_ONCE = 16


class Authorities:
    """Those that are trusted, by the file that lists them; each file is read once."""

    def __init__(self) -> None:
        self._by_file: dict[str, dict[bytes, list[x509.Certificate]]] = {}
        self._found: dict[tuple[str, bytes], x509.Certificate | None] = {}

    def of(self, chain: Sequence[x509.Certificate], file: str) -> x509.Certificate | None:
        """The trusted authority that a chain leads to, None without one. Raises InputError where `file` is not read."""
        if file not in self._by_file:
            self._by_file[file] = _authorities(file)
        for number, one in enumerate(chain):
            # what is not an authority issues nothing, and one that is trusted has not issued all that is sent with it
            if number and not (_is_authority(one) and read_pem.is_issued_by(chain[number - 1], one)):
                return None
            found = self._issuer(one, file) if number else _signed_by(one, self._by_file[file])
            if found is not None:
                return found
        return None

    def _issuer(self, one: x509.Certificate, file: str) -> x509.Certificate | None:
        """As _signed_by, for an intermediate, which many certificates have in common."""
        key = (file, one.public_bytes(_der()))
        if key not in self._found:
            self._found[key] = _signed_by(one, self._by_file[file])
        return self._found[key]


class Reader:
    """Reads and describes certificates; equal files are read once. authorities: for what is requested."""

    def __init__(self, settles: Deadline) -> None:
        self._settles = settles
        self._authorities = Authorities()
        self._seen: dict[tuple[str, tuple[bytes, ...]], Seen] = {}

    def held(self, label: str, path: str, key: str, authorities: str, **further: Any) -> Held:
        """The certificate in a file. key: path of its key; empty without one."""
        while True:
            found = self._held(label, path, key, authorities, further)
            # another process may be between its two files
            if not found.fault or not key or self._settles.remaining <= 0:
                return found
            time.sleep(0.05)

    def served(self, endpoints: Sequence[Endpoint], deadline: Deadline, patience_s: float) -> list[Served]:
        """The answers of the endpoints, in their order. patience_s: seconds for one of them."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            shown = list(pool.map(lambda one: _shown(one, min(patience_s, deadline.remaining)), endpoints))
        return [self._served(endpoint, ders) for endpoint, ders in zip(endpoints, shown)]

    def _held(self, label: str, path: str, key: str, authorities: str, further: Mapping[str, Any]) -> Held:
        try:
            content = read_pem.read_certificates(path)
            chain = read_pem.parse_chain(content)
            seen = self._described(chain, authorities) if chain else None
        except StateError as error:
            return Held(label, path, fault=excerpt(str(error)), **further)
        except OSError as error:
            return Held(label, path, fault=f"cannot be read ({error.strerror})", **further)
        fits = None
        try:
            read_pem.check_pair(chain, read_pem.read_key(key) if key else None, primes=False)
            fits = True if key else None
        except StateError as error:
            fits = False if "another certificate" in str(error) else None
            return Held(label, path, seen, excerpt(str(error)), fits, **further)
        except OSError as error:
            return Held(label, path, seen, f"has the key {key}, which cannot be read ({error.strerror})", **further)
        return Held(label, path, seen, "", fits, **further)

    def _served(self, endpoint: Endpoint, shown: Sequence[bytes] | str) -> Served:
        if isinstance(shown, str):
            return Served(endpoint, why=shown)
        try:
            chain = [x509.load_der_x509_certificate(one) for one in shown[: read_pem.LONGEST]]
            seen = self._described(chain, endpoint.authorities)
            if seen.trust == UNTRUSTED and WHOLE_CHAIN is None:
                seen = replace(seen, trust=UNKNOWN)
            return Served(endpoint, seen)
        except StateError as error:
            return Served(endpoint, why=excerpt(str(error)))
        except read_pem.BAD_CERTIFICATES as error:
            return Served(endpoint, why=f"has a certificate that cannot be read ({excerpt(str(error))})")

    def _described(self, chain: Sequence[x509.Certificate], authorities: str) -> Seen:
        """Raises StateError, without its subject, for a certificate that breaks its own rules."""
        key = (authorities, tuple(one.public_bytes(_der()) for one in chain))
        if key not in self._seen:
            try:
                self._seen[key] = self._describe(chain, authorities)
            except read_pem.BAD_CERTIFICATES as error:
                raise StateError(f"has a certificate that cannot be read ({excerpt(str(error))})") from error
        return self._seen[key]

    def _describe(self, chain: Sequence[x509.Certificate], authorities: str) -> Seen:
        first, last = chain[0], chain[-1]
        issuer = self._authorities.of(chain, authorities) if authorities else None
        own: Certificate = certificate_of(chain)
        trust = UNKNOWN if not authorities else UNTRUSTED if issuer is None else TRUSTED
        return Seen(
            own=own,
            subject=_said(first.subject),
            issuer=_said(first.issuer),
            names=tuple(_names(first)),
            key_id=x509.SubjectKeyIdentifier.from_public_key(first.public_key()).digest.hex(),
            not_before=read_pem.utc(first, "not_valid_before"),
            not_after=read_pem.utc(first, "not_valid_after"),
            last=_said(last.subject),
            trust=trust,
            authority="" if issuer is None else _said(issuer.subject),
            authority_ends=None if issuer is None else read_pem.utc(issuer, "not_valid_after"),
        )


def pairs_in(directory: str) -> Iterator[tuple[str, str, str]]:
    """Label, path and key of each certificate that a directory holds: of files, and of pairs with the name `current`.

    A key has the name of its certificate, with the ending .key. Raises InputError where the directory is not read.
    """
    try:
        with os.scandir(directory) as found:
            names = sorted(one.name for one in found)
    except OSError as error:
        raise InputError(f"{directory} cannot be read ({error.strerror}); name a directory or a file") from error
    if len(names) > _MOST_FILES:
        raise InputError(f"{directory} holds more than {_MOST_FILES} files; name the files of the certificates")
    for name in names:
        path = os.path.join(directory, name)
        stem, ending = os.path.splitext(name)
        pair = os.path.join(path, "current", CERTIFICATE)
        if os.path.exists(pair):
            yield name, pair, os.path.join(path, "current", KEY)
        elif ending in _ENDINGS and name != KEY and os.path.isfile(path):
            key = os.path.join(directory, f"{stem}.key")
            yield stem, path, key if os.path.exists(key) else ""


def lists_in(path: str) -> list[RevokedList] | str:
    """The lists of revoked certificates in a file of PEM, or why they cannot be read."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(_LARGEST_LIST)
        found = [x509.load_pem_x509_crl(one) for one in _LIST.findall(content)]
        moments = [(read_pem.moment(one, "last_update"), read_pem.moment(one, "next_update")) for one in found]
        return [RevokedList(path, _said(one.issuer), begin, end) for one, (begin, end) in zip(found, moments) if begin]
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except read_pem.BAD_CERTIFICATES as error:
        return f"has a list that cannot be read ({excerpt(str(error))})"


def _shown(endpoint: Endpoint, seconds: float) -> Sequence[bytes] | str:
    """The chain that an endpoint serves, as DER, or why it serves none."""
    if seconds <= 0:
        return "was not asked in time, as others did not answer"
    try:
        return read_served(
            endpoint.host, endpoint.port, seconds, protocol=endpoint.protocol, server_name=endpoint.server_name
        )
    except UnreachableError as error:
        return str(error)
    # an odd server name is a ValueError
    except (OSError, ValueError) as error:
        return excerpt(f"serves no certificate ({getattr(error, 'strerror', '') or error})")


def _authorities(file: str) -> dict[bytes, list[x509.Certificate]]:
    try:
        with open(file, "rb") as stream:
            found = x509.load_pem_x509_certificates(stream.read())
    except (OSError, *read_pem.BAD_CERTIFICATES) as error:
        raise InputError(f"authorities: {file} cannot be read ({error}); name a PEM file of authorities") from error
    named: dict[bytes, list[x509.Certificate]] = {}
    for one in found:
        named.setdefault(one.subject.public_bytes(), []).append(one)
    return named


def _signed_by(one: x509.Certificate, trusted: Mapping[bytes, Sequence[x509.Certificate]]) -> x509.Certificate | None:
    """The one of `trusted` that has issued it, or that it is."""
    return next(
        (other for other in trusted.get(one.issuer.public_bytes(), ()) if read_pem.is_issued_by(one, other)), None
    )


def _is_authority(one: x509.Certificate) -> bool:
    try:
        return bool(one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (*read_pem.BAD_CERTIFICATES, x509.ExtensionNotFound):
        return False


def _names(one: x509.Certificate) -> Iterable[str]:
    try:
        names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    found = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    return [excerpt(name[:_LONGEST_NAME]) for name in found[:_MOST_NAMES]]


def _said(name: x509.Name) -> str:
    """A name for people: its common name, or all of it."""
    common = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return excerpt((str(common[0].value) if common else name.rfc4514_string())[:_LONGEST_NAME])


def _der() -> Any:
    return read_pem.serialization.Encoding.DER
