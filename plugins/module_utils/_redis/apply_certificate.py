# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have Redis read the files of TLS again."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import redis, require_library
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_host import SOCKET, Tls


def read_again(tls: Tls, username: str | None, password: str, deadline: Deadline) -> None:
    """Give Redis its files once more, by the socket, where an expired certificate is in nobody's way."""
    require_library()
    files = ("tls-cert-file", tls.certificate, "tls-key-file", tls.key, "tls-ca-cert-file", tls.ca)
    link = redis.Redis(
        unix_socket_path=SOCKET, username=username, password=password, socket_timeout=max(1.0, deadline.remaining)
    )
    try:
        link.execute_command("CONFIG", "SET", *files)
    except redis.RedisError as error:
        raise StateError(f"Redis did not read {tls.certificate} by {SOCKET}: {error}; see its log") from error
    finally:
        link.close()
