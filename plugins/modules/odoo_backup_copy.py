#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_backup_copy
short_description: Manage a second repository with a copy of the backups
version_added: 0.1.0
description:
  - Sends the objects that the second repository lacks, encrypted as they are, from any kind of store to any other. The
    catalog goes last, so that the copy is complete at each moment. An interrupted run is completed by the next one.
  - Reads what was sent back from the copy, and a share of the rest. Each manifest, index and dump has to be authentic
    and complete, and each file has to have the SHA-1 that names it. Damaged objects of the copy are sent again.
  - A restore from the copy needs nothing but its location and the key.
  - Marks of damaged backups are of one repository. A backup that is damaged in the first one is not marked in the copy
    where its objects are intact there, and can be restored from it.
  - The wrapped data keys go along at each call. After a rotation, the copy is opened by the new key from then on.
  - Each repository has an identity. A copy that is the first repository under another name, such as by a symbolic link
    or another URL, is refused, and so is a place that has lost the copy which was made there.
  - A first repository that was rolled back, or a copy on which other runs have worked, is refused, since one of the two
    would be lost.
  - A backup or an expiry of the same tenant goes on beside a copy.
  - The module fails where a backup cannot be restored in full from the copy, after everything else is done.
author:
  - Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.repository
  - gantry.odoo.known_backups
  - gantry.odoo.copy
  - gantry.odoo.progress
  - gantry.odoo.attributes
options:
  tenants:
    description:
      - The tenants whose backups are copied.
    type: list
    elements: str
    required: true
  copy:
    required: true
  share_percent:
    description:
      - Share of the objects with dumps and files in the copy that is read, beside what was sent. A later call reads
        another part, so that V(10) reads everything in ten calls.
      - Presence and size of all objects are always verified, and manifests and indexes are always read.
    type: int
    default: 10
  compare_interval_s:
    description:
      - Seconds for which a good comparison suffices. Until then, a call reads only what it has sent, so that it can
        follow each backup.
    type: int
    default: 0
  remove:
    description:
      - Whether objects are removed from the copy that no backup in the first repository needs any more. Without it, the
        copy needs no right to remove, and another account has to do it.
    type: bool
    default: true
  other_copy:
    description:
      - What to do where a copy was made in this place, and it is not there any more, or another repository is, or an
        older state of what copies have found. The directory may have been emptied or rolled back, or not be mounted.
      - V(fail) sends nothing. V(accept) makes the copy anew, and reads all of it, whatever O(share_percent) and
        O(compare_interval_s) say.
    type: str
    choices: [fail, accept]
    default: fail
  lock_timeout:
    description:
      - Seconds to wait for the leases that keep the backups from being removed meanwhile.
    type: int
    default: 300
  timeout:
    description:
      - Seconds that the copy of each tenant may take.
    type: int
    default: 14400
seealso:
  - module: gantry.odoo.odoo_backup
  - module: gantry.odoo.odoo_backup_check
  - module: gantry.odoo.backup_compliance
"""

EXAMPLES = r"""
- name: Copy the backups of two tenants to another region
  gantry.odoo.odoo_backup_copy:
    repository: "{{ backup_repository }}"
    copy:
      endpoint_url: https://s3.elsewhere.example
      bucket: harbour-backups-2
      region: elsewhere-1
      access_key: "{{ vault_copy_access_key }}"
      secret_key: "{{ vault_copy_secret_key }}"
    tenants: [harbour, north]

- name: Restore from the copy, as the first repository is lost
  gantry.odoo.odoo_restore:
    repository: "{{ backup_copy_repository | combine({'keys': backup_repository['keys']}) }}"
    login_host: db1.example
    login_user: gantry
    login_password: "{{ vault_gantry_password }}"
    tenant: harbour
    config: /etc/odoo/harbour.conf
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode, in order.
  returned: always
  type: list
  elements: dict
  contains:
    action: {description: The action., type: str}
    target: {description: Name of its object., type: str}
    why: {description: The reason., type: str}
