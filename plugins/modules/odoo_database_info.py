#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather information about Odoo databases."""

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_database_info
short_description: Gather information about Odoo databases
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Reads the databases of Odoo on a server, all or some, in one call. Changes nothing.
  - A fingerprint tells whether two databases hold the same. It is computed inside PostgreSQL from one snapshot, does
    not depend on the order of rows, and leaves no table out; so compare databases that nobody writes to, such as
    blocked ones.
  - All of it is read-only. What concerns the server is asked once for all databases, and a database is asked by one
    connection and a query or two for each of O(gather).
extends_documentation_fragment:
  - gantry.odoo.postgresql
  - gantry.odoo.attributes.info
options:
  names:
    description:
      - Databases to tell of. When empty, all databases of Odoo on the server.
    type: list
    elements: str
    default: []
  gather:
    description:
      - What to tell. V(summary) is always part of it.
      - V(filestore) looks for each file that the database refers to and for files that it does not refer to, and needs
        O(config) or O(data_dir) on this host.
      - V(activity) tells of sessions, waits, old transactions and replication slots. The server shows the sessions of
        other roles only to a superuser, a member of C(pg_read_all_stats) or C(pg_monitor), or a member of those roles.
      - V(cron) tells whether scheduled actions are run, from what the database says of them.
      - V(drift) tells what is not as a careful admin wants it. What C(odoo.conf) has to do with it is told only with
        O(config), and only of the databases that this instance serves, which are those in its C(db_name), or those
        that its role owns. The command line and, from Odoo 19 on, the environment of the instance's running processes
        count as Odoo counts them. To read the environment of another account's process takes C(become).
    type: list
    elements: str
    choices: [summary, modules, filestore, fingerprint, activity, cron, drift]
    default: [summary]
  config:
    description:
      - Path of the instance's C(odoo.conf), which names the data directory.
      - For V(cron) in O(gather), it also names the addons, so that the version of the code can be compared.
    type: path
  odoo_user:
    description:
      - Account that Odoo runs as, whose home directory a V(~) in O(config) means.
    type: str
    default: odoo
  data_dir:
    description:
      - Data directory of the instance, where there is no O(config).
    type: path
  verify_content:
    description:
      - Whether V(filestore) reads each file and compares it with its SHA-1, or only looks whether it is there.
    type: bool
    default: true
  cron_grace:
    description:
      - Seconds after which a scheduled action that was due and has not been run is overdue, whatever its interval.
      - Odoo looks for due ones every minute, and one that has run has its next date at once. So what is overdue waits
        for others, runs longer than this, or is never looked at.
    type: int
    default: 900
  timeout:
    description:
      - Seconds that one statement may take on the server.
    type: int
    default: 600
seealso:
  - module: gantry.odoo.odoo_database
"""

EXAMPLES = r"""
- name: All databases of Odoo, asked on the database host as its superuser
  gantry.odoo.odoo_database_info:
    login_host: /run/postgresql
    login_user: postgres
  become: true
  become_user: postgres

- name: Prove what harbour holds before it is moved
  gantry.odoo.odoo_database_info:
    login_host: db1.example.com
    login_user: gantry
    login_password: "{{ vault_postgresql_password }}"
    ca_cert: /etc/odoo/postgresql-ca.pem
    config: /etc/odoo/harbour.conf
    names: [harbour]
    gather: [summary, filestore, fingerprint]

- name: See at one glance what needs care on the server of the instance harbour
  gantry.odoo.odoo_database_info:
    login_host: db1.example.com
    login_user: gantry
    login_password: "{{ vault_postgresql_password }}"
    ca_cert: /etc/odoo/postgresql-ca.pem
    config: /etc/odoo/harbour.conf
    gather: [filestore, activity, cron, drift]
    verify_content: false
  register: seen

- name: Let no slot without a reader fill the disk, and no job wait unseen
  ansible.builtin.assert:
    that:
      - seen.replication_slots | selectattr('dead') | length == 0
      - seen.databases.values() | map(attribute='cron.overdue') | flatten | length == 0
