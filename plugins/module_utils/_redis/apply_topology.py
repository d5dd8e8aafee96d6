# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry a plan out, and prove that the topology is healthy: links up, Sentinels in agreement, quorum there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    DeadlineError,
    GantryError,
    StateError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Hands, carry_out
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_node import (
    change_node,
    change_sentinels,
    persist,
    save_data,
    tell,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_passwords import add_password, remove_password
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Client, sentinel_login
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    Desired,
    Disputed,
    Endpoint,
    Topology,
    Unsettled,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_passwords import AddPassword, RemovePassword
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import (
    Configure,
    Follow,
    Permit,
    Plan,
    Promote,
    Reset,
    Snapshot,
    Watch,
    Write,
    make_plan,
    plan_or_resolve,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_topology import read_sentinel, read_topology
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_faults import faults

# The steps that are not carried out among those of the nodes, but before or after them.
_APART = (AddPassword, Watch, Reset, RemovePassword)
# A primary that wants more replicas than there are refuses every write.
GUARD, NEVER_ENOUGH = "min-replicas-to-write", "1000"
# Seconds: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/, "Removing Sentinels"
BETWEEN_RESETS, RELEARNED = 30.0, 60.0


@dataclass(frozen=True)
class SnapshotPlace:
    """Where losers' data goes: a directory of this host, and the redis-cli that copies it (None when not found)."""

    directory: str
    redis_cli: str | None


def settled_plan(client: Client, desired: Desired, deadline: Deadline) -> tuple[Topology, Plan]:
    """Read and plan; while the topology moves by itself, again until `deadline`. Raises what the last plan raised."""

    def look(waited: bool) -> tuple[Topology, Plan]:
        current = read_topology(client, desired)
        return current, plan_or_resolve(current, desired, waited)

    def probe() -> tuple[Topology, Plan] | None:
        try:
            return look(waited=False)
        except Disputed as dispute:
            if not dispute.transient:
                raise
        except Unsettled:
            pass
        return None

    try:
        return deadline.wait(probe, "a settled topology")
    except DeadlineError:
        return look(waited=True)


def apply_plan(client: Client, plan: Plan, desired: Desired, place: SnapshotPlace, deadline: Deadline) -> list[str]:
    """Do the steps in their order and return the files that snapshots were kept in."""
    losers = [step.node for step in plan.steps if isinstance(step, Snapshot)]
    hands: Hands = {
        **node_hands(client, desired),
        Configure: lambda step: configure(client, without_guard(step) if step.node in losers else step),
        Snapshot: lambda step: snapshot(client, step, desired, place, deadline),
        Write: lambda step: persist(client, [step.node]),
        Promote: lambda step: change_node(client, step.node, [("REPLICAOF", "NO", "ONE")]),
        Follow: lambda step: follow(client, step.node, step.primary, desired.settings if step.node in losers else {}),
        Reset: lambda step: reset(client, step, desired),
    }
    for step in plan.steps:
        if isinstance(step, AddPassword):
            carry_out(step, hands)
    watches = [step for step in plan.steps if isinstance(step, Watch)]
    with refusing_writes(client, losers, desired.settings):
        files = [carry_out(step, hands) for step in plan.steps if isinstance(step, Snapshot)]
        for step in plan.steps:
            if not isinstance(step, (*_APART, Snapshot)):
                carry_out(step, hands)
    if watches:
        wait_complete(client, desired, plan.primary, deadline, sentinels=False)
        watch_all(client, desired, watches)
    reset_in_turn([step for step in plan.steps if isinstance(step, Reset)], hands)
    removals = [step for step in plan.steps if isinstance(step, RemovePassword)]
    if removals:
        wait_complete(client, desired, plan.primary, deadline)
    for step in removals:
        carry_out(step, hands)
    if desired.rotation is not None:
        # Sentinel has no transactions: a killed run may have left a password that is not in its file yet.
        persist(client, (), desired.sentinels)
    return [file for file in files if file]


@contextmanager
def refusing_writes(client: Client, losers: Sequence[Endpoint], settings: Mapping[str, str]) -> Iterator[None]:
    """Let nodes whose data is given up take no write between their copy and their becoming replicas.

    They refuse writes for want of replicas, which neither blocks the commands of Sentinels nor ends by itself: a run
    that is killed leaves them so, and the next one sets what is declared. After an error they take writes again.
    """
    try:
        for node in losers:
            tell(client, node, ("CONFIG", "SET", GUARD, NEVER_ENOUGH))
        yield
    except BaseException:
        # whatever ends the run, so that no server is left without writes by a full disk
        for node in losers:
            with suppress(GantryError):
                tell(client, node, ("CONFIG", "SET", GUARD, settings[GUARD]))
        raise


def without_guard(step: Configure) -> Configure:
    """The step without the setting by which a node refuses writes; it is set when the node becomes a replica."""
    return replace(step, settings=tuple(pair for pair in step.settings if pair[0] != GUARD))


def reset_in_turn(steps: Sequence[Reset], hands: Hands) -> None:
    """Let one Sentinel after the other forget, so that there is always a majority that can elect a primary."""
    for number, step in enumerate(steps):
        if number:
            time.sleep(BETWEEN_RESETS)
        carry_out(step, hands)


def reset(client: Client, step: Reset, desired: Desired) -> None:
    """Let a Sentinel forget everybody, and wait until it knows those again who are there."""
    change_sentinels(client, {step.sentinel: [("SENTINEL", "RESET", desired.name)]})

    def probe() -> bool | None:
        seen = read_sentinel(client, step.sentinel, desired)
        replicas = set(desired.nodes) - {step.primary}
        return True if seen.others >= len(desired.sentinels) - 1 and replicas <= seen.replicas else None

    Deadline(RELEARNED).wait(probe, f"Sentinel {step.sentinel} knowing the others again")


def node_hands(client: Client, desired: Desired) -> Hands:
    """What carries out the steps that a cluster and a replicated topology share."""
    return {
        Configure: lambda step: configure(client, step),
        Permit: lambda step: permit(client, step, desired),
        AddPassword: lambda step: add_password(client, step),
        RemovePassword: lambda step: remove_password(client, step),
    }


def configure(client: Client, step: Configure) -> None:
    """Set what a step holds."""
    if not step.settings and not step.authenticate:
        return
    change_node(client, step.node, settings_commands(client, step))


def settings_commands(client: Client, step: Configure) -> list[Sequence[str]]:
    """CONFIG SET for the settings of a step and, where it says so, for what a replica shows its primary."""
    pairs = list(step.settings)
    if step.authenticate:
        user, password = client.access.replication
        pairs += [("masteruser", user), ("masterauth", password)]
    if step.together:
        return [("CONFIG", "SET", *(word for pair in pairs for word in pair))]
    return [("CONFIG", "SET", *pair) for pair in pairs]


def permit(client: Client, step: Permit, desired: Desired) -> None:
    """Make the users of a step what they are declared as, or delete them where they are declared as absent or not."""
    declared = {user.name: user for user in desired.users if user.present}
    commands: list[Sequence[str]] = [declared[name].words() for name in step.names if name in declared]
    gone = [name for name in step.names if name not in declared]
    if gone:
        commands.append(("ACL", "DELUSER", *gone))
    change_node(client, step.node, commands, save_users=step.save)


def follow(client: Client, node: Endpoint, primary: Endpoint, settings: Mapping[str, str] | None = None) -> None:
    """Make the node a replica of `primary`. settings: as declared, where the node refused writes until now."""
    commands: list[Sequence[str]] = [("REPLICAOF", client.address(primary), str(primary.port))]
    if settings:
        commands.append(("CONFIG", "SET", GUARD, settings[GUARD]))
    change_node(client, node, commands)


def watch_all(client: Client, desired: Desired, steps: Sequence[Watch]) -> None:
    """Point the Sentinels. All forget the old primary before one learns the new: a Sentinel that still knew it would
    tell the others, with a newer epoch, to go back to it."""
    change_sentinels(client, {step.sentinel: [("SENTINEL", "REMOVE", desired.name)] for step in steps if step.replace})
    change_sentinels(client, {step.sentinel: sentinel_commands(client, desired, step) for step in steps})


def sentinel_commands(client: Client, desired: Desired, step: Watch) -> list[Sequence[str]]:
    """What a Sentinel is sent. The credentials stand first in SET: parameters that are right prove that it got them.

    So does what it shows other Sentinels, which it can be asked for.
    """
    name = desired.name
    commands: list[Sequence[str]] = []
    parameters = dict(step.parameters)
    if step.start:
        quorum = str(parameters["quorum"])
        address = client.address(step.primary)
        commands.append(("SENTINEL", "MONITOR", name, address, str(step.primary.port), quorum))
    user, password = client.access.sentinel
    words = [word for pair in parameters.items() for word in (pair[0], str(pair[1]))]
    commands.append(("SENTINEL", "SET", name, "auth-user", user, "auth-pass", password, *words))
    if desired.rotation is not None:
        for word, value in zip(("user", "pass"), sentinel_login(client.access)):
            commands.append(("SENTINEL", "CONFIG", "SET", f"sentinel-{word}", value))
    return commands


def wait_complete(
    client: Client, desired: Desired, primary: Endpoint, deadline: Deadline, sentinels: bool = True
) -> Topology:
    """Wait until nothing of the topology is missing and return it. Raises DeadlineError with what still is."""
    missing: list[str] = []

    def probe() -> Topology | None:
        try:
            seen = read_topology(client, desired)
        except Unsettled as error:
            missing[:] = [str(error)]
            return None
        missing[:] = map(str, faults(seen, desired, primary, sentinels))
        return None if missing else seen

    try:
        return deadline.wait(probe, "a healthy topology")
    except DeadlineError as error:
        raise DeadlineError(f"after {deadline.seconds:g} s {'; '.join(missing)}") from error


def prove(client: Client, primary: Endpoint, desired: Desired, deadline: Deadline) -> Topology:
    """Wait for a healthy topology under `primary`, and check that planning again finds nothing to do."""
    seen = wait_complete(client, desired, primary, deadline)
    left = make_plan(seen, desired).steps
    if left:
        raise StateError(f"after all steps {left[0].target} still needs to {left[0].action}: {left[0].why}")
    return seen


def snapshot(client: Client, step: Snapshot, desired: Desired, place: SnapshotPlace, deadline: Deadline) -> str:
    """Keep the data of a node that is to give it up, and return the file."""
    if place.redis_cli is None:
        raise StateError(f"redis-cli is not on this host and is needed to save the data of {step.node}; install it")
    os.makedirs(place.directory, mode=0o700, exist_ok=True)
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    path = os.path.join(place.directory, f"{desired.name}-{step.node.host}-{step.node.port}-{stamp}.rdb")
    save_data(client, step.node, path, place.redis_cli, deadline)
    return path
