#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_backup_info
short_description: Gather information about the backups to restore
version_added: 0.1.0
description:
  - Returns for each tenant the backup that M(gantry.odoo.odoo_restore) takes for V(latest), without a database server.
  - Opens its manifest, which proves that the keys are right and that it is authentic. Does not read dump and files.
    M(gantry.odoo.odoo_backup_check) does.
author:
  - Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.repository
  - gantry.odoo.known_backups
  - gantry.odoo.attributes.info
options:
  tenants:
    description: The tenants whose backups are looked for.
    type: list
    elements: str
    required: true
  at:
    description:
      - A moment in ISO 8601 with its zone, such as V(2026-11-22T10:30:00Z). The newest backup that shows this moment or
        an earlier one is returned. If not set, the newest backup. One that is in the future by the clock of the
        repository is refused.
    type: str
    default: ""
  missing_files:
    description:
      - Whether a backup is returned of which files are known to be missing or damaged, as
        O(gantry.odoo.odoo_restore#module:missing_files) takes it.
    type: str
    choices: [fail, list]
    default: fail
  rolled_back:
    description:
      - What to do where the repository lacks the backup that O(known_backups) names.
      - V(fail) returns no backup of that tenant. V(accept) warns, for a site whose newest state is lost.
    type: str
    choices: [fail, accept]
    default: fail
seealso:
  - module: gantry.odoo.odoo_restore
  - module: gantry.odoo.backup_policy
"""

EXAMPLES = r"""
- name: Gather the backups of this morning
  gantry.odoo.odoo_backup_info:
    repository: "{{ backup_repository }}"
    tenants: [harbour, north]
    at: "2026-11-22T06:00:00+01:00"
  register: found
"""

RETURN = r"""
backups:
  description: One entry for each tenant, in the order of O(tenants).
  returned: success
  type: list
  elements: dict
  contains:
    tenant: {description: Name of the tenant., type: str}
    backup: {description: Identifier of the backup; empty where none can be restored., type: str}
    snapshot_time: {description: "Moment that the backup shows, in UTC; empty without a backup.", type: str}
    age_s: {description: Its age in seconds by the store's clock; null without a backup., type: float}
    age: {description: "Its age for people, such as V(3 h 20 min); empty without a backup.", type: str}
    dump_bytes: {description: Size of its dump in bytes; null without a backup., type: int}
    files_bytes: {description: Size of its files in bytes; null without a backup., type: int}
    backups:
      description:
        - Number of backups in the repository, fit or not; null where its catalog cannot be read, or was rolled back as
          O(known_backups) or the manifests show.
      type: int
    error: {description: The reason why there is none; empty with a backup., type: str}
    warnings:
      description:
        - Why it is no later or no better one, such as a later one that is damaged, or one that is dated more than 15
          minutes after the clock of the store. The module warns of the same.
      type: list
      elements: str
"""

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_newest import read_newest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_restore import Choice
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._repository import options
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import require_libraries

OPTIONS: dict[str, Any] = {
    **options.argument_spec(),
    **options.known_spec(),
    "tenants": {"type": "list", "elements": "str", "required": True},
    "at": {"type": "str", "default": ""},
    "missing_files": {"type": "str", "choices": ["fail", "list"], "default": "fail"},
}


def work(call: Call) -> Outcome:
    """Read, report."""
    require_libraries()
    tenants, until = options.tenants_from(call.params["tenants"]), options.moment_from(call.params["at"])
    location = options.location_from(call.params["repository"])
    known, accept_missing = options.known_from(call.params["known_backups"]), call.params["missing_files"] == "list"
    accept_older = call.params["rolled_back"] == "accept"
    choices = {name: Choice("latest", accept_missing, known.get(name, 0), accept_older, until) for name in tenants}
    found = list(read_newest(open_stores(location), choices, location.keys))
    for one in found:
        for sentence in one.warnings:
            call.warn(f"tenant {one.tenant}: {sentence}")
    return Outcome(facts={"backups": [one.as_dict() for one in found]})


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


if __name__ == "__main__":
    main()
