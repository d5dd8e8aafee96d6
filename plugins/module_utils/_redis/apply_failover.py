# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry a planned failover out, so that no acknowledged write is lost and every interruption ends by itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Callable

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    DeadlineError,
    GantryError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.guard import guarded
from ansible_collections.gantry.odoo.plugins.module_utils._core.journal import Journal
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import carry_out
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_node import change_node, persist
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_topology import follow, node_hands, watch_all
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Client
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    AddressBook,
    Desired,
    Disputed,
    Endpoint,
    PlannedFailover,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_failover import (
    NO_FAILOVER,
    primary_of,
    until_next,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_passwords import add_steps
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import watch_steps
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_topology import (
    read_acknowledged,
    read_roles,
    read_sentinels,
    read_topology,
)

# FAILOVER ends by its own TIMEOUT first; what it leaves open after so many seconds more is given up from here.
GRACE = 2.0
# Seconds without a sign of life after which the guard takes over.
MUTE = 7.0
# Seconds between two acknowledgements of a replica.
_BEAT = 1.0
# A failover that is looked at so often, in seconds, ends as soon as clients can have the new primary.
_GLANCE = 0.005


def run_failover(
    client: Client,
    fresh: Callable[[], Client],
    desired: Desired,
    failover: PlannedFailover,
    journal: Journal,
    seconds: float,
) -> None:
    """Hand the role over and return when the target rules, is watched and followed, and all files say so.

    fresh: makes a client for the guard, the process that ends the failover when this one is killed or hangs.
    seconds: how long writes may wait for the target to have everything. Then the former primary goes on, and
    DeadlineError is raised.
    """

    def recover() -> None:
        try:
            with fresh() as other:
                finish(other, desired, failover, journal, Deadline(seconds + GRACE))
        except GantryError as error:
            journal.write({**_entry(failover), "error": str(error)})
            raise

    persist_all(client, desired, failover)
    await_moment(client, failover)
    open_journal(journal, failover)
    # Sentinels leave a replica that became a primary alone for 8 s, so a module that hangs must be noticed before.
    with guarded(recover, MUTE) as alive:
        fail_over(client, failover, seconds)
        primary = finish(client, desired, failover, journal, Deadline(seconds + GRACE), alive)
    if primary != failover.target:
        raise DeadlineError(
            f"{failover.target} did not take over from {failover.former} within {seconds:g} s, so {primary} is the "
            "primary as before; see whether the replica keeps up, or give failover_timeout more"
        )


def persist_all(client: Client, desired: Desired, failover: PlannedFailover) -> None:
    """Let everybody who takes part write its file, so that one who cannot is found before anything has changed."""
    persist(client, (failover.former, failover.target), desired.sentinels)


def open_journal(journal: Journal, failover: PlannedFailover) -> None:
    """Note the failover, for whoever has to complete it."""
    journal.write(_entry(failover))


def fail_over(client: Client, failover: PlannedFailover, seconds: float) -> None:
    """Start FAILOVER, which goes on by itself."""
    target, timeout = failover.target, str(round(seconds * 1000))
    words = ("FAILOVER", "TO", client.address(target), str(target.port), "TIMEOUT", timeout)
    client.ask(failover.former, lambda _at, link: link.execute_command(*words))


def await_moment(client: Client, failover: PlannedFailover) -> None:
    """Wait until just before the target's next acknowledgement.

    FAILOVER pauses writes until the target has acknowledged the last one. Nobody asks it to: it tells once a second
    (`replicationCron` in Redis' replication.c), so that a pause that begins at any moment takes up to a second.
    """
    told: list[float] = []
    offset, watch = read_acknowledged(client, failover.former, failover.target), Deadline(3 * _BEAT)
    while len(told) < 2 and watch.remaining:
        time.sleep(_GLANCE)
        seen = read_acknowledged(client, failover.former, failover.target)
        if seen != offset:
            told.append(time.monotonic())
            offset = seen
    time.sleep(until_next(told, time.monotonic()))


def unfinished(journal: Journal, desired: Desired, book: AddressBook) -> PlannedFailover | None:
    """The failover that an earlier run left open. Raises StateError where its nodes are not declared any more."""
    entry = journal.read()
    if entry is None:
        return None
    try:
        found = PlannedFailover(
            *(book.identify(str(entry[one]["host"]), int(entry[one]["port"])) for one in ("former", "target"))
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"the journal {journal.path} names no failover; see what it was and remove it") from error
    strange = [item for item in (found.former, found.target) if item not in desired.nodes]
    if strange:
        raise StateError(
            f"the journal {journal.path} holds an unfinished failover of {strange[0]}, which is no declared node; "
            "declare it, or remove the file"
        )
    return found


def resume(
    client: Client, desired: Desired, journal: Journal, seconds: float
) -> tuple[PlannedFailover | None, Desired]:
    """Finish what an earlier run left open; return it, None where it left nothing, and what is to be planned now."""
    left = unfinished(journal, desired, client.book)
    if left is None:
        return None, desired
    try:
        if desired.rotation is not None:
            # Sentinels are told anew how they log in, which must be right everywhere by then.
            current = read_topology(client, desired)
            for step in add_steps(current.servers, desired.rotation):
                carry_out(step, node_hands(client, desired))
        finish(client, desired, left, journal, Deadline(seconds + GRACE))
    except Disputed:
        # The former primary was killed before it had written that it is a replica; the plan decides whether it may.
        return left, replace(desired, returned=left.former)
    return left, desired


def finish(
    client: Client,
    desired: Desired,
    failover: PlannedFailover,
    journal: Journal,
    deadline: Deadline,
    alive: Callable[[], None] = lambda: None,
) -> Endpoint:
    """Bring a failover to its end in whichever direction it went, close the journal, and return the primary.

    alive: called before each question, for whoever watches over this process. Any interruption may be followed by
    another call. Raises UnreachableError while neither node shows which one it is.
    """
    primary = settle(client, failover, deadline, alive)
    if primary in (failover.former, failover.target):
        # Before clients are told: a former primary that is killed now must not come back as one.
        unwritten = persist_roles(client, (failover.target, failover.former))
        watch_primary(client, desired, primary)
        follow_primary(client, desired, primary)
        if unwritten:
            raise StateError(f"{unwritten[0]}; {primary} is the primary all the same, and another run writes that down")
    close_journal(journal)
    return primary


def settle(client: Client, failover: PlannedFailover, deadline: Deadline, alive: Callable[[], None]) -> Endpoint:
    """Wait until it is clear who rules, and give FAILOVER up at the deadline."""

    def probe() -> Endpoint | None:
        alive()
        roles = read_roles(client, (failover.former, failover.target))
        return primary_of(failover, roles[failover.former], roles[failover.target])

    try:
        return deadline.wait(probe, "the failover", _GLANCE)
    except DeadlineError:
        pass
    roles = read_roles(client, (failover.former, failover.target))
    former = roles[failover.former]
    if former is None or former.failover == NO_FAILOVER:
        silent = failover.former if former is None else failover.target
        raise UnreachableError(
            f"{silent} stopped answering while {failover.former} was being replaced by {failover.target}; "
            "run again when it is back, or when the Sentinels have elected another primary"
        )
    return give_up(client, failover)


def give_up(client: Client, failover: PlannedFailover) -> Endpoint:
    """End a FAILOVER that hangs and return the primary.

    Writes stay paused meanwhile: should the target have taken over in this very moment, the former one has no write
    that the target lacks, and follows it.
    """
    former, target = failover.former, failover.target

    def abort(_at: Endpoint, link: Any) -> None:
        link.client_pause(round(client.access.timeout * 2000), all=False)
        link.execute_command("FAILOVER", "ABORT")

    client.ask(former, abort)
    seen = read_roles(client, (target,))[target]
    took_over = seen is not None and seen.follows is None
    if took_over:
        change_node(client, former, [("REPLICAOF", client.address(target), str(target.port))])
    client.ask(former, lambda _at, link: link.client_unpause())
    return target if took_over else former


def persist_roles(client: Client, nodes: Sequence[Endpoint]) -> list[GantryError]:
    """Let the nodes write what they are; what keeps one from it is returned, for the Sentinels must learn first."""
    failures: list[GantryError] = []
    for node in nodes:
        try:
            persist(client, [node])
        except GantryError as error:
            failures.append(error)
    return failures


def watch_primary(client: Client, desired: Desired, primary: Endpoint) -> None:
    """Let all Sentinels watch the new primary."""
    current = read_sentinels(client, desired)
    watch_all(client, desired, [step for item in current for step in watch_steps(item, desired, primary)])


def follow_primary(client: Client, desired: Desired, primary: Endpoint) -> None:
    """Let all other nodes follow the new primary."""
    others = [node for node in desired.nodes if node != primary]
    roles = read_roles(client, others)
    for node in others:
        role = roles[node]
        if role is None:
            raise UnreachableError(
                f"{node} stopped answering during the failover to {primary}; run again when it is back"
            )
        if role.follows != primary:
            follow(client, node, primary)


def close_journal(journal: Journal) -> None:
    """Note that nothing is left to complete."""
    journal.remove()


def _entry(failover: PlannedFailover) -> dict[str, Any]:
    return {
        "begun": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "former": {"host": failover.former.host, "port": failover.former.port},
        "target": {"host": failover.target.host, "port": failover.target.port},
    }
