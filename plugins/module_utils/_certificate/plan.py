# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates are to be ordered, and why. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import (
    ACME,
    GIVEN,
    Advice,
    Certificate,
    Found,
    Issuer,
    Offer,
    Refusal,
    Request,
    Revocation,
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
    ordered_by: the host that orders, where it is another one. forced_by: what asks for force, which is not due again
    for that; empty where each call is another one.
    """

    renew_share: float = 0.33
    force: bool = False
    spread: float = 0.1
    limit: int = 10
    canary: str = ""
    ordered_by: str = ""
    forced_by: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.renew_share < 1:
            raise InputError(f"renew_share is a share of the lifetime between 0 and 1, not {self.renew_share:g}")
        if not 0 <= self.spread < 1:
            raise InputError(f"renew_spread is a share of the lifetime from 0 to less than 1, not {self.spread:g}")
        if self.limit < 1:
            raise InputError(f"renew_limit is a number of certificates from 1 on, not {self.limit}")

    def share(self, name: str) -> float:
        """The share of the lifetime below which a certificate is renewed early: the same for a name at any time."""
        # one that is new is not due
        spread = min(self.spread, (1 - self.renew_share) / 2)
        return self.renew_share + spread * (1 - self.part(name))

    def part(self, name: str) -> float:
        """How long a certificate waits while others are renewed, from 0 to 1: the same for a name at any time."""
        if name == self.canary:
            return 0.0
        return 1 - int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32


# How soon: what users are refused, or the operator asked for; what is past its share; what may wait for the others.
_NOW, _SOON, _EARLY = range(3)


@dataclass(frozen=True)
class Due:
    """A certificate to get. staged: its pair is complete already, and waits to be installed. replaces: an ARI id.

    refusal: of an order before, because of which it is not ordered yet. pace: how soon it has to be renewed.
    deferred: why it is renewed in a later call. host: which one has the pair, so that it is not ordered. is_given: the
    operator has given the pair.
    """

    request: Request
    why: str
    staged: bool = False
    replaces: str = ""
    refusal: Refusal | None = None
    pace: int = _NOW
    deferred: str = ""
    host: str = ""
    is_given: bool = False

    @property
    def is_there(self) -> bool:
        """Whether its pair is complete, or only has to be taken, so that it is not ordered."""
        return self.staged or bool(self.host) or self.is_given


def plan(
    requests: Sequence[Request],
    found: Mapping[str, Found],
    advice: Mapping[str, Advice],
    policy: Policy,
    now: datetime,
    offers: Sequence[Offer] = (),
    given: Mapping[str, str] | None = None,
) -> list[Due]:
    """The requests that are due, in their order. Raises InputError where the canary is none of them.

    advice: of this run, by serial number in hexadecimal digits, before that which was recorded. offers: the pairs of
    other hosts. A newer one is taken from there, unless this host orders each one anew. given: the fingerprints of the
    pairs that the operator has given, by name; None where they are not known, as to a scan.
    """
    names = [one.name for one in requests]
    if policy.canary and policy.canary not in names:
        raise InputError(f"canary is {policy.canary}, which certificates does not list ({', '.join(names)})")
    is_leading = not policy.ordered_by
    policy = replace(policy, canary=policy.canary or next(iter(names), ""), force=policy.force and is_leading)
    due = []
    for one in requests:
        here = found[one.name]
        if one.issuer == GIVEN:
            due += _of_given(one, here, given, policy, now)
            continue
        asked = advice.get(f"{here.current.serial:X}") if here.current else None
        force = policy.force and not _is_forced(one, here, offers, policy.forced_by)
        if not (force or here.is_lost) and (newer := _newer(one, here.current, offers, now)):
            due.append(Due(one, f"{newer.host} has a newer one", host=newer.host))
            continue
        why, pace = reason(one, replace(here, advice=asked or here.advice), replace(policy, force=force), now)
        if why:
            staged = not unfit(one, here, now)
            # An order that was lost may have replaced the certificate already, and it can be replaced only once.
            replaces = here.current.renewal_id if asked and here.current and not here.interrupted else ""
            may_hold = is_leading and not (staged or force or here.is_lost)
            refusal = here.refusal if may_hold and here.refusal and here.refusal.holds(one, now) else None
            due.append(Due(one, why, staged, replaces, refusal, pace))
    later = _later(due, policy)
    return [replace(one, deferred=later.get(one.request.name, one.deferred)) for one in due]


def _of_given(
    request: Request, here: Found, given: Mapping[str, str] | None, policy: Policy, now: datetime
) -> list[Due]:
    """A pair of the operator: what is given is installed on each host, and what expires waits for a newer one."""
    # nobody could be asked for another one
    why, pace = reason(request, _as_given(request, here), replace(policy, force=False), now)
    installed = here.current.fingerprint_sha256 if here.current else ""
    if (given or {}).get(request.name, "") not in ("", installed):
        return [Due(request, why if pace == _NOW else "another pair is given", is_given=True)]
    if not why or given is None:
        return [Due(request, why, pace=pace)] if why else []
    if pace == _NOW:
        return [Due(request, why, refusal=_not_given(request, why, now))]
    return [Due(request, why, pace=pace, deferred="certificate_given has a newer pair")]


def _as_given(request: Request, here: Found) -> Found:
    """What is found, where a pair that covers all domains is the one that was asked for."""
    if here.current is None or here.current.named(request) != list(request.domains):
        return here
    return replace(here, current=replace(here.current, requested=request.domains))


def _not_given(request: Request, why: str, now: datetime) -> Refusal:
    # holds nothing back
    return Refusal(request.domains, f"{why}, and certificate_given has no newer pair", 1, now, now)


def _newer(request: Request, current: Certificate | None, offers: Sequence[Offer], now: datetime) -> Offer | None:
    """The newest valid pair of another host, if it is newer than the installed one or that is of no use."""
    fit = [one for one in offers if one.answers(request) and one.not_before <= now < one.not_after]
    newest = max(fit, key=lambda one: (one.signed_by == request.signer, one.not_before), default=None)
    if newest is None or current is None or not current.answers(request):
        return newest
    # an authority that has just begun to sign dates its certificates back
    if request.signer and (newest.signed_by == request.signer) != (current.signed_by == request.signer):
        return newest if newest.signed_by == request.signer else None
    return newest if newest.not_before > current.not_before else None


def _is_forced(request: Request, here: Found, offers: Sequence[Offer], forced_by: str) -> bool:
    """Whether a run that was killed has installed what was asked for by force, here or on another host."""
    installed = [here.forced_by, *(one.forced_by for one in offers if one.answers(request))]
    return bool(forced_by) and forced_by in installed


def _later(due: Sequence[Due], policy: Policy) -> dict[str, str]:
    """Why renewals are left to a later call, by name."""
    if policy.ordered_by:
        return {
            one.request.name: f"{policy.ordered_by} orders it"
            for one in due
            if not (one.is_there or one.request.issuer == GIVEN)
        }
    later, renewed = {}, 0
    orders = [one for one in due if one.request.issuer != GIVEN]
    canary_is_due = any(one.request.name == policy.canary for one in orders)
    for one in sorted(orders, key=lambda one: (one.request.name != policy.canary, one.pace)):
        if one.staged or one.refusal or one.pace == _NOW:
            continue
        if one.pace == _EARLY and canary_is_due and one.request.name != policy.canary:
            later[one.request.name] = f"certificate {policy.canary} is renewed first"
        elif renewed == policy.limit:
            later[one.request.name] = f"{policy.limit} others are renewed first, the limit of one call"
        else:
            renewed += 1
    return later


def reason(request: Request, found: Found, policy: Policy, now: datetime) -> tuple[str, int]:
    """Why `request` is due, and how soon; an empty text when it is not."""
    current = found.current
    if current is None:
        return f"it {found.broken}" if found.broken else "there is none yet", _NOW
    left = (current.not_after - now).total_seconds()
    lifetime = (current.not_after - current.not_before).total_seconds()
    advised = found.advice.moment(policy.part(request.name)) if found.advice else None
    reasons = (
        (not current.answers(request), "the domains have changed", _NOW),
        (found.is_lost, "it is to be revoked", _NOW),
        (policy.force, "it was asked for", _NOW),
        (current.not_before > now, "it is not valid yet", _NOW),
        (left <= 0, f"{_whose(current) or 'it '}has expired", _NOW),
        (left < policy.renew_share * lifetime, _less_than(policy.renew_share), _SOON),
        (bool(current.changed(request)), f"its {' and '.join(current.changed(request))} has changed", _SOON),
        (advised is not None and advised <= now, _advised(advised, found.advice), _SOON),
        (left < policy.share(request.name) * lifetime, _less_than(policy.share(request.name)), _EARLY),
    )
    return next(((words, pace) for holds, words, pace in reasons if holds), ("", _EARLY))


def _advised(moment: datetime | None, advice: Advice | None) -> str:
    if moment is None or advice is None:
        return ""
    why = f", see {advice.url}" if advice.url else ""
    return f"the ACME server advises to renew it from {moment:%Y-%m-%d %H:%M} UTC on{why}"


def _less_than(share: float) -> str:
    return f"it has less than {share * 100:.0f} % of its lifetime left"


def lost(names: Sequence[str], why: str, found: Mapping[str, Found]) -> dict[str, Found]:
    """What is found where the keys of certificates are lost. Raises InputError for a name that has no certificate.

    One whose revocation is under way is not begun anew. A pair that waits may have been made before the loss.
    """
    made = dict(found)
    for name in dict.fromkeys(names):
        here = found.get(name)
        if here is None or (here.current is None and here.revocation is None):
            known = ", ".join(other for other, one in found.items() if one.current)
            raise InputError(f"revoke names {name}, and no such certificate is installed ({known or 'none is'})")
        if here.revocation is None and here.current is not None:
            if here.current.issuer == GIVEN:
                raise InputError(
                    f"revoke names {name}, which was given and not ordered; give a pair with another key in "
                    "certificate_given, and revoke the old certificate where it was issued"
                )
            current = here.current
            revocation = Revocation(current.serial, why, current.not_after, current.issuer, current.signed_by)
            made[name] = replace(
                here,
                revocation=revocation,
                staged=None,
                unusable="was ordered before its key was lost",
                interrupted=True,
            )
    return made


def to_revoke(found: Mapping[str, Found], now: datetime) -> dict[str, Revocation]:
    """The certificates to revoke, by name: others are installed in their place."""
    return {
        name: here.revocation
        for name, here in found.items()
        if here.revocation and here.current and not here.is_lost and here.revocation.not_after > now
    }


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
    """What is due, with a refusal for each that the issuer takes no order for; pairs that are complete are none."""
    made = []
    for one in due:
        is_ordered = one.request.issuer == ACME and not (one.is_there or one.refusal or one.deferred)
        why = (issuer.fault or _lacks(issuer, one.request)) if is_ordered else ""
        refusal = refuse(one.request, found[one.request.name].refusal, why, now, issuer.wait) if why else one.refusal
        made.append(replace(one, refusal=refusal))
    return made


def _lacks(issuer: Issuer, request: Request) -> str:
    """Why an issuer has no such certificate: one that does not know profiles would ignore the name of one."""
    if not request.profile or issuer.profiles is None or request.profile in issuer.profiles:
        return ""
    return f"the server has no profile {request.profile}, but {', '.join(issuer.profiles) or 'no profiles'}"


def untrue(request: Request, certificate: Certificate) -> str:
    """How a chain differs from the preferred one, of which an issuer need not have one; empty where it does not."""
    if request.issuer != ACME or request.preferred_chain in ("", certificate.root):
        return ""
    return f"its chain leads to {certificate.root or 'no named root'} and not to {request.preferred_chain}"


def ended(
    request: Request, found: Found, words: str, now: datetime, ordered_by: str = "", *, is_due: bool = True
) -> Certificate | Refusal | None:
    """What becomes of a request: the certificate to install, why there is none, or None where nothing is to be done.

    words: why the order failed, if it did. ordered_by: the host that orders, if it is another one, which says what it
    was refused. is_due: whether a pair that waits is to be installed now.
    """
    waits = found.waits and is_due
    fault = words or (unfit(request, found, now) if waits else "")
    if request.issuer == GIVEN and (fault or not waits):
        why, pace = reason(request, _as_given(request, found), Policy(), now)
        lacking = _not_given(request, why, now) if why and pace == _NOW else None
        return Refusal(request.domains, fault, 1, now, now) if fault else lacking
    if fault:
        early = found.staged.not_before - now if found.staged is not None else None
        return refuse(request, found.refusal, fault, now, wait_in(words, now) or early)
    if waits:
        return found.staged
    if ordered_by:
        return None
    if found.refusal is not None and found.refusal.concerns(request):
        return found.refusal
    # holds no order back, since there was none
    return None if found.current else Refusal(request.domains, "it was not ordered; order it first", 1, now, now)


def stood(
    current: Certificate | None, previous: Certificate | None, seen: Collection[str], now: datetime
) -> Certificate | None:
    """The pair that stood before a change which a killed run has begun: the previous one while it is seen elsewhere.

    seen: fingerprints of what other hosts have, and of what servers show. Where it is not among them, or nobody could
    be served it any more, there is none to go back to but the current one.
    """
    if current is None or previous is None or previous.not_after <= now:
        return current
    return previous if previous.fingerprint_sha256 in seen else current


def to_put_back(
    wanted: Mapping[str, str],
    current: Mapping[str, Certificate | None],
    previous: Mapping[str, Certificate | None],
    now: datetime,
) -> list[str]:
    """The certificates whose previous pair is to be the current one again.

    wanted: the serial number that each is to have, in upper-case hexadecimal digits; empty where there was no pair.
    Raises StateError, before any is put back, for a previous pair that is another one or cannot be served any more.
    """
    names = [name for name, serial in wanted.items() if serial_of(current[name]) != serial]
    for name in names:
        kept = previous[name]
        if serial_of(kept) != wanted[name]:
            seen = f"{serial_of(kept)} is" if kept else "none is"
            raise StateError(
                f"certificate {name} is not put back to serial {wanted[name] or 'none'}, as {seen} kept beside it; "
                "what is installed stays"
            )
        if kept is not None and kept.not_after <= now:
            raise StateError(
                f"certificate {name} is not put back to serial {wanted[name]}, which has expired; what is installed "
                "stays"
            )
    return names


def serial_of(certificate: Certificate | None) -> str:
    """The serial number in upper-case hexadecimal digits, empty where there is no certificate."""
    return f"{certificate.serial:X}" if certificate else ""


def unfit(request: Request, found: Found, now: datetime) -> str:
    """Why a staged pair cannot be served; empty when it can."""
    staged, current = found.staged, found.current
    if staged is None:
        return f"the staged pair {found.unusable or 'is not complete'}"
    served = current.named(request) if current is not None and current.not_after > now else []
    lost = [domain for domain in served if domain not in staged.named(request)]
    # only a foreign CA may leave out names
    lacking = [domain for domain in request.domains if domain not in staged.named(request)]
    faults = (
        (
            not staged.answers(request) or not staged.named(request),
            f"is for {', '.join(staged.domains)} and not for {', '.join(request.domains)}",
        ),
        (request.issuer != ACME and bool(lacking), f"is without {', '.join(lacking)}, which is asked for"),
        (bool(lost), f"is without {', '.join(lost)}, which the installed certificate has"),
        (bool(staged.changed(request)), f"was ordered with another {' and '.join(staged.changed(request))}"),
        (staged.not_before > now, f"is valid only from {staged.not_before:%Y-%m-%d %H:%M} UTC on"),
        (staged.not_after <= now, f"{_whose(staged)}has expired since {staged.not_after:%Y-%m-%d %H:%M} UTC"),
    )
    return next((f"the staged pair {words}" for holds, words in faults if holds), "")


def _whose(certificate: Certificate) -> str:
    return f"its intermediate {certificate.intermediate} " if certificate.intermediate else ""


def steps(due: Sequence[Due]) -> list[Step]:
    """The plan as steps."""
    return [
        Step("install" if one.is_there else "order", f"certificate {one.request.name}", one.why)
        for one in due
        if not (one.refusal or one.deferred)
    ]
