# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give the items of a list their secrets, looked up by a field they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def with_secrets(
    items: list[Mapping[str, Any]], secrets: Mapping[str, str], by: str, field: str
) -> list[dict[str, Any]]:
    """Return `items` with `field` set to the secret that `secrets` holds under the item's `by`.

    An item that has `field` already keeps it. One without a secret is an error that names the item and never a value.
    """
    missing = sorted({str(item[by]) for item in items if field not in item and not secrets.get(item[by])})
    if missing:
        raise AnsibleFilterError(f"no secret is given for {', '.join(missing)}; add it to the variable that holds them")
    return [dict(item) if field in item else {**item, field: secrets[item[by]]} for item in items]


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        """The filters by name."""
        return {"with_secrets": with_secrets}
