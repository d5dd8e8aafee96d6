#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_backup_check
short_description: Verify the backups of Odoo databases, and heal damaged ones
version_added: 0.1.0
description:
  - Reads the backups of each tenant. Each object has to be there with its size, each manifest, index and dump has to be
    authentic and complete, and each file has to have the SHA-1 that names it. An object that many backups share is read
    once.
  - Marks damaged backups in the catalog. A backup whose dump, manifest or index is damaged does not count in the
    retention of M(gantry.odoo.backup_policy), as a fresh backup, or as the latest one of M(gantry.odoo.odoo_restore).
  - The next backup sends the files of damaged objects again, where they are still on the disk. The next check then
    heals older backups. A damaged file is also healed from any other object that has it intact.
  - With O(copy), a damaged object is replaced by that of the copy where that one is proven to be intact. This heals
    dumps and manifests too. Manifests and indexes that are intact in one of the two say what is to be proven, so a copy
    that lacks the newest backups heals what it has of the others. Run M(gantry.odoo.odoo_backup_copy) after each
    backup, so that it has the newest ones too.
  - A copy that does not answer, that is gone from its place, or that fails in the middle of that, is a failure of its
    own. The backups are read and marked all the same.
  - The copy itself is checked by giving its location as O(repository). Its damaged backups are marked there, and healed
    by M(gantry.odoo.odoo_backup_copy). It stays a copy.
  - A backup or an expiry of the same tenant goes on beside a check. Only healing takes a turn, after reading.
  - The module fails where a backup that is to stay cannot be restored in full, after it has marked and healed.
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
      - The tenants whose backups are checked.
    type: list
    elements: str
    required: true
  share_percent:
    description:
      - Share of the objects with dumps and files that is read. A later call reads another part, so that V(10) reads
        everything in ten calls.
      - Presence and size of all objects are always verified, and manifests and indexes are always read. So are objects
        that a former check has found damaged.
    type: int
    default: 100
  rebuild:
    description:
      - Build the catalog of each tenant anew from the manifests of its backups, where its records are lost. Backups
        that were marked to be removed are no longer marked.
      - The policy and the holds that stood are lost, but for those that a copy in O(copy) knows of. A hold
        C(rebuilt-catalog) keeps all backups, until M(gantry.odoo.backup_policy) is given the policy and the lost holds
        anew, and this one as released.
      - Refused where there is a catalog.
    type: bool
    default: false
  rolled_back:
    description:
      - What to do where the repository lacks the backup that O(known_backups) names.
      - V(fail) checks what is there and then fails, and builds no catalog anew. V(accept) warns.
    type: str
    choices: [fail, accept]
    default: fail
  lock_timeout:
    description:
      - Seconds to wait for a backup of the same tenant before damaged backups are healed.
    type: int
    default: 300
  timeout:
    description:
      - Seconds that reading the backups of each tenant may take.
    type: int
    default: 14400
seealso:
  - module: gantry.odoo.odoo_backup
  - module: gantry.odoo.odoo_backup_copy
  - module: gantry.odoo.odoo_restore
  - module: gantry.odoo.backup_policy
"""

EXAMPLES = r"""
- name: Verify all backups of two tenants
  gantry.odoo.odoo_backup_check:
    repository: "{{ backup_repository }}"
    tenants: [harbour, north]

- name: Verify a tenth each night
  gantry.odoo.odoo_backup_check:
    repository: "{{ backup_repository }}"
    tenants: [harbour, north]
    share_percent: 10

- name: Verify all backups, and heal what is intact in the second repository
  gantry.odoo.odoo_backup_check:
    repository: "{{ backup_repository }}"
    copy: "{{ backup_copy_repository }}"
    tenants: [harbour, north]

- name: Build a lost catalog anew
  gantry.odoo.odoo_backup_check:
    repository: "{{ backup_repository }}"
    tenants: [harbour]
    rebuild: true
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
  description: One entry for each tenant whose backups could not be read, or cannot all be restored in full.
  returned: always
  type: list
  elements: dict
  contains:
    tenant: {description: Name of the tenant., type: str}
    error: {description: The reason., type: str}
