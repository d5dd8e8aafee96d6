# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of store keeps the protocol of leases and the ledger, with two controllers at once."""

from __future__ import annotations

import multiprocessing
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_events import bring, outbox
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_heard import hear
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger, open_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_seen import Seen, identity_of, remember
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import Event, event
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Holder
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import HeldError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import (
    Log,
    Record,
    require_conditions,
)
from tests.lab.hosts import Lab
from tests.lab.wait import until

ROUNDS = 5


def test_a_store_honors_its_conditions_and_has_one_clock(store: dict[str, Any]) -> None:
    objects = open_store(store)
    require_conditions(objects)
    assert abs(objects.now() - datetime.now(timezone.utc)) < timedelta(seconds=5)
    log = Log(objects, "tried")
    with ThreadPoolExecutor(4) as pool:
        others = list(pool.map(lambda _one: Log(open_store(store), "tried"), range(4)))
        for number in range(998, 1002):
            won = list(
                pool.map(lambda racer, number=number: others[racer].append(Record(number, {"racer": racer})), range(4))
            )
            assert won.count(True) == 1
    assert [record.number for record in log.records()] == list(range(998, 1002))
    assert log.newest() == log.record(1001)
    assert log.record(5) is None


def work(store: dict[str, Any], name: str, counter: Path) -> None:
    """As a controller: take the lease, change what only its holder may change, write into the ledger, release it."""
    leases = Register(open_store(store), 60)
    ledger = Ledger(open_store(store))
    done = 0
    deadline = Deadline(60)
    while done < ROUNDS:
        assert deadline.remaining > 0
        try:
            held = leases.take(["estate"], Holder("patch", name, name), Deadline(20))
        except HeldError:
            time.sleep(0.05)
            continue
        seen = int(counter.read_text(encoding="ascii"))
        ledger.append({"event": "begun", "who": name, "seen": seen, "lease": held.number}, Deadline(20))
        counter.write_text(str(seen + 1), encoding="ascii")
        leases.renew(held.fencing_number, Deadline(20))
        leases.release(held.fencing_number, Deadline(20))
        done += 1


