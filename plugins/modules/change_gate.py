#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_gate
short_description: Verify that a change may go on
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.change
  - gantry.odoo.change.gate
  - gantry.odoo.change.tenants
  - gantry.odoo.change_identities
  - gantry.odoo.change_identities.awx
  - gantry.odoo.change_store
  - gantry.odoo.repository.optional
  - gantry.odoo.attributes.controller
description:
  - Decides by the reason and the approval of the change, the recorded backups and restore drills, and the number of
    nodes that go on serving. Fails with every reason for a denial.
  - Where the inventory declares O(identities), other identities approve the change by signature or in AWX. A V(normal)
    change needs one of them, and O(score_thresholds) may ask for more. Otherwise the change waits for its approval, and
    the denial has the command that approves it. Only a change that M(gantry.odoo.change_open) has opened in the same
    run is approved.
  - A V(standard) change is pre-approved. A V(normal) change needs a reason, and without O(identities) an approver other
    than its requester. An V(emergency) change needs the same, and overrides missing backups, drills and nodes. The
    overridden reasons are returned. The requester in other letters, as V(Mara), is the same person.
  - Asks the calendars that M(gantry.odoo.change_open) was given in the same run again, but for a change that is
    resumed.
  - Computes a score from facts, 0 to 3 points for each of six parts. These are the highest tier that is touched, the
    age of the oldest backup and of the oldest drill that is asked for, the failures among the last ten changes, the
    size of the change, and the time until the next freeze.
  - Each decision is an entry C(gate) of the ledger. A task that is repeated in the same run adds none.
  - Runs on the controller and changes nothing but the ledger.
  - Where O(repository) is given, backups and drills of another one are no proof. The ledger has its name, see
    M(gantry.odoo.change_record).
  - Where O(store.witness) is given, the ledger has to be what its witness knows, and an entry that the witness does not
    know is no proof. An V(emergency) change goes on without a witness that does not answer.
  - Asks O(repository), as the controller reaches it, for the newest backup of each tenant where the ledger does not
    prove one. A backup that was taken without a playbook, or before the store was made anew, is in no ledger.
options:
  serving_after:
    description: Number of nodes that go on serving while one is changed. Not checked where it is left out.
    type: int
  downtime_minutes:
    description: Minutes of downtime that are accepted where no other node goes on serving, V(0) for none.
    type: int
    default: 0
  tiers:
    description: Tiers that need a recorded backup and drill.
    type: list
    elements: int
    default: [1]
"""

EXAMPLES = r"""
- name: Ask before a change that touches no tier 1 tenant
  gantry.odoo.change_gate:
    store: {directory: /tmp/gantry-store}
    change: {id: 20261122T100000Z-patch, kind: patch, requester: mara}
    tenants:
      - {name: south, tier: 3}
    serving_after: 1
"""

RETURN = r"""
allowed:
  description: Whether the change may go on.
  returned: always
  type: bool
denials:
  description: Each reason for a denial, one sentence.
  returned: always
  type: list
overridden:
  description: Each reason that an emergency overrode.
  returned: always
  type: list
score:
  description: The score, left out for a change that is resumed.
  returned: always
  type: dict
  contains:
    total:
      description: The sum of all points, 0 to 18.
      type: int
    approvals:
      description: The approvals that it asks for in all.
      type: int
    parts:
      description: Each part, with C(name), C(points) and C(why).
      type: list
screen:
  description: The score in words, a line for each part.
  returned: always
  type: list
lease_lost:
  description: V(true) where the lease of the change was lost.
  returned: failure
  type: bool
"""
