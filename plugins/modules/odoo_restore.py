#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_restore
short_description: Restore an Odoo database and its filestore from S3
version_added: 0.1.0
description:
  - Restores database and filestore under a temporary name, verifies both against the backup's manifest, and only then
    gives them their name. An incomplete database never has the real name, and the next run completes or removes the
    leftovers of an interrupted run.
  - A backup of another major version of Odoo than that of the code in O(config) is refused.
  - Keeps the identity of the database, its UUID and secret, so a restore elsewhere is a move. With O(neutralize), it is
    a copy.
  - Only O(login_user) can connect until the database is complete, and O(restore_user) while the dump is restored.
  - Code in the dump, such as a function in a check constraint, runs while rows are loaded. It has the rights of
    O(restore_user), which owns nothing but the database in the making.
  - With O(drill), removes all of it again and records how long it took.
  - Takes the mark of a check away from a backup that lacked files, where it has read all of them and they are intact,
    and warns of it. With an access key that may not record that, the backup stays marked.
author:
  - Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.postgresql
  - gantry.odoo.odoo
  - gantry.odoo.repository
  - gantry.odoo.known_backups
  - gantry.odoo.progress
  - gantry.odoo.attributes
options:
  tenant:
    description:
      - Name of the tenant whose backup is restored.
    type: str
    required: true
  backup:
    description:
      - Identifier of the backup, or V(latest), the newest one that can be restored in full. With
        O(missing_files=list), it is the newest one whose database can be restored, also where files of it are missing.
        The module warns where a later one is passed over.
      - A backup that is dated at most 15 minutes after the clock of the store counts. One that is dated later does not.
      - A backup whose dump, manifest or index M(gantry.odoo.odoo_backup_check) has found damaged is refused.
    type: str
    default: latest
  at:
    description:
      - A moment in ISO 8601 with its zone, such as V(2026-11-22T10:30:00Z). With O(backup=latest), backups that show a
        later moment do not count. One that is in the future by the clock of the repository is refused.
    type: str
    default: ""
  database:
    description:
      - Name of the restored database. By default the name of the tenant, with V(_drill) behind it for a O(drill).
    type: str
  config:
    description:
      - Path on the target of the C(odoo.conf) with the path of the filestore and the role that owns the database.
    type: path
    required: true
  owner:
    description:
      - Role that owns the database. By default C(db_user) of O(config).
    type: str
  restore_user:
    description:
      - Role that C(pg_restore) logs in as. It has C(LOGIN) and no other right and is a member of no role.
        O(login_user) is a member of it. The playbook C(gantry.odoo.site) makes one on every server of the estate.
      - It needs no password. The module gives it a random one for as long as a dump is restored, so the server has to
        accept a login by C(scram-sha-256) from this host.
      - One restore at a time uses it. The others wait for O(lock_timeout).
    type: str
    default: gantry_restore
  access:
    description:
      - V(blocked) lets only O(login_user) connect to the restored database, V(open) its owner as well.
    type: str
    choices: [open, blocked]
    default: open
  overwrite:
    description:
      - What to do where the database exists. V(never) changes nothing when it was restored from this very backup,
        and fails otherwise.
      - V(replace) ends its sessions and drops it, once the restored one is proven and in its place. Its filestore goes
        to the recycle directory, C(filestore/.recycled) in the data directory, where it stays until it is removed by
        hand. That of a copy which this module has neutralized is removed.
    type: str
    choices: [never, replace]
    default: never
  tier:
    description:
      - Tier of the tenant whose database is replaced. One of tier V(1) is replaced only when O(repository) has a backup
        of it that is complete and young enough, as for a drop by O(gantry.odoo.odoo_database#module:tier).
      - That backup is held for 30 days, whatever its policy says. O(gantry.odoo.odoo_backup#module:keep_days) keeps it
        for longer.
    type: int
    choices: [1, 2, 3]
  accept_backup:
    description:
      - Identifier of a backup whose age does not count when O(tier) is V(1), as
        O(gantry.odoo.odoo_database#module:accept_backup).
    type: str
  fencing_number:
    description:
      - The C(fencing_number) of the change, see M(gantry.odoo.change_open). A database that a later change has made the
        home of its tenant is not replaced, and the module fails. V(0) compares nothing.
    type: int
    default: 0
  neutralize:
    description:
      - Neutralize the restored database as O(gantry.odoo.odoo_database#module:neutralize) does with a clone. Mail,
        scheduled jobs and payments are switched off and credentials are removed, which is verified before anybody but
        O(login_user) can connect. The database gets a UUID and a secret of its own, and the address of a new database.
      - Needs the code of all addons. It is read in the addons path of O(config), on the target or in the image of
        O(odoo_command). Where neither holds Odoo's own addons, Odoo is asked through O(odoo_command).
    type: bool
    default: false
  verify:
    description:
      - Compare the rows of each table and each sequence with the manifest, and the files that are there with those that
        the database refers to.
      - The dump and each file are proven in any case, those too that an interrupted run or O(prefetch) has brought.
    type: bool
    default: true
  load_registry:
    description:
      - Let Odoo load all modules of the restored database once, without serving or scheduling anything.
        Needs O(neutralize).
      - With O(drill), Odoo also answers its health check, shows the login page, lets a user in and reads an attachment,
        in a process that listens nowhere. The user's password is a new one that only the copy has.
    type: bool
    default: false
  prefetch:
    description:
      - Bring only the files of the backup to the target, for a later restore to find there.
    type: bool
    default: false
  drill:
    description:
      - Restore, prove, then remove the database and its files in every case, and write the result beside the backups.
    type: bool
    default: false
  scratch:
    description:
      - Run the O(drill) at a PostgreSQL server that the module makes for it on this host, and removes. The server at
        O(login_host) gets no database and no code of the dump. It is asked for the lock of the name and for leftovers
        of interrupted drills.
      - The scratch server runs as O(scratch_user), with namespaces of its own for network, processes, mounts and shared
        memory. It reaches no network, listens on a socket that only root and the account of Odoo reach, and sees the
        directories C(/run), C(/tmp) and C(/dev/shm) empty. Where systemd runs, O(scratch_memory_mb) is its limit, and
        it has little weight for processors and disks. It ends with the module in every case.
      - Odoo connects to it by options that take the place of C(db_host) and its like in O(config). In a container that
        C(docker run) of O(odoo_command) starts, the directory of the socket is mounted.
      - Needs root, and the programs of a PostgreSQL server that is not older than that of the backup, with the
        extensions of the backup, in C(/usr/lib/postgresql).
    type: bool
    default: false
  scratch_directory:
    description:
      - Directory for the clusters of scratch servers. A file system of its own limits what code in a dump can fill.
    type: path
    default: /var/lib/gantry-drill
  scratch_user:
    description:
      - Account that scratch servers run as. It has no rights on this host.
    type: str
    default: gantry-drill
  scratch_memory_mb:
    description:
      - Memory in MiB that a scratch server may use, all of its processes together. A quarter of it is its cache.
    type: int
    default: 2048
  missing_files:
    description:
      - What to do about files that were missing when the backup was taken, or are missing or damaged in the repository.
      - V(fail) restores nothing. V(list) restores the database without them and returns their names. Attachments that
        refer to them cannot be opened. A drill that has left files out fails at its end, and is recorded as failed.
    type: str
    choices: [fail, list]
    default: fail
  rolled_back:
    description:
      - What to do where the repository lacks the backup that O(known_backups) names.
      - V(fail) restores nothing. V(accept) warns, for a site whose newest state is lost.
    type: str
    choices: [fail, accept]
    default: fail
  jobs:
    description:
      - Connections that restore at the same time.
    type: int
    default: 2
  lock_timeout:
    default: 300
  timeout:
    default: 14400
notes:
  - Restored files belong to the owner of the C(data_dir) in O(config).
  - The module fails before anything is touched where the file system of the C(data_dir) has no room for the missing
    files and the dump. How much room the PostgreSQL server has is not known to it.
  - A copy that is open and not neutralized would run the same jobs as its original. So it is refused while another
    database on the server is open and has the same UUID.
requirements:
  - pg_restore
seealso:
  - module: gantry.odoo.odoo_backup
  - module: gantry.odoo.backup_policy
"""

EXAMPLES = r"""
- name: Restore the newest backup where there is no database
  gantry.odoo.odoo_restore:
    repository: "{{ backup_repository }}"
    login_host: db1.example
    login_user: gantry
    login_password: "{{ vault_gantry_password }}"
    tenant: harbour
    database: harbour
    config: /etc/odoo/harbour.conf

- name: Go back to an older backup of a tenant of tier 1, which was backed up a moment ago
  gantry.odoo.odoo_restore:
    repository: "{{ backup_repository }}"
    login_host: db1.example
    login_user: gantry
    login_password: "{{ vault_gantry_password }}"
    tenant: harbour
    backup: 20261122T103000Z
    config: /etc/odoo/harbour.conf
    overwrite: replace
    tier: 1

- name: Prove the newest backup
  gantry.odoo.odoo_restore:
    repository: "{{ backup_repository }}"
    login_host: db1.example
    login_user: gantry
    login_password: "{{ vault_gantry_password }}"
    tenant: harbour
    config: /etc/odoo/harbour.conf
    neutralize: true
    load_registry: true
    drill: true

- name: Prove the newest backup of a tenant of tier 1 at a server of its own
  gantry.odoo.odoo_restore:
    repository: "{{ backup_repository }}"
    login_host: db1.example
    login_user: gantry
    login_password: "{{ vault_gantry_password }}"
    tenant: harbour
    config: /etc/odoo/harbour.conf
    neutralize: true
    load_registry: true
    drill: true
    scratch: true

- name: Refresh a staging copy
  gantry.odoo.odoo_restore:
    repository: "{{ backup_repository }}"
    login_host: db1.example
    login_user: gantry
    login_password: "{{ vault_gantry_password }}"
    tenant: harbour
    backup: 20261122T103000Z
    database: harbour-staging
    config: /etc/odoo/staging.conf
    overwrite: replace
    neutralize: true
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
restored:
  description: Whether a database was restored, or would be in check mode.
  returned: success
  type: bool
backup:
  description: Identifier of the backup.
  returned: success
  type: str
database:
  description: Name of the restored database.
  returned: success
  type: str
snapshot_time:
  description: Moment that the backup shows, in UTC.
  returned: success
  type: str
  sample: "2026-11-22T10:30:00.123456Z"
earlier:
  description: Identifiers of backups that can be restored in full and show an earlier moment, the latest first.
  returned: in check mode
  type: list
  elements: str
rto_s:
  description: Seconds from the start of the module to the end of the restore.
  returned: success and not in check mode
  type: float
rpo_s:
  description: Seconds from the moment that the backup shows to the start of the module. Newer data is lost.
  returned: success
  type: float
counts:
  description: Counts of the backup, and of the files that had to be fetched.
  returned: success
  type: dict
  contains:
    tables: {description: Number of tables., type: int}
    rows: {description: Rows of all tables., type: int}
    modules: {description: Installed modules., type: int}
    files: {description: Files., type: int}
    files_bytes: {description: Size of the files in bytes., type: int}
    files_fetched: {description: Files that the target lacked., type: int}
    files_missing: {description: Files that were lost before the backup was taken., type: int}
    bytes_fetched: {description: Size in bytes of the files that the target lacked., type: int}
    dump_bytes: {description: Size of the dump in bytes., type: int}
left_out:
  description:
    - Parts of the backup that were left out, such as grants to roles that the server does not have, and what code in
      the dump was seen to do. Each is a warning as well.
  returned: success and not in check mode
  type: list
  elements: str
files_left_out:
  description: Names of files that are missing or damaged in the backup, with O(missing_files=list).
  returned: success and not in check mode
  type: list
  elements: str
served:
  description: The answers of Odoo in a drill with O(load_registry=true), otherwise empty.
  returned: success and not in check mode
  type: dict
  contains:
    health: {description: "Status code of C(/web/health), V(0) before Odoo 15, which has none.", type: int}
    page: {description: Status code of the login page., type: int}
    form: {description: Whether the login page has a login form., type: bool}
    user: {description: The user who logged in with a password that only the copy had., type: str}
    login: {description: Whether Odoo let the user in., type: bool}
    web: {description: Status code of the first request of the user., type: int}
    files: {description: Number of attachments to choose from., type: int}
    file: {description: Name in the filestore of the attachment that was read and has its checksum., type: str}
postgresql:
  description: The PostgreSQL server that the backup was restored at.
  returned: success
  type: dict
  contains:
    scratch: {description: Whether it was made for this drill., type: bool}
    version: {description: Its major version of PostgreSQL., type: int}
timings:
  description: Seconds that the parts of the restore took; parts that ran at the same time overlap.
  returned: success and not in check mode
  type: dict
  sample: {"fetch_dump_s": 0.2, "restore_s": 3.1, "give_s": 0.3, "fetch_files_s": 1.4, "verify_s": 0.6, "swap_s": 0.1}
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_code as code
from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_image import files_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_proof import record_proof
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_restore import Timings, restore
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import Wish
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_scratch import Scratch
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import earlier_than
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import (
    PROVEN_TIER,
    UNFINISHED,
    check_wish,
    read_whole,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_freshness import require_fresh_backups
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import manifest_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_restore import Choice, Order, choose, survey
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_scratch import require_scratch
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_restore import drill_record, report, unproven
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress, progress_spec, shown
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import options_instance
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_neutralize import Neutralizer
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import check_name
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_neutralize import refuse_owner
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_config import read_config
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_neutralize import scripts_on_disk, scripts_through
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import connection as postgres
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import locks
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_lent_role import RESTORE_USER
from ansible_collections.gantry.odoo.plugins.module_utils._repository import options
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    open_repository,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import reading
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, Catalog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DRILL, drill_key
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_odoo import Odoo

OPTIONS: dict[str, Any] = {
    **postgres.argument_spec(),
    **options.argument_spec(),
    **options.known_spec(),
    **progress_spec(),
    "tenant": {"type": "str", "required": True},
    "backup": {"type": "str", "default": "latest"},
    "at": {"type": "str", "default": ""},
    "database": {"type": "str"},
    **options_instance.argument_spec(timeout=14400, lock_timeout=300),
    "config": {"type": "path", "required": True},
    "owner": {"type": "str"},
    "restore_user": {"type": "str", "default": RESTORE_USER},
    "access": {"type": "str", "choices": ["open", "blocked"], "default": "open"},
    "overwrite": {"type": "str", "choices": ["never", "replace"], "default": "never"},
    "tier": {"type": "int", "choices": [1, 2, 3]},
    "accept_backup": {"type": "str"},
    "neutralize": {"type": "bool", "default": False},
    "verify": {"type": "bool", "default": True},
    "load_registry": {"type": "bool", "default": False},
    "prefetch": {"type": "bool", "default": False},
    "drill": {"type": "bool", "default": False},
    "scratch": {"type": "bool", "default": False},
    "scratch_directory": {"type": "path", "default": "/var/lib/gantry-drill"},
    "scratch_user": {"type": "str", "default": "gantry-drill"},
    "scratch_memory_mb": {"type": "int", "default": 2048},
    "jobs": {"type": "int", "default": 2},
    "fencing_number": {"type": "int", "default": 0},
    "missing_files": {"type": "str", "choices": ["fail", "list"], "default": "fail"},
}


def wish_from(params: Mapping[str, Any]) -> Wish:
    """The request. Raises InputError for options that contradict one another."""
    default = f"{params['tenant']}_drill" if params["drill"] else params["tenant"]
    wish = Wish(
        # an empty variable does not stand for the database of the tenant
        database=check_name(default if params["database"] is None else params["database"], "database"),
        tenant=params["tenant"],
        blocked=params["access"] == "blocked",
        replace=params["overwrite"] == "replace",
        neutralize=params["neutralize"],
        verify=params["verify"],
        load_registry=params["load_registry"],
        prefetch=params["prefetch"],
        drill=params["drill"],
        scratch=params["scratch"],
        fencing_number=params["fencing_number"],
        tier=params["tier"] or 0,
        accept_missing=params["missing_files"] == "list",
    )
    check_wish(wish)
    if params["jobs"] < 1:
        raise InputError(f"jobs: {params['jobs']} is not a number of connections; give 1 or more")
    return wish


def repository_of(params: Mapping[str, Any]) -> Repository:
    """The repository of the tenant. Raises StateError where it has none."""
    location = options.location_from(params["repository"])
    stores = open_stores(location)
    repository = open_repository(stores, params["tenant"], location.keys)
    if repository is None:
        raise StateError(f"tenant {params['tenant']} has no backup in the {stores.contents.where}; take one")
    return repository


def choice_from(params: Mapping[str, Any], wish: Wish) -> Choice:
    """Which backup is asked for. Raises InputError for options that contradict one another."""
    until = options.moment_from(params["at"])
    if until is not None and params["backup"] != "latest":
        raise InputError(f"at is '{params['at']}', beside backup '{params['backup']}'; give one of them")
    known = options.known_from(params["known_backups"]).get(wish.tenant, 0)
    return Choice(params["backup"], wish.accept_missing, known, params["rolled_back"] == "accept", until)


def order_from(call: Call, repository: Repository, wish: Wish, deadline: Deadline) -> Order:
    """The restore that the parameters ask for."""
    params = call.params
    config = read_config(params["config"], params["odoo_user"])
    login = postgres.login_from(params)
    owner = params["owner"] or config.db_user
    if not owner:
        raise InputError(f"owner: {params['config']} sets no db_user; give the role that shall own the database")
    odoo = Odoo(tuple(params["odoo_command"]), params["odoo_user"], config.path, login.ca_cert)
    listed = code.visible(config.addons_path, files_of(odoo))
    scratch = Scratch(params["scratch_directory"], params["scratch_user"], params["scratch_memory_mb"])
    if wish.neutralize:
        refuse_owner(wish.database, owner, login.user)
    if wish.load_registry or (wish.neutralize and listed is None):
        odoo.require()
    return Order(
        repository=repository,
        build=Build(login, config.data_dir, wish.database, UNFINISHED),
        neutralizer=Neutralizer(lambda: scripts_through(odoo, deadline) if listed is None else scripts_on_disk(listed)),
        odoo=odoo,
        wish=wish,
        owner=owner,
        restore_user=params["restore_user"],
        write_user=params["write_user"],
        warn=call.warn,
        jobs=params["jobs"],
        lock_s=params["lock_timeout"],
        client=pgtools.client_major("pg_restore", deadline),
        deadline=deadline,
        permit=lambda name, uuid: require_fresh_backups(
            options.location_from(params["repository"]),
            PROVEN_TIER,
            {name: uuid},
            params["accept_backup"] or "",
            hold=not call.check_mode,
        ),
        series=code.series(listed) if listed else "",
        scratch=require_scratch(scratch, odoo.user) if wish.scratch else None,
    )


def work(call: Call, progress: Progress) -> Outcome:
    """Choose the backup, keep it from being removed, and restore it. A drill leaves its record, however it ends."""
    begun = datetime.now(timezone.utc)
    deadline = Deadline(call.params["timeout"])
    wish = wish_from(call.params)
    options.known_from(call.params["known_backups"])
    progress.begin(wish.database)
    repository = repository_of(call.params)
    if call.check_mode or not wish.drill:
        return restored(call, repository, wish, deadline, begun, progress, {})
    # what is known of the drill so far
    facts: dict[str, Any] = {}
    error = "the restore was interrupted"
    try:
        outcome = restored(call, repository, wish, deadline, begun, progress, facts)
        error = unproven(wish.tenant, facts)
    except GantryError as failure:
        error = str(failure)
        raise
    finally:
        facts["rto_s"] = round(deadline.elapsed, 3)
        keep_record(repository, begun, drill_record(wish.tenant, begun, facts, error))
    return replace(outcome, facts={**outcome.facts, "rto_s": facts["rto_s"]}, failure=error)


def restored(
    call: Call,
    repository: Repository,
    wish: Wish,
    deadline: Deadline,
    begun: datetime,
    progress: Progress,
    facts: dict[str, Any],
) -> Outcome:
    """Choose a backup and restore it, or say in check mode what that would do. facts: gets what is known of it."""
    order = order_from(call, repository, wish, deadline)
    entry = choose(repository, choice_from(call.params, wish), call.warn)
    if call.check_mode:
        outcome = report(wish, survey(order, manifest_of(repository, entry)), begun)
        return replace(outcome, facts={**outcome.facts, "earlier": earlier_than(entry, repository.catalog.read())})
    with reading(repository, entry, "restore", call.params["lock_timeout"]) as held:
        facts["backup"] = held.name
        # the marks that it may disprove
        before = repository.catalog.read() if entry.restorable != FULL else Catalog()
        return carry_out(call, order, manifest_of(repository, held), begun, progress, facts, before)


def carry_out(
    call: Call,
    order: Order,
    manifest: Manifest,
    begun: datetime,
    progress: Progress,
    facts: dict[str, Any],
    before: Catalog,
) -> Outcome:
    """Read, plan, restore. facts: gets what is known of it. before: the catalog, where the backup is marked."""
    wish = order.wish
    with locks.hold(order.build.login, [wish.database], call.params["lock_timeout"]):
        seen = survey(order, manifest)
        timings = Timings()
        try:
            left_out = restore(order, seen, timings, progress)
        finally:
            rto_s = round(order.deadline.elapsed, 3)
            outcome = report(wish, seen, begun, {"timings": timings.seconds, "served": timings.served, "rto_s": rto_s})
            facts.update(outcome.facts)
    for sentence in left_out.sentences:
        call.warn(f"database {wish.database}: {sentence}")
    said = record_proof(order.repository, manifest, before) if read_whole(seen, left_out.files) else ""
    if said:
        call.warn(said)
    facts.update(left_out=left_out.sentences, files_left_out=sorted(left_out.files))
    return replace(outcome, facts=dict(facts))


def keep_record(repository: Repository, begun: datetime, record: bytes) -> None:
    """Write the record of a drill."""
    key = drill_key(f"{begun:%Y%m%dT%H%M%S.%fZ}")
    repository.store.put(key, repository.keys.seal(DRILL, key, record))


def main() -> None:
    run(OPTIONS, shown(work))


if __name__ == "__main__":
    main()
