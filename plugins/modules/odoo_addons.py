#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declare the addons of Odoo databases."""

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_addons
short_description: Declare the addons of Odoo databases
version_added: 0.2.0
author: Gantry contributors (@gantry-odoo)
description:
  - Installs, upgrades and removes addons, for exactly what differs. An addon is upgraded when the code on disk is not
    the code of the last update that was proven, told by a digest of the content, or when its version is another.
    Where nothing differs, Odoo is not started.
  - An update counts as done when Odoo has ended without an error, no addon waits for anything, everything wanted is
    installed at the version on disk, and the registry loads. Only then are the digests stored, in the configuration
    parameter C(gantry.odoo_addons.digests).
  - What an update that died has left waiting is finished by the next run.
  - An advisory lock in O(login_db) keeps two runs on one database apart, those of M(gantry.odoo.odoo_database) too.
  - A database that runs an addon whose code is not on disk is left alone, and reported.
extends_documentation_fragment:
  - gantry.odoo.postgresql
attributes:
  check_mode:
    description: Can run in check mode and tells what would be installed, upgraded and removed, and why.
    support: full
  diff_mode:
    description: Tells the addons that differ.
    support: full
options:
  databases:
    description: Names of the databases.
    type: list
    elements: str
    required: true
  installed:
    description: Addons that are to be installed. Their dependencies follow.
    type: list
    elements: str
    default: []
  upgraded:
    description: Installed addons that are to be upgraded in any case.
    type: list
    elements: str
    default: []
  absent:
    description: Addons that are to be removed, with those that depend on them and all their data.
    type: list
    elements: str
    default: []
  changed_code:
    description: Whether installed addons whose code has changed are upgraded.
    type: bool
    default: true
  unrecorded:
    description:
      - What becomes of installed addons for which no digest was ever stored, at the first run on a database.
      - V(upgrade) upgrades them. V(trust) takes those whose version is that of the code on disk for up to date, and
        stores their digests.
    type: str
    choices: [upgrade, trust]
    default: upgrade
  downgrade:
    description: Whether code on disk may be older than what the database was brought to. Odoo cannot go back.
    type: bool
    default: false
  config:
    description: Path of the instance's C(odoo.conf). It tells the addons path.
    type: path
    required: true
  odoo_command:
    description:
      - Command that starts Odoo on this host. Where it starts a container, the container needs the configuration and
        O(ca_cert) at the same paths, the variables C(PGSSLROOTCERT) and C(PGOPTIONS) passed on, and the addons path has
        to be on this host too.
    type: list
    elements: str
    default: [odoo]
  odoo_user:
    description: Account to run O(odoo_command) as.
    type: str
    default: odoo
  table_lock_timeout:
    description:
      - Seconds that an update waits for a table that a user's transaction holds. The update is given up then, and the
        transaction goes on.
    type: int
    default: 30
  timeout:
    description: Seconds after which a running Odoo is ended and the call fails.
    type: int
    default: 3600
  lock_timeout:
    description: Seconds to wait for another run on one of the databases.
    type: int
    default: 60
seealso:
  - module: gantry.odoo.odoo_database
"""

EXAMPLES = r"""
- name: Bring a database to the code of the release that runs
  gantry.odoo.odoo_addons:
    login_host: db1.example.com
    login_user: gantry
    login_password: "{{ vault_postgresql_password }}"
    ca_cert: /etc/odoo/postgresql-ca.pem
    config: /etc/odoo/harbour.conf
    databases: [harbour]
    installed: [account, project, purchase, stock]
"""

RETURN = r"""
steps:
  description: What was done, or would be in check mode. After a failure, what was done to the databases before.
  returned: always, except when the options are refused
  type: list
  elements: dict
  contains:
    action:
      description: C(install), C(upgrade), C(remove), or C(record) where only digests are stored.
      type: str
    target:
      description: Database and addon.
      type: str
      sample: "harbour: stock"
    why:
      description: The reason.
      type: str
      sample: its code has changed
databases:
  description: Seconds spent on each database, by name.
  returned: success
  type: dict
  sample: {"harbour": {"duration_s": 12.5}}
