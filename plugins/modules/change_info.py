#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_info
short_description: Gather the ledger, the leases and the unfinished parts of changes
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.change_store
  - gantry.odoo.attributes.controller
description:
  - Returns the entries of the ledger in the change store, verified, the leases that are held, and the parts of changes
    that are not done.
  - Runs on the controller and changes nothing.
options:
  gather:
    description:
      - The parts of the change store to read.
      - V(witness) verifies the whole ledger and compares it with its witness, which takes longer the longer it is.
    type: list
    elements: str
    choices: [entries, leases, parts, witness]
    default: [entries, leases, parts]
  after:
    description: Only entries with a higher number are read and verified.
    type: int
    default: 0
  last_seen:
    description:
      - Whether the parts that this run of C(ansible-playbook) has read last are returned, with a warning, where
        O(store) does not answer. For what restores service, which does not wait for the store.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Gather the ledger
  gantry.odoo.change_info:
    store: {directory: /tmp/gantry-store}

- name: Compare the ledger with its witness
  gantry.odoo.change_info:
    store:
      directory: /tmp/gantry-store
      witness: {directory: /mnt/audit/gantry-witness}
    gather: [witness]
"""

RETURN = r"""
entries:
  description:
    - The entries, the oldest first. Each has the keys C(sequence), C(time), C(change), C(event), C(facts), C(previous)
      and C(hash). C(late) is true for what was recorded when the store answered again, and C(overtaken) for what a run
      did with a part that another change had taken over.
  returned: when asked for
  type: list
  elements: dict
parts:
  description: The parts of changes that are not done.
  returned: when asked for
  type: list
  elements: dict
  contains:
    name:
      description: Name of the part.
      type: str
    change:
      description: The id of the change.
      type: str
    state:
      description: One of C(planned), C(begun), C(proven), C(restored), C(failed) and C(interrupted).
      type: str
    out:
      description: Whether the part left and is not known to serve.
      type: bool
    why:
      description: The reason of a failure.
      type: str
    facts:
      description: The recorded facts of the part.
      type: dict
witness:
  description:
    - The comparison of the ledger with its witness. The module fails where the ledger was cut off or rewritten.
  returned: when asked for
  type: dict
  contains:
    declared:
      description: Whether O(store.witness) names one. The other keys are there only then.
      type: bool
    where:
      description: The place of the witness.
      type: str
    begun:
      description: Number of the last entry that the witness took as it was, as it was written before its first use.
      type: int
    sequence:
      description: Number of the last entry.
      type: int
    hash:
      description: Hash of the last entry, by which all before it are fixed.
      type: str
    unwitnessed:
      description: Numbers of the entries that the witness does not know from their writer.
      type: list
      elements: int
leases:
  description: The leases that are held.
  returned: when asked for
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
