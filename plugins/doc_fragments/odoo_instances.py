# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Odoo instances of a host, and what runs them."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  instances:
    description:
      - The instances of the host.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the instance.
        type: str
        required: true
      http_port:
        description:
          - Port of its web workers.
        type: int
        default: 8069
      websocket_port:
        description:
          - Port of its websocket process.
        type: int
        default: 8072
      cron:
        description:
          - Whether it has a cron process, which it has where it has databases to visit.
        type: bool
        default: false
  runtime:
    description:
      - What runs the processes of the instances.
    type: str
    choices: [systemd, docker]
    default: systemd
  root:
    description:
      - Directory that holds C(releases) and C(current).
    type: path
    default: /opt/odoo
  config_dir:
    description:
      - Directory of the configuration of the instances.
    type: path
    default: /etc/odoo
"""

    FENCING = r"""
options:
  fencing_number:
    description:
      - The C(fencing_number) of the change, see M(gantry.odoo.change_open). The highest one is kept in O(root). A run
        with a lower one is refused, since its change was overtaken. V(0) compares nothing.
    type: int
    default: 0
"""
