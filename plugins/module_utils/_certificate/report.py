# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why certificates were not issued, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import (
    GIVEN,
    INTERNAL,
    Advice,
    Found,
    Refusal,
    Request,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.plan import Due

_ISSUERS = {INTERNAL: "the internal authority", GIVEN: "the pairs of certificate_given"}


def refused(requests: Sequence[Request], refusals: Mapping[str, Refusal]) -> list[dict[str, Any]]:
    """The refusals by name as return values, in the order of the requests."""
    return [
        {
            "name": one.name,
            "domains": list(one.domains),
            "why": refusals[one.name].why,
            "tries": refusals[one.name].tries,
            "tried": refusals[one.name].tried.isoformat(),
            "until": refusals[one.name].until.isoformat(),
            "sentence": sentence(one, refusals[one.name]),
            "issuer": one.issuer,
        }
        for one in requests
        if one.name in refusals
    ]


def advised(recorded: Iterable[Advice | None]) -> dict[str, Any]:
    """The advice that was recorded, as `model.advices` reads it."""
    return {
        f"{one.serial:X}": {
            "renewal_info": {
                "suggestedWindow": {"start": one.start.isoformat(), "end": one.end.isoformat()},
                "explanationURL": one.url,
            }
        }
        for one in recorded
        if one
    }


def sentence(request: Request, refusal: Refusal) -> str:
    """What was refused, why, how often, and when it is ordered again."""
    text = f"certificate {request.name} for {', '.join(request.domains)} ({refusal.why}"
    if refusal.until > refusal.tried:
        times = "once" if refusal.tries == 1 else f"{refusal.tries} times"
        text += f"; refused {times}, ordered again from {refusal.until:%Y-%m-%d %H:%M} UTC on, or at once with force"
    return text + ")"


def deferred(due: Iterable[Due], found: Mapping[str, Found]) -> list[dict[str, Any]]:
    """What is due and renewed by a later call, as return values."""
    current = {name: here.current for name, here in found.items()}
    return [
        {
            "name": one.request.name,
            "why": one.why,
            "until": one.deferred,
            "issuer": one.request.issuer,
            "not_after": here.not_after.isoformat() if (here := current[one.request.name]) else "",
        }
        for one in due
        if one.deferred
    ]


def waiting(variables: Iterable[Mapping[str, Any]]) -> list[str]:
    """The given pairs that are due, once for all hosts, with what is to be done. variables: those of each host."""
    found: dict[str, Mapping[str, Any]] = {}
    for host in variables:
        for one in host.get("certificate_deferred") or ():
            if one["issuer"] == GIVEN:
                found.setdefault(one["name"], one)
    return [
        f"certificate {name} was given, and is due ({one['why']}): put another pair into certificate_given before "
        f"{datetime.fromisoformat(one['not_after']):%Y-%m-%d %H:%M} UTC, and run gantry.odoo.renew_certificates"
        for name, one in sorted(found.items())
    ]


def unissued(variables: Iterable[Mapping[str, Any]]) -> list[str]:
    """What no certificate was issued for, a sentence for each issuer, the records that stay in DNS, the
    certificates that are not revoked, and what is left to do of internal authorities.

    variables: those of each host.
    """
    found: dict[str, dict[str, None]] = {}
    left: dict[str, None] = {}
    for host in variables:
        for name in ("certificate_dns_left", "certificate_left_valid", "certificate_authority_left"):
            if host.get(name):
                left[str(host[name])] = None
        for one in host.get("certificate_refused") or ():
            who = _ISSUERS.get(one.get("issuer", ""), str(host.get("certificate_acme_directory")))
            found.setdefault(who, {})[one["sentence"]] = None
    return [
        f"{issuer} did not issue {', nor '.join(sentences)}, and every installed certificate stays as it is"
        for issuer, sentences in found.items()
    ] + list(left)
