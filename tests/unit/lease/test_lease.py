# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol of leases: many controllers that stall, lose answers and die, and never two of them at one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Former, Holder, Leases, from_body
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import (
    HeldError,
    LostError,
    overlap,
    plan_break,
    plan_release,
    plan_renew,
    plan_take,
    require,
)
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record

NOW = datetime(2026, 11, 27, 17, 30, tzinfo=timezone.utc)
MARA = Holder("patch", "mara", "controller1 (process 4711)")
TOM = Holder("migrate", "tom", "controller2 (process 42)")
SECONDS = 60.0


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def newest(seen: Leases) -> int:
    """The fencing number of the lease that was taken last."""
    return seen.held[-1].fencing_number


def test_the_second_operator_is_told_who_what_since_when_and_until_when() -> None:
    seen = plan_take(Leases(), ["group:app", "tenant:harbour"], MARA, NOW, SECONDS)
    with pytest.raises(HeldError) as raised:
        plan_take(seen, ["tenant:harbour"], TOM, later(10), SECONDS)
    assert str(raised.value) == (
        "mara holds group:app, tenant:harbour for patch-1 on controller1 (process 4711) "
        "since 2026-11-27 17:30:00 UTC, at least until 17:31:00; run again when it has ended"
    )


def test_a_lease_of_a_clock_that_was_ahead_is_not_waited_for() -> None:
    seen = plan_take(Leases(), ["estate"], MARA, later(86_400), SECONDS)
    with pytest.raises(HeldError, match=r"that has not begun yet, .* end it with gantry\.odoo\.change_break"):
        plan_take(seen, ["estate"], TOM, NOW, SECONDS)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (["estate"], ["tenant:harbour"], True),
        (["group:app"], ["estate"], True),
        (["group:app", "tenant:harbour"], ["group:box", "tenant:harbour"], True),
        (["group:app"], ["group:box"], False),
        (["backup:harbour"], ["estate"], False),
        (["estate"], ["backup:harbour", "group:app"], True),
        (["backup:harbour"], ["backup:harbour"], True),
    ],
)
def test_the_estate_holds_everything(one: list[str], other: list[str], meet: bool) -> None:
    assert overlap(one, other) == meet


def test_a_lease_that_expired_is_taken_over_and_its_holder_is_told() -> None:
    before = plan_take(Leases(), ["estate"], MARA, NOW, SECONDS)
    seen = plan_take(before, ["estate"], TOM, later(61), SECONDS)
    assert [one.number for one in seen.held] == [2]
    with pytest.raises(LostError, match=r"lease 1 of mara for patch-1 expired at 2026-11-27 17:31:00 UTC unrenewed"):
        plan_renew(seen, newest(before), later(62), SECONDS)


def test_a_lease_that_expired_is_renewed_while_nobody_has_taken_it() -> None:
    seen = plan_take(Leases(), ["estate"], MARA, NOW, SECONDS)
    seen = plan_renew(seen, newest(seen), later(600), SECONDS)
    assert require(seen, newest(seen)).until == later(660)
    assert require(seen, newest(seen)).since == NOW


def test_breaking_needs_a_reason_and_is_told_to_the_holder() -> None:
    seen = plan_take(Leases(), ["estate"], MARA, NOW, SECONDS)
    taken = newest(seen)
    with pytest.raises(InputError, match="only for a reason"):
        plan_break(seen, taken, "tom", " ")
    seen = plan_break(seen, taken, "tom", "her laptop burnt")
    with pytest.raises(LostError, match="lease 1 was broken by tom: her laptop burnt"):
        plan_renew(seen, taken, later(1), SECONDS)
    with pytest.raises(LostError, match="lease 1 was broken by tom"):
        plan_release(seen, taken)


def test_a_released_lease_is_gone() -> None:
    seen = plan_take(Leases(), ["estate"], MARA, NOW, SECONDS)
    seen = plan_release(seen, newest(seen))
    assert seen.held == ()
    assert plan_take(seen, ["estate"], TOM, NOW, SECONDS).held[0].number == 3


