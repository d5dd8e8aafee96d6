#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage Traefik routes to Odoo."""

from __future__ import annotations

DOCUMENTATION = r"""
module: traefik_route
short_description: Manage Traefik routes to Odoo
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Manages the routes of one owner in one file of Traefik's file provider. A route names hosts, an audience, the Odoo
    servers behind it and their websocket processes.
  - A new document is first read by a second Traefik process in isolation. If it is refused, the module fails with
    Traefik's own message and nothing is written.
  - The file is replaced in one step, and the module waits until the live Traefik has exactly the desired routes.
    If it has not by the deadline, the module restores the previous file and fails.
  - Requests in progress and connections that clients keep are not interrupted.
  - Runs on the host of Traefik. It needs no Python library beyond the standard one.
options:
  routes:
    description:
      - The routes. One call for many is faster and safer than many calls, for each one reloads Traefik.
      - Routes of the owner that are not listed stay as they are, unless O(purge=true).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the route; lower-case letters, digits, hyphens and underscores.
        type: str
        required: true
      state:
        description: Whether the route is there. With V(absent) only O(routes[].name) counts.
        type: str
        choices: [present, absent]
        default: present
      hosts:
        description:
          - DNS names that the route answers for.
          - Routes of one owner share a name where one of them is asked first. That is the one with the higher
            O(routes[].priority); of equal ones, the one whose O(routes[].rule) is more specific. Others are refused.
          - No request belongs to two owners. A router of anybody else that may answer for one of the names is refused,
            unless it names no host and has a lower priority. What cannot be compared, such as most regular expressions,
            is refused too. For a route that answers for the same requests as before, this is a warning.
        type: list
        elements: str
        default: []
      audience:
        description:
          - Who may come. V(public) is everybody. V(partner) and V(internal) are clients from O(routes[].allow) only;
            others get 403.
          - Where a host name has several audiences, the narrowest whose networks hold the client's address answers,
            V(internal) before V(partner) before V(public).
          - The client's address is the one that the connection comes from. Behind a proxy that is the proxy's, so
            O(routes[].allow) may not have a proxy that the entry point trusts.
        type: str
        choices: [public, partner, internal]
        default: public
      allow:
        description: Networks in CIDR form. Required for V(partner) and V(internal), refused for V(public).
        type: list
        elements: str
        default: []
      servers:
        description: Odoo's HTTP servers. At least one must not be drained, unless O(routes[].mode=maintenance).
        type: list
        elements: dict
        default: []
        suboptions: &server
          url:
            description: Scheme, host and port, such as V(http://app1:8069).
            type: str
            required: true
          drained:
            description: Whether the server gets no new request. Requests that it is working on are finished.
            type: bool
            default: false
      websocket_servers:
        description: Odoo's websocket processes. Without any, websockets go to O(routes[].servers).
        type: list
        elements: dict
        default: []
        suboptions: *server
      tls:
        description:
          - Whether the route is on the entry point C(websecure), with a redirect from C(web).
            Otherwise it is on C(web) only.
          - Certificates come from Traefik's certificate store, by host name.
        type: bool
        default: true
      rule:
        description:
          - A rule of Traefik 3 that must match beside the host. It narrows the route, and cannot widen it.
          - Regular expressions are those of Go.
        type: str
        default: ""
      priority:
        description:
          - Priority of the route's router, at most 900000; the websocket router has one more.
          - Where another route of the owner has the same priority and one of the names, the more specific one gets two
            more.
          - By default 1000 for V(public), 2000 for V(partner), 3000 for V(internal).
        type: int
      health_path:
        description:
          - Path that a healthy HTTP server answers with 2xx or 3xx. The default is the path of Odoo.
          - Before a new or changed pool is put in place, the module asks each of its servers from the host. A pool
            without a healthy server is refused, because Traefik would answer 503. Not asked in check mode.
        type: str
        default: /web/health
      websocket_health_path:
        description: Path that a healthy websocket process answers with 2xx or 3xx.
        type: str
        default: /websocket/health
      health_interval:
        description:
          - Seconds between two health checks, 1 to 5. A server that does not answer within 10 seconds leaves the pool
            until it does.
          - A server that is alone in its pool is not checked, for without it nobody would answer.
          - Traefik counts every server as healthy from a change of routes until the next check.
        type: int
        default: 2
      hsts_seconds:
        description: Seconds for which browsers shall insist on HTTPS. V(0) leaves the header out.
        type: int
        default: 31536000
      rate_limit:
        description: Limit for each client address. More requests are answered with 429.
        type: dict
        suboptions:
          average:
            description: Requests per second in the long run.
            type: int
            required: true
          burst:
            description: Requests at once. The same as O(routes[].rate_limit.average) by default.
            type: int
      mode:
        description: V(maintenance) answers every request with 503 and C(Retry-After).
        type: str
        choices: [serve, maintenance]
        default: serve
      retry_after:
        description: Seconds after which clients may ask again in V(maintenance).
        type: int
        default: 120
  purge:
    description: Whether routes of the owner that are not listed are removed.
    type: bool
    default: false
  owner:
    description: Whose routes these are. Each owner has a file of its own, and leaves the others' alone.
    type: str
    default: gantry
  fencing_number:
    description:
      - The C(fencing_number) of the change, see M(gantry.odoo.change_open). The highest one of the owner is kept beside
        O(dynamic_dir). A run with a lower one is refused, since its change was overtaken. V(0) compares nothing.
    type: int
    default: 0
  require_all_servers:
    description:
      - Whether a new or changed pool is refused where one of its servers is not healthy, as when another server is
        taken away for a while. By default, one healthy server is enough.
    type: bool
    default: false
extends_documentation_fragment:
  - gantry.odoo.traefik
  - gantry.odoo.attributes
seealso:
  - module: gantry.odoo.traefik_dynamic_file
"""

