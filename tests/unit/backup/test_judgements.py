# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet is judged as each of its tenants is, in their order, by processes of which one may be killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import read_judgements
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import Evidence
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_compliance import read_store
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_judgements import Fleet
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import make_repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey

MASTER = MasterKey("estate", b"k" * 32)
TENANTS = tuple(f"t{number:02}" for number in range(20))


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Twenty tenants: one whose keys are damaged, and one that has no repository."""
    place = Directory(str(tmp_path))
    stores = Stores(place, place)
    for name in TENANTS[1:]:
        make_repository(stores, name, (MASTER,))
    (damaged,) = (tmp_path / "t07" / "keys").rglob("99*/*")
    damaged.chmod(0o600)
    damaged.write_bytes(b"{}")
    return Fleet(stores, read_store(stores), (MASTER,), 1, {})


def test_many_are_judged_as_each_one_is(fleet: Fleet) -> None:
    found = read_judgements.read_judgements(fleet, TENANTS)
    assert [one.tenant for one in found] == list(TENANTS)
    assert found == [fleet.judged([name])[0] for name in TENANTS]
    assert found[7].findings != found[6].findings


@pytest.mark.parametrize(("asked", "here"), [(TENANTS, False), (TENANTS[:8], True)])
def test_few_are_judged_without_another_process(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...], here: bool
) -> None:
    monkeypatch.setattr(read_judgements, "judge_tenant", lambda *_seen: os.getpid())
    assert (set(read_judgements.read_judgements(fleet, asked)) == {os.getpid()}) is here


def test_a_process_that_is_killed_is_no_judgement(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(seen: Evidence, *_stores: object) -> str:
        if seen.tenant == "t12":
            os.kill(os.getpid(), signal.SIGKILL)
        return seen.tenant

    monkeypatch.setattr(read_judgements, "judge_tenant", killed)
    with pytest.raises(StateError, match=r"was ended from outside; see whether the host is short of memory"):
        read_judgements.read_judgements(fleet, TENANTS)
