#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_close
short_description: Remove the lease of a change and record that it is closed
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.change
  - gantry.odoo.change_identities
  - gantry.odoo.change_store
  - gantry.odoo.attributes.controller
description:
  - Compares the parts that were planned with those that are proven, records the change as C(closed) or C(unfinished),
    and releases its lease. A change with neither entry was interrupted.
  - Fails unless every part is proven, and when the lease was lost, with the state of each part and what to run.
  - Names the emergencies that still lack an approval or a review by another identity, in RV(screen). Without
    O(identities), says there of a typed O(change.approver) that nothing authenticates it.
  - Fails where the store does not answer within 15 seconds, with where the events are kept and what to run.
  - Never reports a change, because C(changed) speaks of the estate. Writes nothing in check mode.
options:
  facts:
    description: Facts about the event. Never put a secret here.
    type: dict
    default: {}
  parts:
    description:
      - The parts as M(gantry.odoo.change_open) returned them. In check mode they are the plan.
      - Where the store does not answer, they tell a change that can be resumed from one that is run again.
    type: list
    elements: dict
    default: []
  lost:
    description: Hosts that were lost or failed in the run. A change without parts is not done then.
    type: list
    elements: str
    default: []
  failures:
    description: A sentence for each item that failed. The change is not done then. Never put a secret here.
    type: list
    elements: str
    default: []
  lease_lost:
    description: Whether O(failures) say that the lease was lost. This module says that itself where it is still lost.
    type: bool
    default: false
  notes:
    description: Further lines of the last screen. Never put a secret here.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Open a change
  gantry.odoo.change_open:
    store: {directory: /tmp/gantry-store}
    kind: site
    requester: mara
  register: opened

- name: Close it
  gantry.odoo.change_close:
    store: {directory: /tmp/gantry-store}
    change: "{{ opened.change }}"
"""

RETURN = r"""
sequence:
  description: The number of the entry.
  returned: outside check mode
  type: int
screen:
  description:
    - The state of the change - one line for each part, the notes, and the commands that finish or undo it. In check
      mode, what the change would be about.
    - The action displays it, or at the very end the callback P(gantry.odoo.summary#callback), where it is enabled.
  returned: always
  type: list
  elements: str
hash:
  description: SHA-256 of the entry, hexadecimal.
  returned: outside check mode
  type: str
"""