"""

import time
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gantry.odoo.plugins.module_utils._addons import apply as client
from ansible_collections.gantry.odoo.plugins.module_utils._addons import digests, plan
from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_code as code
from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import Code, Found, Wish
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step, result
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import check_name
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_config import read_config
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import connection as postgres
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import locks
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.run_odoo import Odoo


def argument_spec() -> dict[str, Any]:
    """The options of the module."""
    names = {"type": "list", "elements": "str", "default": []}
    return {
        **postgres.argument_spec(),
        "databases": {"type": "list", "elements": "str", "required": True},
        "installed": names,
        "upgraded": names,
        "absent": names,
        "changed_code": {"type": "bool", "default": True},
        "unrecorded": {"type": "str", "choices": ["upgrade", "trust"], "default": "upgrade"},
        "downgrade": {"type": "bool", "default": False},
        "config": {"type": "path", "required": True},
        "odoo_command": {"type": "list", "elements": "str", "default": ["odoo"]},
        "odoo_user": {"type": "str", "default": "odoo"},
        "table_lock_timeout": {"type": "int", "default": 30},
        "timeout": {"type": "int", "default": 3600},
        "lock_timeout": {"type": "int", "default": 60},
    }


def wish_for(database: str, params: dict[str, Any]) -> Wish:
    """The addons that a call declares for one database."""
    return Wish(
        check_name(database, "databases"),
        frozenset(params["installed"]),
        frozenset(params["upgraded"]),
        frozenset(params["absent"]),
        changed=params["changed_code"],
        trust=params["unrecorded"] == "trust",
        downgrade=params["downgrade"],
    )


@dataclass(frozen=True)
class Call:
    """One call of the module: the code on disk, listed once, and each database in turn."""

    params: dict[str, Any]
    check_mode: bool
    listed: dict[str, code.Listed]
    login: postgres.Login
    odoo: Odoo
    deadline: Deadline

    @classmethod
    def of(cls, params: dict[str, Any], check_mode: bool) -> Call:
        """The call that the parameters describe."""
        config = read_config(params["config"])
        login = postgres.login_from(params)
        return cls(
            params,
            check_mode,
            code.listing(code.search_path(config.addons_path)),
            login,
            Odoo(tuple(params["odoo_command"]), params["odoo_user"], config.path, login.ca_cert),
            Deadline(params["timeout"]),
        )

    def run(self) -> dict[str, Any]:
        """Plan every database before the first is touched, then update them; the first that fails ends the call.

        The arguments for exit_json or, with a msg, for fail_json, which then tells what was done before.
        """
        wishes = [wish_for(name, self.params) for name in self.params["databases"]]
        if len({wish.database for wish in wishes}) != len(wishes):
            raise InputError("databases: one is named twice")
        planned = [self._planned(wish) for wish in wishes]
        if any(one.starts_odoo for one, _code, _steps in planned):
            self.odoo.require()
        steps = [step for _one, _code, steps in planned for step in steps]
        durations = {wish.database: {"duration_s": 0.0} for wish in wishes}
        if steps and not self.check_mode:
            with locks.hold(self.login, [wish.database for wish in wishes], self.params["lock_timeout"]):
                # another run may have ended while this one waited
                steps = []
                for wish in wishes:
                    begun = time.monotonic()
                    try:
                        steps += self._update(wish)
                    except GantryError as error:
                        done = [step.as_dict() for step in steps]
                        return {"msg": str(error), "changed": bool(done), "steps": done}
                    durations[wish.database] = {"duration_s": round(time.monotonic() - begun, 3)}
        before = {step.target: step.why for step in steps}
        after = {step.target: f"{step.action}ed" if step.action == "install" else step.action for step in steps}
        return result(steps, before, after, databases=durations)

    def _database(self, wish: Wish) -> client.Database:
        return client.Database(wish.database, self.login, self.odoo, self.params["table_lock_timeout"])

    def _planned(self, wish: Wish) -> tuple[plan.Plan, dict[str, Code], list[Step]]:
        found = self._database(wish).read()
        on_disk = self._code(found, wish)
        planned = plan.plan(found, wish, on_disk)
        steps = list(planned.steps)
        if not steps and digests.of(found.in_use, on_disk) != dict(found.digests):
            steps = [Step("record", wish.database, "the code in use was never recorded")]
        return planned, on_disk, steps

    def _code(self, found: Found, wish: Wish) -> dict[str, Code]:
        made_by, here = client.series(found), code.series(self.listed)
        if here and made_by != here:
            raise InputError(
                f"config: database {wish.database} is of Odoo {made_by}, and the code of this instance is {here}: an "
                "update would not be a migration; use an instance of its own version"
            )
        names = set(found.modules) | wish.installed | wish.upgraded
        return code.read(self.listed, names, made_by, found.languages)

    def _update(self, wish: Wish) -> list[Step]:
        database = self._database(wish)
        planned, on_disk, steps = self._planned(wish)
        if planned.starts_odoo:
            database.carry_out(planned, self.deadline)
        found = database.read()
        # what was installed on the way has code that nobody had asked for
        on_disk = {**self._code(found, wish), **on_disk}
        faults = plan.unproven(found, planned, wish, on_disk)
        if faults:
            raise StateError(
                f"Odoo ended without an error, and yet in {wish.database} {'; '.join(faults)}; see Odoo's log and run "
                "again, no digest was stored"
            )
        if steps:
            database.store(on_disk)
        return steps


def main() -> None:
    """Plan, update, prove, record."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    postgres.require_psycopg2(module)
    try:
        outcome = Call.of(module.params, module.check_mode).run()
    except GantryError as error:
        module.fail_json(msg=str(error))
    if "msg" in outcome:
        module.fail_json(**outcome)
    module.exit_json(**outcome)


if __name__ == "__main__":
    main()