def test_a_lease_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="covers nothing"):
        plan_take(Leases(), [], MARA, NOW, SECONDS)


def test_a_record_is_read_as_it_was_written() -> None:
    seen = plan_take(
        Leases(4, 0, (), (Former(2, 1795800002, "was broken by tom: why not"),)), ["estate"], MARA, NOW, SECONDS
    )
    assert from_body(5, seen.as_body(), "directory /store") == seen


def test_a_store_that_is_made_anew_gives_higher_fences() -> None:
    old = Leases()
    for _day in range(3):
        taken = plan_take(old, ["estate"], MARA, NOW, SECONDS)
        old = plan_release(taken, newest(taken))
    last = plan_take(old, ["estate"], MARA, NOW + timedelta(days=1), SECONDS).held[0]
    new = plan_take(Leases(), ["estate"], MARA, NOW + timedelta(days=1, seconds=1), SECONDS)
    assert (new.held[0].number, new.held[0].change) == (1, "patch-1")
    assert new.held[0].fencing_number > last.fencing_number > last.number
    after = plan_take(plan_release(new, newest(new)), ["estate"], MARA, NOW, SECONDS)
    assert newest(after) == newest(new) + 2


def test_a_lease_that_a_store_has_forgotten_is_not_taken_for_the_one_that_got_its_number() -> None:
    """The store is put back to a copy of before the first lease, and somebody else takes one there."""
    lost = plan_take(Leases(), ["estate"], MARA, NOW, SECONDS)
    seen = plan_take(Leases(), ["estate"], TOM, later(20), SECONDS)
    assert seen.held[0].number == lost.held[0].number
    assert newest(seen) > newest(lost)
    for step in (plan_release, lambda seen, number: plan_renew(seen, number, later(30), SECONDS)):
        with pytest.raises(LostError, match="was released, ended long ago, or is forgotten"):
            step(seen, newest(lost))


@pytest.mark.parametrize("body", [{}, {"held": [{}], "former": []}, {"held": 1, "former": []}, [1], {"held": None}])
def test_a_record_of_something_else_is_refused(body: Any) -> None:
    with pytest.raises(StateError, match=r"record 5 of the leases in the directory /store cannot be read"):
        from_body(5, body, "directory /store")


def test_a_time_without_zone_is_refused() -> None:
    body = plan_take(Leases(), ["estate"], MARA, NOW, SECONDS).as_body()
    body["held"][0]["until"] = "2026-11-27T17:31:00"
    with pytest.raises(StateError, match="a time without a zone"):
        from_body(1, body, "directory /store")


@dataclass
class Controller:
    """What one controller believes, with a monotonic clock that it shares with nobody."""

    name: str
    number: int = 0
    covers: tuple[str, ...] = ()
    valid_until: float = 0.0
    # when it asked, what it wants to write, and whether that takes or renews
    pending: tuple[float, Leases] | None = None
    numbers: list[int] = field(default_factory=list)

    @property
    def holder(self) -> Holder:
        return Holder("patch", self.name, self.name)


CONTROLLERS = ("mara", "tom")
KEPT = 3
WISHES = (("estate",), ("group:app", "tenant:harbour"), ("tenant:harbour",))


class Memory:
    """Objects in memory. meanwhile: happens once, before the next listing is answered."""

    where = "memory"

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.meanwhile: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        raise NotImplementedError

    def create(self, key: str, data: bytes) -> bool:
        return self.data.setdefault(key, data) is data

    def get(self, key: str) -> bytes | None:
        return self.data.get(key)

    def names(self, prefix: str, limit: int) -> list[str]:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return sorted(key for key in self.data if key.startswith(prefix))[:limit]

    def delete(self, keys: Iterable[str]) -> int:
        return len([self.data.pop(key, None) for key in list(keys)])


