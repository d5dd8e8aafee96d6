#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_approve
short_description: Gather the changes that wait for approval, and approve or review one
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.change.gate
  - gantry.odoo.change.rules
  - gantry.odoo.change_identities
  - gantry.odoo.change_store
  - gantry.odoo.attributes.controller
description:
  - Shows the changes that wait in the change store, with all that a signature covers. A note says where the inventory
    of the person who reads it, or one of its rules, is another one than that of the change.
  - Signs the approval of one with the SSH key of the person who runs it, keeps it in the change store, and records it
    in the ledger. The person needs the key, or an agent that has it, and an account of the change store.
  - The requester cannot approve. An approval holds for O(approval_hours), and counts once, for what was shown alone.
  - Runs C(ssh-keygen) of OpenSSH on the controller.
options:
  digest:
    description: Digest of the change to approve, as it is shown. If empty, all that wait are shown.
    type: str
    default: ''
  review:
    description: Id of an emergency that is over and is reviewed, such as V(patch-17). O(words) says what was found.
    type: str
    default: ''
  words:
    description: The findings of the review, 4000 characters at most.
    type: str
    default: ''
  key:
    description:
      - Path on the controller of the private key that signs, or of the public one (C(.pub)) where an agent has the
        other half. The public key has to be beside a private one.
    type: path
    default: ~/.ssh/id_ed25519
"""

EXAMPLES = r"""
- name: Show the changes that wait for approval
  gantry.odoo.change_approve:
    store: {directory: /tmp/gantry-store}
    identities:
      - {name: mara, logins: [mara], may: [request]}
      - name: tom
        logins: [tom]
        may: [approve]
        keys:
          - key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICEaFasATBGEjZAMnLMjZddWS7bwt9moiTDZXEoZgjjw tom@example.com
            valid_before: "2027-12-01T00:00:00Z"
"""

RETURN = r"""
requests:
  description: The changes that wait, the oldest first, or the one that was approved.
  returned: success
  type: list
  elements: dict
  contains:
    request:
      description: Number of the request.
      type: int
    digest:
      description: Digest of the change.
      type: str
    time:
      description: When it was requested, by the clock of the store.
      type: str
    approved_by:
      description: Those whose approval counts.
      type: list
    requester:
      description: The identity that requests it. The other keys are what else the signature covers.
      type: str
emergencies:
  description: A sentence for each approval and review that an emergency lacks, with the command that gives it.
  returned: when no change is approved or reviewed
  type: list
  elements: str
approval:
  description: The approval or review that the change store has now. Empty where none was asked for, and in check mode.
  returned: success
  type: dict
screen:
  description: The lines that a person reads.
  returned: success
  type: list
  elements: str
"""