EXAMPLES = r"""
- name: Route two audiences to the same Odoo
  gantry.odoo.traefik_route:
    routes:
      - name: harbour
        hosts: [erp.harbour.example]
        audience: public
        servers: [{url: "http://app1:8069"}, {url: "http://app2:8069"}]
        websocket_servers: [{url: "http://app1:8072"}, {url: "http://app2:8072"}]
        rate_limit: {average: 50, burst: 200}
      - name: harbour-office
        hosts: [erp.harbour.internal]
        audience: internal
        allow: [10.20.0.0/16]
        servers: [{url: "http://app1:8069"}, {url: "http://app2:8069"}]

- name: Take app1 out of the pool before it is patched
  gantry.odoo.traefik_route:
    routes:
      - name: harbour
        hosts: [erp.harbour.example]
        servers: [{url: "http://app1:8069", drained: true}, {url: "http://app2:8069"}]

- name: Remove a route
  gantry.odoo.traefik_route:
    routes: [{name: harbour-office, state: absent}]
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description:
        - One of C(create), C(update), C(add server), C(remove server), C(drain), C(undrain), C(remove), C(repair),
          C(reload).
      type: str
    target:
      description: The route, and the server where it is about one.
      type: str
    why:
      description: The reason.
      type: str
file:
  description: Path of the owner's file.
  returned: success
  type: str
routes:
  description: The owner's routes after the run, by name.
  returned: success
  type: dict
  contains:
    hosts:
      description: Names that the route answers for.
      type: list
      elements: str
    mode:
      description: V(serve) or V(maintenance).
      type: str
    routers:
      description: Traefik's names of the route's routers.
      type: list
      elements: str
    pool:
      description: Addresses of the HTTP servers that get requests.
      type: list
      elements: str
    drained:
      description: Addresses of the HTTP servers that get none.
      type: list
      elements: str
    servers:
      description:
        - V(UP) or V(DOWN) by address, from Traefik's health checks at the end of the run. A server alone is V(UP).
        - Empty where Traefik was not asked.
      type: dict
validated:
  description: Whether a Traefik process has read the document in isolation in this run.
  returned: success
  type: bool
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import (
    apply_change,
    apply_document,
    model,
    options,
    plan_document,
    plan_ownership,
    plan_proof,
    plan_routes,
    read_pool,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_change import Candidate, Site
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_directory import ROUTES
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_document import RouteFile

_SERVER = {
    "url": {"type": "str", "required": True},
    "drained": {"type": "bool", "default": False},
}
_ROUTE = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "audience": {"type": "str", "choices": list(model.AUDIENCES), "default": "public"},
    "allow": {"type": "list", "elements": "str", "default": []},
    "servers": {"type": "list", "elements": "dict", "default": [], "options": _SERVER},
    "websocket_servers": {"type": "list", "elements": "dict", "default": [], "options": _SERVER},
    "tls": {"type": "bool", "default": True},
    "rule": {"type": "str", "default": ""},
    "priority": {"type": "int"},
    "health_path": {"type": "str", "default": "/web/health"},
    "websocket_health_path": {"type": "str", "default": "/websocket/health"},
    "health_interval": {"type": "int", "default": 2},
    "hsts_seconds": {"type": "int", "default": 31536000},
    "rate_limit": {
        "type": "dict",
        "options": {"average": {"type": "int", "required": True}, "burst": {"type": "int"}},
    },
    "mode": {"type": "str", "choices": ["serve", "maintenance"], "default": "serve"},
    "retry_after": {"type": "int", "default": 120},
}
OPTIONS = {
    **options.ARGUMENTS,
    "routes": {"type": "list", "elements": "dict", "default": [], "options": _ROUTE},
    "purge": {"type": "bool", "default": False},
    "owner": {"type": "str", "default": "gantry"},
    "fencing_number": {"type": "int", "default": 0},
    "require_all_servers": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Read the owner's file, plan, validate, put the new file in place and wait until it is live."""
    owner = model.file_name("owner", call.params["owner"])
    asked, absent = model.requests(call.params["routes"])
    with options.opened(call) as site:
        fencing = site.directory.fencing(owner)
        fencing.require(call.params["fencing_number"])
        if not call.check_mode:
            fencing.keep(call.params["fencing_number"])
        current = _read(site, f"{owner}{ROUTES}")
        had = current.routes if current else {}
        desired = plan_routes.merge(owner, had, asked, absent, call.params["purge"])
        wanted = _candidate(owner, desired, current)
        raw = apply_document.live(call, site)
        steps = _steps(owner, site, current, wanted, desired, raw)
        verdict = None
        if steps and wanted.text is not None:
            plan_routes.require_clients(desired, apply_document.entry_points(call, site))
            _refuse_rivals(call, owner, had, desired, raw)
            verdict = apply_document.validate(call, site, wanted, _explain(owner, desired))
        if steps and not call.check_mode:
            _verify_pools(had, desired, call.params["require_all_servers"])
            apply_change.bring_live(site, wanted, _found(wanted.name, current))
            raw = site.api.raw()
    made = plan_document.groups(owner, wanted.content)
    return Outcome(
        steps=steps,
        before={"routes": {one.name: one.record() for one in had.values()}},
        after={"routes": {one.name: one.record() for one in desired}},
        facts={
            "file": site.directory.file(wanted.name),
            "routes": {one.name: _summary(owner, one, made[one.name], raw or {}) for one in desired},
            "validated": verdict is not None,
        },
    )


