# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol of leases: many controllers that stall, lose answers and die, and never two of them at one thing."""

from __future__ import annotations

from dataclasses import dataclass, field
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

NOW = datetime(2026, 11, 27, 17, 30, tzinfo=timezone.utc)
MARA = Holder("patch", "mara", "controller1 (process 4711)")
TOM = Holder("migrate", "tom", "controller2 (process 42)")
SECONDS = 60.0


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_the_second_operator_is_told_who_what_since_when_and_until_when() -> None:
    seen = plan_take(Leases(), ["group:app", "tenant:harbour"], MARA, NOW, SECONDS)
    with pytest.raises(HeldError) as raised:
        plan_take(seen, ["tenant:harbour"], TOM, later(10), SECONDS)
    assert str(raised.value) == (
        "mara holds group:app, tenant:harbour for patch-1 on controller1 (process 4711) "
        "since 2026-11-27 17:30:00 UTC, at least until 17:31:00"
    )


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
    seen = plan_take(Leases(), ["estate"], MARA, NOW, SECONDS)
    seen = plan_take(seen, ["estate"], TOM, later(61), SECONDS)
    assert [one.number for one in seen.held] == [2]
    with pytest.raises(LostError, match=r"lease 1 of mara for patch-1 expired at 2026-11-27 17:31:00 UTC unrenewed"):
        plan_renew(seen, 1, later(62), SECONDS)


def test_a_lease_that_expired_is_renewed_while_nobody_has_taken_it() -> None:
    seen = plan_renew(plan_take(Leases(), ["estate"], MARA, NOW, SECONDS), 1, later(600), SECONDS)
    assert require(seen, 1).until == later(660)
    assert require(seen, 1).since == NOW


def test_breaking_needs_a_reason_and_is_told_to_the_holder() -> None:
    seen = plan_take(Leases(), ["estate"], MARA, NOW, SECONDS)
    with pytest.raises(InputError, match="only for a reason"):
        plan_break(seen, 1, "tom", " ")
    seen = plan_break(seen, 1, "tom", "her laptop burnt")
    with pytest.raises(LostError, match="lease 1 was broken by tom: her laptop burnt"):
        plan_renew(seen, 1, later(1), SECONDS)
    with pytest.raises(LostError, match="lease 1 was broken by tom"):
        plan_release(seen, 1)


def test_a_released_lease_is_gone() -> None:
    seen = plan_release(plan_take(Leases(), ["estate"], MARA, NOW, SECONDS), 1)
    assert seen.held == ()
    assert plan_take(seen, ["estate"], TOM, NOW, SECONDS).held[0].number == 3


def test_a_lease_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="covers nothing"):
        plan_take(Leases(), [], MARA, NOW, SECONDS)


def test_a_record_is_read_as_it_was_written() -> None:
    seen = plan_take(Leases(4, (), (Former(2, "was broken by tom: why not"),)), ["estate"], MARA, NOW, SECONDS)
    assert from_body(5, seen.as_body(), "directory /store") == seen


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
WISHES = (("estate",), ("group:app", "tenant:harbour"), ("tenant:harbour",))


class Protocol(RuleBasedStateMachine):
    """Read and plan, then much later write; every answer may be lost, every controller may die in between."""

    @initialize()
    def begin(self) -> None:
        self.written: dict[int, Leases] = {}
        self.controllers = {name: Controller(name) for name in CONTROLLERS}
        self.elapsed = 0.0

    @property
    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.elapsed)

    @property
    def newest(self) -> Leases:
        return self.written[max(self.written)] if self.written else Leases()

    @rule(name=st.sampled_from(CONTROLLERS), covers=st.sampled_from(WISHES), answered=st.booleans())
    def go_on(self, name: str, covers: tuple[str, ...], answered: bool) -> None:
        """Do the next thing: write what is planned, renew what is held, or ask for a lease."""
        one = self.controllers[name]
        if one.pending:
            self.write(one, *one.pending, answered)
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
        one.number, one.covers = one.pending[1].number, covers

    def renew(self, one: Controller) -> None:
        try:
            one.pending = (self.elapsed, plan_renew(self.newest, one.number, self.now, SECONDS))
        except LostError:
            one.number = 0

    def write(self, one: Controller, asked: float, following: Leases, answered: bool) -> None:
        if following.number not in self.written:
            self.written[following.number] = following
            if not answered:
                return  # the same record is tried again, as it is not known whether it arrived
        one.pending = None
        if self.written[following.number] != following:
            one.number = one.number if one.valid_until else 0
            return
        lease = require(following, one.number)
        if lease.number not in one.numbers:
            one.numbers.append(lease.number)
        one.valid_until = asked + SECONDS

    @rule(name=st.sampled_from(CONTROLLERS))
    def release(self, name: str) -> None:
        one = self.controllers[name]
        if one.pending or not one.number or one.valid_until <= self.elapsed:
            return
        following = plan_release(self.newest, one.number)
        self.written[following.number] = following
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
        held = [lease.number for lease in getattr(self, "written", {}) and self.newest.held]
        assert len(set(held)) == len(held)
        for one in getattr(self, "controllers", {}).values():
            assert one.numbers == sorted(set(one.numbers))


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
