# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be missing in a topology. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

# Of the topology as a whole.
NO_PRIMARY, CUT_OFF = "no_primary", "failover_cut_off"
# Of one process that was not read.
UNREACHABLE, UNREAD = "unreachable", "unread"
# Of a node; those of a cluster first.
UNKNOWN, LOST, INCOMPLETE, ROLE, LINK, DISK = "unknown_node", "lost_node", "incomplete", "role", "link", "disk"
# Of a Sentinel.
WATCHES, MONITOR, QUORUM, OTHERS, REPLICAS = "watches", "monitor_link", "quorum", "other_sentinels", "replicas"
LOGIN, GONE = "login", "gone_sentinel"
# A fault of a process may hide those that come behind it here.
ORDER = (
    *(NO_PRIMARY, UNREACHABLE, UNREAD),
    *(UNKNOWN, LOST, INCOMPLETE, ROLE, LINK, DISK),
    *(WATCHES, MONITOR, QUORUM, OTHERS, REPLICAS, LOGIN, GONE),
    CUT_OFF,
)


@dataclass(frozen=True)
class Fault:
    """What is not as it must be. endpoint: of the process, empty for the topology. sentence: for people."""

    endpoint: str
    kind: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence
