#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declare databases of Odoo."""

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_database
short_description: Declare databases of Odoo
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Creates, renames and drops databases of Odoo with their filestores, installs addons, and sets configuration
    parameters, the administrator, the owner and the right to connect. Any number of databases in one call.
  - A database is made under a temporary name, its name followed by C(__new), and gets its name when it is complete.
    Nothing half-made ever stands under the real name. What an interrupted run left under the temporary name is removed
    by the next one; a database of that name which this module did not mark is left alone and reported.
  - Databases are encoded in UTF-8 with collation V(C) and character type V(C.UTF-8), and have C(pg_trgm) and an
    indexable C(unaccent). The rights of C(PUBLIC) on them are revoked.
  - An advisory lock in O(login_db) keeps two runs on one database apart.
  - A database that is not Odoo's is never changed.
extends_documentation_fragment:
  - gantry.odoo.postgresql
attributes:
  check_mode:
    description: Can run in check mode and tells what it would do.
    support: full
  diff_mode:
    description: Tells what differs. Of parameters that may be secret it tells only whether they are as declared.
    support: full
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
          - Set C(no_log) on the task when one of them is a secret.
        type: dict
      base_url: &base_url
        description:
          - Address of the database for its users, such as V(https://erp.example.com). Odoo is kept from rewriting it.
        type: str
      access: &access
        description:
          - V(fenced) lets only O(login_user) connect and ends the sessions of everyone else. V(open) undoes that.
          - If not set, a new database is open, and an existing one is left as it is.
        type: str
        choices: [open, fenced]
      rename_from: &rename_from
        description:
          - Former name. When a database of that name exists and none of the new one, it is renamed with its filestore.
            Sessions on it are ended.
        type: str
      clone_from: &clone_from
        description:
          - Database to copy, with its files, where this one does not exist yet. The copy gets a new C(database.uuid)
            and C(database.secret), and loses the address and the licence of the original.
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
            tokens are removed, and the result is verified.
          - An installed addon whose code is not on this host fails it before anything is made. A database of that name
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
          - V(drop) permits to drop the database. Its filestore goes to C(filestore-trash) in the data directory first.
        type: str
        choices: [keep, drop]
        default: keep
      tier: &tier
        description:
          - Tier of the tenant. A database of tier V(1) is dropped only when O(repository) holds a backup of it that is
            younger than its RPO. The backup's dump is read and compared with its SHA-256, and its files are looked for.
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
  rename_from: *rename_from
  clone_from: *clone_from
  clone_sessions: *clone_sessions
  clone_files: *clone_files
  neutralize: *neutralize
  extensions: *extensions
  policy: *policy
  tier: *tier
  repository:
    description:
      - The bucket of an S3 server that holds the backups, as for M(gantry.odoo.odoo_backup). Needed to drop a database
        of tier 1.
    type: dict
    suboptions:
      endpoint_url:
        description:
          - URL of the S3 server. Its TLS certificate is verified. Not needed for Amazon's own.
        type: str
      bucket:
        description:
          - Name of the bucket. It has to exist.
        type: str
        required: true
      region:
        description:
          - Region that requests are signed for.
        type: str
        default: us-east-1
      prefix:
        description:
          - Path in the bucket below which each tenant has a directory.
        type: str
        default: ""
      access_key:
        description:
          - Access key. Without it, the credentials of the target's environment or instance are used.
        type: str
      secret_key:
        description:
          - Secret key of O(repository.access_key).
        type: str
      ca_bundle:
        description:
          - Path on the target of the PEM file with the authorities that the server's certificate is verified against.
          - By default the trust store of the operating system.
        type: path
  config:
    description:
      - Path of the instance's C(odoo.conf). It tells the owner, the data directory and the addons path.
      - Required unless each of O(databases) has its own.
    type: path
  odoo_command:
    description:
      - Command that starts Odoo on this host. Where it starts a container, the container needs the configuration,
        O(ca_cert) and the data directory at the same paths, and the variable C(PGSSLROOTCERT) passed on.
    type: list
    elements: str
    default: [odoo]
  odoo_user:
    description:
      - Account to run O(odoo_command) as.
    type: str
    default: odoo
  template_cache:
    description:
      - Whether new databases are copied from a template, which is made first where there is none. It is a database of
        O(login_user) that nobody can enter, named C(gantry-template-) and a digest of Odoo, of the code of all addons
        that get installed, of the language and of O(demo). Where one of them is another, a new template is made, and
        the former one of the same addons is dropped.
      - Has no effect where the addons cannot be seen from this host.
    type: bool
    default: false
  parallel:
    description:
      - How many databases are worked on at a time.
    type: int
    default: 2
  timeout:
    description:
      - Seconds after which a running Odoo is ended and the call fails.
    type: int
    default: 1800
  lock_timeout:
    description:
      - Seconds to wait for another run on one of the databases.
    type: int
    default: 60
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
    databases:
      - name: harbour
        addons: [account, project, purchase, stock]
        language: fr_FR
        base_url: https://erp.harbour.example
        admin_password: "{{ vault_harbour_password }}"
        parameters:
          mail.default.from: erp@harbour.example
      - name: harbour-training
        addons: [project]
        demo: true

- name: Let nobody in while the database is moved
  gantry.odoo.odoo_database:
    login_host: db1.example.com
    login_user: gantry
    login_password: "{{ vault_postgresql_password }}"
    ca_cert: /etc/odoo/postgresql-ca.pem
    config: /etc/odoo/harbour.conf
    name: harbour
    access: fenced

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

- name: Give up a training database, its files stay in the trash
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
        - One of C(discard), C(create), C(extend), C(initialise), C(seal), C(drop_template), C(make_from_template),
          C(clone), C(renew_identity), C(neutralize), C(publish), C(rename), C(move_filestore), C(change_owner),
          C(install), C(set_parameter), C(set_admin), C(fence), C(open), C(trash_filestore), C(drop).
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
      description: V(open) or V(fenced).
      type: str
    duration_s:
      description: Seconds spent on the steps of this database.
      type: float
"""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_code import Listed, visible
from ansible_collections.gantry.odoo.plugins.module_utils._backup import options
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import result
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import (
    Database,
    Desired,
    Server,
    desired_from,
    require_distinct,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_databases import DatabaseStep, plan, templates
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_prediction import predict, view
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_config import OdooConfig, read_config
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_server import read_server
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    argument_spec,
    login_from,
    require_psycopg2,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.locks import attempt, hold
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.run_odoo import Odoo

if TYPE_CHECKING:
    from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_plan import Outcome

TIER_TO_PROVE = 1


def database_spec() -> dict[str, dict[str, Any]]:
    """The options of one database."""
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "owner": {"type": "str"},
        "addons": {"type": "list", "elements": "str"},
        "language": {"type": "str"},
        "demo": {"type": "bool", "default": False},
        "admin_login": {"type": "str"},
        "admin_password": {"type": "str", "no_log": True},
        "update_password": {"type": "str", "choices": ["always", "on_create"], "default": "always", "no_log": False},
        "parameters": {"type": "dict"},
        "base_url": {"type": "str"},
        "access": {"type": "str", "choices": ["open", "fenced"]},
        "rename_from": {"type": "str"},
        "clone_from": {"type": "str"},
        "clone_sessions": {"type": "str", "choices": ["keep", "end"], "default": "keep"},
        "clone_files": {"type": "str", "choices": ["auto", "reflink", "hardlink", "copy"], "default": "auto"},
        "neutralize": {"type": "bool", "default": False},
        "extensions": {"type": "list", "elements": "str"},
        "policy": {"type": "str", "choices": ["keep", "drop"], "default": "keep"},
        "tier": {"type": "int", "choices": [1, 2, 3]},
    }


def module_spec() -> dict[str, dict[str, Any]]:
    """All options of the module."""
    return {
        "databases": {
            "type": "list",
            "elements": "dict",
            "options": {**database_spec(), "config": {"type": "path"}},
        },
        **database_spec(),
        "name": {"type": "str"},
        "config": {"type": "path"},
        "odoo_command": {"type": "list", "elements": "str", "default": ["odoo"]},
        "odoo_user": {"type": "str", "default": "odoo"},
        "template_cache": {"type": "bool", "default": False},
        "parallel": {"type": "int", "default": 2},
        "timeout": {"type": "int", "default": 1800},
        "lock_timeout": {"type": "int", "default": 60},
        **argument_spec(),
        "repository": {**options.argument_spec()["repository"], "required": False},
    }


def items(params: dict[str, Any]) -> list[dict[str, Any]]:
    """The databases that the parameters list, or the single one at the top level."""
    if params["databases"] is None:
        return [{key: params[key] for key in database_spec()}]
    for key, option in database_spec().items():
        if params[key] != option.get("default"):
            raise InputError(f"{key}: it belongs to a single database, put it into the items of databases")
    return params["databases"]


@dataclass(frozen=True)
class Part:
    """The databases of a call that one instance serves: as declared, as found, and what is to be done.

    listed: the addons on disk. wants: what is declared, and the templates that have to be made for it.
    """

    config: OdooConfig
    odoo: Odoo
    listed: dict[str, Listed] | None
    declared: list[Desired]
    before: Server
    wants: list[Desired]
    planned: dict[str, list[DatabaseStep]]

    def given_up(self) -> list[Database]:
        """The databases of tier 1 that the plan drops."""
        tiers = {one.name: one.tier for one in self.declared}
        dropped = [name for name, steps in self.planned.items() if any(step.action == "drop" for step in steps)]
        return [self.before.databases[name] for name in dropped if tiers[name] == TIER_TO_PROVE]


def declare(params: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The databases by the path of their instance's configuration."""
    by_config: dict[str, list[dict[str, Any]]] = {}
    for item in items(params):
        path = item.get("config") or params["config"]
        if not path:
            raise InputError(f"config: {item['name']} has none; give one for the call, or one for each database")
        by_config.setdefault(path, []).append(item)
    return by_config


def read(params: dict[str, Any], login: Login) -> list[Part]:
    """Read what is there and plan, instance by instance."""
    declared = []
    for path, listed in declare(params).items():
        config = read_config(path)
        declared.append((config, desired_from(listed, config.db_user, params["template_cache"])))
    require_distinct([one for _config, wants in declared for one in wants])
    parts = []
    for config, wants in declared:
        addons = visible(config.addons_path)
        before = read_server(login, config, wants, addons)
        odoo = Odoo(tuple(params["odoo_command"]), params["odoo_user"], config.path, login.ca_cert)
        # one template serves all instances
        planned = {name for part in parts for name in part.planned}
        everything = [*(one for one in templates(before, wants) if one.name not in planned), *wants]
        part = Part(config, odoo, addons, wants, before, everything, plan(before, everything))
        odoo.check(part.planned)
        parts.append(part)
    require_backups(params, [database for part in parts for database in part.given_up()])
    return parts


def require_backups(params: dict[str, Any], given_up: list[Database]) -> None:
    """Raise RefusedError where a database of tier 1 would be dropped without a backup that stands for it."""
    if given_up and not params["repository"]:
        raise InputError(
            f"repository: {given_up[0].name} is of tier 1, and is dropped only when a backup of it is found; give the "
            "repository of its backups"
        )
    if given_up:
        # its client takes half a second to import, and hardly any call drops such a database
        from ansible_collections.gantry.odoo.plugins.module_utils._backup import read_freshness

        read_freshness.require_fresh_backups(options.settings_from(params), TIER_TO_PROVE, given_up)


def present(server: Server, declared: list[Desired], outcomes: dict[str, Outcome]) -> dict[str, dict[str, Any]]:
    """The return value `databases`."""
    facts = {}
    for one in declared:
        found = server.databases.get(one.name)
        facts[one.name] = {
            "state": "absent" if found is None else "present",
            "owner": None if found is None else found.owner,
            "access": None if found is None else ("fenced" if found.fenced else "open"),
            "duration_s": outcomes[one.name].duration_s if one.name in outcomes else 0.0,
        }
    return facts


def converge(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Read, plan and, outside check mode, apply; the arguments for exit_json or, with a msg, for fail_json."""
    login = login_from(params)
    if params["parallel"] < 1:
        raise InputError(f"parallel: {params['parallel']} is not a number of databases, give at least 1")

    names = [item["name"] for listed in declare(params).values() for item in listed]
    outcomes: dict[str, Outcome] = {}
    with nullcontext(False) if check_mode else attempt(login, names) as alone:
        parts = read(params, login)
        planned = [name for part in parts for name in part.planned]
        if planned and not check_mode:
            # what this run does not hold yet: everything while another works on it, and the templates
            missing = [name for name in planned if not alone or name not in names]
            with hold(login, missing, params["lock_timeout"]) if missing else nullcontext():
                # another run may have ended while this one waited
                parts = read(params, login) if missing else parts
                outcomes = carry_out(params, login, parts)
    failed = [str(outcome.error) for outcome in outcomes.values() if outcome.error]
    if failed:
        done = [step.as_dict() for outcome in outcomes.values() for step in outcome.done]
        return {"msg": "; ".join(failed), "changed": bool(done), "steps": done}
    return _outcome(parts, outcomes)


def carry_out(params: dict[str, Any], login: Login, parts: list[Part]) -> dict[str, Outcome]:
    """Carry out the plans of all instances."""
    # the hands are half of the code, and most calls find nothing to do
    from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_plan import Job, apply, hands_for

    jobs = []
    for part in parts:
        hands = hands_for(login, part.config.data_dir, part.odoo, part.listed)
        wants = {one.name: one for one in part.wants}
        made_from = {name: template.name for name, template in part.before.templates.items()}
        jobs += [Job(hands, wants[name], steps, made_from.get(name, "")) for name, steps in part.planned.items()]
    return apply(jobs, Deadline(params["timeout"]), params["parallel"])


def _outcome(parts: list[Part], outcomes: dict[str, Outcome]) -> dict[str, Any]:
    steps: list[DatabaseStep] = []
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    databases: dict[str, Any] = {}
    for part in parts:
        reached = predict(part.before, part.wants, part.planned)
        steps += [step for planned in part.planned.values() for step in planned]
        before.update(view(part.before, part.declared))
        after.update(view(reached, part.declared))
        databases.update(present(reached, part.declared, outcomes))
    notes = [note for outcome in outcomes.values() for note in outcome.notes]
    return result(steps, before, after, databases=databases, notes=notes)


def main() -> None:
    module = AnsibleModule(
        argument_spec=module_spec(),
        mutually_exclusive=[("databases", "name")],
        required_one_of=[("databases", "name")],
        supports_check_mode=True,
    )
    require_psycopg2(module)
    try:
        outcome = converge(module.params, module.check_mode)
    except GantryError as error:
        module.fail_json(msg=str(error))
    for note in outcome.pop("notes", []):
        module.warn(note)
    if "msg" in outcome:
        module.fail_json(**outcome)
    module.exit_json(**outcome)


if __name__ == "__main__":
    main()
