# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared tenants as a change names whom it touches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_declaration import subjects


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[[Sequence[Any]], list[dict[str, Any]]]]:
        """Names and functions."""
        return {"declared_subjects": subjects}
