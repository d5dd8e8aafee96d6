# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why certificates were not issued, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import Refusal, Request


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
        }
        for one in requests
        if one.name in refusals
    ]


def sentence(request: Request, refusal: Refusal) -> str:
    """What was refused, why, how often, and when it is ordered again."""
    text = f"certificate {request.name} for {', '.join(request.domains)} ({refusal.why}"
    if refusal.until > refusal.tried:
        times = "once" if refusal.tries == 1 else f"{refusal.tries} times"
        text += f"; refused {times}, ordered again from {refusal.until:%Y-%m-%d %H:%M} UTC on, or at once with force"
    return text + ")"


def unissued(variables: Iterable[Mapping[str, Any]]) -> list[str]:
    """What no certificate was issued for, a sentence for each issuer. variables: those of each host."""
    found: dict[str, dict[str, None]] = {}
    for host in variables:
        for one in host.get("certificate_refused") or ():
            found.setdefault(str(host.get("certificate_acme_directory")), {})[one["sentence"]] = None
    return [
        f"{issuer} did not issue {', nor '.join(sentences)}, and every installed certificate stays as it is"
        for issuer, sentences in found.items()
    ]
