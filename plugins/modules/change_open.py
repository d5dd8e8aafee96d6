#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_open
short_description: Create a change and take its lease
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.change.gate
  - gantry.odoo.change.opened
  - gantry.odoo.change.tenants
  - gantry.odoo.change_identities
  - gantry.odoo.change_identities.awx
  - gantry.odoo.change_store
  - gantry.odoo.attributes.controller
description:
  - Takes a lease on the parts of the estate that the change touches, and records that the change is open. Where another
    change holds one of the parts, fails with who holds it, since when and until when.
  - Records the parts that the change plans, such as nodes. Where an earlier change left one behind that is not known to
    serve, fails with what to run.
  - A program on the controller renews the lease while C(ansible-playbook) runs. After that, the lease expires.
  - Before the first use, lets two writers race for an object of the store, and refuses a store that lets both win.
  - Where O(store.witness) is given, compares the ledger with its witness, and fails where the ledger was cut off or
    rewritten. Without an answer of the witness, only a backup, a change that O(resumes), and an V(emergency) change
    with O(reason) are opened. The latter needs O(approver) too where no O(identities) are declared.
  - The class of the change is that of its O(kind). Fails where its papers are missing, or where O(class) is lower; the
    ledger has an entry C(gate) then. Where another change holds one of the parts, it has an entry C(refused).
  - Where the inventory declares O(identities), the login or the user of AWX has to belong to one that may request
    changes, and for V(restore), V(recover) and V(decommission) may do that as well. Other identities approve a change
    of class V(normal) by signature or in AWX. Otherwise it waits for its approval, and the denial has the command of
    C(gantry.odoo.approve). An V(emergency) begins with its O(reason), and is approved and reviewed after it.
  - An approval covers O(kind), the class, the reason, O(facts), O(parts), O(part_facts), O(covers), the inventory, its
    rules, and the extra variables that the playbook declares. It counts once.
  - Never reports a change, because C(changed) speaks of the estate. Takes no lease and writes nothing in check mode.
options:
  covers:
    description:
      - The parts of the estate that no other change may touch meanwhile, such as V(group:app) or V(tenant:harbour).
      - V(estate) is all of them. A part that begins with C(backup:) is held against itself alone, because a backup only
        reads.
    type: list
    elements: str
    default: [estate]
  parts:
    description: The nodes or tenants that the change works at one after the other.
    type: list
    elements: str
    default: []
  part_facts:
    description: Facts about single parts, by name, beside O(facts). Never put a secret here.
    type: dict
    default: {}
  released:
    description:
      - Hosts that left the estate for good. Nothing waits for them any more, and O(resumes) goes on without them.
      - Also parts of interrupted changes that this one supersedes.
    type: list
    elements: str
    default: []
  accept_left_behind:
    description:
      - Whether the change is opened although an earlier one left hosts or tenants behind that are not among O(parts).
        For work that touches nothing else, such as the renewal of certificates.
    type: bool
    default: false
  read:
    description:
      - Number of the last entry of the ledger when the estate was read, as RV(gantry.odoo.estate_info#module:estate)
        has it. Fails where another change than a backup has worked on the estate since.
      - V(-1) does not ask.
    type: int
    default: -1
  resumes:
    description: The id of an interrupted change whose parts are taken over.
    type: str
    default: ''
  way:
    description: Whether the change that O(resumes) names is finished or undone.
    type: str
    choices: [finish, undo]
    default: finish
  lease_seconds:
    description: Seconds after which the lease expires when it is not renewed. At least 20.
    type: int
    default: 120
  facts:
    description: Facts about the change and each of its parts. Never put a secret here.
    type: dict
    default: {}
  run_facts:
    description:
      - The same that differ from run to run, such as a time. An approval does not cover them, so that the run after it
        is the same change.
    type: dict
    default: {}
  gated:
    description:
      - Whether M(gantry.odoo.change_gate) is asked in the same run before anything is done. It uses the approvals then,
        as its score may ask for more of them.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Open a change of the whole estate
  gantry.odoo.change_open:
    store: {directory: /tmp/gantry-store}
    kind: site
    requester: mara
  register: opened
"""

RETURN = r"""
parts:
  description:
    - The parts of the change, those of the one that it resumes included, with the keys C(name), C(state), C(why) and
      C(facts) as M(gantry.odoo.change_info) returns them.
  returned: success
  type: list
  elements: dict
refused:
  description: In check mode, why the change would be refused now, empty where it would not.
  returned: success
  type: str
change:
  description: The change, as the other modules take it. In check mode its id ends in C(-check).
  returned: success
  type: dict
  sample:
    id: site-17
    kind: site
    requester: mara
    class: standard
    reason: ''
    approver: ''
    authenticated: false
    lease: 17
    fencing_number: 1774000017
"""
