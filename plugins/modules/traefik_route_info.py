#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather the routes that a Traefik serves, of all owners."""

from __future__ import annotations

DOCUMENTATION = r"""
module: traefik_route_info
short_description: Gather the routes that Traefik serves, of all owners
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Reads all routers of Traefik's API and all documents of its file provider's directory in one call, those that
    others have made included, and changes nothing.
  - A second Traefik process, alone on loopback, reads the directory as well. So documents in YAML, TOML and Go
    templates are compared with what the live Traefik serves.
  - Each TLS entry point is asked by a handshake for the certificate of each host.
  - Given O(request), it returns which router answers, by the rules with which M(gantry.odoo.traefik_route) keeps the
    requests of owners apart.
  - Runs on the host of Traefik. It needs no Python library beyond the standard one.
options:
  host:
    description: Only routers that may answer for this DNS name, those for hosts of any name included.
    type: str
    default: ""
  owner:
    description: Only the routes of this owner.
    type: str
    default: ""
  request:
    description:
      - Only routers that this request matches, in the order in which Traefik asks them.
      - Whether a client is let in is another question. A router may answer with 403, 429 or a redirect.
    type: dict
    suboptions:
      url:
        description: Address as in a browser. V(https://) is a request by TLS, V(http://) one without it.
        type: str
        required: true
      method:
        description: Method of the request.
        type: str
        default: GET
      headers:
        description: Headers of the request by name, C(Cookie) included. It has no others.
        type: dict
        default: {}
      address:
        description:
          - The client's address, as Traefik takes it behind trusted proxies. Without it, a rule that asks for an
            address is not certain.
        type: str
        default: ""
      entry_point:
        description: Name of the entry point. By default C(websecure) with TLS, and C(web) without it.
        type: str
        default: ""
  certificates:
    description: Whether the entry points are asked for certificates. A handshake for each host takes some milliseconds.
    type: bool
    default: true
  dynamic_dir:
    description: Directory that Traefik's file provider watches.
    type: path
    default: /etc/traefik/dynamic
  api_url:
    description: Address of Traefik's API on this host, without a trailing slash. It belongs on loopback.
    type: str
    default: http://127.0.0.1:8080
  validate_command:
    description:
      - Traefik's program, as a list of words, for the second process. Where it is not there, RV(routers[].agrees) is
        null.
    type: list
    elements: str
    default: [traefik]
  timeout:
    description: Seconds that an answer of Traefik and of the second process may take.
    type: int
    default: 60
extends_documentation_fragment:
  - gantry.odoo.attributes.info
seealso:
  - module: gantry.odoo.traefik_route
  - module: gantry.odoo.certificate_info
"""

EXAMPLES = r"""
- name: Gather what the edge serves, and fail where something is wrong
  gantry.odoo.traefik_route_info:
  register: edge
  failed_when: edge.faults | default([]) | length > 0

- name: Gather what answers for a host
  gantry.odoo.traefik_route_info:
    host: erp.harbour.example

- name: Gather which router answers a request of a user in the office
  gantry.odoo.traefik_route_info:
    request:
      url: https://erp.harbour.example/websocket
      headers: {Cookie: gantry-harbour=5b0fd53cd3b8a2f3}
      address: 10.20.1.17
  register: found

- name: Show it
  ansible.builtin.debug:
    var: found.answer
"""