"""

RETURN = r"""
databases:
  description: Facts by name of the database.
  returned: success
  type: dict
  contains:
    exists:
      description: Whether the database exists. If not, nothing else is told.
      type: bool
    owner:
      description: Role that owns the database.
      type: str
    open:
      description:
        - Whether its owner, or any other role but the login and superusers, may connect. V(false) for a blocked
          database.
      type: bool
    size_bytes:
      description: Size on the server's disk, in bytes. Not told to a login that may not connect to the database.
      type: int
    odoo:
      description: Whether it is a database of Odoo. If not, nothing below is told.
      type: bool
    odoo_version:
      description: Series of Odoo that made or last upgraded it.
      type: str
      sample: "19.0"
    pending:
      description: Addons that wait for being installed, upgraded or removed.
      type: list
      elements: str
    uuid:
      description: Identity of the database, which a move keeps and a copy does not.
      type: str
    neutralized:
      description: Whether it was made harmless for tests.
      type: bool
    base_url:
      description: Address of the database for its users.
      type: str
    modules:
      description: Versions of the installed addons by name. Told when O(gather) has V(modules).
      type: dict
    filestore:
      description: The files that the database refers to. Told when O(gather) has V(filestore).
      type: dict
      contains:
        files:
          description: Number of different files.
          type: int
        bytes:
          description: Size of those that are there, in bytes.
          type: int
        missing:
          description: Names of those that are not there.
          type: list
          elements: str
        corrupt:
          description:
            - Names of those whose content is not what the name tells, as a copy in the middle of a write leaves them.
              Empty unless O(verify_content).
          type: list
          elements: str
        remote:
          description: Number of attachments that an addon keeps on object storage. They are not checked.
          type: int
        orphans:
          description: The files of the directory that no attachment refers to, without the collector's own spool.
          type: dict
          contains:
            files:
              description: Their number.
              type: int
            bytes:
              description: Their size, in bytes.
              type: int
            spooled:
              description: How many of them Odoo's own collector is going to remove. Nobody removes the others.
              type: int
        disk_bytes:
          description: Size of all files in the directory, referred to or not, in bytes.
          type: int
    activity:
      description:
        - What goes on in the database. Told when O(gather) has V(activity). The module's own session is left out.
        - Where sessions are hidden from the login, a figure is of those that it sees, and V(null) rather than 0 where
          it sees nothing.
      type: dict
      contains:
        visible:
          description: Whether the login sees what all sessions do.
          type: bool
        hidden:
          description: Number of sessions of which it sees only the role.
          type: int
        sessions:
          description: Number of sessions, hidden ones among them.
          type: int
        by_state:
          description: Number of sessions that are not hidden, by state, such as C(idle in transaction).
          type: dict
        by_role:
          description: Number of sessions by role.
          type: dict
        waiting:
          description: Number of sessions that wait for a lock, hidden ones among them.
          type: int
        longest_wait_seconds:
          description:
            - For how long one of them has waited, in seconds. Before PostgreSQL 14 since its statement began.
          type: float
        longest_transaction_seconds:
          description: Age of the oldest transaction, in seconds.
          type: float
        idle_in_transaction:
          description: Number of sessions that hold a transaction open and do nothing.
          type: int
        longest_idle_in_transaction_seconds:
          description: For how long one of them has done nothing, in seconds.
          type: float
        prepared_transactions:
          description: Number of transactions that were prepared for a two-phase commit and not ended.
          type: int
        oldest_prepared_seconds:
          description: Age of the oldest of them, in seconds.
          type: float
    cron:
      description: Whether scheduled actions are run. Told when O(gather) has V(cron).
      type: dict
      contains:
        active:
          description: Number of active jobs.
          type: int
        running:
          description: Number of processes that have taken a job right now.
          type: int
        overdue:
          description:
            - Names of active jobs that were due longer than O(cron_grace) ago, by their date or by a trigger.
          type: list
          elements: str
        longest_overdue_seconds:
          description: How long ago the most overdue of them was due, in seconds.
          type: float
        last_run:
          description: When a job last ran, in UTC. V(null) when none ever did.
          type: str
          sample: "2026-11-22T18:04:52Z"
        failing:
          description:
            - Names of active jobs whose last run failed. V(null) before Odoo 18, which does not count failures.
          type: list
          elements: str
        blocked:
          description:
            - Why Odoo skips all jobs of the database. V(pending) when addons wait to be installed, upgraded or removed;
              V(base_version) when the database was upgraded by other code than O(config) leads to, where that can be
              seen on this host.
          type: list
          elements: str
          sample: [pending]
    drift:
      description: What is not as a careful admin wants it. Told when O(gather) has V(drift).
      type: list
      elements: dict
      contains:
        finding:
          description:
            - V(list_db) when nothing switches the database manager off.
            - V(master_password) when C(admin_passwd) is missing, Odoo's default or a hash of it, or in plain text.
            - V(cron_scope) when a process that runs scheduled actions has no C(db_name), and so visits other databases
              of the role as well.
            - V(owner) when the owner is a superuser, owns others' databases that neither C(db_name) nor C(dbfilter)
              keeps apart, or does not own all tables, views and sequences.
            - V(base_url_freeze) when the address is set and an administrator's login may rewrite it.
            - V(unaccent) when the function is missing or not immutable.
            - V(pending) when addons wait to be installed, upgraded or removed.
            - V(partially_updated) when Odoo has noted an update that did not end.
          type: str
          sample: base_url_freeze
        why:
          description: The reason as a sentence.
          type: str
    fingerprint:
      description: Hashes of the content. Told when O(gather) has V(fingerprint).
      type: dict
      contains:
        tables:
          description: By table, its number of C(rows) and their C(hash).
          type: dict
        sequences:
          description: Their C(count), and the C(hash) of their last values.
          type: dict
        hash:
          description: Hash of all tables and sequences.
          type: str
