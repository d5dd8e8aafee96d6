# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the certificates that a server shows its clients, from the wire."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError

# since Python 3.13
WHOLE_CHAIN: Callable[[ssl.SSLSocket], list[bytes]] | None = getattr(ssl.SSLSocket, "get_unverified_chain", None)
# of PostgreSQL's protocol: a length of 8, and the code of SSLRequest
_SSL_REQUEST = struct.pack("!II", 8, 80877103)


def read_served(host: str, port: int, seconds: float, *, protocol: str = "", server_name: str = "") -> Sequence[bytes]:
    """The chain that is shown, as DER, its own certificate first, and only that one before Python 3.13.

    protocol: `postgresql` where TLS begins by its protocol. Raises OSError, ValueError for an odd server name, and
    UnreachableError, without its subject, where there is no TLS.
    """
    context = trusting_all()  # one that has expired is to be seen as well
    with socket.create_connection((host, port), timeout=seconds) as plain:
        if protocol == "postgresql":
            plain.sendall(_SSL_REQUEST)
            if plain.recv(1) != b"S":
                raise UnreachableError("answers without TLS")
        with context.wrap_socket(plain, server_hostname=server_name or None) as secure:
            return _chain(secure)


def trusting_all() -> ssl.SSLContext:
    """For a client that looks at what it is shown, or whose answer does not depend on that. Nothing else may use it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _chain(secure: ssl.SSLSocket) -> list[bytes]:
    if WHOLE_CHAIN is not None:
        chain = WHOLE_CHAIN(secure)
    else:
        first = secure.getpeercert(binary_form=True)
        chain = [first] if first else []
    if not chain:
        raise UnreachableError("serves no certificate (the handshake has none)")
    return chain
