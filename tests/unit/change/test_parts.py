# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a change: what may begin, what stays out, and what is where at the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import (
    BEGUN,
    FAILED,
    INTERRUPTED,
    PLANNED,
    PROVEN,
    RESTORED,
    Part,
    Parts,
    from_body,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import (
    FINISH,
    IN_WORDS,
    UNDO,
    SpentError,
    as_seen,
    heir_of,
    is_done,
    plan_begin,
    plan_close,
    plan_open,
    plan_resume,
    plan_undo,
    require_as_read,
    state_in_words,
    taken_over,
    unfinished,
    unrecorded,
    ways,
    with_part,
    with_what_settles,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError

NOW = datetime(2026, 11, 27, 17, 30, tzinfo=timezone.utc)


def part(name: str, state: str, **fields: Any) -> Part:
    return Part(name, "patch-1", state, NOW, **fields)


def opened(*states: str) -> Parts:
    """A change of as many nodes, in their states."""
    seen = plan_open(
        Parts(), "patch-1", [f"app{number}" for number in range(1, len(states) + 1)], {"release": "r2"}, NOW
    )
    for number, state in enumerate(states, start=1):
        seen = with_part(seen, part(f"app{number}", state, facts={"release_before": "r1"}))
    return seen


def states(seen: Parts) -> dict[str, str]:
    return {one.name: one.state for one in seen.parts}


def test_what_is_recorded_is_read_again() -> None:
    seen = opened(PROVEN, BEGUN, PLANNED)
    assert from_body(seen.number, seen.as_body(), "directory /store") == seen
    assert seen.parts[0].facts == {"release": "r2", "release_before": "r1"}


@pytest.mark.parametrize("body", [{}, {"parts": [{}]}, {"parts": 1}, {"parts": [{"name": "a", "since": "now"}]}, []])
def test_a_record_of_something_else_is_refused(body: Any) -> None:
    with pytest.raises(StateError, match="record 3 of the parts in the directory /store cannot be read"):
        from_body(3, body, "directory /store")


def test_a_strange_state_is_refused() -> None:
    body = opened(PROVEN).as_body()
    body["parts"][0]["state"] = "fine"
    with pytest.raises(StateError, match="has the state 'fine'"):
        from_body(3, body, "directory /store")


@pytest.mark.parametrize("state", [BEGUN, FAILED, RESTORED])
def test_a_part_that_failed_or_did_not_come_back_stops_the_next(state: str) -> None:
    seen = opened(state, PLANNED)
    with pytest.raises(SpentError, match=r"app2 is not begun, as 1 of patch-1 failed and 0 may: app1 "):
        plan_begin(seen, part("app2", BEGUN), 0)
    assert states(plan_begin(seen, part("app2", BEGUN), 1))["app2"] == BEGUN


def test_the_node_in_hand_and_those_of_other_changes_do_not_count() -> None:
    seen = with_part(opened(PROVEN, BEGUN), Part("box1", "migrate-9", FAILED, NOW))
    assert states(plan_begin(seen, part("app2", BEGUN), 0))["app2"] == BEGUN


@pytest.mark.parametrize("state", [BEGUN, FAILED, INTERRUPTED])
def test_nothing_is_opened_while_a_part_is_out(state: str) -> None:
    with pytest.raises(StateError, match=r"app1 .* run gantry.odoo.resume -e change=patch-1"):
        plan_open(opened(state), "site-2", [], {}, NOW)


def test_a_new_change_supersedes_what_was_settled_of_its_parts() -> None:
    seen = plan_open(opened(PROVEN, RESTORED, PLANNED), "patch-2", ["app1", "app2"], {}, NOW)
    # one that is refused before it begins takes nothing away from the change before
    assert seen.of("patch-1") == opened(PROVEN, RESTORED, PLANNED).parts
    seen = plan_begin(seen, Part("app1", "patch-2", BEGUN, NOW), 0)
    assert [(one.name, one.change, one.state) for one in seen.parts] == [
        ("app3", "patch-1", PLANNED),
        ("app1", "patch-2", BEGUN),
        ("app2", "patch-2", PLANNED),
    ]


def test_a_change_that_began_nothing_leaves_nothing() -> None:
    idle = opened(PLANNED, PLANNED)
    with pytest.raises(StateError, match="patch-1 has begun nothing that could be resumed; run gantry"):
        plan_resume(idle, "resume-2", "patch-1", FINISH)
    assert [one.change for one in plan_open(idle, "patch-2", ["app1", "app2"], {}, NOW).parts] == ["patch-2", "patch-2"]
    assert plan_close(idle, "patch-1").parts == ()
    assert ways("patch-1", "patch", idle.parts) == [("gantry.odoo.patch with the same inputs", "to begin again")]


@pytest.mark.parametrize("gone", [BEGUN, FAILED, PLANNED, PROVEN])
def test_a_host_that_left_the_estate_is_no_part_of_what_is_resumed(gone: str) -> None:
    seen = plan_resume(opened(BEGUN, gone), "resume-2", "patch-1", FINISH, released=["app2"])
    assert states(seen) == {"app1": INTERRUPTED}
    assert seen.of("patch-1") == ()


def test_a_change_that_is_done_leaves_nothing_and_one_that_is_not_keeps_all() -> None:
    assert plan_close(opened(PROVEN, PROVEN), "patch-1").parts == ()
    left = opened(PROVEN, RESTORED)
    assert plan_close(left, "patch-1").parts == left.parts
    assert is_done(()) is True


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (FINISH, {"app3": INTERRUPTED, "app4": INTERRUPTED, "app1": PROVEN, "app2": PLANNED, "app5": PLANNED}),
        (UNDO, {"app3": INTERRUPTED, "app4": INTERRUPTED, "app1": PLANNED, "app2": PROVEN, "app5": PROVEN}),
    ],
)
def test_a_resumed_change_begins_with_what_is_out(way: str, expected: dict[str, str]) -> None:
    seen = opened(PROVEN, RESTORED, BEGUN, FAILED, PLANNED)
    taken = plan_resume(seen, "resume-7", "patch-1", way)
    assert list(states(taken).items()) == list(expected.items())
    assert {one.change for one in taken.parts} == {"resume-7"}
    # what was lost before does not spend the budget of now
    assert plan_begin(taken, Part("app3", "resume-7", BEGUN, NOW), 0)