def test_two_controllers_never_work_at_once(store: dict[str, Any], tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0", encoding="ascii")
    controllers = [multiprocessing.Process(target=work, args=(store, name, counter)) for name in ("mara", "tom")]
    for one in controllers:
        one.start()
    for one in controllers:
        one.join(90)
        assert one.exitcode == 0
    entries = [entry.body for entry in Ledger(open_store(store)).entries()]
    assert [body["seen"] for body in entries] == list(range(2 * ROUNDS))
    numbers = [body["lease"] for body in entries]
    assert numbers == sorted(set(numbers))
    assert {body["who"] for body in entries} == {"mara", "tom"}


def test_a_store_that_is_gone_is_one_sentence(store: dict[str, Any], on_controller: Any) -> None:
    kind = next(iter(store))
    gone = {
        "directory": {"directory": "/proc/1/store"},
        "postgresql": {"postgresql": {**store[kind], "port": 1} if kind == "postgresql" else {}},
        "s3": {"s3": {**store[kind], "endpoint_url": "https://127.0.0.1:1"} if kind == "s3" else {}},
    }[kind]
    opened = {"gantry.odoo.change_open": {"store": gone, "kind": "patch", "requester": "mara"}}
    (sentence,) = on_controller({"name": "open", **opened}).expect_failure().errors
    assert "\n" not in sentence
    assert re.search(
        "could not|did not let gantry into database gantry: Connection refused|nothing answers at", sentence
    )
    secrets = [value for value in (store[kind] or {}).values() if "secret" in str(value)] if kind != "directory" else []
    assert not [secret for secret in secrets if secret in sentence]


def test_a_store_that_is_emptied_in_the_middle_of_a_change_is_not_an_empty_store(
    store: dict[str, Any], empty: Any, on_controller: Any
) -> None:
    """It tells nothing of the change in hand, and takes nothing of it."""
    params: dict[str, Any] = {"store": store}
    begin = {"gantry.odoo.change_open": {**params, "kind": "patch", "requester": "mara", "parts": ["app1"]}}
    touch = {"name": "tell", "ansible.builtin.file": {"path": f"{store['outbox']}/opened", "state": "touch"}}
    mark = {"name": "wait", "ansible.builtin.wait_for": {"path": f"{store['outbox']}/go", "timeout": 60}}
    step = {
        "name": "step",
        "gantry.odoo.change_step": {**params, "change": "{{ opened.change }}", "part": "app1", "state": "proven"},
    }
    read = {"name": "read", "gantry.odoo.change_info": {**params, "gather": ["parts"]}, "ignore_errors": True}

    def kept(pattern: str) -> list[Path]:
        # the options of the modules have their defaults, and another name with them
        return list(Path(store["outbox"]).rglob(pattern))

    def empty_it() -> None:
        until(lambda: None if kept("opened") else "not open", "the begin of the change", 60)
        empty()
        (Path(store["outbox"]) / "go").touch()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(empty_it)
        run = on_controller({**begin, "register": "opened"}, touch, mark, step, read)
        done.result()
    said = "is not what it was: it holds no change store, and this controller has seen lease"
    assert said in run.results("read")["localhost"]["msg"]
    assert said in " ".join(run.results("step")["localhost"]["warnings"])
    assert len(kept("*.json")) == 1
    assert said in on_controller(begin).expect_failure().errors[-1]


def test_what_waits_in_an_outbox_comes_into_a_ledger_that_was_rolled_back(store: dict[str, Any]) -> None:
    """The event names an entry far behind the end of the ledger, and no server takes a negative limit."""
    objects, change = open_store(store), {"id": "patch-1", "kind": "patch", "requester": "mara"}
    Ledger(objects).append({"event": "opened", "of": "rolled back"}, Deadline(20))
    newest = Ledger(objects).newest_number()
    outbox(store).add(event(change, "applied", {}, objects.now(), None, False).tried(newest + 37))
    (entry,) = outbox(store).deliver(objects, Deadline(20)).values()
    assert (entry.sequence, entry.body["event"], outbox(store).held()) == (newest + 1, "applied", [])


def test_each_kind_of_store_is_a_witness(store: dict[str, Any], tmp_path: Path) -> None:
    """It knows what was written, and finds that the ledger was cut off."""
    place = {kind: where for kind, where in store.items() if kind != "outbox"}
    ledger, outbox_of = str(tmp_path / "ledger"), str(tmp_path / "outbox")
    declared = {"directory": ledger, "witness": place, "outbox": outbox_of}
    papers = {"class": "standard", "requester": "mara", "reason": "", "approver": ""}
    how = {"resumes": False, "aside": False, "begins": True}
    assert hear(open_ledger(declared), papers, **how).facts["witness_new"]
    for number in range(3):
        open_ledger(declared).append({"event": "applied", "number": number}, Deadline(20))
    assert open_ledger(declared).unwitnessed() == []
    assert hear(open_ledger(declared), papers, **how).warnings == []
    log = Log(open_store({"directory": ledger, "outbox": None}), "ledger")
    log.objects.delete([log.key(3)])
    with pytest.raises(StateError, match=r"ends with entry 2, and its witness in the .* knows entry 3"):
        hear(open_ledger(declared), papers, **how)


def test_the_login_of_the_guide_removes_no_entry_of_the_ledger(postgresql: dict[str, Any]) -> None:
    objects = open_store({**postgresql, "outbox": None})
    identity_of(objects)
    entry = Ledger(objects).append({"event": "applied"}, Deadline(20))
    for key in (Log(objects, "ledger").key(entry.sequence), "identity"):
        with pytest.raises(StateError, match=f"could not remove objects: {key} is never removed"):
            objects.delete([key])
    log = Log(objects, "tried-rights", 20)
    assert all(log.append(Record(number, {})) for number in range(1, 60))
    assert len(log.numbers()) < 30


def test_a_server_that_lets_two_writers_win_is_refused(s3_versioned: dict[str, Any]) -> None:
    with pytest.raises(StateError, match=r"writers create one object, .* use a server that honors If-None-Match"):
        require_conditions(open_store(s3_versioned))


def test_a_store_that_lost_what_was_written_last_does_not_answer(store: dict[str, Any]) -> None:
    """As a standby that was promoted: it is the same store, and lacks the newest record of a log."""
    bare = open_store(store)
    held = Register(bare, 60).take(["group:lost"], Holder("patch", "mara", "here"), Deadline(20))
    number = held.number
    remember(store, Seen(identity_of(bare), {Register.NAME: number}))
    Register(open_store(store), 60).renew(held.fencing_number, Deadline(20))
    leases = Log(bare, Register.NAME)
    assert leases.newest_number() == number + 1
    bare.delete([leases.key(number + 1)])
    lost = f"its newest record of leases has number {number}, and this controller has seen {number + 1} there"
    for use in (
        lambda: open_store(store).now(),
        lambda: Register(open_store(store), 60).renew(held.fencing_number, Deadline(20)),
        lambda: open_store(store).get("identity"),
    ):
        with pytest.raises(UnreachableError, match=lost):
            use()
    assert leases.newest_number() == number


def test_a_database_that_takes_no_writes_is_read_and_waited_for(
    lab: Lab, postgresql: dict[str, Any], tmp_path: Path
) -> None:
    """As after a failover to a standby, or when its administrator is careful."""
    host = lab.host("store1", image="vm")

    def switch(value: str) -> None:
        statement = f"ALTER ROLE gantry SET default_transaction_read_only = {value}"
        host.run(["psql", "-XAtq", "-c", statement], user="postgres")

    declared = {**postgresql, "outbox": str(tmp_path / "outbox")}
    held = Register(open_store(declared), 60).take(["group:read-only"], Holder("patch", "mara", "here"), Deadline(20))
    change = {"id": held.change, "kind": "patch", "requester": "mara", "lease": held.number}

    def happened(now: datetime, late: bool) -> Event:
        return event(change, "applied", {}, now, None, late)

    switch("on")
    try:
        Register(open_store(declared), 60).require(held.fencing_number)
        with pytest.raises(UnreachableError, match="it takes no writes now"):
            Register(open_store(declared), 60).renew(held.fencing_number, Deadline(5))
        assert "it is kept in" in bring(declared, happened, Deadline(5)).why
    finally:
        switch("off")
    outbox(declared).deliver(open_store(declared), Deadline(20))
    newest = Ledger(open_store(declared)).newest()
    assert newest is not None
    assert newest.body["event"] == "applied"
    Register(open_store(declared), 60).release(held.fencing_number, Deadline(20))


# What the server does, and what ends it.
DEAD_STANDBY = (
    ["psql", "-XAtq", "-c", "ALTER SYSTEM SET synchronous_standby_names = 'dead'", "-c", "SELECT pg_reload_conf()"],
    ["psql", "-XAtq", "-c", "ALTER SYSTEM RESET synchronous_standby_names", "-c", "SELECT pg_reload_conf()"],
)
_HOLD = "(echo 'BEGIN; LOCK TABLE public.gantry_object;'; sleep 120) | psql -Xq gantry"
LOCKED = (
    ["bash", "-c", f"{{ {_HOLD}; }} > /dev/null 2>&1 < /dev/null &"],
    ["psql", "-XAtq", "-c", "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'AccessExclusiveLock'"],
)
_PROCESSES = "$(head -1 /var/lib/postgresql/*/main/postmaster.pid) $(pgrep -f '^postgres: .* gantry ')"
FROZEN = (["bash", "-c", f"kill -STOP {_PROCESSES}"], ["bash", "-c", f"kill -CONT {_PROCESSES}"])


@pytest.mark.parametrize(
    ("fault", "reads"),
    [
        (DEAD_STANDBY, True),
        pytest.param(LOCKED, False, marks=pytest.mark.deep),
        pytest.param(FROZEN, False, marks=pytest.mark.deep),
    ],
)
def test_a_server_that_hangs_holds_nobody_up_and_doubles_nothing(
    fault: tuple[list[str], list[str]], reads: bool, lab: Lab, postgresql: dict[str, Any], tmp_path: Path
) -> None:
    """A commit that waits for a standby waits beyond every timeout of the server, and is there afterwards."""
    host, declared = lab.host("store1", image="vm"), {**postgresql, "outbox": str(tmp_path / "outbox")}
    held = Register(open_store(declared), 60).take(["group:hung"], Holder("patch", "mara", "here"), Deadline(20))
    change = {"id": held.change, "kind": "patch", "requester": "mara", "lease": held.number}
    known, used = Log(open_store(declared), "ledger").newest_number(), open_store(declared)
    used.now()

    def happened(now: datetime, late: bool) -> Event:
        return event(change, "applied", {"number": 1}, now, None, late)

    host.run(fault[0], user="postgres")
    try:
        time.sleep(0.5)
        began = time.monotonic()
        assert "; it is kept in" in bring(declared, happened, Deadline(5)).why
        with pytest.raises(UnreachableError, match=r"it gave no answer within|statement timeout"):
            Register(used, 60).renew(held.fencing_number, Deadline(5))
        assert time.monotonic() - began < 35
        if reads:
            Register(open_store(declared), 60).require(held.fencing_number)
    finally:
        host.run(fault[1], user="postgres")
    outbox(declared).deliver(open_store(declared), Deadline(20))
    entries = Ledger(open_store(declared)).entries(known)
    assert [entry.body["facts"] for entry in entries if entry.body["event"] == "applied"] == [{"number": 1}]
    Register(open_store(declared), 60).release(held.fencing_number, Deadline(20))


def test_what_was_read_serves_while_the_store_hangs(
    s3: dict[str, Any], lab: Lab, tmp_path: Path, on_controller: Any
) -> None:
    """A host comes back into service without the store: routes are rendered from what this run has read last."""
    declared = {**s3, "outbox": str(tmp_path / "outbox")}
    gather = {"gantry.odoo.change_info": {"store": declared, "gather": ["parts"], "last_seen": True}}
    container = lab.host("s3").container

    def docker(verb: str) -> dict[str, Any]:
        return {"ansible.builtin.command": {"argv": ["docker", verb, container.name]}}

    try:
        run = on_controller(gather, docker("pause"), gather)
    finally:
        container.reload()
        if container.status == "paused":
            container.unpause()
    run.expect_success()
    assert "so the parts of changes are those that this run has seen last" in run.stdout
