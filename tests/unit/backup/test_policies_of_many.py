# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call for the policies of many tenants: what hinders one hinders no other, and is named. On real directories."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_policy, read_policy
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._repository import apply_turns
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    make_repository,
    open_repository,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.modules import backup_policy
from tests.unit.backup.rotting import rotting_in
from tests.unit.repository.test_process import gone_process

MASTER = MasterKey("estate", b"k" * 32)
TENANTS = ("harbour", "north", "south")
_ITEM = dict.fromkeys(("rpo_s", "rto_s", "versioning", "noncurrent_days", "drill_interval_s", "immutability"))


def repositories(path: Path) -> dict[str, Repository]:
    store = Directory(str(path))
    return {name: make_repository(Stores(store, store, ""), name, (MASTER,)) for name in TENANTS}


def params(
    path: Path,
    *tenants: str,
    first: Sequence[dict[str, Any]] = (),
    known: dict[str, int] | None = None,
    rolled_back: str = "fail",
) -> dict[str, Any]:
    """The options of a call. first: keys before the estate's, which are rotated to."""
    secret = base64.b64encode(b"k" * 32).decode()
    empty = dict.fromkeys(
        ("bucket", "endpoint_url", "region", "access_key", "secret_key", "ca_bundle", "records_bucket")
    )
    keys = [*first, {"name": "estate", "secret": secret, "file": None, "tenant": None}]
    item = {**_ITEM, "keep": {"last": 1}, "copies": None, "regions": None, "classes": None, "holds": None, "tier": 2}
    return {
        "repository": {**empty, "directory": str(path), "prefix": "", "keys": keys},
        "policies": [{**item, "tenant": name, "state": "present"} for name in tenants or TENANTS],
        "expire": True,
        "grace_s": 0,
        "rotate_keys": bool(first),
        "copy": None,
        "known_backups": known or {},
        "rolled_back": rolled_back,
        "lock_timeout": 1,
    }


def call(
    path: Path,
    *tenants: str,
    check: bool = False,
    first: Sequence[dict[str, Any]] = (),
    known: dict[str, int] | None = None,
    rolled_back: str = "fail",
) -> Outcome:
    """first: keys before the estate's, which are rotated to."""
    return backup_policy.work(Call(params(path, *tenants, first=first, known=known, rolled_back=rolled_back), check))


def recorded(path: Path, *tenants: str) -> set[str]:
    """Those of the tenants that have a policy, whichever key opens their backups."""
    store, keys = Directory(str(path)), (MASTER, *(MasterKey(name, b"n" * 32) for name in ("next", "estate-2027")))
    opened = {name: open_repository(Stores(store, store, ""), name, keys) for name in tenants or TENANTS}
    return {name for name, one in opened.items() if one and one.catalog.read().policy}


def test_a_tenant_that_is_being_backed_up_does_not_hold_up_the_others(tmp_path: Path) -> None:
    made = repositories(tmp_path)
    with ExitStack() as held:
        held.enter_context(writing(made["harbour"], "backup", 0))
        outcome = call(tmp_path)
    assert "tenant harbour: " in outcome.failure
    assert [one["tenant"] for one in outcome.facts["failures"]] == ["harbour"]
    # the others had their turn, and what waits for none is done for all
    assert recorded(tmp_path) == set(TENANTS)
    assert {made[name].catalog.read().fence > 0 for name in ("north", "south")} == {True}
    again = call(tmp_path)
    assert (again.failure, again.facts["failures"], again.values()["changed"]) == ("", [], False)


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("damaged", ["catalog", "keys"])
def test_a_tenant_that_cannot_be_read_does_not_hold_up_the_others(tmp_path: Path, damaged: str, check: bool) -> None:
    repositories(tmp_path)
    call(tmp_path, "north")
    for target in (one for one in (tmp_path / "north" / damaged).rglob("*") if one.is_file()):
        target.write_bytes(b"forged")
    outcome = call(tmp_path, check=check)
    assert [one["tenant"] for one in outcome.facts["failures"]] == ["north"]
    assert outcome.failure.startswith("tenant north: ")
    assert set(outcome.facts["forecast"]) == {"harbour", "south"}
    assert recorded(tmp_path, "harbour", "south") == (set() if check else {"harbour", "south"})


