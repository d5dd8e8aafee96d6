# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the inputs of roles on the controller, from what the inventory declares and the servers hold."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible import context
from ansible.errors import AnsibleError

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_known import KnownLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store, seconds_ahead
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import with_what_settles
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    InputError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._estate.apply_record import EstateLog
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import DECOMMISSIONED
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_record import EstateRecord, from_body
from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_estate import outline, resolve
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model as model_routes
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import plan_ownership
from ansible_collections.gantry.odoo.plugins.plugin_utils import last_seen
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction


class _Variables(dict[str, Mapping[str, Any]]):
    """The variables of hosts, put together once for each host and not at each look."""

    def __init__(self, hostvars: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__()
        self._hostvars = hostvars

    def __contains__(self, host: object) -> bool:
        return host in self._hostvars

    def __missing__(self, host: str) -> Mapping[str, Any]:
        self[host] = self._hostvars[host]
        return self[host]


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.estate_info."""

    OPTIONS = {
        "tenants": {"type": "list", "elements": "raw", "required": True},
        "runtime_groups": {"type": "list", "elements": "str", "default": []},
        "require_groups": {"type": "list", "elements": "str", "default": []},
        "placement": {"type": "dict", "default": {}},
        "outline": {"type": "bool", "default": False},
        "locate": {"type": "bool", "default": False},
        "allow_unknown": {"type": "bool", "default": False},
        "present": {"type": "list", "elements": "str"},
        "store": {**STORE, "required": False},
        "last_seen": {"type": "bool", "default": False},
        "new_store": {"type": "bool", "default": False},
        "refuse_contradictions": {"type": "bool", "default": False},
        "released": {"type": "list", "elements": "str", "default": []},
        "released_groups": {"type": "list", "elements": "str", "default": []},
        "drained": {"type": "list", "elements": "str", "default": []},
        "keeping": {"type": "list", "elements": "str", "default": []},
        "maintenance": {"type": "list", "elements": "str", "default": []},
        "tenant": {"type": "str"},
        "tier": {"type": "int", "default": 0},
        "destination": {"type": "str"},
        "allow_new": {"type": "bool", "default": True},
        "allow_missing": {"type": "bool", "default": False},
        "made_only": {"type": "bool", "default": False},
        "rename": {"type": "bool", "default": False},
        "empty": {"type": "list", "elements": "str", "default": []},
        "release_source": {"type": "bool", "default": False},
        "number": {"type": "int", "default": 0},
        "assume": {"type": "dict", "default": {}},
        "arrived": {"type": "list", "elements": "str", "default": []},
        "config_dir": {"type": "str", "default": "/etc/odoo"},
        "login": {"type": "str", "default": "gantry"},
        "internal_zones": {"type": "list", "elements": "str", "default": []},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Read the estate record where there is a store, and resolve the estate."""
        store = open_store(call.params["store"]) if call.params["store"] else None
        # before all that is read: what is recorded behind it was not seen
        sequence = Ledger(store).newest_number() if store and call.params["outline"] else -1
        clock = seconds_ahead(store) if store and call.params["outline"] else 0.0
        record = self._record(call, store) if store else EstateRecord()
        in_hand = self._in_hand(call, store) if store and not call.params["outline"] else {}
        args = {**call.params, "today": _today(call.params, store).date().isoformat(), "in_hand": in_hand}
        hosts = _Variables(variables["hostvars"])
        try:
            resolved = resolve(args, variables["groups"], hosts, record)
        except StateError as error:
            raise StateError(self._with_what_settles(error, store)) from error
        sources = {}
        if call.params["release_source"]:
            running = list(resolved.estate["group_of"])
            self._require_sources(running, hosts)
            sources = {"unsourced": [name for name in running if not self._has_release(hosts[name])]}
        if call.params["outline"]:
            # by the rules of the edges, which would refuse them at the end of the run
            present, _absent = model_routes.requests(resolved.estate["routes"])
            plan_ownership.check_collisions("gantry", present)
            # a value as large as the whole estate takes seconds to be sent and copied
            return Outcome(
                facts={"estate": {**outline(resolved.estate), **sources, "sequence": sequence, "clock": clock}}
            )
        known = self._known_backups(call, store) if store else {}
        estate = {**resolved.estate, **sources, "known_backups": known}
        return Outcome(facts={"estate": estate, "record": resolved.record})

    @staticmethod
    def _with_what_settles(error: StateError, store: Objects | None) -> str:
        """Why the estate cannot be resolved, and the change that settles it, where the store has one."""
        try:
            return with_what_settles(str(error), PartsLog(store).read().parts if store else ())
        except UnreachableError:
            return str(error)

    @staticmethod
    def _record(call: Call, store: Objects) -> EstateRecord:
        """The estate record; where the store does not answer, and that is asked for, the one that this run has read."""

        def read() -> dict[str, Any]:
            record = EstateLog(store).read()
            return {"number": record.number, "body": record.as_body()}

        words = "the estate record is the one that this run has read last"
        return from_body(**last_seen.read(call, store, "estate", words, read), where=store.where)

    @staticmethod
    def _known_backups(call: Call, store: Objects) -> dict[str, int]:
        """The newest backup of each tenant that the ledger proves, as `_record` reads the record."""
        words = "the newest backups are those that this run has read last"
        known: dict[str, int] = last_seen.read(
            call, store, "backups", words, lambda: dict(KnownLog(store).read().backups)
        )
        return known

    @staticmethod
    def _in_hand(call: Call, store: Objects) -> dict[str, str]:
        """The change that has each part in hand or left it behind, as `_record` reads the record."""
        words = "the parts of changes are those that this run has read last"
        changes: dict[str, str] = last_seen.read(
            call, store, "out", words, lambda: {part.name: part.change for part in PartsLog(store).read().out}
        )
        return changes

    def _require_sources(self, names: Sequence[str], hosts: Mapping[str, Mapping[str, Any]]) -> None:
        """Raise InputError with a sentence for each release source that this controller does not have."""
        faults: dict[str, list[str]] = {}
        for name in names:
            fault = self._fault_of_source(hosts[name])
            if fault:
                faults.setdefault(fault, []).append(name)
        if faults:
            told = (f"odoo_release_source of {', '.join(found)} {fault}" for fault, found in faults.items())
            raise InputError(
                f"{'; '.join(told)}; name a directory that every controller has and that holds <release>/addons, "
                "or leave it out where each host holds its release"
            )

    def _fault_of_source(self, variables: Mapping[str, Any]) -> str:
        try:
            source = variables.get("odoo_release_source")
        except AnsibleError as error:
            return f"cannot be read: {error.message.rstrip('.')}"
        if not source:
            return ""
        path = self._on_controller(source)
        for inventory in context.CLIARGS.get("inventory") or ():
            if os.path.isdir(inventory) and os.path.realpath(path).startswith(os.path.realpath(inventory) + os.sep):
                return f"is {source} in the inventory {inventory}, whose files Ansible reads and runs as inventories"
        return "" if os.path.isdir(path) else f"is {source}, which is no directory of this controller"

    def _has_release(self, variables: Mapping[str, Any]) -> bool:
        """Whether this controller has the release that a new host gets."""
        source, release = variables.get("odoo_release_source"), variables.get("odoo_release")
        return bool(source and release) and os.path.isdir(
            os.path.join(self._on_controller(source), str(release), "addons")
        )

    def _on_controller(self, source: Any) -> str:
        path: str = self._loader.path_dwim(os.path.expanduser(str(source)))
        return path


def _today(params: Mapping[str, Any], store: Objects | None) -> datetime:
    """Now, by the clock of the store where a tenant leaves: nothing is dropped early by the clock of a controller."""
    leaves = any(isinstance(one, Mapping) and one.get("state") == DECOMMISSIONED for one in params["tenants"])
    if store is None or not leaves:
        return datetime.now(timezone.utc)
    try:
        return store.now()
    except UnreachableError:
        if not params["last_seen"]:
            raise
        # nothing is due on it
        return datetime.min.replace(tzinfo=timezone.utc)
