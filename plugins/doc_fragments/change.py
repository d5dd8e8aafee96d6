# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that the actions on changes share."""

from __future__ import annotations

import json

import yaml

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
classes:
  description:
    - The class of each kind of change, V(standard) or V(normal), over the table of the collection. There, V(migrate),
      V(patch_redis) and V(decommission) are V(normal), and the other playbooks are V(standard). A kind that neither
      has is V(normal).
  type: dict
  default: {}
"""


def _opened(documentation: str) -> str:
    """The options that a change is opened with: those of the option `change` that the operator gives."""
    given = yaml.safe_load(documentation)["options"]["change"]["suboptions"]
    own = {name: option for name, option in given.items() if name not in ("id", "lease", "fencing_number")}
    return json.dumps({"options": {**own, **yaml.safe_load(_GIVEN)}})


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
            V(emergency).
        type: str
        default: ''
"""

    # annotated, as ansible-test takes the value of a plain assignment for a text
    OPENED: str = _opened(DOCUMENTATION)
