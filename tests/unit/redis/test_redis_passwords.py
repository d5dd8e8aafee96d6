# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the module's own password: its order from any state that an interrupted run leaves, and bad input."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_passwords import Accepted
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Topology
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_users import digest_of
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import make_plan
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_topology import shown

from .build import desired, healthy

OLD, NEW, THIRD = (digest_of("password", word) for word in ("former", "hunter2", "third"))
ORDER = ("add_password", "configure", "tune", "remove_password")
FORMER, BOTH, DONE = Accepted(False, (OLD,)), Accepted(True, (OLD,)), Accepted(True)


def wish(**changes):
    return desired(former_passwords=["former"], **changes)


def seen(accepted: Accepted, used: bool) -> Topology:
    """A topology whose servers accept these passwords. used: whether they log in to each other with the new one."""
    now = healthy(wish=wish())
    nodes = tuple(replace(node, accepted=accepted, authenticates=used) for node in now.nodes)
    return Topology(nodes, tuple(replace(item, accepted=accepted, shows_new=used) for item in now.sentinels))


def actions(topology: Topology, **changes) -> list[str]:
    return [step.action for step in make_plan(topology, wish(**changes)).steps]


def test_a_new_password_is_accepted_by_all_before_it_is_used_and_the_former_one_goes_last():
    assert actions(seen(FORMER, False)) == ["add_password"] * 6 + ["configure"] * 3 + ["tune"] * 3 + (
        ["remove_password"] * 6
    )
    assert actions(seen(DONE, True)) == []


def test_from_every_state_between_the_rest_follows_in_the_same_order():
    for each in itertools.product((FORMER, BOTH, DONE), repeat=3):
        topology = seen(FORMER, False)
        nodes = tuple(replace(node, accepted=one) for node, one in zip(topology.nodes, each))
        left = actions(replace(topology, nodes=nodes))
        assert left == sorted(left, key=ORDER.index)
        assert left.count("add_password") == 3 + each.count(FORMER)
        assert left.count("remove_password") == 6 - each.count(DONE)


def test_former_passwords_are_kept_where_that_is_asked_for():
    assert "remove_password" not in actions(seen(FORMER, False), keep_former_passwords=True)
    assert actions(seen(BOTH, True), keep_former_passwords=True) == []


def test_a_difference_says_which_passwords_are_accepted_and_no_step_shows_one():
    plan = make_plan(seen(FORMER, False), wish())
    before, after = shown(seen(FORMER, False), ()), shown(plan.after, ())
    assert set(before["passwords"].values()) == {"former"}
    assert set(after["passwords"].values()) == {"new"}
    told = str([step.as_dict() for step in plan.steps])
    assert not [secret for secret in (OLD, NEW, "hunter2") if secret in told]


def test_what_a_server_accepts_is_read_from_its_users():
    rotation = wish().rotation
    assert rotation is not None
    lines = [f"user app on #{NEW} ~* +@all", f"user default on sanitize-payload #{OLD} #{THIRD} ~* &* +@all"]
    assert rotation.accepted(lines) == Accepted(False, (OLD,), (THIRD,))
    assert rotation.accepted([]) == Accepted()
    assert rotation.replacements("hunter2", (THIRD,)) == [
        ("CONFIG", "SET", "requirepass", "hunter2"),
        ("ACL", "SETUSER", "default", f"#{THIRD}"),
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"former_passwords": ["hunter2"]}, "former_passwords holds password itself"),
        ({"former_passwords": [""]}, "an element of former_passwords is empty"),
        ({"former_passwords": ["x"], "password": None}, "former_passwords is set without password"),
        ({"keep_former_passwords": True}, "keep_former_passwords is set without former_passwords"),
        ({"password": "a\x01b", "mode": "replicated", "sentinels": []}, "password holds a control character"),
        (
            {"former_passwords": ["x"], "password": "a b", "sentinel_username": "s", "sentinel_password": "y"},
            "password holds a blank",
        ),
    ],
)
def test_bad_input_is_one_sentence(changes, words):
    with pytest.raises(InputError, match=words):
        desired(**changes)
