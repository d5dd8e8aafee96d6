#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_record
short_description: Create an entry in the ledger of changes
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.change
  - gantry.odoo.change_store
  - gantry.odoo.repository.optional
  - gantry.odoo.attributes.controller
description:
  - Appends one entry to the ledger in the change store. Each entry carries the SHA-256 of the one before, so that none
    can be altered or removed without notice. Takes the same time however long the ledger is.
  - The entry is in the store when the task ends. Of two controllers that append at once, both do.
  - Where the store does not answer, the event is kept in O(store.outbox) and the task warns of it. The next task of a
    change on the same controller brings it into the store, or the program that renews the lease does.
  - The name of O(repository), its place and prefix without a secret, is among the facts. Nothing is asked there.
  - Never reports a change, because C(changed) speaks of the estate. Writes nothing in check mode.
options:
  event:
    description:
      - The event, such as V(begun), V(applied), V(proven), V(failed), V(backup) or V(drill).
      - V(begun) says that the estate is touched next, and fails when the lease of the change is lost.
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
    store: {directory: /tmp/gantry-store}
    change: {id: 20261122T100000Z-site, kind: site, requester: mara}
    event: opened
"""

RETURN = r"""
sequence:
  description: The number of the entry.
  returned: outside check mode, where the store took it
  type: int
hash:
  description: SHA-256 of the entry, hexadecimal.
  returned: outside check mode, where the store took it
  type: str
lease_lost:
  description: V(true) where the lease of the change was lost.
  returned: failure
  type: bool
"""
