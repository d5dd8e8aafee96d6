# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that were refused or wait, for the last screen, and the edges that may serve revoked ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.report import unissued, waiting


def unissued_certificates(variables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence for each issuer that refused any. variables: those of all hosts."""
    return unissued(variables[host] for host in sorted(variables))


def waiting_certificates(variables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence for each given pair that is due. variables: those of all hosts."""
    return waiting(variables[host] for host in sorted(variables))


def unreplaced_certificates(
    variables: Mapping[str, Mapping[str, Any]], edges: Iterable[str], revocations: Iterable[Mapping[str, Any]]
) -> list[str]:
    """The edges that are not proven to serve others than those to revoke, by the serial numbers in `renew_serves`."""
    serials = {str(one["serial"]) for one in revocations}
    served = {edge: variables[edge].get("renew_serves") for edge in edges}
    return sorted(edge for edge, here in served.items() if here is None or serials.intersection(here))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "unissued_certificates": unissued_certificates,
            "unreplaced_certificates": unreplaced_certificates,
            "waiting_certificates": waiting_certificates,
        }
