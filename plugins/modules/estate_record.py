#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: estate_record
short_description: Manage the estate record in the change store
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.change
  - gantry.odoo.change_store
  - gantry.odoo.attributes.controller
description:
  - Writes the estate record, which says what no declaration says. It holds the port of each instance, the home of each
    tenant with a number that only rises, the hosts of the estate, and the tenants that leave it.
  - M(gantry.odoo.estate_info) reads it, and returns the next one as C(record). Give that to this module before the
    ports are used.
  - Fails when the lease of the change is lost. Of two controllers that write at once, both do, one after the other.
  - Never reports a change, because C(changed) speaks of the estate. Writes nothing in check mode.
options:
  homes:
    description:
      - The C(group) that each tenant lives on and the C(number) of its home, by tenant. With the number V(0), a tenant
        that is not recorded there gets the C(fencing_number) of O(change). Others stay recorded as they are.
    type: dict
    default: {}
  tenants:
    description: The tenants as they are declared, by name.
    type: dict
    default: {}
  ports:
    description: The HTTP port of each instance, by instance. It is an error where two would share one.
    type: dict
    default: {}
  roster:
    description: The hosts of the estate. They replace those that are recorded. If not set, those stay.
    type: list
    elements: str
  renamed:
    description: The former name of each tenant that has a new one, by new name.
    type: dict
    default: {}
  leaving:
    description: A tenant that is decommissioned, and how far.
    type: dict
    suboptions:
      tenant:
        description: Name of the tenant.
        type: str
        required: true
      phase:
        description: V(held) while its database is blocked and kept, V(gone) when only backups are left.
        type: str
        choices: [held, gone]
        required: true
      tier:
        description: Tier of the tenant, whose backup policy stays.
        type: int
        choices: [1, 2, 3]
        required: true
      backup:
        description: Id of the last backup.
        type: str
        default: ""
      was_open:
        description: Whether its database was open before it was held. If the tenant stays, it is left as it was.
        type: bool
        default: true
  stays:
    description: Tenants that are not decommissioned after all.
    type: list
    elements: str
    default: []
  gone:
    description: Tenants of which nothing is left on the hosts. Their ports are free again.
    type: list
    elements: str
    default: []
  made_hosts:
    description: Hosts whose Odoo processes run. Users are sent to no other.
    type: list
    elements: str
    default: []
  made_tenants:
    description: Tenants whose processes run and whose routes are about to be made.
    type: list
    elements: str
    default: []
  released_groups:
    description: Groups that left for good. Homes there are no longer recorded.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Record the ports and the hosts of an estate
  gantry.odoo.estate_record:
    store: {directory: /tmp/gantry-store}
    change: {id: site-1, kind: site, requester: mara}
    ports: {shared: 8069, harbour: 8169}
    roster: [app1, db1, edge1, cache1]
"""

RETURN = r"""
number:
  description: The number of the record.
  returned: success
  type: int
differences:
  description: A line for each thing that the record says, or would say in check mode, in another way than before.
  returned: success
  type: list
  elements: str
  sample: ["port of harbour: nothing -> 8169", "roster: +app1"]
lease_lost:
  description: V(true) where the lease of the change was lost.
  returned: failure
  type: bool
"""
