#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: require_root
short_description: Verify that the tasks of a role run as root
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Fails with one sentence where the user that tasks run as is not root. Without it a role without C(become) would end
    in a bare permission error, and its check mode would predict work on what it could not read.
  - Warns of variables of the host that differ by little from one of the role and are none.
  - The roles of the collection use it. It runs C(id -u) and changes nothing.
extends_documentation_fragment:
  - gantry.odoo.attributes.info
options: {}
"""

EXAMPLES = r"""
- name: Verify that the play has set become
  gantry.odoo.require_root:
"""

RETURN = r"""#"""
