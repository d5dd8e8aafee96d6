#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_packages
short_description: Manage the Debian packages that a role needs
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Asks the host which of the packages it lacks, and has M(ansible.builtin.apt) install these.
  - A host that lacks none needs neither package lists nor the lock of the package manager, and the call is one command.
  - Check mode also predicts on a host without C(python3-apt), where M(ansible.builtin.apt) cannot.
  - A package that is there is left at its version.
options:
  names:
    description:
      - Names of the packages, without versions.
    type: list
    elements: str
    required: true
  default_release:
    description:
      - The release of the distribution to take missing packages from.
    type: str
  start_services:
    description:
      - Whether packages may start their own services.
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait for the lock of the package manager.
    type: int
    default: 120
extends_documentation_fragment:
  - gantry.odoo.attributes
attributes:
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Install Redis without starting it
  gantry.odoo.host_packages:
    names: [redis-server, redis-tools]
    start_services: false
"""

RETURN = r"""
missing:
  description: The packages that the host lacked before the run, in order.
  returned: success
  type: list
  elements: str
"""
