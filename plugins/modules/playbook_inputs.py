#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: playbook_inputs
short_description: Verify the inputs of a playbook
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Reads the declaration of a playbook, converts the variables that it names to their types, and fails with every
    fault, one sentence each. An input under a former name is refused with its new name.
  - Looks through the extra variables too. One that the playbook sets itself is refused, and so is one that is no input
    and is called nearly like one, or begins with the same word, unless the playbook's files or the roles name it.
  - A group of the inventory that has the name of one which playbooks make is refused.
  - The variable C(change_store) is refused where it is set and empty.
  - Runs on the controller, connects to no host and changes nothing.
extends_documentation_fragment:
  - gantry.odoo.attributes.controller
options:
  playbook:
    description: Name of the playbook, and of its declaration.
    type: str
    required: true
  directory:
    description:
      - Directory of the declarations on the controller, one YAML file a playbook.
      - A declaration has C(short_description), C(description), C(options) as in an argument specification, optionally
        C(extends), the names of files whose options it takes too, and C(renamed), new names by former ones.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Verify the inputs of a playbook
  gantry.odoo.playbook_inputs:
    playbook: patch
    directory: "{{ playbook_dir }}/inputs"
  register: verified
"""

RETURN = r"""
inputs:
  description: The value of each input, by name. An empty text counts as not given.
  returned: success
  type: dict
"""
