# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host itself asks what listens on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import in_url, reached


def local_url(listens: str, port: int) -> str:
    """The URL of a port on the host itself. listens: the address that the service listens on."""
    return f"http://{in_url(reached(listens))}:{port}"


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"local_url": local_url}
