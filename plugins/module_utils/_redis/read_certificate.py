# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the certificate that a process shows, and the one that its file holds."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    InputError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import in_url
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_served import read_served

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def read_file(path: str) -> bytes:
    """The first certificate of a PEM file. Raises InputError without one."""
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            found = _PEM.search(stream.read())
    except OSError as error:
        raise InputError(f"certificate: {path} cannot be read: {error.strerror}") from error
    if not found:
        raise InputError(f"certificate: {path} holds no certificate; name the PEM file of the host's certificate")
    return ssl.PEM_cert_to_DER_cert(found.group(0))


def read_shown(kind: str, place: Mapping[str, Any], deadline: Deadline) -> bytes:
    """The certificate that a process shows, which may have expired. Raises StateError without one."""
    host, port = place["host"], place["port"]
    try:
        return read_served(host, port, min(10.0, deadline.remaining))[0]
    except (OSError, UnreachableError) as error:
        raise StateError(
            f"{kind} shows no certificate at {in_url(host)}:{port}: {error}; check that it runs"
        ) from error
