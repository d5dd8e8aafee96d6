# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the routes that are to the routes that are wanted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import plan_canary
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import (
    Route,
    Server,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_document import (
    RouteFile,
    document,
    groups,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_ownership import check_collisions


def kept(current: Mapping[str, Route], wanted: Iterable[Route], absent: Iterable[str], purge: bool) -> list[Route]:
    """The routes that nothing was asked for; only these have to be fit for the entry points as they are."""
    replaced = {*absent, *(one.name for one in wanted)}
    return [] if purge else [one for one in current.values() if one.name not in replaced]


def merge(
    owner: str, current: Mapping[str, Route], wanted: Sequence[Route], absent: Iterable[str], purge: bool
) -> list[Route]:
    """All routes of the owner after the change, by name. Raises InputError where two of them collide."""
    merged: dict[str, Route] = {} if purge else dict(current)
    for name in absent:
        merged.pop(name, None)
    merged.update({one.name: one for one in wanted})
    routes = [merged[name] for name in sorted(merged)]
    check_collisions(owner, routes)
    return routes


def plan(
    owner: str,
    current: RouteFile | None,
    desired: Sequence[Route],
    served: bool,
    content: Mapping[str, Any] | None = None,
) -> list[Step]:
    """The steps from the file that was found to the desired routes.

    served: whether Traefik has what the file says; a file that is right and not served is loaded again. content: the
    document of the desired routes, where it is made already.
    """
    had = current.routes if current else {}
    made = document(owner, desired) if content is None else content
    asked, there = (groups(owner, one) for one in (made, current.document if current else None))
    steps: list[Step] = []
    for one in desired:
        if one.name not in had:
            steps.append(Step("create", f"route {one.name}", f"{one.audience} route for {', '.join(one.hosts)}"))
            steps.extend(plan_canary.steps(f"route {one.name}", None, one.canary))
        else:
            steps.extend(_changes(had[one.name], one))
            if had[one.name] == one and there.get(one.name) != asked[one.name]:
                steps.append(Step("repair", f"route {one.name}", "the file does not say what was asked for"))
    wanted = {one.name for one in desired}
    steps.extend(Step("remove", f"route {name}", "not wanted any more") for name in sorted(set(had) - wanted))
    return steps + ([] if steps or served or not desired else [Step("reload", "routes", "Traefik does not serve them")])


def repair_file(path: str) -> Step:
    """The step for a file whose routes are right and whose text is not."""
    return Step("repair", path, "it does not say what was asked for, other accounts can read it, or Traefik cannot")


def pools_to_verify(current: Mapping[str, Route], desired: Iterable[Route]) -> list[Route]:
    """The routes whose pool is new or differs, so that what it answers is not known yet."""
    return [one for one in desired if one.mode == "serve" and _pool(one) != _pool(current.get(one.name))]


def require_answers(routes: Iterable[Route], faults: Mapping[tuple[str, str], str], every: bool) -> None:
    """Raise RefusedError for a route whose pool has no healthy server, or not every one is healthy.

    faults: by server and path, empty if healthy. every: whether one server that is not healthy is enough.
    """
    for one in routes:
        seen = [faults[(url, one.health_path)] for url in one.active]
        sick = [fault for fault in seen if fault]
        if every and 0 < len(sick) < len(seen):
            raise RefusedError(
                f"route {one.name} would be left to servers of which {len(sick)} of {len(seen)} do not answer "
                f"{one.health_path} with 2xx or 3xx ({'; '.join(sick)}); repair these before another one is taken away"
            )
        if all(seen):
            raise RefusedError(
                f"route {one.name} would answer 503: none of its servers answers {one.health_path} with 2xx or 3xx "
                f"({'; '.join(seen)}); start one, set health_path to a path that it answers, or set mode to maintenance"
            )


def _pool(one: Route | None) -> tuple[Any, ...] | None:
    return (one.mode, set(one.active), one.health_path) if one else None


def _changes(had: Route, wanted: Route) -> list[Step]:
    if had == wanted:
        return []
    target = f"route {wanted.name}"
    steps: list[Step] = []
    rest: list[str] = []
    for option in (field.name for field in fields(Route)):
        before, after = getattr(had, option), getattr(wanted, option)
        if before == after:
            continue
        if option in ("servers", "websocket_servers"):
            steps.extend(_pool_changes(target, before, after))
        elif option == "canary":
            steps.extend(plan_canary.steps(target, before, after))
        else:
            rest.append(option)
    if rest or not steps:
        steps.insert(0, Step("update", target, f"differs in {', '.join(rest) or 'the order of its servers'}"))
    return steps


def _pool_changes(target: str, before: Sequence[Server], after: Sequence[Server]) -> list[Step]:
    had = {server.url: server for server in before}
    wanted = {server.url: server for server in after}
    steps: list[Step] = []
    for url, server in wanted.items():
        if url not in had:
            steps.append(Step("add server", f"{target} {url}", "drained" if server.drained else "joins the pool"))
        elif server.drained and server != had[url]:
            kept = server.drained == had[url].drained
            why = f"keeps {'its' if server.keeps_users else 'no'} users" if kept else "gets no new request"
            steps.append(Step("drain", f"{target} {url}", why))
        elif server != had[url]:
            steps.append(Step("undrain", f"{target} {url}", "joins the pool again"))
    steps.extend(Step("remove server", f"{target} {url}", "not listed any more") for url in had if url not in wanted)
    return steps
