# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the certificates and keys that a call names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core import read_pem
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import file_name
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_certificates import Pair, check_pairs


def read(given: Iterable[Mapping[str, Any]], default: str, *, lenient: bool) -> list[Pair]:
    """The pairs that a call names. Raises InputError for one that cannot be loaded, or is missing unless `lenient`."""
    found = [_pair(file_name("certificates: name", one["name"]), one, lenient) for one in given]
    check_pairs(found, default)
    return found


def _pair(name: str, one: Mapping[str, Any], lenient: bool) -> Pair:
    try:
        pem = read_pem.read_pair(one["certificate"], one["key"])
    except StateError as error:
        where = f"{one['certificate']} with {one['key']}"
        raise InputError(f"certificate {name}: {where} {error}; what is served stays") from error
    except OSError as error:
        if lenient:
            return Pair(name, None, None)
        raise InputError(
            f"certificate {name}: {error.filename} cannot be read ({error.strerror}); issue it first, with the role "
            "gantry.odoo.certificate for example"
        ) from error
    return Pair(name, pem.certificate, pem.key, (pem.not_before, pem.not_after) if pem.chain else None)


def fingerprints(paths: Sequence[str]) -> list[str]:
    """SHA-256 of the first certificate in each PEM file, as lower-case hexadecimal digits."""
    return [_fingerprint(path) for path in paths]


def _fingerprint(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return hashlib.sha256(read_pem.first_certificate(stream.read())).hexdigest()
    except (OSError, ValueError) as error:
        raise InputError(f"the certificate {path} cannot be read: {error}") from error
