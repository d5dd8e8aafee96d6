# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the attributes that every module of the collection has."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of a module that changes something, of one that only reads (INFO), and of an action (CONTROLLER)."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode, returns what it would do, and changes nothing.
    support: full
  diff_mode:
    description: Returns what differs when in diff mode, without secrets.
    support: full
  platform:
    description: The operating systems of the hosts that it runs on.
    platforms: posix
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode. Only reads, in check mode and otherwise.
    support: full
  diff_mode:
    description: Returns what differs when in diff mode. There is nothing to compare.
    support: none
  platform:
    description: The operating systems of the hosts that it runs on.
    platforms: posix
    support: full
"""

    CONTROLLER = r"""
options: {}
attributes:
  action:
    description: Runs on the controller, as an action plugin.
    support: full
  check_mode:
    description: Can run in check mode, returns what it would do, and changes nothing.
    support: full
  diff_mode:
    description: Returns what differs when in diff mode. There is nothing to compare.
    support: none
  platform:
    description: The operating systems of the hosts that it runs on.
    platforms: posix
    support: full
"""