checks:
  description: One entry for each tenant, those left out whose backups could not be read.
  returned: always
  type: list
  elements: dict
  contains:
    tenant: {description: Name of the tenant., type: str}
    ok: {description: Whether each backup can be restored in full., type: bool}
    replaced:
      description: Keys of the damaged objects that were replaced by those of O(copy).
      type: list
      elements: str
    part: {description: Number of the part that was read., type: int}
    parts: {description: Number of parts that everything is read in., type: int}
    objects_read: {description: Number of objects that were read., type: int}
    bytes_read: {description: Size in bytes of dumps and files that were read., type: int}
    backups:
      description: The backups, the oldest first.
      type: list
      elements: dict
      contains:
        id: {description: Identifier of the backup., type: str}
        snapshot_time: {description: "Moment that the backup shows, in UTC.", type: str}
        expired: {description: Whether the backup is marked to be removed., type: bool}
        result: {description: "One of V(ok), V(healed) and V(damaged).", type: str}
        restorable:
          description: >-
            V(full), V(partial) for all but some of its files, or V(none). After healing, in check mode as healing would
            leave it.
          type: str
        files_missing: {description: Files that were missing when the backup was taken., type: int}
        files_damaged: {description: Files that cannot be restored., type: int}
        findings:
          description: The damaged objects that the backup needs.
          type: list
          elements: dict
          contains:
            object: {description: Key of the object below the tenant's root., type: str}
            kind: {description: "One of V(manifest), V(dump), V(index) and V(files).", type: str}
            why: {description: The damage in words., type: str}
            files: {description: Files of the backup that cannot be read there., type: int}
            files_healed: {description: How many of them lie intact in other objects., type: int}
            names: {description: The first few of them., type: list, elements: str}
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_check, plan_check, report_check
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_known import refuse_rolled_back
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_copy import open_copy, open_stores_of_copy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_failures import with_failures
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress, progress_spec, shown
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    RefusedError,
    StateError,
    sentence_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._repository import options
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    open_repository,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores, open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_location import Location
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import require_libraries

OPTIONS: dict[str, Any] = {
    **options.argument_spec(),
    **options.known_spec(),
    "copy": options.COPY,
    **progress_spec(),
    "tenants": {"type": "list", "elements": "str", "required": True},
    "share_percent": {"type": "int", "default": 100},
    "rebuild": {"type": "bool", "default": False},
    "lock_timeout": {"type": "int", "default": 300},
    "timeout": {"type": "int", "default": 14400},
}


def order_from(params: Mapping[str, Any]) -> apply_check.Order:
    """The check that the parameters ask for of each tenant. Raises InputError for what cannot be done."""
    return apply_check.Order(
        parts=plan_check.parts_of(params["share_percent"]),
        rebuild=params["rebuild"],
        lock_timeout=params["lock_timeout"],
        timeout=params["timeout"],
    )


def repository_of(stores: Stores, location: Location, tenant: str) -> Repository:
    """The repository of a tenant. Raises StateError where it has none."""
    repository = open_repository(stores, tenant, location.keys)
    if repository is None:
        raise StateError(f"it has no backup in the {stores.contents.where}; take one")
    return repository


def work(call: Call, progress: Progress) -> Outcome:
    """Check one tenant after the other; one that cannot be read does not hold up the others."""
    call.warn_empty("tenants")
    require_libraries()
    location = options.location_from(call.params["repository"])
    tenants, known = options.tenants_from(call.params["tenants"]), options.known_from(call.params["known_backups"])
    accept = call.warn if call.params["rolled_back"] == "accept" else None
    order = order_from(call.params)
    stores = open_stores(location)
    second = options.copy_from(call.params["copy"], location) if call.params["copy"] else None
    copies = open_stores_of_copy(second) if second else None
    steps: list[Step] = []
    entries, failures = [], {}
    before, after = {}, {}
    for number, tenant in enumerate(tenants, 1):
        progress.begin(tenant, number, len(tenants))
        try:
            repository = repository_of(stores, location, tenant)
            order = replace(order, known=0 if accept else known.get(tenant, 0))
            copy, why = open_copy(repository, copies, location.keys) if copies else (None, "")
            found = (apply_check.foresee if call.check_mode else apply_check.check)(repository, order, progress, copy)
        except (GantryError, OSError) as error:
            failures[tenant] = sentence_of(error)
            continue
        for warning in found.warnings:
            call.warn(f"tenant {tenant}: {warning}")
        steps += plan_check.steps_of(found)
        entries.append(report_check.entry(found))
        before[tenant], after[tenant] = report_check.before(found), report_check.after(found)
        faults = [plan_check.failure_of(found), why]
        # a catalog that was made anew has given up all former numbers
        seen = replace(found.catalog, given_up=0) if found.rebuilt else found.catalog
        try:
            refuse_rolled_back(seen, known.get(tenant, 0), repository.where, accept)
        except RefusedError as error:
            faults.append(str(error))
        if any(faults):
            failures[tenant] = "; ".join(filter(None, faults))
    return with_failures(Outcome(steps, before, after, {"checks": entries}), failures)


def main() -> None:
    run(OPTIONS, shown(work))


if __name__ == "__main__":
    main()