errors:
  description:
    - Why a database could not be read, by its name. It is not among RV(databases) then.
    - The module fails when one of O(names) could not be read, and returns what it read of the others. Without O(names)
      it warns.
  returned: when the server could be read
  type: dict
unreadable:
  description:
    - Databases that the login may not read, so that it cannot be told whether they are Odoo's. Empty with O(names).
  returned: success
  type: list
  elements: str
orphan_filestores:
  description:
    - Names of directories with files below the data directory for which the server has no database. Another server's
      databases may have their files there too.
  returned: when O(gather) has V(filestore), without O(names)
  type: list
  elements: str
replication_slots:
  description: The replication slots of the server.
  returned: when O(gather) has V(activity)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the slot.
      type: str
    type:
      description: Whether it is C(physical) or C(logical).
      type: str
    database:
      description: Database of a logical slot.
      type: str
    active:
      description: Whether somebody reads from it.
      type: bool
    dead:
      description:
        - Whether nobody reads from it, so that it holds back WAL until the disk is full. Copies of a primary's slots
          on a standby are not dead.
      type: bool
    wal_status:
      description: What PostgreSQL says of the WAL that it needs, from version 13.
      type: str
      sample: reserved
    retained_bytes:
      description: Size of the WAL that it holds back, in bytes. V(null) when it holds none.
      type: int
"""

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_config import OdooConfig
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_config import read_config, read_instance
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_crons import base_version
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_facts import Gather, gather
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import connection as postgres

OPTIONS: dict[str, Any] = {
    **postgres.argument_spec(),
    "names": {"type": "list", "elements": "str", "default": []},
    "gather": {
        "type": "list",
        "elements": "str",
        "choices": ["summary", "modules", "filestore", "fingerprint", "activity", "cron", "drift"],
        "default": ["summary"],
    },
    "config": {"type": "path"},
    "odoo_user": {"type": "str", "default": "odoo"},
    "data_dir": {"type": "path"},
    "verify_content": {"type": "bool", "default": True},
    "cron_grace": {"type": "int", "default": 900},
    "timeout": {"type": "int", "default": 600},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work, mutually_exclusive=[("config", "data_dir")])


def work(call: Call) -> Outcome:
    """Read the instance's configuration, then the server and its databases."""
    params = call.params
    config = read_config(params["config"], params["odoo_user"]) if params["config"] else None
    data_dir = config.data_dir if config else params["data_dir"] or ""
    what = what_of(call, config, data_dir)
    facts = gather(postgres.login_from(params), params["names"], what, data_dir, params["timeout"])
    if params["names"]:
        return Outcome(facts=facts, failure="; ".join(facts["errors"].values()))
    for error in facts["errors"].values():
        call.warn(error)
    return Outcome(facts=facts)


def what_of(call: Call, config: OdooConfig | None, data_dir: str) -> Gather:
    """What to gather. Raises InputError for options that cannot be meant together."""
    params, wanted = call.params, call.params["gather"]
    if "filestore" in wanted and not data_dir:
        raise InputError("gather: filestore needs config or data_dir, to know where the files are")
    if params["cron_grace"] < 0:
        raise InputError(f"cron_grace: {params['cron_grace']} is before a job is due, give 0 or more seconds")
    return Gather(
        modules="modules" in wanted,
        filestore="filestore" in wanted,
        fingerprint="fingerprint" in wanted,
        verify_content=params["verify_content"],
        activity="activity" in wanted,
        cron="cron" in wanted,
        drift="drift" in wanted,
        cron_grace=params["cron_grace"],
        code_version=base_version(config.addons_path) if config and "cron" in wanted else "",
        instance=read_instance(config.path, call.warn) if config and "drift" in wanted else None,
    )


if __name__ == "__main__":
    main()
