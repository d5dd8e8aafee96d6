# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults that a topology has since a change of one host. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_faults import (
    CUT_OFF,
    NO_PRIMARY,
    ORDER,
    REPLICAS,
    UNKNOWN,
    UNREACHABLE,
    UNREAD,
    Fault,
)

_SILENT = (UNREACHABLE, UNREAD)


def new_faults(after: Iterable[Fault], before: Collection[Fault], own: Collection[str]) -> list[Fault]:
    """Those that were not there before, and could have been seen. own: endpoints of the host, which have to answer."""
    return [
        one
        for one in after
        if (one.kind == UNREACHABLE and one.endpoint in own) or not any(_hides(known, one) for known in before)
    ]


def _hides(known: Fault, fault: Fault) -> bool:
    """Whether a fault that is known is this one, or kept it from being seen."""
    if known.kind == NO_PRIMARY:
        # nodes and Sentinels are compared with the primary
        return fault.kind not in (*_SILENT, CUT_OFF)
    if known.endpoint == fault.endpoint:
        return ORDER.index(known.kind) <= ORDER.index(fault.kind)
    # of a node that was not read, it is not seen which others do not know it
    return known.kind in _SILENT and fault.kind in (UNKNOWN, REPLICAS)
