# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that renews a lease: as long as it is needed, and no longer."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Holder
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import LostError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.plugin_utils import lease_keeper

# a number that no process has
GONE = 2**22 + 1
CHANGE = {"id": "patch-1", "kind": "patch"}
MARA = Holder("patch", "mara", "here")


class Kept:
    """A lease of a fraction of a second, and the program that renews it, in a thread."""

    seconds = 0.4

    def __init__(self, path: Path) -> None:
        self.path = path
        self.leases = Register(Directory(str(path)), self.seconds)
        self.number = self.leases.take(["estate"], MARA, Deadline(60)).fencing_number
        self.since = self.until

    @property
    def until(self) -> Any:
        """When the lease in the store ends; None where there is none."""
        return next((one.until for one in self.leases.read().held), None)

    def keep(self, playbook: int) -> threading.Thread:
        """Start the program."""
        order = {
            "store": {"directory": str(self.path), "outbox": f"{self.path}-outbox"},
            "fencing_number": self.number,
            "seconds": self.seconds,
            "playbook": playbook,
            "change": CHANGE,
        }
        thread = threading.Thread(target=lease_keeper.keep, args=(order,), daemon=True)
        thread.start()
        return thread


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setattr(lease_keeper, "_LOOK_S", 0.02)
    monkeypatch.setattr(lease_keeper, "_tell_ready", lambda: None)
    return Kept(tmp_path / "store")


def test_a_lease_is_renewed_while_the_playbook_lives(kept: Kept) -> None:
    program = kept.keep(os.getpid())
    Deadline(60).wait(lambda: kept.until > kept.since or None, "a renewal")
    kept.leases.release(kept.number, Deadline(60))
    program.join(20)
    assert not program.is_alive()


def test_a_lease_is_free_when_the_playbook_is_gone(kept: Kept) -> None:
    kept.keep(GONE).join(20)
    assert kept.until is None


def test_a_run_that_ends_without_the_close_of_its_change_is_recorded(kept: Kept) -> None:
    kept.keep(GONE).join(20)
    (entry,) = Ledger(kept.leases.objects).entries()
    assert (entry.body["change"], entry.body["event"]) == (CHANGE, "unfinished")
    assert entry.body["facts"] == {"lost": "the run ended before the change was closed"}


def test_a_change_that_was_closed_is_left_as_it_is(kept: Kept) -> None:
    kept.leases.release(kept.number, Deadline(60))
    kept.keep(GONE).join(20)
    assert Ledger(kept.leases.objects).entries() == []


def test_a_lease_that_was_broken_is_not_renewed(kept: Kept) -> None:
    kept.leases.take_away(kept.number, "tom", "her laptop burnt", Deadline(60))
    kept.keep(os.getpid()).join(20)
    kept.keep(GONE).join(20)
    assert kept.until is None
    assert Ledger(kept.leases.objects).entries() == []
    with pytest.raises(LostError, match=r"^lease 1 was broken by tom: her laptop burnt$"):
        kept.leases.require(kept.number)


def test_a_store_that_does_not_answer_is_asked_again(kept: Kept) -> None:
    away = kept.path.with_name("away")
    kept.path.rename(away)
    kept.path.write_text("", encoding="utf-8")
    program = kept.keep(os.getpid())
    program.join(0.5)
    assert program.is_alive()
    kept.path.unlink()
    away.rename(kept.path)
    Deadline(60).wait(lambda: kept.until > kept.since or None, "a renewal")
    kept.leases.release(kept.number, Deadline(60))
    program.join(20)


def test_nothing_is_begun_shortly_before_a_lease_ends(kept: Kept) -> None:
    with pytest.raises(LostError, match="lease 1 was not renewed and ends at"):
        kept.leases.require(kept.number)
    Register(kept.leases.objects, 60).renew(kept.number, Deadline(60))
    kept.leases.require(kept.number)


def test_the_program_itself_renews(tmp_path: Path) -> None:
    store = Directory(str(tmp_path))
    held = Register(store, 2).take(["estate"], MARA, Deadline(60))
    lease_keeper.start({"directory": str(tmp_path), "outbox": str(tmp_path / "outbox")}, held, 2, os.getpid(), CHANGE)
    leases = Register(store)
    Deadline(60).wait(lambda: leases.read().held[0].until > held.until or None, "a renewal")
    leases.release(held.fencing_number, Deadline(60))


def test_a_program_that_does_not_begin_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Register(Directory(str(tmp_path)), 2).take(["estate"], MARA, Deadline(60))
    monkeypatch.setattr(lease_keeper, "__name__", "no.such.program")
    with pytest.raises(StateError, match=r"did not begin: .*No module named 'no'\)?; see whether .* runs by hand"):
        lease_keeper.start(
            {"directory": str(tmp_path), "outbox": str(tmp_path / "outbox")}, held, 2, os.getpid(), CHANGE
        )
