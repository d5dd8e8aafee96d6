# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates are to be ordered, and why. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import (
    Advice,
    Certificate,
    Found,
    Issuer,
    Offer,
    Refusal,
    Request,
    wait_in,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
# a request, and what runs between it and its judgement, takes less
CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True)
class Policy:
    """When to renew. renew_share: of the lifetime, above 0 and below 1. force: every one, due or not.

    spread: the share of the lifetime by which renewals come earlier, each by another part of it. limit: of renewals in
    one call. canary: the name of the certificate that is renewed first, by default that of the first request.
    ordered_by: the host that orders, where it is another one.
    """

    renew_share: float = 0.33
    force: bool = False
    spread: float = 0.1
    limit: int = 10
    canary: str = ""
    ordered_by: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.renew_share < 1:
            raise InputError(f"renew_share is a share of the lifetime between 0 and 1, not {self.renew_share:g}")
        if not 0 <= self.spread < 1:
            raise InputError(f"renew_spread is a share of the lifetime from 0 to less than 1, not {self.spread:g}")
        if self.limit < 1:
            raise InputError(f"renew_limit is a number of certificates from 1 on, not {self.limit}")

    def share(self, name: str) -> float:
        """The share of the lifetime below which a certificate is renewed early: the same for a name at any time."""
        digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
        # one that is new is not due
        spread = min(self.spread, (1 - self.renew_share) / 2)
        return self.renew_share + spread * (1 if name == self.canary else digest)


# How soon: what users are refused, or the operator asked for; what is past its share; what may wait for the others.
_NOW, _SOON, _EARLY = range(3)


@dataclass(frozen=True)
class Due:
    """A certificate to get. staged: its pair is complete already, and waits to be installed. replaces: an ARI id.

    refusal: of an order before, because of which it is not ordered yet. pace: how soon it has to be renewed.
    deferred: why it is renewed in a later call. host: which one has the pair, so that it is not ordered.
    """

    request: Request
    why: str
    staged: bool = False
    replaces: str = ""
    refusal: Refusal | None = None
    pace: int = _NOW
    deferred: str = ""
    host: str = ""


def plan(
    requests: Sequence[Request],
    found: Mapping[str, Found],
    advice: Mapping[str, Advice],
    policy: Policy,
    now: datetime,
    offers: Sequence[Offer] = (),
) -> list[Due]:
    """The requests that are due, in their order. Raises InputError where the canary is none of them.

    offers: the pairs of other hosts. A newer one is taken from there, unless this host orders each one anew.
    """
    names = [one.name for one in requests]
    if policy.canary and policy.canary not in names:
        raise InputError(f"canary is {policy.canary}, which certificates does not list ({', '.join(names)})")
    is_leading = not policy.ordered_by
    policy = replace(policy, canary=policy.canary or next(iter(names), ""), force=policy.force and is_leading)
    due = []
    for one in requests:
        here, advised = found[one.name], advice.get(one.name, Advice())
        if not policy.force and (newer := _newer(one, here.current, offers, now)):
            due.append(Due(one, f"{newer.host} has a newer one", host=newer.host))
            continue
        why, pace = reason(one, here, advised, policy, now)
        if why:
            staged = not unfit(one, here, now)
            # An order that was lost may have replaced the certificate already, and it can be replaced only once.
            replaces = "" if here.interrupted else advised.replaces
            may_hold = is_leading and not (staged or policy.force)
            refusal = here.refusal if may_hold and here.refusal and here.refusal.holds(one, now) else None
            due.append(Due(one, why, staged, replaces, refusal, pace))
    later = _later(due, policy)
    return [replace(one, deferred=later.get(one.request.name, "")) for one in due]


def _newer(request: Request, current: Certificate | None, offers: Sequence[Offer], now: datetime) -> Offer | None:
    """The newest valid pair of another host, if it is newer than the installed one or that is of no use."""
    fit = [one for one in offers if one.answers(request) and one.not_before <= now < one.not_after]
    newest = max(fit, key=lambda one: one.not_before, default=None)
    if newest and current and current.answers(request) and current.not_before >= newest.not_before:
        return None
    return newest


def _later(due: Sequence[Due], policy: Policy) -> dict[str, str]:
    """Why renewals are left to a later call, by name."""
    if policy.ordered_by:
        return {one.request.name: f"{policy.ordered_by} orders it" for one in due if not (one.staged or one.host)}
    later, renewed = {}, 0
    canary_is_due = any(one.request.name == policy.canary for one in due)
    for one in sorted(due, key=lambda one: (one.request.name != policy.canary, one.pace)):
        if one.staged or one.refusal or one.pace == _NOW:
            continue
        if one.pace == _EARLY and canary_is_due and one.request.name != policy.canary:
            later[one.request.name] = f"certificate {policy.canary} is renewed first"
        elif renewed == policy.limit:
            later[one.request.name] = f"{policy.limit} others are renewed first, the limit of one call"
        else:
            renewed += 1
    return later


