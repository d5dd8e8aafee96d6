# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the scripts that addons bring to neutralize a database."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_code import Listed
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_odoo import Odoo

SCRIPT = "data/neutralize.sql"
# Odoo runs it without a database, where its code is, which may be an image. The last line is the answer.
_ASK = f"""
import json, os
import odoo.modules
found = {{}}
for directory in odoo.addons.__path__:
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if name not in found and os.path.isfile(os.path.join(path, "__manifest__.py")):
            script = os.path.join(path, {SCRIPT!r})
            found[name] = open(script, encoding="utf-8").read() if os.path.isfile(script) else ""

print()
print(json.dumps(found))
"""


def scripts_on_disk(listed: Mapping[str, Listed]) -> dict[str, str]:
    """The script of each addon whose code can be seen, by name; empty where it brings none."""
    return {name: addon.text(SCRIPT) for name, addon in listed.items()}


def scripts_through(odoo: Odoo, deadline: Deadline) -> dict[str, str]:
    """The same, asked of Odoo itself, for code that this host cannot see, as that of a container."""
    what = "reading the scripts of all addons"
    said = odoo.shell("", _ASK, deadline, what).strip().splitlines()
    try:
        found: dict[str, str] = json.loads(said[-1])
    except (IndexError, ValueError) as error:
        raise StateError(f"{what} through Odoo gave no answer; see that odoo_command can run a shell") from error
    return found