RETURN = r"""
routers:
  description: The routers, by name; with O(request) in the order in which Traefik asks them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Traefik's full name, such as C(gantry.harbour.http@file).
      type: str
    owner:
      description: Owner of the route; empty for a router that M(gantry.odoo.traefik_route) has not made.
      type: str
    route:
      description: Name of the route; empty like RV(routers[].owner).
      type: str
    provider:
      description: Traefik's provider that has it, such as V(file).
      type: str
    protocol:
      description: One of V(http), V(tcp), V(udp).
      type: str
    file:
      description: Path of its document; empty where that is not certain, or for another provider.
      type: str
    agrees:
      description:
        - Whether the router, its services and its middlewares are served as the documents have them.
        - Null for another provider, where no second process has read the directory, and where the entry point adds TLS
          or middlewares by static configuration.
      type: bool
    status:
      description:
        - V(enabled), V(warning) or V(disabled), as Traefik has it. V(missing) is a router that is in a document only.
      type: str
    errors:
      description: Traefik's own words against the router and its services.
      type: list
      elements: str
    rule:
      description: The rule.
      type: str
    hosts:
      description: Names that the rule is limited to; empty where it is not, or by a pattern.
      type: list
      elements: str
    entry_points:
      description: Names of its entry points.
      type: list
      elements: str
    tls:
      description: Whether it answers requests by TLS; otherwise those without.
      type: bool
    priority:
      description: The priority.
      type: int
    audience:
      description: Audience of the route as its document records it; empty like RV(routers[].owner).
      type: str
    mode:
      description: V(serve) or V(maintenance), as the document records it; empty like RV(routers[].owner).
      type: str
    canary:
      description: Canary of the route as its document records it; null without one.
      type: dict
      contains:
        servers:
          description: Addresses of its servers.
          type: list
          elements: str
        percent:
          description: Share of new users who are sent there.
          type: int
        header:
          description: Name of the header by which a request is sent there; empty without one.
          type: str
        cookie:
          description: Name of the cookie by which a request is sent there; empty without one.
          type: str
    middlewares:
      description: Full names of the middlewares, in the order of requests.
      type: list
      elements: str
    service:
      description: Name of the service.
      type: str
    servers:
      description: Servers behind the router, in all services that it leads to.
      type: list
      elements: dict
      contains:
        url:
          description: Address of the server.
          type: str
        state:
          description:
            - V(up) and V(down) by Traefik's health check. V(unchecked) where the service has none, as for a server
              alone.
            - V(drained) where it gets no request by this router. V(unknown) where Traefik does not say.
          type: str
        service:
          description: Full name of its service; empty for V(drained).
          type: str
    certificates:
      description: Certificates that a client is served, for each of RV(routers[].hosts) without a wildcard.
      type: list
      elements: dict
      contains:
        host:
          description: The name that was asked for.
          type: str
        fingerprint:
          description: SHA-256 in lower-case hexadecimal digits; empty where none is served.
          type: str
        names:
          description: Names in the certificate; empty for one that Traefik made up.
          type: list
          elements: str
        not_after:
          description: End of its validity, such as V(2026-12-02T07:33:32Z); empty for one that Traefik made up.
          type: str
        error:
          description: Why none is served.
          type: str
answer:
  description: The router that answers O(request).
  returned: with O(request)
  type: dict
  contains:
    router:
      description:
        - Full name of the router that answers; empty where there is none, so that Traefik answers 404, and where that
          is not certain.
      type: str
    why:
      description: Why it is not certain, such as an expression that cannot be judged; empty where it is.
      type: str
faults:
  description:
    - Faults, a sentence each, such as a server that does not answer, a document that Traefik does not have, a
      certificate for other names, and requests that two owners answer for.
    - With a filter, those of RV(routers) and of the directory.
  returned: success
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import (
    apply_document,
    model_request,
    options,
    plan_info,
    plan_request,
    read_scratch,
    read_served,
    report_info,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_change import Site
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_info import Certificate, Entry

OPTIONS: dict[str, Any] = {
    **{name: options.ARGUMENTS[name] for name in ("dynamic_dir", "api_url", "validate_command", "timeout")},
    "host": {"type": "str", "default": ""},
    "owner": {"type": "str", "default": ""},
    "request": {
        "type": "dict",
        "options": {
            "url": {"type": "str", "required": True},
            "method": {"type": "str", "default": "GET"},
            "headers": {"type": "dict", "default": {}},
            "address": {"type": "str", "default": ""},
            "entry_point": {"type": "str", "default": ""},
        },
    },
    "certificates": {"type": "bool", "default": True},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work, concealed=("headers",))


def work(call: Call) -> Outcome:
    """Read the live Traefik and its directory, compare them, and choose what is asked for."""
    host, owner = plan_info.require_host(call.params["host"].lower()), call.params["owner"]
    asked = model_request.request(call.params["request"]) if call.params["request"] else None
    site = options.site(call)
    if not call.check_mode:
        site.directory.require()
    live = apply_document.live(call, site) or {}
    points = apply_document.entry_points(call, site)
    files = site.directory.others("")
    verdict = _verdict(call, site, files, points)
    documents = plan_info.documents(files, site.directory.path)
    judged = verdict.raw if verdict and not verdict.refusal else None
    entries = plan_info.entries(live, judged, documents, points)
    found = plan_info.chosen(entries, host, owner)
    answer = plan_request.answering(live, asked) if asked else None
    if answer:
        order = {name: number for number, name in enumerate(answer.asked)}
        found = sorted((one for one in found if one.name in order), key=lambda one: order[one.name])
    certificates = _certificates(site, found, points) if call.params["certificates"] and live else {}
    narrowed = bool(host or owner or asked)
    said = [
        *([report_info.refusal(site.directory.path, verdict.refusal)] if verdict and verdict.refusal else []),
        *report_info.directory_faults(documents),
        *report_info.faults(found, live, certificates, datetime.now(timezone.utc)),
        *([] if narrowed else report_info.collisions(live, (one.owner for one in entries if one.owner))),
    ]
    facts: dict[str, Any] = {
        "routers": [report_info.router(one, live, certificates.get(one.name, ())) for one in found],
        "faults": said,
    }
    if answer:
        facts["answer"] = {"router": answer.router, "why": answer.why}
    return Outcome(facts=facts)


def _verdict(
    call: Call, site: Site, files: Mapping[str, bytes], points: Mapping[str, Mapping[str, Any]]
) -> read_scratch.Verdict | None:
    """What a second Traefik makes of the directory; None without one."""
    if not read_scratch.available(site.command):
        call.warn(
            f"the Traefik program {' '.join(site.command)} is not there to read {site.directory.path} with, so that "
            "documents are not compared with what is served; correct validate_command"
        )
        return None
    return read_scratch.ask(site.command, files, points, Deadline(site.seconds))


def _certificates(
    site: Site, found: Sequence[Entry], points: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[Certificate]]:
    """What clients are served, by name of the router."""
    served = read_served.served(plan_info.to_ask(found, points))
    loaded = {str(one.get("certFingerprint", "")).lower(): one for one in site.api.certificates()}
    return {
        one.name: [
            plan_info.certificate(host, *served[key], loaded)
            for host in one.hosts
            for key in [(plan_info.address_of(one, points), host)]
            if key in served and one.live is not None and "tls" in one.live
        ]
        for one in found
    }


if __name__ == "__main__":
    main()
