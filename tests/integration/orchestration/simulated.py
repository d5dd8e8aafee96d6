# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of actions that stand in the place of modules and roles, in the copy of the collection that a world has.

It is copied beside `world.py` into plugins/plugin_utils of that copy.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.gantry.odoo.plugins.plugin_utils.world import RefusedError, World, opened, read

ROLES = ("odoo", "postgresql", "traefik", "certificate", "redis", "backup")
ACTING = ("odoo_database", "odoo_restore")


class Simulated(ActionBase):
    """One step on a host of the world: the effect, and the fault that the world is to suffer there."""

    STEP: ClassVar[str] = ""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do the step, or what the fault makes of it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        host = str(self._task.delegate_to or variables["inventory_hostname"])
        args = dict(self._task.args)
        path = Path(variables["sim_world"])
        words = f"{host} {_words(self.STEP, args)}{' check' if self._task.check_mode and self.STEP in ACTING else ''}"
        _call(path, words)
        with opened(path) as world:
            world.step += 1
            world.log.append(words)
            fault = _due(world)
            _before(fault, world, host, path)
            if host in world.gone and self.STEP != "connect":
                raise AnsibleConnectionFailure(f"Failed to connect to {host}")
            before = asdict(world)
            try:
                result.update(_effect(world, host, self.STEP, args, bool(self._task.check_mode)))
            except RefusedError as error:
                result.update(failed=True, msg=str(error))
            if asdict(world) == before:
                world.reads.append(world.step)
            world.users()
        _after(fault, host)
        return result


def _call(path: Path, words: str) -> None:
    """What another operator does before a step, once."""
    fault = read(path).fault
    for one in [fault, *fault.get("more", [])]:
        done = path.with_name("called")
        if one.get("kind") == "call before" and one.get("words") == words and not done.exists():
            done.touch()
            subprocess.run(one["command"], check=True, stdin=subprocess.DEVNULL)
        if one.get("kind") == "orphan" and one.get("words") == words and not done.exists():
            done.touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(one["seconds"])


def _due(world: World) -> Any:
    """Several faults, by words too; nth 0: each time."""
    for one in [world.fault, *world.fault.get("more", [])]:
        if one.get("step") == world.step:
            return one
        if one.get("words") and world.log[-1] == one["words"]:
            one["seen"] = one.get("seen", 0) + 1
            if one.get("nth", 1) in (0, one["seen"]):
                return one
    return {}


def _effect(world: World, host: str, step: str, args: Mapping[str, Any], check: bool) -> dict[str, Any]:
    if step in ROLES:
        # in check mode an entry point reads, and says what is there
        facts = getattr(world, step)(host, "facts" if check else args["entry"], args.get("given", {}))
        return {"ansible_facts": facts, "changed": bool(facts.get(f"{step}_changed"))}
    if check and step in ACTING:
        return {"changed": True, "steps": [], **(world.chosen(args) if args.get("backup") else {})}
    found: dict[str, Any] = getattr(world, step)(host, args)
    return found


def _words(step: str, args: Mapping[str, Any]) -> str:
    if step in ROLES:
        return f"{step} {args['entry']}"
    shown = [str(args[name]) for name in ("name", "tenant", "access", "state") if args.get(name)]
    return " ".join([step, *shown, *(["prefetch"] if args.get("prefetch") else [])])


def _before(fault: Mapping[str, Any], world: World, host: str, path: Path) -> None:
    """The faults that come before the effect of a step, or in its place."""
    kind = fault.get("kind")
    world.gone += [fault["off"]] if fault.get("off") else []
    if kind == "cut before":
        raise AnsibleConnectionFailure(f"Failed to connect to {host}")
    if kind == "host off":
        world.gone.append(host)
    if kind in ("host off", "odoo dies"):
        _stop(world, fault.get("node", host))
    if kind == "disk full":
        raise RefusedFault("No space left on device")
    if str(kind).startswith("store "):
        _exchange_store(str(kind), path.parent / "store")
    if kind == "controller killed before":
        _kill_controller()


def _stop(world: World, host: str) -> None:
    for machines in (world.nodes, world.caches):
        if host in machines:
            machines[host].running = False


def _exchange_store(kind: str, store: Path) -> None:
    """Another thing, or nothing, in the place of the change store."""
    copy = store.with_suffix(".copy")
    if kind == "store copied":
        shutil.copytree(store, copy)
        return
    store.rename(store.with_suffix(".gone"))
    if kind == "store gone":
        store.write_text("what was mounted here is gone", encoding="utf-8")
    if kind == "store unmounted":
        store.mkdir()
    if kind == "store put back":
        copy.rename(store)


def _after(fault: Mapping[str, Any], host: str) -> None:
    """The faults that come when the effect is there."""
    kind = fault.get("kind")
    if kind == "cut after":
        raise AnsibleConnectionFailure(f"Shared connection to {host} closed")
    if kind == "module killed":
        raise RefusedFault("MODULE FAILURE: Killed")
    if kind == "controller killed after":
        _kill_controller()
    if kind == "controller disk full":
        disk = Path(fault["disk"])
        with (disk / "filler").open("wb", buffering=0) as stream:
            for size in (65536, 4096, 512, 1):
                try:
                    while True:
                        stream.write(b"x" * size)
                except OSError:
                    pass
    if kind == "touch":
        Path(fault["file"]).touch()


def _kill_controller() -> None:
    """End ansible-playbook and this worker of it, as a machine that loses its power does."""
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


class RefusedFault(Exception):
    """A failure of the step, as Ansible tells an exception in a module."""
