# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask Traefik's entry points which certificate a client gets for a name."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import excerpt

_AT_ONCE = 16
_SECONDS = 5.0
# An entry point that listens on all addresses is asked on loopback.
_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nothing listens here


def served(questions: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """SHA-256 of the certificate for each address of an entry point and name, or an empty text and the reason."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what is wrong with it is for the report
    asked = list(questions)
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        return dict(zip(asked, workers.map(lambda one: _served(one[0], one[1], context), asked)))


def _served(address: str, name: str, context: ssl.SSLContext) -> tuple[str, str]:
    host, _colon, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        with (
            socket.create_connection((_ANY.get(host, host), int(port)), timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            found = secure.getpeercert(binary_form=True)
    # an odd port or name is a ValueError
    except (OSError, ValueError) as error:
        return "", excerpt(str(getattr(error, "strerror", "") or error or type(error).__name__))
    return (hashlib.sha256(found).hexdigest(), "") if found else ("", "the handshake has none")
