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
    Traefik's own message and nothing is written. Of a document that is in place and served, that process reads what
    is changed, and what this may break.
  - The file is replaced in one step, and the module waits until the live Traefik has exactly the desired routes.
    If it has not by the deadline, the module restores the previous file and fails.
  - Where a run was ended before that, the next one proves the file, or restores the one that was proven last.
  - A route with an allow list is then asked on its entry point, from the host of Traefik. A client from outside of the
    list has to be refused. One from inside of it has to be answered, where the host has an address that is inside. The
    previous file comes back where it is not so.
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
          - Where a host name has several audiences on one entry point, the narrowest whose networks hold the client's
            address answers, V(internal) before V(partner) before V(public).
          - An audience is served on entry points of its own, where Traefik has them. For V(internal) these are
            C(websecure-internal) and C(web-internal), and for V(partner) C(websecure-partner) and C(web-partner). An
            audience without its own is on those of the next wider one. V(public) is on C(websecure) and C(web).
          - The client's address is the one that the connection comes from. Where that is a proxy that the entry point
            trusts, it is the last one in C(X-Forwarded-For) that is no such proxy, for O(routes[].rate_limit) as well.
            What anybody else says in that header does not count.
          - Networks in O(routes[].allow) all of whose addresses are trusted proxies are refused.
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
            description:
              - Whether the server gets no new request. Requests that it is working on are finished.
              - One of O(routes[].servers) of a route with O(routes[].sticky) still gets those of browsers that have its
                cookie, unless O(routes[].servers[].keeps_users=false). M(gantry.odoo.traefik_drain) waits for them.
            type: bool
            default: false
          keeps_users:
            description:
              - Whether a drained server of a route with O(routes[].sticky) keeps its users. Where it does not answer
                its health check, they go on to another one.
              - Set V(false) before the server is stopped. Websockets are never kept, as browsers open them again.
            type: bool
            default: true
      websocket_servers:
        description: Odoo's websocket processes. Without any, websockets go to O(routes[].servers).
        type: list
        elements: dict
        default: []
        suboptions: *server
      tls:
        description:
          - Whether the route is on the entry point C(websecure), with a redirect from C(web), or on those of its own
            O(routes[].audience). Otherwise it is on the one for plain HTTP only.
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
      security_headers:
        description:
          - What browsers are told beside C(X-Content-Type-Options) and O(routes[].hsts_seconds). By default, the preset
            of O(routes[].audience). The header C(Server) is taken out of each answer.
          - V(public) sets C(Referrer-Policy) to V(strict-origin-when-cross-origin).
          - V(partner) also sets C(X-Frame-Options) to V(SAMEORIGIN), in the place of what Odoo says, and
            C(Cross-Origin-Opener-Policy) to V(same-origin-allow-popups).
          - V(internal) is as V(partner), with a C(Referrer-Policy) of V(same-origin).
          - V(minimal) sets none of these.
        type: str
        choices: [public, partner, internal, minimal]
      hsts_seconds:
        description: Seconds for which browsers shall insist on HTTPS. V(0) leaves the header out.
        type: int
        default: 31536000
      max_body_mb:
        description:
          - Largest body of a request in MiB. A larger one is answered with 413. Odoo has a limit of its own, 128 MiB by
            default, which its parameter C(web.max_file_upload_size) sets.
          - Traefik reads a body to its end before a server gets the request, so that a slow client keeps no worker of
            Odoo. It has the time that the entry point gives, C(traefik_read_timeout) of the role
            P(gantry.odoo.traefik#role). Bodies above 1 MiB are on the disk of Traefik's host until they are passed on.
          - Requests other than C(POST), C(PUT) and C(PATCH) without a length pass as they come, without the header
            C(Content-Type), so that Odoo reads no body of theirs.
          - V(0) passes bodies on as they come, without a limit. Websockets and long polling are never kept back.
        type: int
        default: 512
      body_space_mb:
        description:
          - Space in MiB that bodies of the route which wait may take on the disk of each edge. No more bodies of
            O(routes[].max_body_mb) are taken at once than fit, and a quarter of that from one client. Others are
            answered with 429. It has to be O(routes[].max_body_mb) at least. Below four times as much, fewer than four
            clients take all uploads.
          - It holds twice, for C(POST), C(PUT) and C(PATCH) from 1 MB to 10 MB, which count 10 MiB, and for larger
            ones, those without a length, and other methods with a body. Smaller ones wait in memory, and one client has
            up to 100 at once. The requests that Odoo works on count, too, until the client has read the answer.
          - The answers to all of these wait at the edge as well, above 1 MiB on its disk, and may have 512 MiB, or
            O(routes[].max_body_mb) where that is more. A larger one becomes 500. Answers to other requests pass as they
            come.
          - A drained server that keeps users, a canary and each host behind a trusted proxy have it by themselves.
        type: int
        default: 8192
      rate_limit:
        description:
          - Limit for each client address. More requests are answered with 429.
          - Traefik counts for each router, so that requests with a body below 1 MB, with one below 10 MB, with another
            one, those without, and connections of websockets with requests of long polling each have this limit. Each
            edge counts for itself.
          - With O(rate_limit_store), the edges count together, and all five kinds in one.
        type: dict
        suboptions:
          average:
            description: Requests per second in the long run.
            type: int
            required: true
          burst:
            description: Requests at once. The same as O(routes[].rate_limit.average) by default.
            type: int
      sticky:
        description:
          - A cookie by which a browser stays with one of O(routes[].servers), until it is closed, or the server does
            not answer its health check. It is C(HttpOnly), and C(Secure) with O(routes[].tls).
          - Websockets go to any of O(routes[].websocket_servers).
        type: dict
        suboptions:
          cookie:
            description:
              - Name of the cookie; letters, digits, hyphens and underscores. Routes that share a host and have other
                servers need other names.
            type: str
            required: true
          same_site:
            description: C(SameSite) of the cookie. V(none) requires O(routes[].tls).
            type: str
            choices: [lax, strict, none]
            default: lax
      canary:
        description:
          - Servers that get a part of the users only, such as those with the next release. Users who stay with a server
            by the cookie of O(routes[].sticky) stay when a canary begins, changes and ends.
          - A canary begins with a server that answers O(routes[].health_path). One that does not answer any more gets
            no request, and the others take its users.
          - Leave it out to send users to all servers alike, which is how a canary is promoted. With
            O(routes[].canary.percent=0) and neither header nor cookie, no user is sent there, which is how it is
            aborted.
          - Where all other servers are drained, the canary gets all users.
          - Websockets go to any of O(routes[].websocket_servers). Set C(drained) for those of the canary.
        type: dict
        suboptions:
          servers:
            description: Addresses of O(routes[].servers) that are the canary, and not all of them.
            type: list
            elements: str
            required: true
          percent:
            description:
              - Share of new users who are sent there, 0 to 99. One without the cookie of O(routes[].sticky) is new.
                Clients that keep no cookie are new with each request.
              - With 0, those who have the cookie of such a server go to another one. More requires O(routes[].sticky).
            type: int
            default: 0
          header:
            description: Header by which a request is sent there in any case. It is no secret, and no right to come in.
            type: dict
            suboptions: &sent
              name:
                description: Its name.
                type: str
                required: true
              value:
                description: Its value.
                type: str
                required: true
          cookie:
            description: Cookie by which a request is sent there in any case, as with O(routes[].canary.header).
            type: dict
            suboptions: *sent
      middlewares:
        description:
          - Names of middlewares of the file provider, such as V(waf@file), that requests of the route pass, in this
            order. M(gantry.odoo.traefik_dynamic_file) makes them, and does not remove one that a route refers to.
          - Requests pass O(routes[].allow), O(routes[].rate_limit) and the headers of the route first, and then these.
            Websockets pass O(routes[].allow), O(routes[].rate_limit) and these.
          - A middleware of a plugin is refused, since the second Traefik process does not have the plugin.
        type: list
        elements: str
        default: []
      mode:
        description:
          - V(maintenance) answers every request with 503, C(Retry-After), and C(Cache-Control) with V(no-store).
        type: str
        choices: [serve, maintenance]
        default: serve
      maintenance_page:
        description:
          - Words that users read in V(maintenance), at most 2000 characters of plain text. The first line is the title
            of the page, each other one a paragraph. Without it, Traefik answers with a line of its own.
          - The role P(gantry.odoo.traefik#role) runs the process that makes the page. Where it does not answer, the
            status is 503 all the same.
        type: str
        default: ""
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
  rate_limit_store:
    description:
      - Path of the file that names the Redis in which edges count for O(routes[].rate_limit) together. The role
        P(gantry.odoo.traefik#role) writes it. Without the file, each edge counts for itself.
      - While that Redis does not answer, Traefik answers routes with a limit with 500. A change is put back then.
    type: path
    default: /etc/traefik/rate-limit-store.json
  put_back:
    description:
      - Whether the owner gets the routes of before the last change of this module again, and no others, as when another
        edge did not take that change. Their servers are not asked.
      - They are kept beside O(dynamic_dir) until they are put back. Without any, nothing is changed.
    type: bool
    default: false
  settle:
    description:
      - When the routes that O(put_back) brings are forgotten, where edges take a change one after the other.
      - V(each) is with each call that changes the routes, which are those of before it from then on.
      - V(later) is with V(now). Until then they are those of before the first change, also where the run that made it
        was ended before all edges had it. O(put_back) brings no others then.
      - V(now) forgets them, and does nothing else. Call it when each edge has the change.
    type: str
    choices: [each, later, now]
    default: each
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

- name: Take app1 out of the pool, and leave its users there until it is stopped
  gantry.odoo.traefik_route:
    routes:
      - name: harbour
        hosts: [erp.harbour.example]
        sticky: {cookie: gantry-harbour}
        servers: [{url: "http://app1:8069", drained: true}, {url: "http://app2:8069"}]

- name: Send a tenth of new users, and who sends a header, to app2, which has the next release
  gantry.odoo.traefik_route:
    routes:
      - name: harbour
        hosts: [erp.harbour.example]
        sticky: {cookie: gantry-harbour}
        servers: [{url: "http://app1:8069"}, {url: "http://app2:8069"}]
        canary:
          servers: ["http://app2:8069"]
          percent: 10
          header: {name: X-Canary, value: next}

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
        - One of C(create), C(update), C(add server), C(remove server), C(drain), C(undrain), C(begin canary),
          C(change canary), C(end canary), C(remove), C(repair), C(reload), C(prove), C(put back).
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
    entry_points:
      description: Names of the entry points that serve the route, that of the redirect included.
      type: list
      elements: str
    routers:
      description: Traefik's names of the route's routers.
      type: list
      elements: str
    pool:
      description: Addresses of the HTTP servers that get requests.
      type: list
      elements: str
    drained:
      description: Addresses of the HTTP servers that get none, those of O(routes[].servers[].keeps_users) included.
      type: list
      elements: str
    canary:
      description: Addresses of the HTTP servers that are a canary.
      type: list
      elements: str
    keeping:
      description: Addresses of the drained HTTP servers that keep their users.
      type: list
      elements: str
    servers:
      description:
        - V(UP) or V(DOWN) by address, from Traefik's health checks at the end of the run. A server alone is V(UP).
        - Empty where Traefik was not asked.
      type: dict
unsettled:
  description: Whether routes of before are kept until O(settle=now).
  returned: success
  type: bool
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
    model_entry_points,
    options,
    plan_answers,
    plan_canary,
    plan_clients,
    plan_document,
    plan_increment,
    plan_middlewares,
    plan_ownership,
    plan_proof,
    plan_routes,
    read_answers,
    read_limits,
    read_pool,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_change import Candidate, Site
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_directory import ROUTES
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_headers import PRESETS
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_limits import LimitStore
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_sticky import SAME_SITE
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_document import RouteFile
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_proof import Difference

_SERVER = {
    "url": {"type": "str", "required": True},
    "drained": {"type": "bool", "default": False},
    "keeps_users": {"type": "bool", "default": True},
}
_SENT = {"name": {"type": "str", "required": True}, "value": {"type": "str", "required": True}}
_CANARY = {
    "servers": {"type": "list", "elements": "str", "required": True},
    "percent": {"type": "int", "default": 0},
    "header": {"type": "dict", "options": _SENT},
    "cookie": {"type": "dict", "options": _SENT},
}
_ROUTE = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "audience": {"type": "str", "choices": list(model_entry_points.AUDIENCES), "default": "public"},
    "allow": {"type": "list", "elements": "str", "default": []},
    "servers": {"type": "list", "elements": "dict", "default": [], "options": _SERVER},
    "websocket_servers": {"type": "list", "elements": "dict", "default": [], "options": _SERVER},
    "tls": {"type": "bool", "default": True},
    "rule": {"type": "str", "default": ""},
    "priority": {"type": "int"},
    "health_path": {"type": "str", "default": "/web/health"},
    "websocket_health_path": {"type": "str", "default": "/websocket/health"},
    "health_interval": {"type": "int", "default": 2},
    "security_headers": {"type": "str", "choices": list(PRESETS)},
    "hsts_seconds": {"type": "int", "default": 31536000},
    "max_body_mb": {"type": "int", "default": 512},
    "body_space_mb": {"type": "int", "default": 8192},
    "rate_limit": {
        "type": "dict",
        "options": {"average": {"type": "int", "required": True}, "burst": {"type": "int"}},
    },
    "sticky": {
        "type": "dict",
        "options": {
            "cookie": {"type": "str", "required": True},
            "same_site": {"type": "str", "choices": list(SAME_SITE), "default": "lax"},
        },
    },
    "canary": {"type": "dict", "options": _CANARY},
    "middlewares": {"type": "list", "elements": "str", "default": []},
    "mode": {"type": "str", "choices": ["serve", "maintenance"], "default": "serve"},
    "maintenance_page": {"type": "str", "default": ""},
    "retry_after": {"type": "int", "default": 120},
}
OPTIONS = {
    **options.ARGUMENTS,
    "routes": {"type": "list", "elements": "dict", "default": [], "options": _ROUTE},
    "purge": {"type": "bool", "default": False},
    "owner": {"type": "str", "default": "gantry"},
    "fencing_number": {"type": "int", "default": 0},
    "require_all_servers": {"type": "bool", "default": False},
    "put_back": {"type": "bool", "default": False},
    "settle": {"type": "str", "choices": ["each", "later", "now"], "default": "each"},
    "rate_limit_store": {"type": "path", "default": "/etc/traefik/rate-limit-store.json"},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Read the owner's file, plan, validate, put the new file in place and wait until it is live."""
    owner = model.file_name("owner", call.params["owner"])
    asked, absent = model.requests(call.params["routes"])
    _require_one_act(call)
    until_settled = call.params["settle"] == "later"
    with options.opened(call) as site:
        fencing = site.directory.fencing(owner)
        fencing.require(call.params["fencing_number"])
        if not call.check_mode:
            fencing.keep(call.params["fencing_number"])
        current = _read(site, f"{owner}{ROUTES}")
        if call.params["put_back"]:
            return _put_back(call, site, owner, current, until_settled=until_settled)
        if call.params["settle"] == "now":
            return _settle(call, site, owner, current)
        had = current.routes if current else {}
        points = apply_document.entry_points(call, site)
        kept = plan_routes.kept(had, asked, absent, call.params["purge"])
        kept, asked = (plan_clients.served(some, points) for some in (kept, asked))
        desired = plan_routes.merge(owner, {one.name: one for one in kept}, asked, absent, call.params["purge"])
        store = read_limits.store(call.params["rate_limit_store"])
        wanted = _candidate(owner, desired, current, store)
        raw = apply_document.live(call, site)
        proven, lacking = _proven(site, wanted.name, current), _lacking(owner, wanted, raw)
        steps = _steps(owner, site, current, wanted, desired, lacking)
        steps += apply_change.outstanding(site, wanted.name)
        verdict = None
        if steps and wanted.text is not None:
            plan_clients.require_clients(desired)
            plan_ownership.require_readable(wanted.content)
            _refuse_rivals(call, owner, had, desired, raw)
            if raw is not None:
                plan_middlewares.require_there(desired, raw)
            known = proven if proven is current else None
            unknown = _unknown(owner, site, wanted, known, lacking)
            verdict = apply_document.validate(call, site, unknown, _explain(owner, desired))
        if steps and not call.check_mode:
            _verify_pools(had, desired, call.params["require_all_servers"])
            site.directory.keep(wanted.name, until_settled=until_settled)
            asked_for, seconds = _questions(proven, desired, points, store), call.params["timeout"]
            raw = apply_change.bring_live(
                site, wanted, _found(wanted.name, current), proof=lambda: read_answers.faults(asked_for, seconds)
            )
        if not (until_settled or call.check_mode):
            # a change of this edge alone, or of all edges by other means, has ended what was open
            site.directory.forget_unsettled(wanted.name)
    return _outcome(owner, site, steps, had, desired, raw, content=wanted.content, validated=verdict is not None)


def _require_one_act(call: Call) -> None:
    if call.params["put_back"] and call.params["routes"]:
        raise InputError("put_back takes no routes, since it brings those of before; leave one of them out")
    if call.params["settle"] == "now" and (call.params["routes"] or call.params["put_back"]):
        raise InputError("settle=now changes no routes; leave out routes and put_back")


def _settle(call: Call, site: Site, owner: str, current: RouteFile | None) -> Outcome:
    had = current.routes if current else {}
    if not call.check_mode:
        site.directory.forget_unsettled(f"{owner}{ROUTES}")
    return _outcome(owner, site, [], had, list(had.values()), apply_document.live(call, site))


def _put_back(call: Call, site: Site, owner: str, current: RouteFile | None, *, until_settled: bool) -> Outcome:
    name = f"{owner}{ROUTES}"
    kept, had = site.directory.kept(name, until_settled=until_settled), current.routes if current else {}
    if kept is None or kept.text == (current.text if current else None):
        if kept and not call.check_mode:
            site.directory.forget(name)
        return _outcome(owner, site, [], had, list(had.values()), apply_document.live(call, site))
    source = f"what is kept of {site.directory.file(name)}"
    before = plan_document.read_routes(kept.text, source) if kept.text else None
    desired = list(before.routes.values()) if before else []
    steps = plan_routes.plan(owner, current, desired, served=True) or [Step("put back", name, "its text was another")]
    raw = None
    if not call.check_mode:
        raw = apply_change.bring_live(site, _found(name, before), _found(name, current), is_known=True)
        site.directory.forget(name)
    return _outcome(owner, site, steps, had, desired, raw or apply_document.live(call, site))


def _outcome(
    owner: str,
    site: Site,
    steps: list[Step],
    had: Mapping[str, Route],
    desired: Sequence[Route],
    raw: dict[str, Any] | None,
    *,
    content: Mapping[str, Any] | None = None,
    validated: bool = False,
) -> Outcome:
    """content: the document of the desired routes, where it is made already."""
    made = plan_document.groups(owner, plan_document.document(owner, desired) if content is None else content)
    return Outcome(
        steps=steps,
        before={"routes": {one.name: one.record() for one in had.values()}},
        after={"routes": {one.name: one.record() for one in desired}},
        facts={
            "file": site.directory.file(f"{owner}{ROUTES}"),
            "routes": {one.name: _summary(owner, one, made[one.name], raw or {}) for one in desired},
            "validated": validated,
            "unsettled": site.directory.kept(f"{owner}{ROUTES}", until_settled=True) is not None,
        },
    )


def _questions(
    proven: RouteFile | None,
    desired: Sequence[Route],
    points: Mapping[str, Mapping[str, Any]],
    store: LimitStore | None,
) -> list[plan_answers.Question]:
    had, before = proven.routes if proven else {}, plan_document.limit_settings(proven.document if proven else None)
    routes = plan_answers.to_prove(had, desired, before, store.settings() if store else None)
    return plan_answers.questions(routes, desired, points, read_answers.own_address, counted=store is not None)


def _verify_pools(had: Mapping[str, Route], desired: Sequence[Route], every: bool) -> None:
    routes = plan_routes.pools_to_verify(had, desired)
    beginning = plan_canary.beginning(had, desired)
    checks = [(url, one.health_path) for one in routes for url in one.active]
    checks += [(url, one.health_path) for one in beginning for url in one.trying]
    found = read_pool.faults(checks)
    plan_routes.require_answers(routes, found, every)
    plan_canary.require_answers(beginning, found)


def _read(site: Site, name: str) -> RouteFile | None:
    text = site.directory.read(name)
    return None if text is None else plan_document.read_routes(text, site.directory.file(name))


def _proven(site: Site, name: str, current: RouteFile | None) -> RouteFile | None:
    """The routes that were proven last: those of the file, unless an interrupted run has changed it."""
    former = site.directory.unproven(name)
    if former is None:
        return current
    return None if former.text is None else plan_document.read_routes(former.text, site.directory.mark_of(name))


def _found(name: str, current: RouteFile | None) -> Candidate:
    return Candidate(name, current.text, current.document or {}) if current else Candidate(name, None, {})


def _candidate(owner: str, desired: Sequence[Route], current: RouteFile | None, store: LimitStore | None) -> Candidate:
    # No routes and no file: nothing to write.
    content = plan_document.document(owner, desired, store)
    text = plan_document.routes_text(owner, desired, content=content) if desired or current else None
    return Candidate(f"{owner}{ROUTES}", text, content)


def _lacking(owner: str, wanted: Candidate, raw: dict[str, Any] | None) -> list[Difference] | None:
    """What the live Traefik has otherwise than the candidate; None where it cannot be asked."""
    if raw is None:
        return None
    strangers = plan_proof.strangers(f"{owner}.", wanted.content, raw)
    return plan_proof.differences(wanted.content, raw, strangers)


def _unknown(
    owner: str, site: Site, wanted: Candidate, known: RouteFile | None, lacking: Sequence[Difference] | None
) -> Candidate:
    """The part of the candidate that is not known to be right: all of a thousand routes takes Traefik a second.

    known: the file in place where it is proven.
    """
    if known is None or lacking is None or wanted.text is None:
        return wanted
    others = site.directory.others(wanted.name).values()
    keys = {(one.section, one.name) for one in lacking}
    part = plan_increment.increment(known.document or {}, wanted.content, keys, others, owner)
    return Candidate(wanted.name, plan_document.with_document(wanted.text, part), part) if part else wanted


def _steps(
    owner: str,
    site: Site,
    current: RouteFile | None,
    wanted: Candidate,
    desired: Sequence[Route],
    lacking: Sequence[Difference] | None,
) -> list[Step]:
    steps = plan_routes.plan(owner, current, desired, not lacking, wanted.content)
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


def _explain(owner: str, desired: Sequence[Route]) -> Callable[[Difference], str]:
    names = {one.name for one in desired}

    def explain(refused: Difference) -> str:
        route = _route_of(owner, refused.name)
        whose = f"route {route}" if route in names else f"owner {owner}"
        return f"{whose}: {refused.refusal()}"

    return explain


def _route_of(owner: str, name: str) -> str:
    return name[len(owner) + 1 :].rpartition(".")[0]


def _summary(owner: str, one: Route, objects: plan_document.Objects, raw: dict[str, Any]) -> dict[str, Any]:
    live = (raw.get("routers") or {}).get(f"{owner}.{one.name}.http@file") or {}
    service = (raw.get("services") or {}).get(f"{live.get('service')}@file") or {}
    return {
        "hosts": list(one.hosts),
        "mode": one.mode,
        "entry_points": list(one.entry_points),
        "routers": sorted(objects["routers"]),
        "pool": list(one.active) if one.mode == "serve" else [],
        "drained": [server.url for server in one.servers if server.drained],
        "canary": list(plan_canary.summary(one)),
        "keeping": list(one.keeping),
        "servers": dict(service.get("serverStatus") or {}),
    }


if __name__ == "__main__":
    main()
