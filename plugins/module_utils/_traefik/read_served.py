# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask Traefik's entry points which certificate a client gets for a name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import reached
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_served import read_served

_AT_ONCE = 16
_SECONDS = 5.0


def served(questions: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """SHA-256 of the certificate for each address of an entry point and name, or an empty text and the reason."""
    asked = list(questions)
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        return dict(zip(asked, workers.map(lambda one: _served(*one), asked)))


def _served(address: str, name: str) -> tuple[str, str]:
    host, _colon, port = address.rpartition(":")
    try:
        found = read_served(reached(host), int(port), _SECONDS, server_name=name)[0]
    except UnreachableError as error:
        return "", str(error)
    # an odd port or name is a ValueError
    except (OSError, ValueError) as error:
        return "", excerpt(str(getattr(error, "strerror", "") or error or type(error).__name__))
    return hashlib.sha256(found).hexdigest(), ""
