# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read which Redis counts the requests of clients for all edges."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_limits import LimitStore, limit_store


def store(path: str) -> LimitStore | None:
    """The store that the role traefik has named on this host; None without one."""
    try:
        with open(path, encoding="utf-8") as handle:
            return limit_store(handle.read(), path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StateError(f"{path} cannot be read: {error}") from error