@pytest.mark.parametrize("way", [FINISH, UNDO])
def test_a_way_that_is_interrupted_is_turned_around(way: str) -> None:
    """Nodes 1 to 4: done, put back, left, untouched. The other way is interrupted when it has done its first two."""
    other = UNDO if way == FINISH else FINISH
    taken = plan_resume(opened(PROVEN, RESTORED, BEGUN, PLANNED), "resume-2", "patch-1", other)
    taken = with_part(taken, Part("app3", "resume-2", PROVEN, NOW))
    (first,) = [one for one in taken.parts if one.state == PLANNED][:1]
    taken = with_part(taken, replace(first, state=BEGUN))
    turned = states(plan_resume(taken, "resume-3", "resume-2", way))
    at_new = {"app1", "app3"} if other == FINISH else {"app1"}
    there = at_new if way == FINISH else {"app1", "app2", "app3", "app4"} - at_new
    assert turned.pop(first.name) == INTERRUPTED
    assert turned == {name: PROVEN if name in there else PLANNED for name in turned}


def test_a_change_that_left_nothing_cannot_be_resumed() -> None:
    with pytest.raises(StateError, match="patch-8 left nothing to resume; changes that did are patch-1"):
        plan_resume(opened(BEGUN), "resume-9", "patch-8", FINISH)
    with pytest.raises(StateError, match="patch-8 left nothing to resume; no change is unfinished"):
        plan_resume(Parts(), "resume-9", "patch-8", FINISH)


def test_who_resumes_a_change_that_was_taken_over_is_told_what_to_resume() -> None:
    entries: list[Any] = [
        {"change": {"id": f"resume-{number}"}, "event": "opened", "facts": {"resumes": former}}
        for number, former in ((2, "patch-1"), (3, "patch-0"), (4, "resume-2"))
    ]
    heir = heir_of("patch-1", entries)
    assert (heir, heir_of("patch-7", entries)) == ("resume-4", "patch-7")
    taken = plan_resume(opened(PROVEN, BEGUN), "resume-4", "patch-1", UNDO)
    runs = (
        "run gantry.odoo.resume -e change=resume-4 -e way=finish or gantry.odoo.resume -e change=resume-4 -e way=undo"
    )
    with pytest.raises(StateError, match=f"patch-1 was taken over by resume-4; {runs}"):
        plan_resume(taken, "resume-9", "patch-1", UNDO, heir=heir)
    with pytest.raises(StateError, match="patch-1 left nothing to resume, as resume-4 has ended it; no change is"):
        plan_resume(Parts(), "resume-9", "patch-1", UNDO, heir=heir)
    # nor is what serves the new release called untouched
    assert [state_in_words(one) for one in taken.parts] == [IN_WORDS[INTERRUPTED], "is not put back yet"]


