# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of an edge: why it cannot have them, and where names are served."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model_entry_points, model_limits


def entry_point_faults(declared: Mapping[str, Any]) -> list[str]:
    """A sentence for each fault."""
    return model_entry_points.faults(declared)


def limit_store_faults(declared: Mapping[str, Any]) -> list[str]:
    """Why edges cannot count in this Redis, without a value of it that is secret."""
    try:
        model_limits.limit_store(json.dumps(declared), "traefik_rate_limit_store")
    except InputError as error:
        return [str(error)]
    return []


def write_timeout_faults(write_s: int, read_s: int) -> list[str]:
    """A sentence where a request that is read to its end may have no answer."""
    return model_entry_points.write_timeout_faults(int(write_s), int(read_s))


def served_names(results: Iterable[Mapping[str, Any]], entry_points: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Each name of certificates at each place where an edge serves it."""
    places = model_entry_points.tls_addresses(entry_points)
    return [
        {"certificate": one, "name": name, "host": place.reached, "port": place.port}
        for one in results
        for name in one["hosts"]
        for place in places
    ]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "entry_point_faults": entry_point_faults,
            "limit_store_faults": limit_store_faults,
            "served_names": served_names,
            "write_timeout_faults": write_timeout_faults,
        }
