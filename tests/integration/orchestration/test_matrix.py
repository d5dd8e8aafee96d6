# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault at every step of every playbook: it ends in the old or the new state, nobody is harmed, nothing is lost.

What a fault leaves behind is named in red, and `gantry.odoo.resume`, or the playbook again where nothing was begun,
ends it when the fault is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import PROVEN, from_body
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import NO_WAY_BACK, has_begun
from tests.integration import change_store
from tests.integration.ansible import PlaybookRun
from tests.integration.orchestration import world as worlds
from tests.integration.orchestration.rig import TENANTS, Rig
from tests.integration.orchestration.world import World, tenant_of
from tests.lab.wait import until

FAULTS = (
    "cut before",
    "cut after",
    "host off",
    "disk full",
    "module killed",
    "store gone",
    "store unmounted",
    "controller killed before",
    "controller killed after",
)


# What a user writes after a backup.
LATE = 990_000

# Where a step only reads, all others leave behind what they leave at the step before or behind it. These three differ
# in what is there afterwards alone, so that the reads get them in turn.
WHERE_READ = ("cut before", "host off", "disk full")


@dataclass(frozen=True)
class Scenario:
    """A playbook with its inputs, and how the estate is before and after it.

    prepare: what happens first; it gives more inputs. leaves: a tenant that users do not reach afterwards. ways: how it
    is resumed.
    """

    playbook: str
    inputs: dict[str, Any]
    old: Callable[[World], bool]
    new: Callable[[World], bool]
    prepare: Callable[[Rig], dict[str, Any]] = lambda rig: {}
    leaves: str = ""
    ways: tuple[str, ...] = ("finish", "undo")


def _home(server: str) -> Callable[[World], bool]:
    def there(world: World) -> bool:
        opened = [name for name, copies in world.servers.items() if "harbour" in copies and copies["harbour"].open]
        sent = {node.server for routes in world.routes.values() for route in routes[:1] for node in world.pool(route)}
        return opened == [server] and sent == {server}

    return there


def _releases(release: str) -> Callable[[World], bool]:
    return lambda world: all(
        node.release == release and node.running for node in world.nodes.values() if node.group == "app"
    )


def _caches(version: str) -> Callable[[World], bool]:
    return lambda world: all(one.version == version and one.running for one in world.caches.values())


def _certificates(number: int) -> Callable[[World], bool]:
    return lambda world: all(world.certificates.get(edge, 0) >= number for edge in world.routes)


def _serves(tenant: str) -> Callable[[World], bool]:
    """Whether users reach a tenant by all edges."""

    def serving(world: World) -> bool:
        copy = world.servers["db1"].get(tenant)
        routes = [[route for route in listed if tenant_of(route) == tenant] for listed in world.routes.values()]
        return copy is not None and copy.open and all(one and one[0]["mode"] == "serve" for one in routes)

    return serving


def _cut_patch(rig: Rig) -> dict[str, Any]:
    """Lose the first node of a patch behind its drain; what resumes the change."""
    twin = rig.twin("patched")
    twin.play("patch", patch_release="r2").expect_success()
    rig.change(fault={"step": twin.world.log.index("app1 odoo stop") + 1, "kind": "cut after"})
    rig.play("patch", patch_release="r2").expect_failure()
    rig.mend()
    rig.change(step=0, log=[], reads=[])
    return {"change": _left(rig)[0].partition(" ")[0]}


def give_up(rig: Rig) -> dict[str, Any]:
    """Back up, let users write what is not in that backup, and give that up."""
    rig.play("backup").expect_success()
    rig.change(step=0, log=[], reads=[], given_up=["harbour"])
    with worlds.opened(rig.file) as world:
        for held in (world.servers["db1"]["harbour"].data, world.accepted.setdefault("harbour", [])):
            held.append(LATE)
    return {"restore_backup": "0"}


def lose_site(rig: Rig, *, backup: bool = True) -> dict[str, Any]:
    """Back up, and lose all hosts with what users wrote since; new ones of the same names are empty."""
    if backup:
        rig.play("backup").expect_success()
    with worlds.opened(rig.file) as world:
        world.given_up = list(world.backups)
        world.servers, world.silent = {name: {} for name in world.servers}, list(world.servers)
        world.routes, world.edges = {edge: [] for edge in world.routes}, {}
        world.accepted, world.harm = {}, []
        for node in world.nodes.values():
            node.running, node.fencing_number = False, 0
    rig.change(step=0, log=[], reads=[])
    return {}


