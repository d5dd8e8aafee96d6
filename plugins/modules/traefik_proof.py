#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify that this edge shows users the pages of tenants."""

from __future__ import annotations

DOCUMENTATION = r"""
module: traefik_proof
short_description: Verify that an edge shows users the pages of tenants
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Asks the entry points of Traefik on this host for a page at each address of O(urls), at each entry point that has a
    route for it. No name server and no proxy is asked, so that the answer is that of this host.
  - The request is by TLS, with the name in the handshake. The certificate has to be for that name, and from an
    authority in the trust store of this host.
  - Where the route has an allow list, the request is made from an address of this host in that list, where there is
    one. Otherwise it is made from the address that the system takes, and status 403 is right, which proves the route,
    its list and its certificate.
  - Redirects within the host are followed. One to another host counts as the page, since users log in there.
  - Waits until each page is answered with status 200, and fails with one sentence for each that is not by the deadline.
  - An entry point with an address that another host has at the moment is not asked, with a warning. Edges that share an
    address have it in turn.
  - Changes nothing. In check mode it asks once and returns the answers without failing.
  - Runs on the host of Traefik, as a user who may read O(dynamic_dir). It needs no Python library beyond the standard
    one.
options:
  urls:
    description: Addresses of tenants, such as V(https://erp.harbour.example) and V(https://erp.harbour.example:8443).
    type: list
    elements: str
    required: true
  path:
    description: Path of the page.
    type: str
    default: /web/login
  dynamic_dir:
    description: Directory that Traefik's file provider watches, with the routes of M(gantry.odoo.traefik_route).
    type: path
    default: /etc/traefik/dynamic
  api_url:
    description: Address of Traefik's API on this host, without a trailing slash. It belongs on loopback.
    type: str
    default: http://127.0.0.1:8080
  timeout:
    description: Seconds until each page must be answered. All are asked at once.
    type: int
    default: 60
extends_documentation_fragment:
  - gantry.odoo.attributes.info
seealso:
  - module: gantry.odoo.odoo_proof
  - module: gantry.odoo.traefik_route_info
"""

EXAMPLES = r"""
- name: Verify the login page on each edge
  gantry.odoo.traefik_proof:
    urls:
      - https://erp.harbour.example
      - https://harbour.internal.example:8443

- name: Verify the page of a shop, which is not slow to start
  gantry.odoo.traefik_proof:
    urls: [https://shop.harbour.example]
    path: /shop
    timeout: 10
"""

RETURN = r"""
proven:
  description: Whether each page that was asked for is right. False only in check mode and on failure.
  returned: success, and where a page is not proven
  type: bool
answers:
  description: The last answer for each address, at each entry point that has a route for it.
  returned: success, and where a page is not proven
  type: list
  elements: dict
  contains:
    url: {description: The address with the path., type: str}
    entry_point: {description: 'Name of the entry point, empty without a route.', type: str}
    address: {description: 'The address of this host that was asked, empty where there is none.', type: str}
    port: {description: 'Its port, 0 where there is none.', type: int}
    source: {description: 'The address of this host that asked, empty without an answer.', type: str}
    status: {description: 'Status of the answer, 0 without one. V(403) is right for a stranger.', type: int}
    asked: {description: 'Whether this host was asked, which takes a route, and the address.', type: bool}
    fault: {description: 'Why the page is not proven, with what to do. Empty where it is.', type: str}
seconds:
  description: Seconds until the last answer.
  returned: success, and where a page is not proven
  type: float
"""

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import (
    apply_document,
    options,
    plan_info,
    plan_pages,
    read_pages,
)

OPTIONS: dict[str, Any] = {
    **{name: options.ARGUMENTS[name] for name in ("dynamic_dir", "api_url", "timeout")},
    "urls": {"type": "list", "elements": "str", "required": True},
    "path": {"type": "str", "default": "/web/login"},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Ask for each page until it is right; in check mode ask once."""
    call.warn_empty("urls")
    path = call.params["path"]
    urls = plan_pages.require_urls(call.params["urls"], path)
    site = options.site(call)
    deadline = Deadline(site.seconds)
    if not call.check_mode:
        site.directory.require()
    found = plan_info.documents(site.directory.others(""), site.directory.path)
    for one in found:
        if one.fault:
            call.warn(one.fault)
    routes = [route for one in found for route in one.routes.values()]
    points = apply_document.entry_points(call, site)
    pages = plan_pages.pages(urls, path, routes, points, read_pages.address_in)
    answers = read_pages.answers(pages, deadline, once=call.check_mode)
    seconds = round(deadline.elapsed, 1)
    shown = [plan_pages.shown(one, answers.get(one, plan_pages.Answer()), seconds) for one in pages]
    for text in plan_pages.elsewhere(shown):
        call.warn(text)
    faults = [one["fault"] for one in shown if one["fault"]]
    return Outcome(
        facts={"proven": not faults, "answers": shown, "seconds": seconds},
        failure="" if call.check_mode else "; ".join(faults),
    )


if __name__ == "__main__":
    main()
