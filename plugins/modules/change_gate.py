#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_gate
short_description: Decide whether a change may go on
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Decides from the change's papers, the evidence of recovery in the ledger and the capacity that stays, and fails with
    every reason against.
  - A V(standard) change is pre-approved. A V(normal) one needs a reason and an approver other than its requester.
    An V(emergency) has the same papers and overrides evidence and capacity; what it overrode is returned.
  - Runs on the controller and changes nothing.
attributes:
  check_mode:
    description: Can run in check mode and tells what it would do.
    support: full
  diff_mode:
    description: Has nothing to compare.
    support: none
options:
  ledger:
    description: Path of the ledger on the controller.
    type: path
    required: true
  change:
    description: The change, with C(id), C(kind), C(requester), C(class), C(reason) and C(approver).
    type: dict
    required: true
  tenants:
    description: The tenants that the change touches, each with C(name) and C(tier).
    type: list
    elements: dict
    default: []
  serving_after:
    description: How many nodes go on serving while one is changed. Not asked where it is left out.
    type: int
  backup_max_age_hours:
    description: How old the newest recorded backup of a tenant may be, in hours.
    type: float
    default: 24
  drill_max_age_days:
    description: How old the newest recorded restore drill of a tenant may be, in days.
    type: float
    default: 31
  tiers:
    description: The tiers for which evidence is asked.
    type: list
    elements: int
    default: [1]
"""

EXAMPLES = r"""
- name: Ask before a change that touches no tier 1 tenant
  gantry.odoo.change_gate:
    ledger: /tmp/ledger.jsonl
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
  description: Each reason against, a sentence.
  returned: always
  type: list
overridden:
  description: Each reason that an emergency overrode.
  returned: always
  type: list
"""
