#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_record
short_description: Append a line to the ledger of changes
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Appends one JSON line to the ledger on the controller. Each line carries the SHA-256 of the one before, so that no
    line can be altered or taken out unseen; the whole ledger is checked before it is appended to.
  - The line is on disk when the task ends. A line that a kill cut off is taken away by the next append.
  - Never reports a change, since the estate is what changed tells about. Writes nothing in check mode.
attributes:
  check_mode:
    description: Can run in check mode and tells what it would do.
    support: full
  diff_mode:
    description: Has nothing to compare.
    support: none
options:
  ledger:
    description: Path of the ledger on the controller. Made for its owner alone where it is missing.
    type: path
    required: true
  change:
    description: The change, with C(id), C(kind), C(requester), C(class), C(reason) and C(approver).
    type: dict
    required: true
  event:
    description: What happened, as V(opened), V(applied), V(proven), V(failed), V(closed), V(backup) or V(drill).
    type: str
    required: true
  facts:
    description: What there is to tell about it. Never put a secret here.
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
