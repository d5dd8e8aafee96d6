#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_backup
short_description: Back up Odoo databases with their filestores to S3, consistently
version_added: 0.1.0
description:
  - Reads the database, the list of its files and the number of its rows in one snapshot, so all three agree.
  - Sends only the files that the bucket lacks, each proven by the SHA-1 that names it, and streams the dump
    without a copy on the disk.
  - Writes the manifest last. What an interrupted run leaves has none, is no backup, and is removed by the next run.
  - Checks every database and the repository before the first backup is taken. When one backup fails later, the others
    are still taken, and the module fails in the end.
author:
  - Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.postgresql
  - gantry.odoo.s3
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
        description: Path on the target of the C(odoo.conf) that tells where the filestore is. By default O(config).
        type: path
  config:
    description:
      - Path on the target of the C(odoo.conf) of databases that name none.
    type: path
  missing:
    description:
      - What to do about a file that the database refers to and the filestore does not hold.
      - V(fail) takes no backup. V(record) takes one and lists the file in its manifest as lost.
    type: str
    choices: [fail, record]
    default: fail
  max_age_s:
    description:
      - Age in seconds below which a complete backup suffices, so that none is taken. With V(0) one is always taken.
    type: int
    default: 0
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
attributes:
  check_mode:
    support: full
    description: Can run without changing anything, and reports what would be sent.
  diff_mode:
    support: full
    description: Shows the complete backups of each tenant before and after.
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
"""

RETURN = r"""
steps:
  description: What was done, or would be in check mode, in order.
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What is done., type: str}
    target: {description: What it is done to., type: str}
    why: {description: The reason., type: str}
backups:
  description: One entry for each database, those that failed left out. In check mode what is known beforehand.
  returned: always
  type: list
  elements: dict
  contains:
    tenant: {description: Name of the tenant., type: str}
    database: {description: Name of the database., type: str}
    id: {description: Identifier of the backup. In check mode that of a backup that suffices., type: str}
    taken: {description: Whether a backup was or would be taken., type: bool}
    snapshot_time:
      description: Moment that the backup shows, in UTC.
      type: str
      sample: "2026-11-22T10:30:00.123456Z"
    bytes_sent: {description: Bytes written to the bucket. In check mode those of the files alone., type: int}
    dump_bytes: {description: Size of the database's dump in bytes., type: int}
    files_total: {description: Files that the backup refers to., type: int}
    files_sent: {description: Files that the bucket lacked., type: int}
    files_missing: {description: Files that the database refers to and nobody has., type: int}
    files_orphaned: {description: Files of the filestore that the database does not refer to., type: int}
    rows: {description: Rows of all tables., type: int}
    duration_s: {description: Seconds that the backup took., type: float}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gantry.odoo.plugins.module_utils._backup import options, s3, take
from ansible_collections.gantry.odoo.plugins.module_utils._backup.layout import layout_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.manifest import stamp
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import result
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.paths import filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_config import read_config
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import connection as postgres
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools


def argument_spec():
    """The options of the module."""
    item = {
        "name": {"type": "str", "required": True, "aliases": ["database"]},
        "tenant": {"type": "str"},
        "config": {"type": "path"},
    }
    return {
        **postgres.argument_spec(),
        **options.argument_spec(),
        "databases": {"type": "list", "elements": "dict", "required": True, "options": item},
        "config": {"type": "path"},
        "missing": {"type": "str", "choices": ["fail", "record"], "default": "fail"},
        "max_age_s": {"type": "int", "default": 0},
        "lock_timeout": {"type": "int", "default": 300},
        "timeout": {"type": "int", "default": 14400},
    }


def jobs_from(params, prefix):
    """The backups that the parameters ask for. Raises InputError before anything is touched."""
    login = postgres.login_from(params)
    jobs = []
    for item in params["databases"]:
        config = item["config"] or params["config"]
        if not config:
            raise InputError(f"databases: {item['name']} has no config; give the path of its odoo.conf")
        filestore = filestore_path(read_config(config).data_dir, item["name"])
        jobs.append(
            take.Job(
                layout=layout_of(prefix, item["tenant"] or item["name"]),
                database=item["name"],
                filestore=filestore,
                login=login,
                record_missing=params["missing"] == "record",
                max_age_s=params["max_age_s"],
                lock_timeout=params["lock_timeout"],
            )
        )
    tenants = [job.layout.tenant for job in jobs]
    twice = sorted({name for name in tenants if tenants.count(name) > 1})
    if twice:
        raise InputError(f"databases: two of them belong to tenant {twice[0]}; a tenant has one database")
    return jobs


def run(params, check_mode):
    """Prove that all can be backed up, then take one after the other; the answer, and the sentences of failures."""
    settings = options.settings_from(params)
    jobs = jobs_from(params, settings.prefix)
    client = pgtools.client_major("pg_dump", Deadline(10))
    bucket = s3.open_bucket(settings)
    for job in jobs:
        take.preflight(job, client)
    steps, before, after, entries, failures = [], {}, {}, [], []
    for job in jobs:
        try:
            if check_mode:
                seen, taken = take.preview(bucket, job), None
            else:
                seen, taken = take.take(bucket, job, client, Deadline(params["timeout"]))
        except GantryError as error:
            failures.append(f"tenant {job.layout.tenant}: {error}")
            continue
        steps += take.steps_of(job, seen)
        entries.append(entry(job, taken) if taken else foreseen(job, seen))
        before[job.layout.tenant] = list(seen.complete)
        new = [] if seen.fresh else [taken.manifest.backup_id if taken else "a new backup"]
        after[job.layout.tenant] = [*seen.complete, *new]
    return result(steps, before, after, backups=entries), failures


def foreseen(job, found):
    """An entry for a backup that is not, or not yet, taken."""
    return {
        "tenant": job.layout.tenant,
        "database": job.database,
        "id": found.fresh or "",
        "taken": found.fresh is None,
        "bytes_sent": 0 if found.fresh else found.send_bytes,
        "files_total": len(found.choice.present),
        "files_sent": 0 if found.fresh else len(found.choice.send),
        "files_missing": len(found.choice.missing),
        "files_orphaned": found.choice.orphans,
    }


def entry(job, taken):
    """An entry for a backup that was taken."""
    manifest = taken.manifest
    return {
        "tenant": job.layout.tenant,
        "database": job.database,
        "id": manifest.backup_id,
        "taken": True,
        "snapshot_time": stamp(manifest.snapshot_time),
        "bytes_sent": taken.bytes_sent,
        "dump_bytes": manifest.dump.size,
        "files_total": manifest.filestore.files,
        "files_sent": taken.files_sent,
        "files_missing": len(manifest.filestore.missing),
        "files_orphaned": manifest.filestore.orphans,
        "rows": sum(manifest.database.tables.values()),
        "duration_s": round(taken.duration_s, 3),
    }


def main():
    """Entry point."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    s3.require_boto3(module)
    postgres.require_psycopg2(module)
    try:
        answer, failures = run(module.params, module.check_mode)
    except GantryError as error:
        module.fail_json(msg=str(error))
    if failures:
        module.fail_json(msg="; ".join(failures), **answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
