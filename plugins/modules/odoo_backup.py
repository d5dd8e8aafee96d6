#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_backup
short_description: Create consistent, encrypted backups of Odoo databases and their filestores
version_added: 0.1.0
description:
  - Reads the database, the list of its files and the number of its rows in one snapshot, so all three agree.
  - Sends only the files that the repository lacks, each proven by the SHA-1 that names it, and streams the dump
    without a copy on the disk. Everything is compressed and encrypted on this host.
  - A backup counts when the catalog of its tenant has it, which is the last thing that is written. An interrupted run
    leaves no backup, and the next run uses the files that it sent.
  - When one backup fails, the others are still taken, and the module fails in the end.
author:
  - Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.postgresql
  - gantry.odoo.repository
  - gantry.odoo.known_backups
  - gantry.odoo.progress
  - gantry.odoo.attributes
options:
  databases:
    description:
      - The databases to back up.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the database.
        type: str
        required: true
        aliases: [database]
      tenant:
        description: Name of the tenant that the backup belongs to. By default the name of the database.
        type: str
      config:
        description: Path on the target of the C(odoo.conf) with the path of the filestore. By default O(config).
        type: path
      expected:
        description:
          - The state that the database has to have, as in C(backups) of M(gantry.odoo.estate_info). It is compared in
            the snapshot. One that a change has moved, restored or blocked since it was chosen is not backed up, since
            users may write to another one.
          - Without it nothing is compared.
        type: dict
        suboptions:
          home:
            description: Number of its home, see O(gantry.odoo.odoo_database#module:home). V(0) for none.
            type: int
            required: true
          access:
            description: With V(open), its owner has to be able to connect. V(blocked) admits both.
            type: str
            choices: [open, blocked]
            required: true
  config:
    description:
      - Path on the target of the C(odoo.conf) of databases that name none.
    type: path
  odoo_user:
    description:
      - Account that Odoo runs as, whose home directory a V(~) in O(config) means.
    type: str
    default: odoo
  missing:
    description:
      - What to do about a file that the database refers to and the filestore does not hold.
      - V(fail) takes no backup. V(record) takes one and lists the file in its manifest as lost.
      - Such a backup is partial. It does not count as fresh, M(gantry.odoo.odoo_backup_check) and
        M(gantry.odoo.backup_compliance) report it, and it is restored with
        O(gantry.odoo.odoo_restore#module:missing_files=list) alone.
    type: str
    choices: [fail, record]
    default: fail
  other_database:
    description:
      - What to do about a database with another uuid than that of the tenant's newest backup, such as a copy of another
        tenant.
      - V(fail) takes no backup. V(accept) takes one, for example after the database was made anew.
    type: str
    choices: [fail, accept]
    default: fail
  rolled_back:
    description:
      - What to do where the repository lacks the backup that O(known_backups) names.
      - V(fail) takes the backup all the same, since a younger one is better than none, and then fails. V(accept) warns.
    type: str
    choices: [fail, accept]
    default: fail
  max_age_s:
    description:
      - Age in seconds below which a complete backup suffices, so that none is taken. With V(0) one is always taken.
      - Both the moment that the backup shows and the one at which it was complete have to be so young.
    type: int
    default: 0
  keep_days:
    description:
      - Days for which the backup is kept, whatever the policy of the tenant says. V(0) leaves it to the policy. Use it
        before a database is replaced or dropped.
      - The hold C(kept-) with the identifier of the backup is recorded with it, also for one that suffices by
        O(max_age_s). It ends by itself, or by O(gantry.odoo.backup_policy#module:policies[].holds[].state=released).
    type: int
    default: 0
  keep_reason:
    description:
      - Why it is kept. It is shown wherever the backup stays for it.
    type: str
    default: ""
  lock_timeout:
    description:
      - Seconds to wait for another backup or expiry of the same tenant, and for Odoo's own maintenance of attachments.
    type: int
    default: 300
  timeout:
    description:
      - Seconds that each backup may take.
    type: int
    default: 14400
notes:
  - A backup holds Odoo's collector of unused files off until the files are sent. While the collector waits for that,
    for at most ten seconds, it makes writers of attachments wait too.
  - C(pg_dump) has to be of the server's major version or newer.
requirements:
  - pg_dump
seealso:
  - module: gantry.odoo.odoo_restore
  - module: gantry.odoo.backup_policy
"""

EXAMPLES = r"""
- name: Back up two tenants
  gantry.odoo.odoo_backup:
    repository: "{{ backup_repository }}"
    login_host: db1.example
    login_user: gantry
    login_password: "{{ vault_gantry_password }}"
    ca_cert: /etc/odoo/postgresql-ca.pem
    databases:
      - name: harbour
        config: /etc/odoo/harbour.conf
      - name: north
        config: /etc/odoo/shared.conf

- name: Make sure that a backup of the last hour exists
  gantry.odoo.odoo_backup:
    repository: "{{ backup_repository }}"
    login_host: db1.example
    login_user: gantry
    login_password: "{{ vault_gantry_password }}"
    databases:
      - name: harbour
    config: /etc/odoo/harbour.conf
    max_age_s: 3600

- name: Keep what is there for a month, before it is replaced
  gantry.odoo.odoo_backup:
    repository: "{{ backup_repository }}"
    login_host: db1.example
    login_user: gantry
    login_password: "{{ vault_gantry_password }}"
    databases:
      - name: harbour
    config: /etc/odoo/harbour.conf
    keep_days: 30
    keep_reason: before the restore of 22 November
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode, in order.
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: The action., type: str}
    target: {description: Name of its object., type: str}
    why: {description: The reason., type: str}
failures:
  description: One entry for each database whose backup failed.
  returned: always
  type: list
  elements: dict
  contains:
    tenant: {description: Name of the tenant., type: str}
    error: {description: The reason., type: str}
backups:
  description:
    - One entry for each database that has a backup, also where its repository was found rolled back. In check mode what
      is known beforehand.
  returned: always
  type: list
  elements: dict
  contains:
    tenant: {description: Name of the tenant., type: str}
    database: {description: Name of the database., type: str}
    id: {description: Identifier of the backup. In check mode that of a backup that suffices., type: str}
    number: {description: "Number of the backup, which only rises. For O(known_backups).", type: int}
    taken: {description: Whether a backup was or would be taken., type: bool}
    snapshot_time:
      description: Moment that the backup shows, in UTC.
      type: str
      sample: "2026-11-22T10:30:00.123456Z"
    bytes_sent: {description: Bytes written to the repository., type: int}
    dump_bytes: {description: Size of the database's dump in bytes., type: int}
    files_total: {description: Files that the backup refers to., type: int}
    files_sent: {description: Files that the repository lacked., type: int}
    files_missing: {description: Files that the database refers to and that are lost., type: int}
    files_kept: {description: Files that the filestore has lost and the repository still has., type: int}
    files_orphaned: {description: Files of the filestore that the database does not refer to., type: int}
    rows: {description: Rows of all tables., type: int}
    duration_s: {description: Seconds that the backup took., type: float}
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_backup, plan_backup, report_backup
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import State
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_policy import require_seconds
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_known import refuse_rolled_back
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_failures import with_failures
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress, progress_spec, shown
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    InputError,
    RefusedError,
    sentence_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_config import read_config
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import connection as postgres
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._repository import options
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import tenant_root
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import require_libraries

_DATABASE: dict[str, Any] = {
    "name": {"type": "str", "required": True, "aliases": ["database"]},
    "tenant": {"type": "str"},
    "config": {"type": "path"},
    "expected": {
        "type": "dict",
        "options": {
            "home": {"type": "int", "required": True},
            "access": {"type": "str", "choices": ["open", "blocked"], "required": True},
        },
    },
}
OPTIONS: dict[str, Any] = {
    **postgres.argument_spec(),
    **options.argument_spec(),
    **options.known_spec(),
    **progress_spec(),
    "databases": {"type": "list", "elements": "dict", "required": True, "options": _DATABASE},
    "config": {"type": "path"},
    "odoo_user": {"type": "str", "default": "odoo"},
    "missing": {"type": "str", "choices": ["fail", "record"], "default": "fail"},
    "other_database": {"type": "str", "choices": ["fail", "accept"], "default": "fail"},
    "max_age_s": {"type": "int", "default": 0},
    "keep_days": {"type": "int", "default": 0},
    "keep_reason": {"type": "str", "default": ""},
    "lock_timeout": {"type": "int", "default": 300},
    "timeout": {"type": "int", "default": 14400},
}


def databases_from(params: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """The databases, each with its tenant and config. Raises InputError before anything is touched."""
    databases = []
    for item in params["databases"]:
        # an empty variable stands for nothing
        config = params["config"] if item["config"] is None else item["config"]
        if not config:
            raise InputError(f"databases: {item['name']} has no config; give the path of its odoo.conf")
        tenant = item["name"] if item["tenant"] is None else item["tenant"]
        tenant_root(prefix, tenant)
        databases.append({**item, "tenant": tenant, "config": config})
    tenants = [one["tenant"] for one in databases]
    twice = sorted({name for name in tenants if tenants.count(name) > 1})
    if twice:
        raise InputError(f"databases: two of them belong to tenant {twice[0]}; a tenant has one database")
    return databases


def job_from(params: Mapping[str, Any], login: postgres.Login, item: Mapping[str, Any], known: int) -> apply_backup.Job:
    """The backup of one database. known: see Job. Raises StateError where its configuration cannot be read."""
    expected = item["expected"]
    return apply_backup.Job(
        tenant=item["tenant"],
        database=item["name"],
        filestore=filestore_path(read_config(item["config"], params["odoo_user"]).data_dir, item["name"]),
        login=login,
        record_missing=params["missing"] == "record",
        accept_other=params["other_database"] == "accept",
        max_age_s=params["max_age_s"],
        lock_timeout=params["lock_timeout"],
        stay=plan_backup.stay_of(params["keep_days"], params["keep_reason"]),
        known=known,
        expected=State(expected["home"], expected["access"] == "open") if expected else None,
    )


def work(call: Call, progress: Progress) -> Outcome:
    """Back up one database after the other; one that fails does not hold up the others."""
    call.warn_empty("databases")
    require_libraries()
    location = options.location_from(call.params["repository"])
    databases, known = databases_from(call.params, location.prefix), options.known_from(call.params["known_backups"])
    plan_backup.stay_of(call.params["keep_days"], call.params["keep_reason"])
    require_seconds("max_age_s", call.params["max_age_s"])
    accept = call.warn if call.params["rolled_back"] == "accept" else None
    login = postgres.login_from(call.params)
    client = pgtools.client_major("pg_dump", Deadline(10))
    stores = open_stores(location)
    steps: list[Step] = []
    entries, failures = [], {}
    before, after = {}, {}
    for number, item in enumerate(databases, 1):
        tenant = item["tenant"]
        progress.begin(tenant, number, len(databases))
        try:
            with postgres.explaining(f"backing up {item['name']}", login):
                job = job_from(call.params, login, item, 0 if accept else known.get(tenant, 0))
                apply_backup.preflight(job, client)
                if call.check_mode:
                    seen, taken = apply_backup.preview(stores, location.keys, job), None
                else:
                    deadline = Deadline(call.params["timeout"])
                    seen, taken = apply_backup.take(stores, location.keys, job, client, deadline, progress)
        except (GantryError, OSError) as error:
            failures[tenant] = sentence_of(error)
            continue
        said = [*plan_backup.said_of_listed(seen.listed), *plan_backup.said_of_marked(seen.marked)]
        said += plan_backup.said_of_superusers(seen.superusers)
        for warning in [*said, *(taken.warnings if taken else ())]:
            call.warn(f"tenant {tenant}: {warning}")
        steps += plan_backup.steps_of(tenant, job.database, seen)
        entries.append(report_backup.entry(taken) if taken else report_backup.foreseen(tenant, job.database, seen))
        new = [] if seen.fresh else [taken.manifest.name if taken else "a new backup"]
        before[tenant] = [one.name for one in seen.catalog.entries if one not in seen.listed]
        after[tenant] = [*(one.name for one in seen.catalog.entries), *new]
        try:
            refuse_rolled_back(seen.catalog, known.get(tenant, 0), f"{stores.contents.where}, {tenant}", accept)
        except RefusedError as error:
            failures[tenant] = sentence_of(error)
    return with_failures(Outcome(steps, before, after, {"backups": entries}), failures)


def main() -> None:
    run(OPTIONS, shown(work))


if __name__ == "__main__":
    main()
