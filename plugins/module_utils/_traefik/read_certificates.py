# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the certificates and keys that a call names."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import file_name
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_certificates import Pair, check_pairs


def read(given: Iterable[Mapping[str, Any]], default: str, *, lenient: bool) -> list[Pair]:
    """The pairs that a call names. Raises InputError for what cannot be meant, or is not there unless `lenient`."""
    found = [
        Pair(
            file_name("certificates: name", one["name"]),
            _content(one["name"], one["certificate"], lenient),
            _content(one["name"], one["key"], lenient),
        )
        for one in given
    ]
    check_pairs(found, default)
    return found


def fingerprints(paths: Sequence[str]) -> list[str]:
    """SHA-256 of the first certificate in each PEM file, as lower-case hexadecimal digits."""
    return [_fingerprint(path) for path in paths]


def _fingerprint(path: str) -> str:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    try:
        with open(path, encoding="ascii") as handle:
            _before, found, rest = handle.read().partition(begin)
        der = ssl.PEM_cert_to_DER_cert(found + rest.partition(end)[0] + end)
    except (OSError, ValueError) as error:
        raise InputError(f"the certificate {path} cannot be read: {error}") from error
    return hashlib.sha256(der).hexdigest()


def _content(name: str, path: str, lenient: bool) -> bytes | None:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        if lenient:
            return None
        raise InputError(
            f"certificate {name}: {path} cannot be read ({error.strerror}); issue it first, with the role "
            "gantry.odoo.certificate for example"
        ) from error
