# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A canary on a route: what it adds to the document, what is to answer before it begins, and its steps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_canary import Canary
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import Not, Rule

# The last part of the name of the router for those who ask for the canary.
CANARY = "canary"


def selected(one: Route) -> list[Rule]:
    """The requests that the canary gets in any case, as parts of a rule; none without a server for them."""
    rule = one.canary.rule() if one.canary and one.trying else None
    return [rule] if rule else []


def others(one: Route) -> list[Rule]:
    """All other requests, as parts of a rule: whom a drained server keeps is not who asks for the canary."""
    return [Not(rule) for rule in selected(one)]


def service(trying: str, usual: str) -> dict[str, Any]:
    """The service for those who ask for the canary; where no server of it is healthy, the others answer.

    trying, usual: names of the services of the canary and of the route.
    """
    return {"failover": {"service": trying, "fallback": usual}}


def weighted(one: Route, urls: Iterable[str]) -> list[dict[str, Any]]:
    """The servers of a pool as Traefik takes them."""
    weights = one.canary.weights(one.active) if one.canary else {}
    # one that keeps its users has them by their cookie
    return [{"url": url, **({"weight": weights.get(url, 1)} if weights else {})} for url in urls]


def beginning(current: Mapping[str, Route], desired: Iterable[Route]) -> list[Route]:
    """The routes that send users to a canary whom they did not send there before."""
    return [one for one in desired if one.trying and one.canary and _is_more(current.get(one.name), one.canary)]


def _is_more(had: Route | None, after: Canary) -> bool:
    # One that comes back from a drain is no other canary: nothing keeps users from the rest of the routes then.
    before = had.canary if had else None
    if before is None:
        return bool(after.percent or after.rule())
    more = after.percent > before.percent or (after.rule() != before.rule() and after.rule() is not None)
    return more or not set(after.servers) <= set(before.servers)


def require_answers(routes: Iterable[Route], faults: Mapping[tuple[str, str], str]) -> None:
    """Raise RefusedError for a canary that begins and has no healthy server. faults: by server and path."""
    for one in routes:
        seen = [faults[(url, one.health_path)] for url in one.trying]
        if seen and all(seen):
            raise RefusedError(
                f"route {one.name} would send users to a canary of which no server answers {one.health_path} with 2xx "
                f"or 3xx ({'; '.join(seen)}); start one, or leave canary out"
            )


def steps(target: str, before: Canary | None, after: Canary | None) -> list[Step]:
    """The step from one canary to another."""
    if before is None and after is not None:
        return [Step("begin canary", target, after.words())]
    if before is not None and after is None:
        return [Step("end canary", target, f"the others and {', '.join(before.servers)} get users alike")]
    return [Step("change canary", target, after.words())] if after is not None and after != before else []


def summary(one: Route) -> Sequence[str]:
    """Addresses of the servers that are a canary now."""
    return one.canary.servers if one.canary and one.mode == "serve" else ()