def reason(request: Request, found: Found, advised: Advice, policy: Policy, now: datetime) -> tuple[str, int]:
    """Why `request` is due, and how soon; an empty text when it is not."""
    current = found.current
    if current is None:
        return f"it {found.broken}" if found.broken else "there is none yet", _NOW
    left = (current.not_after - now).total_seconds()
    lifetime = (current.not_after - current.not_before).total_seconds()
    reasons = (
        (not current.answers(request), "the domains have changed", _NOW),
        (policy.force, "it was asked for", _NOW),
        (current.not_before > now, "it is not valid yet", _NOW),
        (left <= 0, f"{_whose(current) or 'it '}has expired", _NOW),
        (left < policy.renew_share * lifetime, _less_than(policy.renew_share), _SOON),
        (bool(advised.why), advised.why, _SOON),
        (left < policy.share(request.name) * lifetime, _less_than(policy.share(request.name)), _EARLY),
    )
    return next(((words, pace) for holds, words, pace in reasons if holds), ("", _EARLY))


def _less_than(share: float) -> str:
    return f"it has less than {share * 100:.0f} % of its lifetime left"


def check_clock(issuer: Issuer, now: datetime) -> None:
    """Raise StateError where the clock of this host is minutes away from that of the issuer."""
    if abs(issuer.ahead) > CLOCKS_DIFFER:
        side = "ahead of" if issuer.ahead > timedelta(0) else "behind"
        off = timedelta(seconds=round(abs(issuer.ahead).total_seconds()))
        raise StateError(
            f"the clock of this host is {off} (days, hours:minutes:seconds) {side} that of the issuer, and says "
            f"{now:%Y-%m-%d %H:%M} UTC; set it, since it decides which certificates are due; until then each one stays"
        )


def refuse(request: Request, before: Refusal | None, why: str, now: datetime, wait: timedelta | None = None) -> Refusal:
    """The record of an order that failed: the next one comes after an hour, twice that each time, at most a day.

    wait: what the issuer asks for, where it is longer.
    """
    tries = before.tries + 1 if before is not None and before.concerns(request) else 1
    pause = min(_HOUR * 2 ** min(tries - 1, 5), _DAY)
    return Refusal(request.domains, why, tries, now, now + max(pause, wait or pause))


def refused_by(issuer: Issuer, due: Sequence[Due], found: Mapping[str, Found], now: datetime) -> list[Due]:
    """What is due where the issuer takes no order: pairs that are complete, and a refusal for each other one."""
    return [
        one
        if one.staged or one.host or one.refusal or one.deferred
        else replace(one, refusal=refuse(one.request, found[one.request.name].refusal, issuer.fault, now, issuer.wait))
        for one in due
    ]


def ended(
    request: Request, found: Found, words: str, now: datetime, ordered_by: str = ""
) -> Certificate | Refusal | None:
    """What becomes of a request: the certificate to install, why there is none, or None where nothing is to be done.

    words: why the order failed, if it did. ordered_by: the host that orders, if it is another one, which says what it
    was refused.
    """
    fault = words or (unfit(request, found, now) if found.waits else "")
    if fault:
        early = found.staged.not_before - now if found.staged is not None else None
        return refuse(request, found.refusal, fault, now, wait_in(words, now) or early)
    if found.waits:
        return found.staged
    if ordered_by:
        return None
    if found.refusal is not None and found.refusal.concerns(request):
        return found.refusal
    # holds no order back, since there was none
    return None if found.current else Refusal(request.domains, "it was not ordered; order it first", 1, now, now)


def unfit(request: Request, found: Found, now: datetime) -> str:
    """Why a staged pair cannot be served; empty when it can."""
    staged, current = found.staged, found.current
    if staged is None:
        return f"the staged pair {found.unusable or 'is not complete'}"
    served = current.named(request) if current is not None and current.not_after > now else []
    lost = [domain for domain in served if domain not in staged.domains]
    faults = (
        (
            not staged.answers(request) or not staged.named(request),
            f"is for {', '.join(staged.domains)} and not for {', '.join(request.domains)}",
        ),
        (bool(lost), f"is without {', '.join(lost)}, which the installed certificate has"),
        (staged.not_before > now, f"is valid only from {staged.not_before:%Y-%m-%d %H:%M} UTC on"),
        (staged.not_after <= now, f"{_whose(staged)}has expired since {staged.not_after:%Y-%m-%d %H:%M} UTC"),
    )
    return next((f"the staged pair {words}" for holds, words in faults if holds), "")


def _whose(certificate: Certificate) -> str:
    return f"its intermediate {certificate.intermediate} " if certificate.intermediate else ""


def steps(due: Sequence[Due]) -> list[Step]:
    """The plan as steps."""
    return [
        Step("install" if one.staged or one.host else "order", f"certificate {one.request.name}", one.why)
        for one in due
        if not (one.refusal or one.deferred)
    ]
