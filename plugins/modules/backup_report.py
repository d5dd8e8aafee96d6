#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_report
short_description: Gather the compliance of backups into a table
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Takes the result of M(gantry.odoo.backup_compliance), and shows one row for each tenant, the worst first. The
    faults of all tenants stand below it, with the actions to take.
  - Runs on the controller. Does not fail for what it shows, see RV(complaint).
options:
  compliance:
    description: The return value RV(gantry.odoo.backup_compliance#module:compliance).
    type: list
    elements: dict
    required: true
  width:
    description: Columns of the table, V(80) to V(120). If not set, those of the terminal.
    type: int
extends_documentation_fragment:
  - gantry.odoo.attributes.controller
seealso:
  - module: gantry.odoo.backup_compliance
"""

EXAMPLES = r"""
- name: Verify the backups against their policies
  gantry.odoo.backup_compliance:
    repository: "{{ backup_repository }}"
    tenants: [harbour, north]
  delegate_to: localhost
  register: found

- name: Show the compliance of the backups
  gantry.odoo.backup_report:
    compliance: "{{ found.compliance }}"
  register: shown

- name: Verify that every policy is proven
  ansible.builtin.assert:
    that: not shown.complaint
    fail_msg: "{{ shown.complaint }}"
"""

RETURN = r"""
screen:
  description: The lines of the table and of what is below it.
  returned: always
  type: list
  elements: str
complaint:
  description: A sentence that names the tenants whose policy is not proven; empty where all are.
  returned: always
  type: str
"""