def _lost(world: World) -> bool:
    return not any(world.servers.values()) and not _serves("harbour")(world)


def _has_late(there: bool) -> Callable[[World], bool]:
    """Whether the tenant serves with, or without, what was written after its backup."""
    return lambda world: _serves("harbour")(world) and (LATE in world.servers["db1"]["harbour"].data) == there


NEW = [*TENANTS, {**TENANTS[0], "name": "wharf", "routes": [{"host": "wharf.example.com"}]}]
LEAVING = [TENANTS[0], {**TENANTS[1], "state": "decommissioned", "hold_until": "2099-01-31"}]
SCENARIOS = (
    Scenario("patch", {"patch_release": "r2"}, _releases("r1"), _releases("r2")),
    Scenario("migrate", {"tenant": "harbour", "destination": "box"}, _home("db1"), _home("box1")),
    Scenario("patch_redis", {}, _caches("8.0.1"), _caches("8.0.2")),
    Scenario("renew_certificates", {}, _certificates(0), _certificates(1)),
    Scenario("site", {"odoo_tenants": NEW}, lambda world: "wharf" not in world.servers["db1"], _serves("wharf")),
    Scenario(
        "decommission",
        {"odoo_tenants": LEAVING, "tenant": "quarry"},
        _serves("quarry"),
        lambda world: not world.servers["db1"]["quarry"].open and not _serves("quarry")(world),
        leaves="quarry",
    ),
    Scenario("restore", {"tenant": "harbour"}, _has_late(True), _has_late(False), prepare=give_up),
    Scenario(
        "recover",
        {"recover_tier": 2, "recover_lost_servers": ["box1", "db1"]},
        _lost,
        lambda world: _serves("harbour")(world) and _serves("quarry")(world),
        prepare=lose_site,
        # as it was, the site is lost
        ways=("finish",),
    ),
    Scenario("resume", {"way": "finish"}, _releases("r1"), _releases("r2"), prepare=_cut_patch),
)


def steps(rig: Rig, scenario: Scenario) -> tuple[list[str], set[int]]:
    """The steps of a run in which nothing goes wrong, and the numbers of those that only read."""
    rig.play(scenario.playbook, **scenario.inputs).expect_success()
    return list(rig.world.log), set(rig.world.reads)


def interrupted(rig: Rig, scenario: Scenario) -> Iterator[str]:
    """What is wrong after a run with a fault, when the fault is over; nothing where all is well."""
    run = rig.play(scenario.playbook, **scenario.inputs)
    yield from _harmed(rig)
    rig.mend()
    # a program on the controller releases the lease of a run that has ended, in the store of this rig alone
    until(lambda: "held" if _held(rig) else None, "the end of the lease", 30)
    left = _left(rig)
    if run.rc == 0:
        if not scenario.new(rig.world) or left:
            yield f"ended green, and the estate is not as asked for: {left}"
    elif run.rc != 137:
        yield from _said(run, left)


def ended(rig: Rig, scenario: Scenario, way: str) -> Iterator[str]:
    """What is wrong after what ends an interrupted run, which is the playbook itself where nothing was begun."""
    left = _left(rig)
    if not left and scenario.new(rig.world):
        yield from _reachable(rig.world, scenario.leaves)
        return
    again = _resumed(rig, scenario, left, way)
    yield from _harmed(rig)
    if again.rc != 0:
        yield f"the fault is over, and it does not end: {again.errors[-1:] or again.stderr[-300:]}"
        return
    wanted = scenario.old if left and way == "undo" else scenario.new
    if not wanted(rig.world):
        yield f"{way} ended green, and the estate is not as asked for"
    if _left(rig):
        yield f"left behind: {_left(rig)}"
    yield from _reachable(rig.world, scenario.leaves if wanted is scenario.new else "")
    # what is recorded agrees with what is there
    after = rig.play("precheck", **_declared(scenario))
    if after.rc != 0:
        yield f"the next playbook is refused: {after.errors[-1:] or after.stderr[-300:]}"


def _declared(scenario: Scenario) -> dict[str, Any]:
    """The tenants that a scenario declares, where it declares others."""
    return {name: value for name, value in scenario.inputs.items() if name == "odoo_tenants"}


