# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that get a part of the users only: how large the part is, and which requests are theirs in any case."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import Matcher, Rule, some

HIGHEST_PERCENT = 99
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
# Traefik takes headers with another character than these out of requests, as entry points have it.
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_VALUE = re.compile(r"[!-~]{1,200}\Z")
# Go and Traefik keep some apart from headers, set others themselves, and the cookie has a selector of its own.
_OTHER = ("host", "cookie", "connection", "content-length", "transfer-encoding")
_SET = ("x-forwarded-", "x-real-ip")


@dataclass(frozen=True)
class Sent:
    """A header or cookie that a request sends."""

    name: str
    value: str


@dataclass(frozen=True)
class Canary:
    """A part of the servers of a route.

    percent: of the new users of the route who are sent there. header, cookie: who sends one of them is sent there, too.
    """

    servers: tuple[str, ...]
    percent: int
    header: Sent | None
    cookie: Sent | None

    def rule(self) -> Rule | None:
        """The requests that are sent there in any case; None where there are none."""
        found: list[Rule] = []
        if self.header:
            found.append(Matcher("Header", (self.header.name, self.header.value)))
        if self.cookie:
            found.append(Matcher("HeaderRegexp", ("Cookie", f"(^|; ?){self.cookie.name}={self.cookie.value}(;|$)")))
        return some(found) if found else None

    def weights(self, active: Sequence[str]) -> dict[str, int]:
        """The weight of each server of the pool; none where all are alike."""
        ours, rest = ([url for url in active if (url in self.servers) is is_ours] for is_ours in (True, False))
        if not ours or not rest or not self.percent:
            return {}
        of_each = {True: self.percent * len(rest), False: (100 - self.percent) * len(ours)}
        least = gcd(*of_each.values())
        return {url: of_each[url in self.servers] // least for url in active}

    def words(self) -> str:
        """Who is sent there."""
        whom = [f"{self.percent} % of new users"] if self.percent else []
        whom += [f"requests with the header {self.header.name}"] if self.header else []
        whom += [f"requests with the cookie {self.cookie.name}"] if self.cookie else []
        return f"{', '.join(self.servers)} for {' and '.join(whom) or 'no user'}"


def share_faults(item: Mapping[str, Any], cookie: str) -> list[str]:
    """Why users cannot be parted so, each to be read after the name of a route.

    cookie: name of the one by which browsers stay with a server, empty without one.
    """
    faults: list[str] = []
    percent = item.get("percent") or 0
    if not isinstance(percent, int) or not 0 <= percent <= HIGHEST_PERCENT:
        faults.append(f"canary.percent is {percent!r}; accepted is a whole number from 0 to {HIGHEST_PERCENT}")
    elif percent and not cookie:
        faults.append(
            f"canary.percent is {percent}, and without sticky a browser would be sent to one server and another in "
            "turn; set sticky, or leave canary.percent out"
        )
    header, own = item.get("header"), item.get("cookie")
    if header is not None:
        name, value = str(header.get("name") or ""), str(header.get("value") or "")
        if not _HEADER.match(name) or name.lower() in _OTHER or name.lower().startswith(_SET):
            faults.append(
                f"canary.header.name is {name!r}; accepted are up to 64 letters, digits and hyphens, as Traefik takes "
                f"underscores out, and none of {', '.join(_OTHER)} and those that Traefik sets"
            )
        if not _VALUE.match(value):
            faults.append(f"canary.header.value is {value!r}; accepted are up to 200 printable characters, no blank")
    if own is not None:
        faults += [
            f"canary.cookie.{key} is {own.get(key)!r}; accepted are up to 64 letters, digits, hyphens and underscores"
            for key in ("name", "value")
            if not _TOKEN.match(str(own.get(key) or ""))
        ]
        if cookie and own.get("name") == cookie:
            faults.append(f"canary.cookie.name is {cookie}, the cookie of sticky; choose another")
    return faults


def canary(item: Mapping[str, Any] | None, servers: Collection[str], cookie: str) -> Canary | None:
    """The canary that was asked for, None where none was. Raises InputError, to be read after the name of a route.

    servers: those of the route. cookie: as for share_faults.
    """
    if item is None:
        return None
    named = tuple(str(url).rstrip("/") for url in item.get("servers") or ())
    faults = share_faults(item, cookie)
    faults += [f"canary.servers has {url}, which servers has not" for url in named if url not in servers]
    if not named:
        faults.append("canary.servers is empty; list those that get a part of the users, or leave canary out")
    elif set(named) >= set(servers):
        faults.append("canary.servers has all of servers, so that no user could go elsewhere; leave one out")
    if len(set(named)) != len(named):
        faults.append("canary.servers has one twice")
    if faults:
        raise InputError("; ".join(faults))
    return Canary(named, int(item.get("percent") or 0), _sent(item.get("header")), _sent(item.get("cookie")))


def _sent(item: Mapping[str, Any] | None) -> Sent | None:
    return Sent(str(item["name"]), str(item["value"])) if item else None