class Protocol(RuleBasedStateMachine):
    """Read and plan, then much later write; every answer may be lost, every controller may die in between.

    The log keeps so few records that a plan may be older than all that it keeps.
    """

    @initialize()
    def begin(self) -> None:
        self.log = Log(Memory(), "leases", KEPT)
        self.given: dict[int, Leases] = {}
        self.highest = 0
        self.controllers = {name: Controller(name) for name in CONTROLLERS}
        self.elapsed = 0.0

    @property
    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.elapsed)

    @property
    def newest(self) -> Leases:
        record = self.log.newest()
        return from_body(record.number, record.body, "memory") if record else Leases()

    @rule(
        name=st.sampled_from(CONTROLLERS),
        covers=st.sampled_from(WISHES),
        answered=st.booleans(),
        others=st.sampled_from((0, 1, KEPT)),
    )
    def go_on(self, name: str, covers: tuple[str, ...], answered: bool, others: int) -> None:
        """Do the next thing: write what is planned, renew what is held, or ask for a lease."""
        one = self.controllers[name]
        if one.pending:
            self.write(one, *one.pending, answered, others)
        elif one.number:
            self.renew(one)
        else:
            self.want(one, covers)

    def want(self, one: Controller, covers: tuple[str, ...]) -> None:
        try:
            one.pending = (self.elapsed, plan_take(self.newest, covers, one.holder, self.now, SECONDS))
        except HeldError:
            assert any(overlap(lease.covers, covers) and lease.until > self.now for lease in self.newest.held)
            return
        one.number, one.covers = newest(one.pending[1]), covers

    def renew(self, one: Controller) -> None:
        try:
            one.pending = (self.elapsed, plan_renew(self.newest, one.number, self.now, SECONDS))
        except LostError:
            one.number = 0

    def write(self, one: Controller, asked: float, following: Leases, answered: bool, others: int) -> None:
        """Append; `others` records of other controllers may come between the new object and the second look."""

        def meanwhile() -> None:
            self.busy(others)
            if not answered:
                raise StateError("no answer")

        self.log.objects.meanwhile = meanwhile  # type: ignore[attr-defined]
        try:
            won = self.append(following)
        except StateError:
            return  # the same record is tried again, as it is not known whether it arrived
        finally:
            self.log.objects.meanwhile = lambda: None  # type: ignore[attr-defined]
        one.pending = None
        if not won:
            one.number = one.number if one.valid_until else 0
            return
        lease = require(following, one.number)
        if lease.fencing_number not in one.numbers:
            one.numbers.append(lease.fencing_number)
        one.valid_until = asked + SECONDS

    def append(self, following: Leases) -> bool:
        won = self.log.append(Record(following.number, following.as_body()))
        if won:
            assert self.given.setdefault(following.number, following) == following
        return won

    @rule(count=st.sampled_from((1, KEPT, 3 * KEPT)))
    def busy(self, count: int) -> None:
        """Write as the renewals of others do, so that older records are removed."""
        for _record in range(count):
            assert self.append(replace(self.newest, number=self.newest.number + 1))

    @rule(name=st.sampled_from(CONTROLLERS))
    def release(self, name: str) -> None:
        one = self.controllers[name]
        if one.pending or not one.number or one.valid_until <= self.elapsed:
            return
        assert self.append(plan_release(self.newest, one.number))
        one.number, one.valid_until = 0, 0.0

    @rule(name=st.sampled_from(CONTROLLERS))
    def die(self, name: str) -> None:
        self.controllers[name] = Controller(name)

    @rule(seconds=st.sampled_from((20.0, 59.0, 61.0)))
    def wait(self, seconds: float) -> None:
        self.elapsed += seconds

    @invariant()
    def nobody_meets(self) -> None:
        sure = [one for one in getattr(self, "controllers", {}).values() if one.valid_until > self.elapsed]
        for place, one in enumerate(sure):
            for other in sure[place + 1 :]:
                assert not overlap(one.covers, other.covers), f"{one} and {other}"

    @invariant()
    def numbers_rise(self) -> None:
        if not hasattr(self, "log"):
            return
        newest = self.newest
        assert newest.number >= self.highest
        self.highest = newest.number
        held = [lease.fencing_number for lease in newest.held]
        assert len(set(held)) == len(held)
        for one in self.controllers.values():
            assert one.numbers == sorted(set(one.numbers))


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
