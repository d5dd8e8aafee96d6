# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was read to the steps that are missing. Nothing here talks to a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_settings import (
    PURPOSES,
    share_of_memory,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    Desired,
    Disputed,
    Endpoint,
    Node,
    PlannedFailover,
    Sentinel,
    Topology,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_users import Grant
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_passwords import (
    accepted_after,
    add_steps,
    remove_steps,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_primary import (
    find_primary,
    is_returning,
    may_follow,
    refuse_moving,
    split_brain,
)


@dataclass(frozen=True)
class NodeStep(Step):
    """Something done on one data node."""

    node: Endpoint = Endpoint("", 0)


@dataclass(frozen=True)
class Snapshot(NodeStep):
    """Keep the node's RDB in a file before its data is given up."""


@dataclass(frozen=True)
class Promote(NodeStep):
    """Make the node a primary."""


@dataclass(frozen=True)
class Write(NodeStep):
    """Let the node write what it is into its configuration file."""


@dataclass(frozen=True)
class Configure(NodeStep):
    """Set settings. authenticate: also give the node the password that it shows its primary.

    together: all in one CONFIG SET, which changes all or nothing; Redis 7 and later can.
    """

    settings: tuple[tuple[str, str], ...] = ()
    authenticate: bool = False
    together: bool = True


@dataclass(frozen=True)
class Permit(NodeStep):
    """Make users what they are declared as, or delete them. save: the node keeps its users in an ACL file."""

    names: tuple[str, ...] = ()
    save: bool = False


@dataclass(frozen=True)
class Follow(NodeStep):
    """Make the node a replica of `primary`."""

    primary: Endpoint = Endpoint("", 0)


@dataclass(frozen=True)
class Watch(Step):
    """Let a Sentinel monitor `primary`, or change how it does. replace: it monitors another one under the name."""

    sentinel: Endpoint = Endpoint("", 0)
    primary: Endpoint = Endpoint("", 0)
    start: bool = False
    replace: bool = False
    parameters: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Reset(Step):
    """Let a Sentinel forget all other Sentinels and replicas, and find those again that are there."""

    sentinel: Endpoint = Endpoint("", 0)
    primary: Endpoint = Endpoint("", 0)


@dataclass(frozen=True)
class Plan:
    """The primary that rules, the steps in their order, and the topology they lead to.

    failover: the planned failover that comes after the steps. failover_steps: what it does.
    """

    primary: Endpoint
    steps: tuple[Step, ...]
    after: Topology
    failover: PlannedFailover | None = None
    failover_steps: tuple[Step, ...] = ()


def plan_or_resolve(current: Topology, desired: Desired, waited: bool) -> Plan:
    """The plan, where `resolve` counts only for a dispute, so that one left behind never moves a healthy primary.

    waited: whether a dispute that Sentinel could settle by itself has had its time.
    """
    try:
        return make_plan(current, desired)
    except Disputed as dispute:
        winner = dispute.evident or desired.resolve
        if winner is None or (dispute.transient and not waited):
            raise
        plan = make_plan(current, desired, winner)
        return plan if dispute.evident is None else replace(plan, steps=(*_write(current, winner), *plan.steps))


def make_plan(current: Topology, desired: Desired, resolve: Endpoint | None = None) -> Plan:
    """The steps from `current` to `desired`. Raises Disputed, StateError or Unsettled; then nothing is to be done.

    resolve: the winner of a dispute.
    A new password is accepted before it is used. Users come next, so that replicas and Sentinels find theirs; then
    settings, so that a node may authenticate before it follows; Sentinels after the replicas, so that they find them at
    their first look. Users and former passwords go last, when nothing needs them any more.
    """
    refuse_moving(current)
    primary = resolve or find_primary(current, desired)
    settings = wanted_settings(current, desired)
    steps = add_steps(current.servers, desired.rotation)
    steps += [step for node in current.nodes for step in permit_steps(node)]
    steps += [step for node in current.nodes for step in configure_steps(node, settings)]
    steps += _attach(current, desired, primary, resolve)
    steps += [
        step
        for item in current.sentinels
        for step in watch_steps(item, desired, primary, current.wrong_login(item, primary, desired.sentinel_user))
    ]
    steps += reset_steps(current, desired, primary)
    steps += [step for node in current.nodes for step in withdraw_steps(node)]
    steps += remove_steps(current.servers, desired.rotation)
    refuse_unwritable(current, steps)
    return Plan(primary, tuple(steps), _expected(current, desired, primary, settings))


def _write(current: Topology, primary: Endpoint) -> list[Step]:
    """A failover that was cut off left files that are older than the roles of those who took part."""
    return [
        Write("write", str(node.endpoint), "its file is older than its role", node.endpoint)
        for node in current.nodes
        if node.endpoint == primary or node.follows == primary
    ]


def wanted_settings(current: Topology, desired: Desired) -> dict[str, str]:
    """The declared settings, and a maxmemory from the share of the smallest node's memory."""
    chosen = dict(desired.settings)
    known = [node.memory_bytes for node in current.nodes if not node.new]
    if desired.memory_share and known:
        share = share_of_memory(desired.memory_share, min(known))
        if share is not None:
            chosen["maxmemory"] = share
    for node in current.nodes:
        unknown = [] if node.new else sorted(set(chosen) - set(node.config))
        if unknown:
            raise InputError(f"settings.{unknown[0]} is not a setting of Redis {node.version} on {node.endpoint}")
    return chosen


def configure_steps(node: Node, settings: dict[str, str]) -> list[Step]:
    """What a node lacks of the settings and of the password that it shows its primary: nothing or one step."""
    missing = _differing(node, settings)
    if not missing and node.authenticates:
        return []
    words = [f"{name} {_shown(node.config.get(name))} -> {_shown(value)}" for name, value in missing]
    if not node.authenticates:
        words.append("masterauth differs")
    return [
        Configure(
            action="configure",
            target=str(node.endpoint),
            why=", ".join(words),
            node=node.endpoint,
            settings=tuple(missing),
            authenticate=not node.authenticates,
            together=not node.version.startswith("6."),
        )
    ]


def permit_steps(node: Node) -> list[Step]:
    """What a node does not yet let the declared users do: nothing or one step."""
    return _permit(node, "permit", [grant for grant in node.grants if grant.wanted is not None and not grant.is_right])


def withdraw_steps(node: Node) -> list[Step]:
    """The users that a node has and that are to go: nothing or one step."""
    return _permit(
        node, "withdraw", [grant for grant in node.grants if grant.wanted is None and grant.seen is not None]
    )


def _permit(node: Node, action: str, grants: Sequence[Grant]) -> list[Step]:
    if not grants:
        return []
    words = [f"user {grant.name}: {grant.shown() or 'none'} -> {grant.shown(after=True) or 'none'}" for grant in grants]
    names = tuple(grant.name for grant in grants)
    save = bool(node.config.get("aclfile"))
    return [Permit(action, str(node.endpoint), "; ".join(words), node.endpoint, names, save)]


def _differing(node: Node, settings: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in settings.items()
        if name not in node.config or not node.has_setting(name, value)
    ]


def _attach(current: Topology, desired: Desired, endpoint: Endpoint, resolve: Endpoint | None) -> list[Step]:
    primary = current.node(endpoint)
    if primary is None:
        raise StateError(f"{endpoint} is to be the primary and was not read")
    steps: list[Step] = []
    losers: list[Step] = []
    for node in current.nodes:
        if node.endpoint == endpoint or node.follows == endpoint:
            continue
        if not may_follow(node, primary, current):
            if resolve is None and not is_returning(node, primary, current, desired):
                raise split_brain([primary, node])
            if resolve is not None or PURPOSES[desired.purpose].guarded:
                why = f"its {node.keys} keys are not all known to {endpoint}"
                losers.append(Snapshot("snapshot", str(node.endpoint), why, node.endpoint))
        why = "it was a primary" if node.is_primary else f"it followed {node.follows}"
        steps.append(Follow("follow", str(node.endpoint), f"replica of {endpoint}; {why}", node.endpoint, endpoint))
    promoted: list[Step] = []
    if not primary.is_primary:
        why = f"resolve names it; it followed {primary.follows}"
        promoted.append(Promote("promote", str(endpoint), why, endpoint))
    return losers + promoted + steps


def watch_steps(item: Sentinel, desired: Desired, primary: Endpoint, wrong_login: str = "") -> list[Watch]:
    """What a Sentinel lacks to watch `primary` as declared: nothing or one step.

    wrong_login: how it logs in to the primary, where that is known not to be as declared.
    """
    start = item.primary is None
    other = not start and item.primary != primary
    missing = tuple(
        (name, value) for name, value in desired.sentinel_parameters.items() if item.parameters.get(name) != value
    )
    # A Sentinel that cannot reach a primary which answered us has the wrong password for it.
    locked_out = not start and not other and bool({"disconnected", "s_down"} & item.flags)
    if not (start or other or missing or locked_out or wrong_login) and item.shows_new:
        return []
    if start or other:
        why = f"monitor {primary} as {desired.name}" + (f" instead of {item.primary}" if other else "")
        missing = tuple(desired.sentinel_parameters.items())
    elif missing:
        why = ", ".join(f"{name} {item.parameters.get(name, 'unset')} -> {value}" for name, value in missing)
    elif wrong_login:
        why = f"it {wrong_login}"
    elif not item.shows_new:
        why = "it logs in with the former password"
    else:
        why = f"it cannot reach {primary}: give it the password again"
    action = "monitor" if start or other else "tune"
    return [Watch(action, str(item.endpoint), why, item.endpoint, primary, start or other, other, missing)]


def reset_steps(current: Topology, desired: Desired, primary: Endpoint) -> list[Step]:
    """The Sentinels that are to forget others which are gone for good.

    Raises StateError while a declared Sentinel is out of reach of another: what is behind a partition is not gone.
    """
    if not desired.forget_sentinels:
        return []
    found: list[Step] = []
    for item in current.sentinels:
        gone = current.gone(item, desired)
        if gone:
            why = f"it counts {', '.join(map(str, gone))}, which is gone, to the majority"
            found.append(Reset("reset", str(item.endpoint), why, item.endpoint, primary))
    for item in current.sentinels if found else ():
        lost = [peer.endpoint for peer in item.peers if peer.lost and peer.endpoint in desired.sentinels]
        if lost:
            raise StateError(
                f"Sentinel {item.endpoint} cannot reach {lost[0]}, which is declared, so that none may forget another; "
                "mend that first, or run without forget_sentinels"
            )
    return found


def refuse_unwritable(current: Topology, steps: list[Step]) -> None:
    """Raise StateError for a step on a node that has no file to keep it in."""
    for step in steps:
        where = getattr(step, "node", getattr(step, "server", None))
        node: Node | None = current.node(where)
        if node is not None and not node.config_file and not node.new:
            raise StateError(
                f"{node.endpoint} runs without a configuration file, so that no change to it would survive a restart; "
                "start it with one"
            )
        if node is not None:
            refuse_unreadable(node)


def refuse_unreadable(node: Node) -> None:
    """Raise StateError for a node that could not start from the file that it writes at a change."""
    if node.unreadable:
        raise StateError(
            f"{node.endpoint} has the user {node.unreadable[0]!r} with a quote in its name or rules. Redis writes it "
            "without quotes, so that it could not start from its own file; delete that user with ACL DELUSER first"
        )


def _expected(current: Topology, desired: Desired, primary: Endpoint, settings: dict[str, str]) -> Topology:
    return Topology(
        nodes=tuple(
            replace(
                node,
                follows=None if node.endpoint == primary else primary,
                config={**node.config, **settings},
                authenticates=True,
                grants=tuple(replace(grant, seen=grant.wanted, same_passwords=True) for grant in node.grants),
                accepted=accepted_after(node.accepted, desired.rotation),
            )
            for node in current.nodes
        ),
        sentinels=tuple(
            replace(
                item,
                primary=primary,
                parameters={**item.parameters, **desired.sentinel_parameters},
                peers=tuple(peer for peer in item.peers if not (desired.forget_sentinels and peer.lost)),
                accepted=accepted_after(item.accepted, desired.rotation),
            )
            for item in current.sentinels
        ),
    )


def _shown(value: str | None) -> str:
    return "unset" if value is None else repr(value)
