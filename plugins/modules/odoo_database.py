#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage databases of Odoo."""

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_database
short_description: Manage Odoo databases
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Creates, renames and drops databases of Odoo with their filestores, installs addons, and sets configuration
    parameters, the administrator, the owner and the right to connect. Any number of databases in one call.
  - A database is made under a temporary name, its name followed by C(__new), and gets its name when it is complete.
    Nothing half-made ever has the real name. The next run removes leftovers of an interrupted run; a database of the
    temporary name which this module did not mark is left alone and reported.
  - Databases are encoded in UTF-8 with collation V(C) and character type V(C.UTF-8), and have C(pg_trgm) and an
    indexable C(unaccent). The rights of C(PUBLIC) on them are revoked.
  - Advisory locks in O(login_db) keep two runs on one database apart, those that rename or copy it included.
  - A database that is not Odoo's is never changed.
  - Odoo's tables have to be in the schema C(public). A table with rules or functions of its owner, or a view in its
    place, is not read, since they would act with the rights of O(login_user).
  - Tables are written by O(write_user), so triggers of their owner have no rights of O(login_user), and no other right
    than to read and write these tables for that time.
  - A database that cannot be read, such as one with a changed table, fails the module, and the others are worked on all
    the same.
extends_documentation_fragment:
  - gantry.odoo.postgresql
  - gantry.odoo.odoo
  - gantry.odoo.repository.optional
  - gantry.odoo.attributes