def test_nothing_waits_for_a_host_that_left_the_estate_for_good() -> None:
    before = opened(PROVEN, BEGUN)
    with pytest.raises(StateError, match=r"app2 left .* -e change=patch-1 -e way=finish, or -e way=undo"):
        plan_open(before, "site-2", [], {}, NOW)
    assert states(plan_open(before, "site-2", [], {}, NOW, ["app2"])) == {"app1": PROVEN}


def test_a_renewal_waits_for_no_part_but_its_own() -> None:
    before = opened(PROVEN, BEGUN)
    seen = plan_open(before, "renew_certificates-2", ["edge1"], {}, NOW, accept_left_behind=True)
    assert states(seen) == {"app1": PROVEN, "app2": BEGUN, "edge1": PLANNED}
    with pytest.raises(StateError, match="app2 left and is not proven to serve"):
        plan_open(before, "patch-2", ["app2"], {}, NOW, accept_left_behind=True)


def test_a_change_that_could_not_be_opened_leaves_no_trace() -> None:
    before = opened(BEGUN)
    assert plan_undo(plan_resume(before, "resume-2", "patch-1", UNDO), "resume-2", "patch-1").out[0].change == "patch-1"
    assert plan_undo(plan_open(Parts(), "patch-3", ["app1"], {}, NOW), "patch-3", "").parts == ()


def test_the_last_sentence_says_what_is_where_and_what_to_run() -> None:
    failed = with_part(opened(PROVEN, RESTORED, PLANNED), part("app2", RESTORED, why="Verify: 500"))
    assert unfinished("patch-1", "patch", failed.parts, "") == (
        "patch-1 is not done: app1 is done and proven; app2 was put back as it was and serves (Verify: 500); "
        "app3 is untouched; run gantry.odoo.resume -e change=patch-1 -e way=finish to finish it, or "
        "gantry.odoo.resume -e change=patch-1 -e way=undo to have all as it was, or gantry.odoo.patch with the same "
        "inputs to begin again"
    )
    lost = unfinished("patch-1", "patch", opened(PROVEN).parts, "lease 1 was broken by tom: why not")
    assert lost.startswith(
        "lease 1 was broken by tom: why not, so that another change may have worked on the same; run "
    )


def test_a_change_without_parts_that_lost_a_host_is_not_done() -> None:
    assert unfinished("site-4", "site", [], "", ["db1 was lost or failed", "edge1 was lost or failed"]) == (
        "site-4 is not done: db1 was lost or failed; edge1 was lost or failed; repair that, and run gantry.odoo.site "
        "with the same inputs"
    )


@pytest.mark.parametrize(
    ("kind", "names", "run"),
    [
        ("patch", ["app1"], "gantry.odoo.resume -e change=patch-3 -e way=finish"),
        ("site", [], "gantry.odoo.site with the same inputs"),
        ("backup", [], "gantry.odoo.backup with the same inputs"),
        ("decommission", [], "gantry.odoo.decommission with the same inputs"),
        # every part was of a host that is gone for good
        ("resume", [], "gantry.odoo.site"),
    ],
)
def test_a_change_that_could_not_be_closed_names_what_can_be_run(kind: str, names: list[str], run: str) -> None:
    seen = [part(name, BEGUN) for name in names]
    said = unrecorded(f"{kind}-3", kind, seen, "it is away", 2, "/outbox on ctl")
    assert said == [
        f"{kind}-3 is not closed, as the change store could not be used: it is away",
        "what is not recorded yet (2) is kept in /outbox on ctl, and the next playbook there records it",
        f"when it answers, run {run} on the same controller",
    ]
    assert len(unrecorded(f"{kind}-3", kind, seen, "it is away", 0, "/outbox on ctl")) == len(said) - 1
    assert as_seen(seen) == ("as this run has seen it: app1 left and is not proven to serve" if names else "")


def test_a_change_that_was_taken_over_names_who_goes_on_with_it() -> None:
    opened_by = {"id": "resume-2", "requester": "tom"}
    entries = [
        {"change": {"id": "patch-1", "requester": "mara"}, "event": "opened", "facts": {"release": "r2"}},
        {"change": opened_by, "event": "opened", "facts": {"resumes": "patch-1", "way": "finish"}},
        {"change": opened_by, "event": "closed", "facts": {}},
    ]
    assert taken_over("patch-1", entries) == "resume-2 of tom"
    assert taken_over("resume-2", entries) == ""
    again = {"change": {"id": "resume-3", "requester": "ines"}, "event": "opened", "facts": {"resumes": "resume-2"}}
    assert taken_over("patch-1", [*entries, again]) == "resume-3 of ines"
    assert unfinished("patch-1", "patch", [], "lease 1 was broken by tom: why not", [], "resume-2 of tom") == (
        "patch-1 is not done: lease 1 was broken by tom: why not; resume-2 of tom goes on with it, and says at its end "
        "what is where"
    )


