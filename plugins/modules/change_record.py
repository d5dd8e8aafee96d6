#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_record
short_description: Create a line in the ledger of changes
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.change
  - gantry.odoo.attributes.controller
description:
  - Appends one JSON line to the ledger on the controller. Each line carries the SHA-256 of the one before, so that no
    line can be altered or removed without notice; the whole ledger is verified before it is appended to.
  - The line is on disk when the task ends. The next append removes an incomplete line of an interrupted run.
  - Never reports a change, because C(changed) speaks of the estate. Writes nothing in check mode.
options:
  event:
    description: The event, such as V(opened), V(applied), V(proven), V(failed), V(closed), V(backup) or V(drill).
    type: str
    required: true
  facts:
    description: Facts about the event. Never put a secret here.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Record that a change begins
  gantry.odoo.change_record:
    ledger: /tmp/ledger.jsonl
    change: {id: 20261122T100000Z-site, kind: site, requester: mara}
    event: opened
"""

RETURN = r"""
sequence:
  description: The number of the line.
  returned: outside check mode
  type: int
hash:
  description: SHA-256 of the line, hexadecimal.
  returned: outside check mode
  type: str
"""