def test_the_first_key_opens_the_backups_alone_once_it_is_rotated(tmp_path: Path) -> None:
    made = repositories(tmp_path)
    new = {"name": "estate-2027", "secret": base64.b64encode(b"n" * 32).decode(), "file": None, "tenant": None}

    before = made["harbour"].keys.seal("file", "x", b"content")
    foretold = call(tmp_path, "harbour", check=True, first=[new])
    assert next(step.action for step in foretold.steps) == "rotate_key"
    assert made["harbour"].wrapped_by == "estate"
    done = call(tmp_path, "harbour", first=[new])
    assert [step.as_dict() for step in done.steps] == [step.as_dict() for step in foretold.steps]
    store = Directory(str(tmp_path))
    opened = open_repository(Stores(store, store, ""), "harbour", (MasterKey("estate-2027", b"n" * 32),))
    assert opened is not None
    assert opened.keys.open("file", "x", before, "x") == b"content"
    with pytest.raises(StateError, match=r"wrapped by the key 'estate-2027', which is not in repository.keys"):
        open_repository(Stores(store, store, ""), "harbour", (MASTER,))
    assert call(tmp_path, "harbour", first=[new]).steps == []


@pytest.mark.parametrize("first", [(), [{"name": "next", "secret": "bmV4dA==", "file": None, "tenant": None}]])
def test_a_tenant_whose_repository_refuses_a_write_hinders_no_other(
    tmp_path: Path, first: Sequence[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories(tmp_path)
    step = "rotate" if first else "_record_policy"
    act = getattr(apply_policy, step)

    def refusing(*given: Any) -> Any:
        if "north" in [getattr(one, "tenant", "") for one in given]:
            raise StateError("the disk is full")
        return act(*given)

    monkeypatch.setattr(apply_policy, step, refusing)
    keys = [{**one, "secret": base64.b64encode(b"n" * 32).decode()} for one in first]
    outcome = call(tmp_path, first=keys)
    assert [(one["tenant"], one["error"]) for one in outcome.facts["failures"]] == [("north", "the disk is full")]
    assert recorded(tmp_path) == {"harbour", "south"}
    assert "north" not in {step.target for step in outcome.steps or ()}


# what each call does for one tenant after the other, by the module in which the name stands
STAGES = [
    (read_policy, "require_catalog", False),
    (read_policy, "foresee", True),
    (backup_policy, "make_repository", False),
    (backup_policy, "read_doubt", False),
    (apply_policy, "rotate", False),
    (apply_policy, "_record_policy", False),
    (apply_policy, "_record_holds", False),
]


@pytest.mark.parametrize(("module", "name", "check"), STAGES, ids=[name for _module, name, _check in STAGES])
@pytest.mark.parametrize("error", [StateError, DeadlineError])
def test_what_fails_of_one_tenant_anywhere_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, check: bool, error: type[GantryError]
) -> None:
    repositories(tmp_path)
    new = {"name": "estate-2027", "secret": base64.b64encode(b"n" * 32).decode(), "file": None, "tenant": None}
    honest = getattr(module, name)

    def failing(*given: Any) -> Any:
        named = [getattr(one, "tenant", one) for one in given]
        if "north" in [one for one in named if isinstance(one, str)]:
            raise error("it is odd")
        return honest(*given)

    monkeypatch.setattr(module, name, failing)
    asked = params(tmp_path, first=[new])
    hold = {"name": "claim", "reason": "a claim", "until": None, "backups": None, "state": "present"}
    for item in asked["policies"]:
        item["holds"] = [hold]
    outcome = backup_policy.work(Call(asked, check))
    assert outcome.failure == "tenant north: it is odd"
    assert outcome.facts["failures"] == [{"tenant": "north", "error": "it is odd"}]
    assert not [step for step in outcome.steps if step.target.partition("/")[0] == "north"]
    assert set(outcome.facts["forecast"]) == {"harbour", "south"}
    if not check:
        assert recorded(tmp_path) >= {"harbour", "south"}
        # nothing is expired of a tenant whose holds may be lacking
        store, both = Directory(str(tmp_path)), (MasterKey("estate-2027", b"n" * 32), MASTER)
        north = open_repository(Stores(store, store, ""), "north", both)
        assert north is not None
        assert north.catalog.read().fence == 0


def test_check_mode_lists_the_backup_of_a_run_that_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease stands for a while, and the next run does not wait for it, as its process is gone."""
    (tmp_path / "store").mkdir()
    tenant = rotting_in(tmp_path)
    tenant.add(b"an invoice")
    first = tenant.backup()
    with monkeypatch.context() as patched:
        patched.setattr(apply_turns, "this_process", lambda _kind: gone_process())
        patched.setattr(apply_turns, "plan_commit", lambda *_given: 1 // 0)
        patched.setattr(Register, "release", lambda *_given: None)
        with pytest.raises(ZeroDivisionError):
            tenant.backup(1)
    foreseen = call(tmp_path / "store", "harbour", check=True)
    assert len(tenant.repository.catalog.read().entries) == 1
    done = call(tmp_path / "store", "harbour")
    assert [one.as_dict() for one in foreseen.steps or ()] == [one.as_dict() for one in done.steps or ()]
    assert ("expire", f"harbour/{first.name}") in [(one.action, one.target) for one in done.steps or ()]
    assert [one.number > first.number for one in tenant.repository.catalog.read().entries] == [True]