def test_failures_beside_the_parts_do_not_hide_what_may_be_run() -> None:
    seen = with_part(opened(PROVEN, PLANNED), part("app2", FAILED, why="No space"))
    said = unfinished("recover-1", "recover", seen.parts, "", ["no backup of wharf can be restored: none"])
    assert said.startswith("recover-1 is not done: no backup of wharf can be restored: none; app1 is done and proven; ")
    assert "run gantry.odoo.resume -e change=recover-1 -e way=finish" in said
    done = opened(PROVEN).parts
    again = "gantry.odoo.recover with the same inputs"
    assert unfinished("recover-1", "recover", done, "", ["wharf is left out"]).endswith(f"and run {again}")
    assert ways("recover-1", "recover", done) == [(again, "to begin again")]
    # its parts are closed, so that there is nothing to resume
    assert unfinished("resume-2", "resume", done, "", ["no jobs on app1"]).endswith("and run gantry.odoo.site")
    assert ways("resume-2", "resume", done) == [("gantry.odoo.site", "to begin again")]


def test_a_part_has_facts_of_its_own_and_supersedes_what_was_left_of_it() -> None:
    left, own = opened(BEGUN, FAILED), {"app3": {"backup": "b"}}
    seen = plan_open(left, "recover-2", ["app1", "app3"], {"kind": "recover"}, NOW, ["app1", "app2"], own)
    assert [(one.name, one.change, one.facts) for one in seen.parts] == [
        ("app1", "recover-2", {"kind": "recover"}),
        ("app3", "recover-2", {"kind": "recover", "backup": "b"}),
    ]


def test_what_has_no_way_back_is_finished_and_not_undone() -> None:
    seen = opened(BEGUN)
    seen = with_part(seen, part("app1", BEGUN, facts={"no_way_back": "users may have written there"}))
    with pytest.raises(StateError, match=r"resume -e change=patch-1 -e way=finish$"):
        plan_open(seen, "site-2", [], {}, NOW)
    with pytest.raises(StateError, match="patch-1 cannot be undone: app1: users may have written there"):
        plan_resume(seen, "resume-2", "patch-1", UNDO)
    assert states(plan_resume(seen, "resume-2", "patch-1", FINISH)) == {"app1": INTERRUPTED}


def test_what_is_as_it_was_keeps_neither_the_reason_nor_what_stood_in_its_way() -> None:
    seen = with_part(opened(BEGUN), part("app1", BEGUN, facts={"no_way_back": "nothing of it is kept"}))
    seen = with_part(seen, part("app1", RESTORED, why="Restore: No space left on device"))
    assert "no_way_back" not in seen.parts[0].facts
    for way, state in ((UNDO, PROVEN), (FINISH, PLANNED)):
        (taken,) = plan_resume(seen, "resume-2", "patch-1", way).parts
        assert (taken.state, taken.why, taken.facts["release_before"]) == (state, "", "r1")


def test_what_failed_its_last_proof_is_known_until_it_is_begun_again() -> None:
    seen = with_part(opened(PROVEN), part("app1", FAILED, why="Verify: 503", facts={"was_done": "r2"}))
    (taken,) = plan_resume(seen, "resume-2", "patch-1", FINISH).parts
    assert (taken.state, taken.facts["was_done"]) == (INTERRUPTED, "r2")
    for state in (BEGUN, PLANNED, PROVEN):
        assert "was_done" not in with_part(Parts(1, (taken,)), replace(taken, state=state, facts={})).parts[0].facts
    assert with_part(Parts(1, (taken,)), replace(taken, state=FAILED, facts={})).parts[0].facts["was_done"] == "r2"


@pytest.mark.parametrize("way", [FINISH, UNDO])
def test_what_serves_again_before_it_is_changed_is_changed_that_way_and_is_where_it_is_to_be_the_other(
    way: str,
) -> None:
    seen = with_part(opened(PROVEN), part("app1", FAILED, facts={"was_done": "r2"}))
    taken = plan_resume(seen, "resume-2", "patch-1", way)
    serves = with_part(taken, replace(taken.parts[0], state=PLANNED, facts={}))
    other = UNDO if way == FINISH else FINISH
    assert states(plan_resume(serves, "resume-3", "resume-2", way)) == {"app1": PLANNED}
    assert states(plan_resume(serves, "resume-3", "resume-2", other)) == {"app1": PROVEN}


