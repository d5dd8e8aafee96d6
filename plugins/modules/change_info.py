#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_info
short_description: Gather the ledger and the leases of an estate
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.change_store
  - gantry.odoo.attributes.controller
description:
  - Returns the entries of the ledger in the change store, verified, and the leases that are held.
  - Runs on the controller and changes nothing.
options:
  after:
    description: Only entries with a higher number are read and verified.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Gather the ledger
  gantry.odoo.change_info:
    store: {directory: /tmp/gantry-store}
"""

RETURN = r"""
entries:
  description:
    - The entries, the oldest first. Each has the keys C(sequence), C(time), C(change), C(event), C(facts), C(previous)
      and C(hash).
  returned: success
  type: list
  elements: dict
leases:
  description: The leases that are held.
  returned: success
  type: list
  elements: dict
  contains:
    number:
      description: Number of the lease.
      type: int
    change:
      description: The id of the change that holds it.
      type: str
    covers:
      description: The parts of the estate that no other change may touch.
      type: list
    words:
      description: Who holds what, since when and until when, as one clause.
      type: str
"""