def _verify_pools(had: Mapping[str, Route], desired: Sequence[Route], every: bool) -> None:
    routes = plan_routes.pools_to_verify(had, desired)
    checks = [(url, one.health_path) for one in routes for url in one.active]
    plan_routes.require_answers(routes, read_pool.faults(checks), every)


def _read(site: Site, name: str) -> RouteFile | None:
    text = site.directory.read(name)
    return None if text is None else plan_document.read_routes(text, site.directory.file(name))


def _found(name: str, current: RouteFile | None) -> Candidate:
    return Candidate(name, current.text, current.document or {}) if current else Candidate(name, None, {})


def _candidate(owner: str, desired: Sequence[Route], current: RouteFile | None) -> Candidate:
    # No routes and no file: nothing to write.
    text = plan_document.routes_text(owner, desired) if desired or current else None
    return Candidate(f"{owner}{ROUTES}", text, plan_document.document(owner, desired))


def _steps(
    owner: str,
    site: Site,
    current: RouteFile | None,
    wanted: Candidate,
    desired: Sequence[Route],
    raw: dict[str, Any] | None,
) -> list[Step]:
    strangers = set() if raw is None else plan_proof.strangers(f"{owner}.", wanted.content, raw)
    served = raw is None or not plan_proof.differences(wanted.content, raw, strangers)
    steps = plan_routes.plan(owner, current, desired, served)
    kept = current and current.text == wanted.text and site.directory.is_private(wanted.name)
    if not steps and current and not kept:
        steps.append(plan_routes.repair_file(site.directory.file(wanted.name)))
    return steps


def _refuse_rivals(
    call: Call, owner: str, had: Mapping[str, Route], desired: Sequence[Route], raw: dict[str, Any] | None
) -> None:
    """Refuse what a new or changed claim shares with other owners, and warn of what was shared before."""
    others = plan_ownership.claims_in(
        raw or {}, lambda section, name: section != "routers" or not plan_ownership.owned_by(owner, name)
    )
    found = plan_ownership.rivals(plan_ownership.claims_of(owner, desired), others)
    claimed = plan_ownership.claimed(list(had.values()), desired)
    refused = [one.sentence for one in found if one.name in claimed]
    if refused:
        raise InputError("; ".join(refused))
    for one in found:
        call.warn(one.sentence)


def _explain(owner: str, desired: Sequence[Route]) -> Callable[[plan_proof.Difference], str]:
    names = {one.name for one in desired}

    def explain(refused: plan_proof.Difference) -> str:
        route = _route_of(owner, refused.name)
        whose = f"route {route}" if route in names else f"owner {owner}"
        return f"{whose}: {refused.refusal()}"

    return explain


def _route_of(owner: str, name: str) -> str:
    return name[len(owner) + 1 :].rpartition(".")[0]


def _summary(owner: str, one: Route, objects: plan_document.Objects, raw: dict[str, Any]) -> dict[str, Any]:
    prefix = f"{owner}.{one.name}"
    service = (raw.get("services") or {}).get(f"{prefix}.http@file") or {}
    return {
        "hosts": list(one.hosts),
        "mode": one.mode,
        "routers": sorted(objects["routers"]),
        "pool": list(one.active) if one.mode == "serve" else [],
        "drained": [server.url for server in one.servers if server.drained],
        "servers": dict(service.get("serverStatus") or {}),
    }


if __name__ == "__main__":
    main()
