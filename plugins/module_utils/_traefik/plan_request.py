# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which router answers a request, by the rules that keep routes of owners apart. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_request import Request
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import Matcher
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_overlap import (
    Term,
    asked,
    judged,
    matches,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_ownership import Claim, claim_of

_ONE_OF_EACH = {"host": "Host", "path": "Path", "method": "Method", "address": "ClientIP"}


@dataclass(frozen=True)
class Answering:
    """Full names of the routers that a request matches, or may match, in the order in which Traefik asks them.

    router: the one that answers; empty without one, or where that is not certain. why: what is not certain.
    """

    asked: tuple[str, ...]
    router: str
    why: str = ""


def answering(raw: Mapping[str, Any], one: Request) -> Answering:
    """The routers of Traefik's own view (`/api/rawdata`) that a request meets."""
    found: list[tuple[int, str, bool | None]] = []
    for section in ("tcpRouters", "routers"):
        for name, live in (raw.get(section) or {}).items():
            claim = claim_of(section, name, live) if live.get("status") != "disabled" else None
            if claim is None or one.entry_point not in claim.entry_points or ("tls" in live) != one.tls:
                continue
            fits = None if claim.fault else _fits(claim, one)
            if fits is not False:
                found.append((claim.priority, name, fits))
    found.sort(key=lambda each: (-each[0], each[1]))
    names = tuple(name for _priority, name, _fits in found)
    if not found:
        return Answering(names, "")
    if found[0][2] is None:
        what = "is not certain" if one.address else "is not certain without the client's address"
        return Answering(names, "", f"whether the request matches the rule of {names[0]} {what}")
    equal = [name for priority, name, _fits in found if priority == found[0][0]]
    if len(equal) > 1:
        return Answering(names, "", f"{' and '.join(equal)} have the same priority, so that chance decides")
    return Answering(names, names[0])


def _fits(claim: Claim, one: Request) -> bool | None:
    return _any(_every(_holds(term, one) for term in region) for region in claim.regions)


def _holds(term: Term, one: Request) -> bool | None:
    found = _any(_meets(term.kind, matcher, one) for matcher in term.matchers)
    return found if found is None or not term.negated else not found


def _meets(kind: str, condition: Matcher, one: Request) -> bool | None:
    if condition.name == "HostRegexp":
        return matches(condition.values[0], one.host.lower())
    if kind in _ONE_OF_EACH:
        value = getattr(one, kind)
        # without an address, nothing is known of it
        return judged(asked(_ONE_OF_EACH[kind], value), condition) if value else None
    if condition.name not in ("Header", "HeaderRegexp", "Query", "QueryRegexp"):
        return None
    key, wanted = condition.values
    pairs = one.query if condition.name.startswith("Query") else one.headers
    values = [value for name, value in pairs if name == key]
    if condition.name.endswith("Regexp"):
        return _any(matches(wanted, value) for value in values)
    return wanted in values


def _any(found: Iterable[bool | None]) -> bool | None:
    seen = set(found)
    return True if True in seen else None if None in seen else False


def _every(found: Iterable[bool | None]) -> bool | None:
    seen = set(found)
    return False if False in seen else None if None in seen else True
