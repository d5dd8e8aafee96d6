#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: estate_info
short_description: Build role inputs from the declared estate
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Reads the declared tenants and the inventory's groups, checks them, and returns instances, databases, routes,
    certificates and PostgreSQL roles in the form in which the roles of this collection take them.
  - Runs on the controller and connects to nothing. Every fault of the declaration is told at once, one sentence each.
  - A tenant's home is where its open database stands; see O(placement). Without a placement it is where it is declared.
attributes:
  check_mode:
    description: Can run in check mode and tells what it would do.
    support: full
  diff_mode:
    description: Has nothing to compare.
    support: none
options:
  tenants:
    description:
      - The tenants. Each has a C(name), a C(tier) (1 to 3), a C(tenancy) (V(shared) or V(dedicated)), C(addons),
        C(routes) (each with C(host), C(audience) and C(allow)), a C(runtime) with the C(group) of hosts that runs it,
        and optionally C(language), C(demo), C(parameters), C(http_port), C(workers) and C(cron_threads).
    type: list
    elements: raw
    required: true
  runtime_groups:
    description:
      - Groups that run Odoo, also those that no tenant is declared on.
      - The hosts of such a group agree on the variables C(odoo_runtime) and C(odoo_database_server).
    type: list
    elements: str
    default: []
  require_groups:
    description: Groups that must have hosts.
    type: list
    elements: str
    default: []
  placement:
    description:
      - What each PostgreSQL server holds, a list of mappings with C(name) and C(open), by the server's inventory name.
    type: dict
    default: {}
  drained:
    description: Hosts that get no new requests.
    type: list
    elements: str
    default: []
  maintenance:
    description: Tenants whose routes answer that they are under maintenance.
    type: list
    elements: str
    default: []
  tenant:
    description: A tenant to look up.
    type: str
  destination:
    description: The group that O(tenant) is to move to; it is an error where it cannot.
    type: str
  allow_new:
    description: Whether tenants may lack a database. It is an error otherwise.
    type: bool
    default: true
  assume:
    description: Homes to take for granted, group by tenant, where the database is not there yet.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Resolve two tenants that share one group
  gantry.odoo.estate_info:
    tenants:
      - name: north
        tier: 2
        runtime: {group: app}
        routes:
          - {host: north.lab.example}
      - name: south
        runtime: {group: app}
        routes:
          - {host: south.lab.example}
  register: resolved
"""

RETURN = r"""
estate:
  description: The resolved estate.
  returned: success
  type: dict
  contains:
    tenants:
      description: Each tenant with its home, by name.
      type: dict
    groups:
      description: Each group with its hosts, instances and databases, by name.
      type: dict
    leads:
      description: The group that a host acts for, by host; the first host of a group acts for it.
      type: dict
    group_of:
      description: The group that runs Odoo on a host, by host.
      type: dict
    routes:
      description: The routes, as M(gantry.odoo.traefik_route) takes them.
      type: list
    certificates:
      description: The certificates to hold, name and domains.
      type: list
    roles:
      description: The PostgreSQL roles that each server needs, by server.
      type: dict
    policies:
      description: The tier of each tenant, as M(gantry.odoo.backup_policy) takes them.
      type: list
    backups:
      description: The tenants that each leading host backs up, all or O(tenant) alone, by host.
      type: dict
    notes:
      description: A sentence for each tenant that lives elsewhere than declared.
      type: list
    tenant:
      description: The tenant asked for.
      type: dict
    destination:
      description: The group asked for.
      type: dict
"""