options:
  databases:
    description:
      - The databases to declare. For a single one, its options may stand at the top level instead.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the database. Lower-case letters, digits, V(-) and V(_), at most 58 characters.
        type: str
        required: true
      config:
        description:
          - Path of the C(odoo.conf) of this database's instance, where it is another than O(config).
        type: path
      state: &state
        description:
          - Whether the database is to be there.
        type: str
        choices: [present, absent]
        default: present
      owner: &owner
        description:
          - Role that owns the database. If not set, a new database is owned by the C(db_user) of O(config), and an
            existing one keeps its owner.
          - A change of owner includes all objects of the former owner in the database, and the settings of its sessions
            there. A warning lists those that PostgreSQL leaves with the former owner, such as extensions and default
            privileges.
        type: str
      addons: &addons
        description:
          - Addons that are to be installed. Others are left as they are, none is removed or upgraded.
        type: list
        elements: str
      language: &language
        description:
          - Language to load, such as V(fr_FR), and to set for the users and companies, when the database is created.
        type: str
      demo: &demo
        description:
          - Whether a new database gets demonstration data.
        type: bool
        default: false
      admin_login: &admin_login
        description:
          - Login of the administrator, the user C(base.user_admin). If not set, it is left as it is; Odoo begins with
            V(admin).
        type: str
      admin_password: &admin_password
        description:
          - Password of the administrator. If not set, it is left as it is; Odoo begins with V(admin).
        type: str
      update_password: &update_password
        description:
          - V(always) sets O(admin_password) where it is another. Each comparison takes a third of a second, as Odoo
            means its hash to. V(on_create) sets it only for a database that is made.
        type: str
        choices: [always, on_create]
        default: always
      parameters: &parameters
        description:
          - Configuration parameters to set, texts, numbers or booleans by key. Others are left as they are.
          - They may hold secrets, so their values are neither returned nor written to the host's log, but for the
            C(web.base.url).
        type: dict
      base_url: &base_url
        description:
          - Address of the database for its users, such as V(https://erp.example.com). Odoo is kept from rewriting it.
        type: str
      access: &access
        description:
          - V(blocked) lets only O(login_user) and superusers connect and ends the sessions of everyone else. PostgreSQL
            is asked whether it is so; it fails where a role could still connect, such as a member of O(login_user).
          - V(open) gives back the rights to connect that V(blocked) has taken, which are recorded in the database's
            comment meanwhile. Without that record only the owner gets the right.
          - If not set, a new database is open, and an existing one is left as it is.
        type: str
        choices: [open, blocked]
      cron_timeout: &cron_timeout
        description:
          - Seconds that O(access=blocked) waits for the running scheduled jobs of an open database, while no other one
            begins. Where one still runs then, the database is not blocked and the module fails.
          - If not set, running jobs are cut, and run again later.
        type: int
      home: &home
        description:
          - The right of the database to be its tenant's, on whichever server. It is recorded in the database's comment,
            in the transaction that opens the database, so that it follows a rename and is in no copy, dump or restore.
          - The number only rises. A database that has a higher one, or this one for another group, fails the module.
        type: dict
        suboptions:
          number:
            description:
              - The C(fencing_number) of the change that opens the database, see M(gantry.odoo.change_open).
            type: int
            required: true
          group:
            description:
              - Group of hosts that serves the tenant.
            type: str
            required: true
      create: &create
        description:
          - Whether a database that does not exist is created. V(false) is for tasks that change the access, the home or
            the parameters of one that has to be there, and fail where it is not.
        type: bool
        default: true
      fencing_number: &fencing_number
        description:
          - The C(fencing_number) of the change, see M(gantry.odoo.change_open). A database that a later change has
            made the home of its tenant is left as it is, and the module fails. V(0) compares nothing.
        type: int
        default: 0
      rename_from: &rename_from
        description:
          - Former name. When a database of that name exists and none of the new one, it is renamed with its filestore.
            Sessions on it are ended.
        type: str
      clone_from: &clone_from
        description:
          - Database to copy, with its files, where this one does not exist yet. The copy gets a new C(database.uuid)
            and C(database.secret), and loses the address and the license of the original.
          - The copy has the locale and the settings (C(ALTER DATABASE ... SET)) of the original, which is verified. A
            warning lists the settings that only a superuser could set.
          - What else is declared is applied to the copy before it gets its name. O(addons) that the original lacks are
            installed.
        type: str
      clone_sessions: &clone_sessions
        description:
          - What happens to sessions on O(clone_from). PostgreSQL copies a database as a whole only while nobody is
            connected to it. V(keep) lets them be and takes a dump instead, which takes longer; V(end) ends them.
        type: str
        choices: [keep, end]
        default: keep
      clone_files: &clone_files
        description:
          - How the files of O(clone_from) are copied. V(auto) is the first of the others that the file system can do.
            Files of Odoo are named by their content and never written to again, so two databases may share one.
        type: str
        choices: [auto, reflink, hardlink, copy]
        default: auto
      neutralize: &neutralize
        description:
          - Whether the copy of O(clone_from) is made harmless before it gets its name. Nobody but O(login_user) may
            connect to it until then.
          - The C(data/neutralize.sql) of every installed addon is run, from Odoo 16 on. With any version, mail servers,
            scheduled jobs but the vacuum, incoming mail and payment providers are switched off, their logins, keys and
            tokens are removed, and the result is verified. A script can select, insert, update, delete and truncate.
          - An installed addon whose code is not found fails it before anything is made. A database of that name
            that exists and was never neutralized fails it too.
        type: bool
        default: false
      extensions: &extensions
        description:
          - Extensions of PostgreSQL that are to be there besides C(pg_trgm) and C(unaccent), such as V(vector). They
            are created before addons are installed. One that PostgreSQL does not trust needs a O(login_user) that is a
            superuser.
        type: list
        elements: str
      policy: &policy
        description:
          - V(drop) permits to drop the database. Its filestore goes to the recycle directory first,
            C(filestore/.recycled) in the data directory, where it stays until it is removed by hand.
        type: str
        choices: [keep, drop]
        default: keep
      tier: &tier
        description:
          - Tier of the tenant. A database of tier V(1) is dropped only when O(repository) holds a backup of it that is
            at most 15 minutes old, or younger where its recorded policy has a shorter RPO. A longer RPO of the policy
            changes nothing. The backup's dump is read and compared with its SHA-256, and its files are looked for.
          - That backup is held for 30 days then, whatever its policy says.
        type: int
        choices: [1, 2, 3]
  name:
    description:
      - Name of the database. Lower-case letters, digits, V(-) and V(_), at most 58 characters.
    type: str
  state: *state
  owner: *owner
  addons: *addons
  language: *language
  demo: *demo
  admin_login: *admin_login
  admin_password: *admin_password
  update_password: *update_password
  parameters: *parameters
  base_url: *base_url
  access: *access
  cron_timeout: *cron_timeout
  home: *home
  create: *create
  fencing_number: *fencing_number
  rename_from: *rename_from
  clone_from: *clone_from
  clone_sessions: *clone_sessions
  clone_files: *clone_files
  neutralize: *neutralize
  extensions: *extensions
  policy: *policy
  tier: *tier
  accept_backup:
    description:
      - Identifier of a backup whose age does not count when O(tier) is V(1), such as one that was taken a moment ago
        and took long. It still has to be the latest one and of this very database. It may lack files that were missing
        when it was taken, and nothing else.
    type: str
  config:
    description:
      - Path of the instance's C(odoo.conf). It names the owner of databases, the data directory and the addons path.
      - Required unless each of O(databases) has its own.
    type: path
  template_cache:
    description:
      - Whether new databases are copied from a template, which is made first where there is none. It is a database of
        O(login_user) that nobody can enter, named C(gantry-template-) and a digest of Odoo, of the code of all addons
        that get installed, of the language and of O(demo). Where one of them is another, a new template is made, and
        the former one of the same addons is dropped.
      - Has no effect where the addons cannot be read, on this host or in the image of O(odoo_command).
    type: bool
    default: false
  parallel:
    description:
      - How many databases are worked on at a time.
    type: int
    default: 2
  restore_user:
    description:
      - Role that C(pg_restore) logs in as where O(clone_from) is in use and is copied by a dump, as in
        O(gantry.odoo.odoo_restore#module:restore_user).
    type: str
    default: gantry_restore
requirements:
  - boto3 >= 1.26, to drop a database of tier 1
seealso:
  - module: gantry.odoo.odoo_addons
  - module: gantry.odoo.odoo_database_info
  - module: gantry.odoo.odoo_restore
"""

EXAMPLES = r"""
- name: Two tenants with their addons
  gantry.odoo.odoo_database:
    login_host: db1.example.com
    login_user: gantry
    login_password: "{{ vault_postgresql_password }}"
    ca_cert: /etc/odoo/postgresql-ca.pem
    config: /etc/odoo/harbour.conf
    template_cache: true
    databases:
      - name: harbour
        addons: [contacts]
        base_url: https://erp.harbour.example
        admin_password: "{{ vault_harbour_password }}"
        parameters:
          mail.default.from: erp@harbour.example
      - name: harbour-training
        language: fr_FR
        demo: true

- name: Block a database while it is moved
  gantry.odoo.odoo_database:
    login_host: db1.example.com
    login_user: gantry
    login_password: "{{ vault_postgresql_password }}"
    ca_cert: /etc/odoo/postgresql-ca.pem
    config: /etc/odoo/harbour.conf
    name: harbour
    access: blocked
    cron_timeout: 120

- name: A copy to try things on
  gantry.odoo.odoo_database:
    login_host: db1.example.com
    login_user: gantry
    login_password: "{{ vault_postgresql_password }}"
    ca_cert: /etc/odoo/postgresql-ca.pem
    config: /etc/odoo/harbour.conf
    name: harbour-trial
    clone_from: harbour
    base_url: https://trial.harbour.example

- name: A staging copy, which nobody can enter before it is harmless
  gantry.odoo.odoo_database:
    login_host: db1.example.com
    login_user: gantry
    login_password: "{{ vault_postgresql_password }}"
    ca_cert: /etc/odoo/postgresql-ca.pem
    config: /etc/odoo/harbour-staging.conf
    name: harbour-staging
    clone_from: harbour
    neutralize: true
    base_url: https://staging.harbour.example

- name: Remove a training database, its files stay in the recycle directory
  gantry.odoo.odoo_database:
    login_host: db1.example.com
    login_user: gantry
    login_password: "{{ vault_postgresql_password }}"
    ca_cert: /etc/odoo/postgresql-ca.pem
    config: /etc/odoo/harbour.conf
    name: harbour-training
    state: absent
    policy: drop
"""

RETURN = r"""
steps:
  description: What was done, or would be in check mode, in order. After a failure, what was done before it.
  returned: always, except when the options are refused
  type: list
  elements: dict
  contains:
    action:
      description:
        - One of C(discard), C(create), C(extend), C(initialize), C(seal), C(drop_template), C(make_from_template),
          C(clone), C(renew_identity), C(neutralize), C(publish), C(rename), C(move_filestore), C(change_owner),
          C(install), C(set_parameter), C(set_admin), C(block), C(open), C(set_home), C(recycle_filestore), C(drop).
      type: str
      sample: create
    target:
      description: Name of the database, or of the template that is made for it.
      type: str
      sample: harbour
    why:
      description: Reason for the step.
      type: str
      sample: the database does not exist; owner is odoo_harbour
databases:
  description: The declared databases by name, as they are now, or would be in check mode.
  returned: success
  type: dict
  contains:
    state:
      description: V(present) or V(absent).
      type: str
    owner:
      description: Role that owns the database.
      type: str
    access:
      description: V(open) or V(blocked).
      type: str
    home:
      description: The number and the group by which it is its tenant's home, null where none is recorded.
      type: dict
      sample: {"number": 17, "group": "app"}
    duration_s:
      description: Seconds spent on the steps of this database.
      type: float
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import options, options_instance
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_declared import Request, converge
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Database
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import connection as postgres
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_lent_role import RESTORE_USER
from ansible_collections.gantry.odoo.plugins.module_utils._repository.options import REPOSITORY, location_from

OPTIONS: dict[str, Any] = {
    **options.argument_spec(),
    **postgres.argument_spec(),
    **options_instance.argument_spec(),
    "template_cache": {"type": "bool", "default": False},
    "parallel": {"type": "int", "default": 2},
    "restore_user": {"type": "str", "default": RESTORE_USER},
    "repository": REPOSITORY,
    "accept_backup": {"type": "str"},
}
RULES: dict[str, Any] = {
    "mutually_exclusive": [("databases", "name")],
    "required_one_of": [("databases", "name")],
}


def request_from(params: Mapping[str, Any]) -> Request:
    """What a call asks for. Raises InputError for what cannot be meant."""
    if params["parallel"] < 1:
        raise InputError(f"parallel: {params['parallel']} is not a number of databases, give at least 1")
    return Request(
        login=postgres.login_from(params),
        declared=options.by_config(params),
        odoo_command=tuple(params["odoo_command"]),
        odoo_user=params["odoo_user"],
        cached=params["template_cache"],
        parallel=params["parallel"],
        restore_user=params["restore_user"],
        write_user=params["write_user"],
        timeout_s=params["timeout"],
        lock_timeout_s=params["lock_timeout"],
    )


def require_backups(call: Call, tier: int, given_up: Sequence[Database]) -> None:
    """Raise RefusedError where a database of the tier would be dropped without a backup that stands for it.

    The backup is held from now on, unless in check mode.
    """
    params = call.params
    if not params["repository"]:
        raise InputError(
            f"repository: {given_up[0].name} is of tier {tier}, and is dropped only when a backup of it is found; "
            "give the repository of its backups"
        )
    # its client takes half a second to import, and hardly any call drops such a database
    from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_freshness import require_fresh_backups

    require_fresh_backups(
        location_from(params["repository"]),
        tier,
        {one.name: one.uuid for one in given_up},
        params["accept_backup"] or "",
        hold=not call.check_mode,
    )


def work(call: Call) -> Outcome:
    """Make the databases what is declared."""
    call.warn_empty("databases")
    request = request_from(call.params)
    return converge(request, call, lambda tier, given_up: require_backups(call, tier, given_up))


def main() -> None:
    run(OPTIONS, work, concealed=["parameters"], **RULES)


if __name__ == "__main__":
    main()
