#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_files
short_description: Manage many directories and files of a host in one call
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Creates the directories and files that are not there, and corrects text, owner, group and mode of the others, in the
    order in which they are given.
  - A file changes in one step that lasts. A file whose text is the same is not written.
options:
  files:
    description: The directories and files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      content:
        description: Text of the file. An item without O(files[].content) and O(files[].secret) is a directory.
        type: str
      secret:
        description: Text of a file that holds secrets, which neither the log nor the diff shows.
        type: str
      once:
        description: Whether a file that is there is left alone, whatever its text, owner and mode.
        type: bool
        default: false
      owner:
        description: Name or number of the user.
        type: str
        default: root
      group:
        description: Name or number of the group. That of the user when left out.
        type: str
      mode:
        description: Mode in octal digits, such as V(0640).
        type: str
        required: true
extends_documentation_fragment:
  - gantry.odoo.attributes
"""

EXAMPLES = r"""
- name: Write the configuration of an instance
  gantry.odoo.host_files:
    files:
      - path: /etc/odoo
        mode: "0755"
      - path: /etc/odoo/harbour.conf
        secret: "{{ harbour_conf }}"
        group: odoo
        mode: "0640"
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: V(create) or V(change).
      type: str
    target:
      description: The path.
      type: str
    why:
      description: The reason, as a person would say it.
      type: str
"""

from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_files import apply_files
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.options_files import items_from
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_files import plan_files
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import read_items
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_files import shown

OPTIONS = {
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "mutually_exclusive": [("content", "secret")],
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str"},
            "secret": {"type": "str", "no_log": True},
            "once": {"type": "bool", "default": False},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str"},
            "mode": {"type": "str", "required": True},
        },
    },
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Bring every item to the wanted state."""
    options = call.params["files"]
    wanted = items_from(options)
    found = read_items(wanted)
    steps = plan_files(wanted, found)
    if not call.check_mode:
        apply_files(steps)
    secret = {option["path"] for option in options if option["secret"] is not None}
    return Outcome(steps, *shown(steps, found, secret))


if __name__ == "__main__":
    main()
