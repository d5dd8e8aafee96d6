#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage the addons of Odoo databases."""

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_addons
short_description: Manage the addons of Odoo databases
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
  - A database that runs an addon whose code is not there is left alone, and reported. An addon that was imported into
    the database, such as Studio's, needs no code; it is never upgraded.
extends_documentation_fragment:
  - gantry.odoo.postgresql
  - gantry.odoo.odoo
  - gantry.odoo.attributes
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
    required: true
  table_lock_timeout:
    description:
      - Seconds that an update waits for a table that a user's transaction holds. The update is given up then, and the
        transaction goes on.
    type: int
    default: 30
  timeout:
    default: 3600
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
    installed: [contacts]
"""

RETURN = r"""
steps:
  description: What was done, or would be in check mode. After a failure, what was done to the databases before.
  returned: always, except when the options are refused
  type: list
  elements: dict
  contains:
    action:
      description:
        - C(install), C(upgrade), C(remove), C(settle) where an imported addon waits for an upgrade that Odoo has no
          code for, or C(record) where only digests are stored.
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

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons.apply_update import Updates
from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import Wish
from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_code import listing, search_path
from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_image import files_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import options_instance
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import check_name
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_config import read_config
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import connection as postgres
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import locks
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_write import Writer
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_odoo import Odoo

_NAMES = {"type": "list", "elements": "str", "default": []}
OPTIONS: dict[str, Any] = {
    **postgres.argument_spec(),
    **options_instance.argument_spec(timeout=3600),
    "config": {"type": "path", "required": True},
    "databases": {"type": "list", "elements": "str", "required": True},
    "installed": _NAMES,
    "upgraded": _NAMES,
    "absent": _NAMES,
    "changed_code": {"type": "bool", "default": True},
    "unrecorded": {"type": "str", "choices": ["upgrade", "trust"], "default": "upgrade"},
    "downgrade": {"type": "bool", "default": False},
    "table_lock_timeout": {"type": "int", "default": 30},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Plan every database before the first is touched, then update them; the first that fails ends the call."""
    call.warn_empty("databases")
    wishes = wishes_of(call.params)
    updates = updates_of(call.params, call.warn)
    steps = updates.plan(wishes)
    done, failure = steps, ""
    durations = {wish.database: 0.0 for wish in wishes}
    if steps and not call.check_mode:
        with locks.hold(updates.writer.login, [wish.database for wish in wishes], call.params["lock_timeout"]):
            updates.writer.require()
            # another run may have ended while this one waited
            done, durations, failure = updates.carry_out(wishes)
    return Outcome(
        steps=done,
        before={step.target: step.why for step in done},
        after={step.target: _became(step) for step in done},
        facts={} if failure else {"databases": {name: {"duration_s": took} for name, took in durations.items()}},
        failure=failure,
    )


def wishes_of(params: Mapping[str, Any]) -> list[Wish]:
    """The addons that a call declares for each database."""
    names = [check_name(name, "databases") for name in params["databases"]]
    if len(set(names)) != len(names):
        raise InputError("databases: one is named twice")
    return [
        Wish(
            name,
            frozenset(params["installed"]),
            frozenset(params["upgraded"]),
            frozenset(params["absent"]),
            changed=params["changed_code"],
            trust=params["unrecorded"] == "trust",
            downgrade=params["downgrade"],
        )
        for name in names
    ]


def updates_of(params: Mapping[str, Any], warn: Callable[[str], None]) -> Updates:
    """The instance whose code the databases are brought to, and how it is reached."""
    config = read_config(params["config"], params["odoo_user"])
    login = postgres.login_from(params)
    odoo = Odoo(tuple(params["odoo_command"]), params["odoo_user"], config.path, login.ca_cert)
    files = files_of(odoo)
    listed = listing(search_path(config.addons_path, files), files)
    writer = Writer(login, params["write_user"], params["lock_timeout"], warn)
    return Updates(listed, writer, odoo, params["table_lock_timeout"], Deadline(params["timeout"]))


def _became(step: Step) -> str:
    return {"install": "installed", "upgrade": "upgraded", "remove": "removed", "settle": "installed"}.get(
        step.action, "recorded"
    )


if __name__ == "__main__":
    main()
