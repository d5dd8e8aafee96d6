# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of sessions, slots, jobs and files, from what was read."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import (
    check_filestore,
    filestores,
    sizes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_crons import Job, base_version, blocks, liveness
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.versions import jobs_query
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_activity import Session, Slot, summary, told


def test_a_quiet_database_is_all_zeros_that_can_be_trusted() -> None:
    quiet = summary()
    assert quiet.pop("visible") is True
    assert quiet.pop("by_state") == quiet.pop("by_role") == {}
    assert set(quiet.values()) == {0}


def test_sessions_are_counted_and_the_worst_are_told() -> None:
    seen = summary(
        [
            Session("harbour", "odoo", "idle", in_state=900),
            Session("harbour", "odoo", "idle in transaction", in_transaction=50, in_state=40),
            Session("harbour", "odoo", "idle in transaction (aborted)", in_transaction=30, in_state=20),
            Session("harbour", "report", "active", in_transaction=70, in_state=70, waiting=True, waited=9),
        ],
        prepared=2,
        oldest_prepared=1000,
    )
    assert seen["by_role"] == {"odoo": 3, "report": 1}
    assert (seen["visible"], seen["sessions"], seen["waiting"], seen["idle_in_transaction"]) == (True, 4, 1, 2)
    assert (seen["longest_transaction_seconds"], seen["longest_idle_in_transaction_seconds"]) == (70, 40)
    assert (seen["longest_wait_seconds"], seen["prepared_transactions"], seen["oldest_prepared_seconds"]) == (
        9,
        2,
        1000,
    )


def test_what_is_hidden_is_never_told_as_zero() -> None:
    other = Session("harbour", "odoo", hidden=True, waiting=True)
    seen = summary([other])
    assert (seen["visible"], seen["hidden"], seen["sessions"]) == (False, 1, 1)
    assert (seen["by_role"], seen["by_state"], seen["waiting"]) == ({"odoo": 1}, {}, 1)
    for key in ("longest_wait", "longest_transaction", "longest_idle_in_transaction"):
        assert seen[f"{key}_seconds"] is None
    assert seen["idle_in_transaction"] is None
    # what is seen all the same is told
    mine = Session("harbour", "me", "idle in transaction", in_transaction=5, in_state=4)
    assert summary([other, mine])["idle_in_transaction"] == 1


def test_a_slot_is_dead_when_nobody_reads_from_it() -> None:
    slot = Slot("standby", "physical", None, active=False, wal_status="extended", retained_bytes=5)
    assert told(slot)["dead"] is True
    assert told(Slot("standby", "physical", None, True, "reserved", 5))["dead"] is False
    # a standby's copy waits to become a primary's
    assert told(Slot("mover", "logical", "harbour", False, "reserved", 5, synced=True))["dead"] is False


def test_jobs_are_overdue_after_the_grace_and_not_at_it() -> None:
    jobs = [
        Job("mail", 901, datetime(2026, 1, 2, 3, 4, 5, 600), failures=1),
        Job("gc", 900, datetime(2026, 1, 1), failures=0),
        Job("later", -60, failures=0),
    ]
    seen = liveness(jobs, running=1, grace=900, blocked=["pending"])
    assert seen == {
        "active": 3,
        "running": 1,
        "overdue": ["mail"],
        "longest_overdue_seconds": 901,
        "last_run": "2026-01-02T03:04:05Z",
        "failing": ["mail"],
        "blocked": ["pending"],
    }
    assert liveness([Job("mail", 0)], 0, 900, [])["failing"] is None
    assert liveness([], 0, 900, [])["last_run"] is None


def test_odoo_skips_all_jobs_for_two_reasons() -> None:
    assert blocks([], "19.0.1.3", "19.0.1.3") == []
    assert blocks([], "19.0.1.3", "") == []
    assert blocks(["web"], "19.0.1.3", "19.0.1.4") == ["pending", "base_version"]
    assert blocks([], None, "19.0.1.3") == ["pending"]


def test_jobs_are_asked_for_as_the_database_has_them() -> None:
    assert "ir_cron_trigger" in jobs_query(True)
    assert "ir_cron_trigger" not in jobs_query(False)


@pytest.mark.parametrize(
    ("info", "version"),
    [("(19, 0, 0, FINAL, 0, '')", "19.0.1.3"), ("('saas~18', 2, 0, FINAL, 0, '')", "saas~18.2.1.3")],
)
def test_the_version_of_the_code_is_read_where_it_can_be_seen(tmp_path: Path, info: str, version: str) -> None:
    core = tmp_path / "odoo" / "addons"
    (core / "base").mkdir(parents=True)
    (tmp_path / "addons").mkdir()
    (core / "base" / "__manifest__.py").write_text("{'name': 'Base', 'version': '1.3'}")
    assert base_version([str(core)]) == ""
    (tmp_path / "odoo" / "release.py").write_text(f"FINAL = 'final'\nversion_info = {info}\n")
    assert base_version([str(core)]) == base_version(["/nowhere", f"{tmp_path}/addons/"]) == version
    assert base_version(["/nowhere"]) == ""
    (tmp_path / "odoo" / "release.py").write_text("version = 1")
    assert base_version([str(core)]) == ""


def test_files_that_nothing_refers_to_are_orphans(tmp_path: Path) -> None:
    store = tmp_path / "filestore" / "harbour"
    names = []
    for content in (b"kept", b"lost", b"burnt"):
        digest = hashlib.sha1(content).hexdigest()
        names.append(f"{digest[:2]}/{digest}")
        (store / names[-1]).parent.mkdir(parents=True, exist_ok=True)
        (store / names[-1]).write_bytes(content)
    (store / "checklist" / names[2]).parent.mkdir(parents=True)
    (store / "checklist" / names[2]).touch()
    (store / "stray.tmp").write_bytes(b"..")
    held = sizes(str(store))
    # written after the files were listed
    (store / "zz").mkdir()
    (store / "zz" / "new").touch()
    seen = check_filestore(str(store), names[:1], verify_content=True, held=held)
    assert seen["orphans"] == {"files": 3, "bytes": 11, "spooled": 1}
    assert seen["disk_bytes"] == 15
    assert (seen["missing"], seen["corrupt"]) == ([], [])
    assert check_filestore(str(store), names, verify_content=True)["orphans"]["files"] == 2


def test_directories_of_files_are_listed_and_their_absence_is_none(tmp_path: Path) -> None:
    assert filestores(str(tmp_path)) == []
    assert sizes(str(tmp_path / "nowhere")) == {}
    (tmp_path / "filestore" / "north").mkdir(parents=True)
    (tmp_path / "filestore" / "file").touch()
    assert filestores(str(tmp_path)) == ["north"]


def test_a_directory_that_cannot_be_listed_is_no_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str) -> None:
        raise PermissionError(13, "Permission denied", "/data")

    (tmp_path / "filestore").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StateError, match="could not be listed: Permission denied"):
        sizes(str(tmp_path))
    with pytest.raises(StateError, match="could not be listed: Permission denied"):
        filestores(str(tmp_path))
