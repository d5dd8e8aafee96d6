#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_step
short_description: Manage the state of one part of a change
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.change
  - gantry.odoo.change_store
  - gantry.odoo.attributes.controller
description:
  - Records what becomes of one node or tenant of a change, in the change store. A part that has begun and is not proven
    stays drained, whichever playbook renders the routes.
  - Before a part is begun, counts the other parts of the change that failed, left and did not come back, or were put
    back. Above O(budget) the part is not begun, and neither is it where the lease of the change is lost. The task does
    not fail then, but RV(go) is false, so that the playbook reaches the play that closes the change.
  - Before a part that is not touched yet is begun, the calendars that M(gantry.odoo.change_open) was given in the same
    run are asked again. Where a freeze has begun or a window is over, RV(go) is false, the ledger has an entry C(gate),
    and M(gantry.odoo.change_close) reports it.
  - A store that does not answer stops what is about to begin, after a wait of 15 seconds. Later states are kept in
    O(store.outbox) then. The next task of a change on the same controller records them, or the program that renews the
    lease does.
  - Never reports a change, because C(changed) speaks of the estate. Writes nothing in check mode.
options:
  part:
    description: Name of the node or tenant.
    type: str
    required: true
  state:
    description:
      - The state of the part. V(restored) is one that failed and was put back as it was.
      - V(planned) is one that was out of service and serves again before it is changed.
    type: str
    choices: [begun, proven, restored, failed, planned]
    required: true
  why:
    description: The reason of a failure.
    type: str
    default: ''
  facts:
    description: Facts about the part, such as how it was before. Never put a secret here.
    type: dict
    default: {}
  budget:
    description: Number of other parts of the change that may have failed when this one is begun.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Open a change of two nodes
  gantry.odoo.change_open:
    store: {directory: /tmp/gantry-store}
    kind: patch
    requester: mara
    parts: [app1, app2]
  register: opened

- name: Begin with the first
  gantry.odoo.change_step:
    store: {directory: /tmp/gantry-store}
    change: "{{ opened.change }}"
    part: app1
    state: begun
  register: step
"""

RETURN = r"""
go:
  description: Whether the part may be begun.
  returned: always
  type: bool
stopped:
  description: Why it may not.
  returned: always
  type: str
"""