failures:
  description: One entry for each tenant that could not be copied, or not all of whose backups can be restored in full.
  returned: always
  type: list
  elements: dict
  contains:
    tenant: {description: Name of the tenant., type: str}
    error: {description: The reason., type: str}
copies:
  description: One entry for each tenant, those left out that could not be copied.
  returned: always
  type: list
  elements: dict
  contains:
    tenant: {description: Name of the tenant., type: str}
    ok: {description: Whether each backup can be restored in full from the copy., type: bool}
    backups: {description: Number of backups in the copy that are not marked to be removed., type: int}
    restorable: {description: Number of them that nothing is known to be missing of., type: int}
    newest: {description: Identifier of the newest of them; empty without one., type: str}
    objects_sent: {description: Number of objects that the copy lacked., type: int}
    bytes_sent: {description: Their size in bytes., type: int}
    objects_removed: {description: Number of objects that no backup needed any more., type: int}
    healed: {description: Keys of the objects that were damaged in the copy and sent again., type: list, elements: str}
    part: {description: "Number of the part that was read, V(0) where only what was sent was.", type: int}
    parts: {description: Number of parts that everything is read in., type: int}
    objects_read: {description: Number of objects that were read in the copy., type: int}
    bytes_read: {description: Size in bytes of dumps and files that were read in the copy., type: int}
"""

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_copy, plan_check, plan_copy, report_copy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_policy import require_seconds
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_failures import with_failures
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress, progress_spec, shown
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    StateError,
    sentence_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._repository import options
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import open_repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import require_libraries

OPTIONS: dict[str, Any] = {
    **options.argument_spec(),
    **options.known_spec(accepts=False),
    **progress_spec(),
    "copy": {**options.COPY, "required": True},
    "tenants": {"type": "list", "elements": "str", "required": True},
    "share_percent": {"type": "int", "default": 10},
    "compare_interval_s": {"type": "int", "default": 0},
    "remove": {"type": "bool", "default": True},
    "other_copy": {"type": "str", "choices": ["fail", "accept"], "default": "fail"},
    "lock_timeout": {"type": "int", "default": 300},
    "timeout": {"type": "int", "default": 14400},
}


def work(call: Call, progress: Progress) -> Outcome:
    """Copy one tenant after the other; one that cannot be copied does not hold up the others."""
    call.warn_empty("tenants")
    require_libraries()
    params = call.params
    location = options.location_from(params["repository"])
    copy = options.copy_from(params["copy"], location)
    tenants, known = options.tenants_from(params["tenants"]), options.known_from(params["known_backups"])
    parts = plan_check.parts_of(params["share_percent"])
    interval_s = require_seconds("compare_interval_s", params["compare_interval_s"])
    first_stores, second_stores = open_stores(location), open_stores(copy)
    steps: list[Step] = []
    entries, failures = [], {}
    before, after = {}, {}
    for number, tenant in enumerate(tenants, 1):
        progress.begin(tenant, number, len(tenants))
        order = apply_copy.Order(
            parts=parts,
            known=known.get(tenant, 0),
            remove=params["remove"],
            accept_new=params["other_copy"] == "accept",
            compare_interval_s=interval_s,
            lock_timeout=params["lock_timeout"],
            timeout=params["timeout"],
        )
        try:
            first = open_repository(first_stores, tenant, location.keys)
            if first is None:
                raise StateError(f"it has no backup in the {first_stores.contents.where}; take one")
            work_on = apply_copy.foresee if call.check_mode else apply_copy.copy
            done = work_on(first, second_stores, location.keys, order, progress)
        except (GantryError, OSError) as error:
            failures[tenant] = sentence_of(error)
            continue
        steps += plan_copy.steps_of(done)
        entries.append(report_copy.entry(done))
        before[tenant], after[tenant] = report_copy.before(done), report_copy.after(done)
        if why := plan_copy.failure_of(done):
            failures[tenant] = why
    return with_failures(Outcome(steps, before, after, {"copies": entries}), failures)


def main() -> None:
    run(OPTIONS, shown(work))


if __name__ == "__main__":
    main()