def _resumed(rig: Rig, scenario: Scenario, left: list[str], way: str) -> PlaybookRun:
    """Resume what was left, or run the playbook again; wait for the lease of a controller that was killed."""
    for _attempt in range(20):
        if left:
            run = rig.play("resume", change=left[0].partition(" ")[0], way=way, **_declared(scenario))
        else:
            run = rig.play(scenario.playbook, **scenario.inputs)
        if not any(" holds " in error for error in run.errors):
            return run
        time.sleep(1)
    return run


def _held(rig: Rig) -> bool:
    """Whether a change holds a lease."""
    return (rig.store / "leases").exists() and bool(change_store.held(rig.store))


def _left(rig: Rig) -> list[str]:
    """The parts that are not settled, with their change. A change that has begun nothing has left nothing."""
    if not (rig.store / "parts").exists():
        return []
    seen = from_body(0, {"parts": change_store.parts(rig.store)}, "store")
    return [
        f"{part.change} {part.name} {part.state}"
        for part in seen.parts
        if part.state != PROVEN and has_begun(seen.of(part.change))
    ]


def _ways(rig: Rig, scenario: Scenario) -> tuple[str, ...]:
    """How what was left may end: what has no way back is finished."""
    if not _left(rig):
        return ("again",)
    has_no_way_back = any(NO_WAY_BACK in one["facts"] for one in change_store.parts(rig.store))
    return ("finish",) if has_no_way_back else scenario.ways


def _harmed(rig: Rig) -> Iterator[str]:
    yield from rig.world.harm
    rig.change(harm=[])


def _said(run: PlaybookRun, left: list[str]) -> Iterator[str]:
    """The last word of a red run says what is where and what to run, where something was left.

    Where the store was gone it cannot say what is where.
    """
    last = run.errors[-1] if run.errors else ""
    for part in left:
        change, name, state = part.split(" ")
        named = name in last or "the change store could not be used" in last
        if state != "planned" and not (named and f"change={change}" in last):
            yield f"the end does not tell of {part}: {last[:300]}"


def _reachable(world: World, leaves: str) -> Iterator[str]:
    """Every tenant but one that leaves is served by all nodes of one home, which has all that its users wrote."""
    for tenant, written in world.accepted.items():
        if tenant == leaves:
            continue
        held = {server: copies[tenant] for server, copies in world.servers.items() if tenant in copies}
        opened = [(server, copy) for server, copy in held.items() if copy.open]
        if len(opened) != 1:
            yield f"{tenant} is open on {[server for server, _copy in opened]}"
            continue
        ((server, copy),) = opened
        if set(written) - set(copy.data):
            yield f"{tenant} on {server} lost {len(set(written) - set(copy.data))} of {len(written)} writes"
        for edge, routes in world.routes.items():
            nodes = [one["url"] for route in routes for one in route["servers"] if one["drained"]]
            if nodes:
                yield f"{edge} still drains {nodes}"


@pytest.mark.deep
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.playbook)
def test_every_fault_at_every_step(
    fresh: Callable[[], Rig],
    small: Path,
    tmp_path: Path,
    scenario: Scenario,
    fault: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepared = fresh()
    if scenario.playbook != "patch_redis":
        prepared = replace(prepared, path=small).copy(tmp_path / "small")
    scenario = replace(scenario, inputs={**scenario.inputs, **scenario.prepare(prepared)})
    known, reads = steps(prepared.twin("good"), scenario)
    found: dict[str, list[str]] = {}
    for number, words in enumerate(known, 1):
        if number in reads and fault != WHERE_READ[number % len(WHERE_READ)]:
            continue
        broken = prepared.twin(str(number))
        broken.change(fault={"step": number, "kind": fault})
        before = list(interrupted(broken, scenario))
        ways = _ways(broken, scenario)
        # the same step is reached by several faults, so that each way is taken from it
        way = ways[(number + FAULTS.index(fault)) % len(ways)]
        wrong = [*before, *ended(broken, scenario, way)]
        with capsys.disabled():
            said = "; ".join(wrong) or "ok"
            print(f"{scenario.playbook:<18} {number:3d} {words:<40} {fault:<24} {way:<6} {said}", flush=True)
        if wrong:
            found[f"{number} {words} {way}"] = wrong
    assert not found