@pytest.mark.parametrize("state", [PROVEN, RESTORED])
def test_since_when_a_part_is_out_is_known_until_it_serves(state: str) -> None:
    seen = with_part(opened(BEGUN), part("app1", BEGUN, facts={"left_at": 17.5}))
    (taken,) = plan_resume(seen, "resume-2", "patch-1", FINISH).parts
    again = plan_begin(Parts(1, (taken,)), replace(taken, state=BEGUN, facts={"release_before": "r1"}), 0)
    assert again.parts[0].facts["left_at"] == 17.5
    assert "left_at" not in with_part(again, replace(taken, state=state, facts={})).parts[0].facts


def test_what_is_out_keeps_the_reason_until_it_serves() -> None:
    seen = with_part(opened(BEGUN), part("app1", FAILED, why="Verify: 500"))
    assert plan_resume(seen, "resume-2", "patch-1", FINISH).parts[0].why == "Verify: 500"


LEFT = {"tenant": "north", "left_open": "box1"}


@pytest.mark.parametrize("way", [FINISH, UNDO])
def test_what_was_put_back_and_left_something_open_is_taken_in_hand_either_way(way: str) -> None:
    seen = with_part(opened(BEGUN), part("app1", RESTORED, facts=LEFT))
    assert not seen.out
    assert plan_close(seen, "patch-1").parts == seen.parts
    taken = plan_resume(seen, "resume-2", "patch-1", way)
    assert states(taken) == {"app1": PLANNED}
    # a run that ended before it began has settled nothing
    for turned in (FINISH, UNDO):
        assert states(plan_resume(taken, "resume-3", "resume-2", turned)) == {"app1": PLANNED}
    proven = with_part(taken, replace(taken.parts[0], state=PROVEN, facts={}))
    assert "left_open" not in proven.parts[0].facts
    # nothing is open any more
    settled = with_part(seen, part("app1", RESTORED, facts={"left_open": ""}))
    assert states(plan_resume(settled, "resume-2", "patch-1", UNDO)) == {"app1": PROVEN}


def test_no_change_supersedes_what_may_be_open_elsewhere_until_its_server_left_for_good() -> None:
    seen = with_part(opened(BEGUN), part("app1", RESTORED, facts=LEFT))
    way_out = (
        "patch-1 left north on box1, which may be open; once box1 is back, run gantry.odoo.resume -e change=patch-1"
    )
    with pytest.raises(StateError, match=way_out):
        plan_open(seen, "restore-2", ["app1"], {}, NOW)
    # what another change is about, and one that has seen that the copy is lost
    plan_open(seen, "patch-2", ["app2"], {}, NOW)
    plan_open(seen, "recover-2", ["app1"], {}, NOW, ["app1"])
    released = plan_open(seen, "site-2", [], {}, NOW, ["box1"])
    assert released.parts[0].facts["left_open"] == ""
    plan_open(released, "restore-3", ["app1"], {}, NOW)
    assert states(plan_resume(seen, "resume-2", "patch-1", UNDO, ["box1"])) == {"app1": PROVEN}


@pytest.mark.parametrize(
    ("why", "facts", "said"),
    [
        ("tenant north is open twice", LEFT, True),
        ("tenant northern is open twice", LEFT, False),
        ("tenant north is open twice", {**LEFT, "left_open": ""}, False),
        ("tenant north is open twice", {}, False),
    ],
)
def test_a_tenant_that_is_open_twice_is_settled_by_the_change_that_left_it(why: str, facts: Any, said: bool) -> None:
    sets_aside = "patch-1 left north on box1 open, and gantry.odoo.resume -e change=patch-1 -e way=undo sets it aside"
    assert with_what_settles(why, [part("app1", RESTORED, facts=facts)]) == why + (f"; {sets_aside}" if said else "")


def test_a_change_does_not_begin_with_an_estate_that_another_one_has_changed_since_it_was_read() -> None:
    def entry(kind: str) -> dict[str, Any]:
        return {"change": {"id": f"{kind}-7", "kind": kind}, "event": "closed"}

    require_as_read([entry("backup"), entry("restore_drill"), entry("approve")])
    with pytest.raises(StateError, match="migrate-7 has worked on the estate since this run has read it, so"):
        require_as_read([entry("migrate"), entry("backup"), entry("migrate")])
    # who breaks the lease of a change records its name alone
    with pytest.raises(StateError, match="patch-3 has worked on the estate"):
        require_as_read([{"change": {"id": "patch-3"}, "event": "broken"}])
