# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The users that a drained server keeps, and whether they have left, by what Traefik counts. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

# The beginning of the last part of the names of routers for users that are kept.
KEPT = "kept"
_ROUTER = re.compile(rf"([a-z0-9_-]+)\.[a-z0-9_-]+\.{KEPT}-[0-9a-f]{{16}}(-[a-z0-9-]+)?@file")
_COUNTED = re.compile(r'traefik_router_requests_total\{(?:[^}]*,)?router="([^"]*)"[^}]*\} ([0-9.e+]+)')


@dataclass(frozen=True)
class Watch:
    """How many requests of kept users were counted, and since when there was no other one. Times are in seconds."""

    requests: int
    since: float
    first: int

    @property
    def seen(self) -> int:
        """Requests since the watch began."""
        return self.requests - self.first

    def after(self, requests: int, now: float) -> Watch:
        """The watch with another count."""
        return self if requests == self.requests else Watch(requests, now, self.first)

    def is_quiet(self, now: float, quiet: float) -> bool:
        """Whether no kept user has asked for that long."""
        return now - self.since >= quiet


def kept_routers(raw: Mapping[str, Any], owner: str) -> list[str]:
    """Full names of the owner's routers for kept users in Traefik's own view (`/api/rawdata`)."""
    found = {name: _ROUTER.fullmatch(name) for name in raw.get("routers") or {}}
    return sorted(name for name, match in found.items() if match and match.group(1) == owner)


def requests_of(metrics: str, routers: Collection[str]) -> int:
    """How many requests the routers have answered. metrics: those of Traefik, as Prometheus reads them.

    A router that has answered none is not listed.
    """
    counted = (_COUNTED.match(line) for line in metrics.splitlines())
    return sum(int(float(match.group(2))) for match in counted if match and match.group(1) in routers)
