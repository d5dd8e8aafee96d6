# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How modules that may take hours show their progress."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  progress_interval:
    description:
      - Seconds between two lines that show how far the module is, on the standard error of C(ansible-playbook). The
        first line comes after as many seconds. V(0) shows none.
      - The lines are shown where the module runs as C(root), and not with C(async).
    type: int
    default: 5
  progress_id:
    description:
      - Set by the action plugin. Do not set it.
    type: str
    default: ""
"""
