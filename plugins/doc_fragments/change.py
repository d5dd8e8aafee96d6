# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that the actions on changes share."""

from __future__ import annotations

import json

import yaml

# What an inventory declares of the gate, asked for when a change is opened.
_OPENING_RULES = """
classes:
  description:
    - The class of each kind of change, V(standard) or V(normal), over the table of the collection. There, V(migrate),
      V(patch_redis) and V(decommission) are V(normal), and the other playbooks are V(standard). A kind that neither
      has is V(normal).
  type: dict
  default: {}
calendars:
  description:
    - The iCal files of windows and freezes. A freeze forbids each change. A change that is not V(standard) needs an
      open window for each tenant that has calendars of windows.
    - The calendars are asked again, by the clock of the store, by M(gantry.odoo.change_gate) and, before a part that
      is not touched yet, by M(gantry.odoo.change_step) of the same run. A file that cannot be read closes the gate.
    - Each is a mapping with C(name), C(kind) (V(window) or V(freeze)), C(concerns) (V(estate), V(group:NAME) or
      V(tenant:NAME)), C(source), an absolute path on the controller, and C(zone), the IANA time zone of all-day events
      and of times without one, where the file states none.
  type: list
  elements: dict
  default: []
outside_calendars:
  description:
    - Kinds of changes that windows and freezes do not concern, as they only read, or bring back what does not serve. A
      change that resumes another one is opened in a freeze too, and begins no part there that still serves.
  type: list
  elements: str
  default: [backup, backup_check, backup_copy, backup_policy, restore_drill, recover, restore]
"""

# What an operator gives when a change is opened, in place of what the gate then knows of it.
_GIVEN = """
requester:
  description:
    - The person or service that launched the change. Empty, it is the user of AWX in a job of AWX, and else the account
      that logged in.
  type: str
  default: ''
class:
  description:
    - The class of the change. Empty, it is that of O(classes). A higher class is accepted, a lower one is refused.
  type: str
  choices: ['', standard, normal, emergency]
  default: ''
aspects:
  description:
    - Further kinds that the table knows, such as V(site_restart_postgresql). The highest class of all counts.
  type: list
  elements: str
  default: []
groups:
  description: Groups of hosts that the change touches for each of O(tenants).
  type: list
  elements: str
  default: []
"""


# What is known of a change once it is open.
_BY_OPENING = ("id", "authenticated", "lease", "fencing_number")


def _opened(documentation: str) -> str:
    """The options that a change is opened with: those of the option `change` that the operator gives."""
    given = yaml.safe_load(documentation)["options"]["change"]["suboptions"]
    own = {name: option for name, option in given.items() if name not in _BY_OPENING}
    return json.dumps({"options": {**own, **yaml.safe_load(_GIVEN), **yaml.safe_load(_OPENING_RULES)}})


class ModuleDocFragment:
    """The change: as one option, and as the options of its own that it is opened with."""

    DOCUMENTATION = r"""
options:
  change:
    description: The change, as M(gantry.odoo.change_open) returns it.
    type: dict
    required: true
    suboptions:
      id:
        description: Identifies the change.
        type: str
        required: true
      kind:
        description: The name of the playbook.
        type: str
        required: true
      requester:
        description: The person or service that launched the change.
        type: str
        required: true
      authenticated:
        description:
          - Whether the requester is an identity of the inventory, so that signatures or AWX approve the change and no
            name in O(change.approver) does.
        type: bool
        default: false
      lease:
        description:
          - Number of the lease that the change holds, V(0) where it holds none.
        type: int
        default: 0
      fencing_number:
        description:
          - The number that is kept with what the change writes, so that a change which was overtaken is refused there.
            It rises with O(change.lease), also from one store to another that is made anew.
        type: int
        default: 0
      class:
        description: The class of the change.
        type: str
        choices: [standard, normal, emergency]
        default: standard
      reason:
        description: The reason. Required by the gate for the classes V(normal) and V(emergency).
        type: str
        default: ''
      approver:
        description:
          - The person who approved the change, never the requester. Required by the gate for the classes V(normal) and
            V(emergency) where the inventory declares no identities. Refused where it does.
        type: str
        default: ''
"""

    # annotated, as ansible-test takes the value of a plain assignment for a text
    OPENED: str = _opened(DOCUMENTATION)

    TENANTS = r"""
options:
  tenants:
    description: The tenants that the change touches.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the tenant.
        type: str
        required: true
      tier:
        description: Tier of the tenant, 1 to 3.
        type: int
        required: true
      groups:
        description: Groups of hosts that the tenant runs on.
        type: list
        elements: str
        default: []
"""

    # what both a change and its approval are judged by
    RULES: str = json.dumps({"options": yaml.safe_load(_OPENING_RULES)})

    GATE = r"""
options:
  backup_max_age_hours:
    description: Maximum age of the newest backup of a tenant, in hours.
    type: float
    default: 24
  drill_max_age_days:
    description: Maximum age of the newest recorded restore drill of a tenant, in days.
    type: float
    default: 31
  score_thresholds:
    description:
      - The approvals that a change needs in all from a score on, each with C(score) and C(approvals). A change of any
        class needs them, and an V(emergency) overrides them.
    type: list
    elements: dict
    default: []
"""
