# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say who works on an estate."""

from __future__ import annotations


class ModuleDocFragment:
    """The identities of an estate, and how long their approvals hold."""

    DOCUMENTATION = r"""
options:
  identities:
    description:
      - The people and services that work on the estate. Names are compared exactly. A name that only looks like a
        declared one, as it differs in case or has a space or an invisible character, is refused.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the identity, of lower-case letters of ASCII, digits and C(. _ @ + -).
        type: str
        required: true
      logins:
        description: The accounts of controllers that are this identity's.
        type: list
        elements: str
        default: []
      awx_users:
        description: The users of AWX that are this identity's.
        type: list
        elements: str
        default: []
      keys:
        description: The public SSH keys by which this identity approves.
        type: list
        elements: dict
        default: []
        suboptions:
          key:
            description:
              - Content of the C(.pub) file. Its kind is C(ssh-ed25519), C(ecdsa-sha2-nistp256), C(ecdsa-sha2-nistp384),
                C(ecdsa-sha2-nistp521), one of them for a token (C(sk-)), or C(ssh-rsa) with 2048 bits or more.
            type: str
            required: true
          valid_after:
            description: Moment from which the key counts, such as V(2026-12-01T00:00:00Z), by the clock of the store.
            type: str
          valid_before:
            description: Moment from which the key does not count any more.
            type: str
      may:
        description: The actions that are allowed to this identity.
        type: list
        elements: str
        choices: [request, approve, break, restore, delete]
        default: []
  revoked_keys:
    description: Public keys that do not count any more, as O(identities[].keys[].key), of any identity.
    type: list
    elements: str
    default: []
  approval_hours:
    description: Hours for which an approval holds.
    type: float
    default: 24
  approval_wait_days:
    description: Days for which a change waits for its approval.
    type: float
    default: 7
"""

    AWX = r"""
options:
  awx:
    description:
      - The AWX or automation controller whose approvals count, as its API shows them. Not asked where the run is no job
        of it.
    type: dict
    suboptions:
      url:
        description: URL of the server, such as V(https://awx.example.com).
        type: str
        required: true
      token:
        description: A token with the right to read jobs, workflows and schedules.
        type: str
        required: true
      ca_cert:
        description: Path on the controller of the authority that signed its certificate. If not set, the system has it.
        type: path
      api_path:
        description: Path of the API, such as V(/api/controller/v2) behind a gateway.
        type: str
        default: /api/v2
"""
