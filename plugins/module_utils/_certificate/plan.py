# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates are to be ordered, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import Advice, Found, Request
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step


@dataclass(frozen=True)
class Policy:
    """When to renew. renew_share: of the lifetime, above 0 and below 1. force: every one, due or not."""

    renew_share: float = 0.33
    force: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.renew_share < 1:
            raise InputError(f"renew_share is a share of the lifetime between 0 and 1, not {self.renew_share:g}")


@dataclass(frozen=True)
class Due:
    """A certificate to get. staged: its pair is complete already, and waits to be installed. replaces: an ARI id."""

    request: Request
    why: str
    staged: bool = False
    replaces: str = ""


def plan(
    requests: Sequence[Request],
    found: Mapping[str, Found],
    advice: Mapping[str, Advice],
    policy: Policy,
    now: datetime,
) -> list[Due]:
    """The requests that are due, in their order."""
    due = []
    for one in requests:
        here, advised = found[one.name], advice.get(one.name, Advice())
        why = reason(one, here, advised, policy, now)
        if why:
            staged = here.staged is not None and here.staged.fits(one, now)
            # An order that was lost may have replaced the certificate already, and it can be replaced only once.
            replaces = "" if here.interrupted else advised.replaces
            due.append(Due(one, why, staged, replaces))
    return due


def reason(request: Request, found: Found, advised: Advice, policy: Policy, now: datetime) -> str:
    """Why `request` is due; empty when it is not."""
    current = found.current
    if current is None:
        return "there is none yet"
    left = (current.not_after - now).total_seconds()
    lifetime = (current.not_after - current.not_before).total_seconds()
    reasons = (
        (not current.covers(request), "the domains have changed"),
        (not current.key_matches, "its key belongs to another certificate"),
        (policy.force, "it was asked for"),
        (left <= 0, "it has expired"),
        (
            left < policy.renew_share * lifetime,
            f"it has less than {policy.renew_share * 100:.0f} % of its lifetime left",
        ),
    )
    return next((words for holds, words in reasons if holds), advised.why)


def steps(due: Sequence[Due]) -> list[Step]:
    """The plan as steps."""
    return [Step("install" if one.staged else "order", f"certificate {one.request.name}", one.why) for one in due]
