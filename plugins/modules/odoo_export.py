#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_export
short_description: Create an archive of an Odoo database that Odoo can load
version_added: 0.1.0
description:
  - Writes a database and its files into one ZIP archive of the form that Odoo writes and loads, with C(dump.sql),
    C(filestore) and C(manifest.json). It needs nothing of this collection, for example where a company is sold.
  - Reads the database and the list of its files in one snapshot. Each file has to have the SHA-1 that names it, and
    the archive is read again before it gets its name.
  - An archive of the same database that is there already is left as it is, unless O(force) is set. Another file is
    never overwritten.
  - For backups use M(gantry.odoo.odoo_backup), which sends only what is new.
author:
  - Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.postgresql
  - gantry.odoo.progress
  - gantry.odoo.attributes
options:
  name:
    description:
      - Name of the database.
    type: str
    required: true
  config:
    description:
      - Path on the target of the C(odoo.conf) with the path of the filestore.
    type: path
    required: true
  odoo_user:
    description:
      - Account that Odoo runs as, whose home directory a V(~) in O(config) means.
    type: str
    default: odoo
  path:
    description:
      - Path on the target of the archive, with the ending C(.zip). Its directory has to exist. The file is readable by
        its owner alone, since it holds all data of the tenant, password hashes included.
    type: path
    required: true
  force:
    description:
      - Whether an archive of the same database is written anew.
    type: bool
    default: false
  lock_timeout:
    description:
      - Seconds to wait for locked tables, and for Odoo's own maintenance of attachments.
    type: int
    default: 300
  timeout:
    description:
      - Seconds that the export may take.
    type: int
    default: 14400
requirements:
  - pg_dump
seealso:
  - module: gantry.odoo.odoo_backup
"""

EXAMPLES = r"""
- name: Write an archive for the buyer of the company
  gantry.odoo.odoo_export:
    login_host: db1.example
    login_user: gantry
    login_password: "{{ vault_gantry_password }}"
    ca_cert: /etc/odoo/postgresql-ca.pem
    name: harbour
    config: /etc/odoo/harbour.conf
    path: /srv/exports/harbour.zip
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode, in order.
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: The action., type: str}
    target: {description: Path of the archive., type: str}
    why: {description: The reason., type: str}
export:
  description: The archive that was written, empty where none was.
  returned: success
  type: dict
  contains:
    files: {description: Number of files of the filestore in it., type: int}
    rows: {description: Rows of all tables in it., type: int}
    size: {description: Its size in bytes., type: int}
    sha256: {description: Its SHA-256., type: str}
"""

from dataclasses import asdict

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_export
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_export import plan
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress, progress_spec, shown
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import check_name
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_config import read_config
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import connection as postgres
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools

OPTIONS = {
    **postgres.argument_spec(),
    **progress_spec(),
    "name": {"type": "str", "required": True},
    "config": {"type": "path", "required": True},
    "odoo_user": {"type": "str", "default": "odoo"},
    "path": {"type": "path", "required": True},
    "force": {"type": "bool", "default": False},
    "lock_timeout": {"type": "int", "default": 300},
    "timeout": {"type": "int", "default": 14400},
}


def work(call: Call, progress: Progress) -> Outcome:
    """Write the archive unless it is there."""
    params, deadline = call.params, Deadline(call.params["timeout"])
    name = check_name(params["name"], "name")
    progress.begin(name)
    login = postgres.login_from(params)
    filestore = filestore_path(read_config(params["config"], params["odoo_user"]).data_dir, name)
    order = apply_export.Export(name, filestore, login, params["path"], params["lock_timeout"])
    client = pgtools.client_major("pg_dump", Deadline(10))
    apply_export.require_place(order.path)
    there = apply_export.found(order.path)
    steps = plan(order.path, name, apply_export.uuid_of(login, name), there, force=params["force"])
    written = {}
    if steps and not call.check_mode:
        written = asdict(apply_export.write(order, client, deadline, progress))
    said = {"path": order.path, "exists": there is not None}
    return Outcome(steps, said, {**said, "exists": True}, {"export": written})


def main() -> None:
    """Entry point of the module."""
    run(OPTIONS, shown(work))


if __name__ == "__main__":
    main()
