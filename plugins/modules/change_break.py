#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_break
short_description: Remove the lease of a change that cannot release it
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.change_identities
  - gantry.odoo.change_store
  - gantry.odoo.attributes.controller
description:
  - Takes the lease of a change away and records who did so and why. The change begins nothing more, and reports the
    reason. Without this, a lease ends by itself when the controller that holds it is gone.
  - A task that the change has begun already goes on to its end. Verify that no such task runs before the lease is taken
    away.
options:
  change:
    description: The id of the change, such as V(patch-17).
    type: str
    required: true
  requester:
    description:
      - The person who takes the lease away. Empty, it is the user of AWX in a job of AWX, and else the account that
        logged in. Refused where the inventory declares O(identities), as the login has to belong to one that may
        V(break).
    type: str
    default: ''
  reason:
    description: The reason. It must not be empty.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Open a change
  gantry.odoo.change_open:
    store: {directory: /tmp/gantry-store}
    kind: site
    requester: mara
  register: opened

- name: Take its lease away
  gantry.odoo.change_break:
    store: {directory: /tmp/gantry-store}
    change: "{{ opened.change.id }}"
    requester: tom
    reason: the controller burned
  when: not ansible_check_mode
"""

RETURN = r"""
lease:
  description: Number of the lease that was taken away.
  returned: success
  type: int
words:
  description: Who held what, since when and until when, as one clause.
  returned: success
  type: str
"""
