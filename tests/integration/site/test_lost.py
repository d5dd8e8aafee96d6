# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runbook "a site is lost" on real servers: hosts and change store are gone, backups and keys are there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration import change_store
from tests.lab.spec import EDGES

from .conftest import Estate
from .test_night import clerk, seen
from .test_site import changes, databases, login_pages

LOST = (*EDGES, "app1", "db1", "cache1")
TENANTS = ("north", "south", "harbour")


def lose(estate: Estate) -> None:
    """Take all hosts away with what they hold, and the controller's record of them; empty ones have their names."""
    for name in LOST:
        estate.hosts[name].container.remove(force=True, v=True)
    for directory in (estate.store, Path(estate.inventory["all"]["vars"]["change_store"]["outbox"])):
        shutil.rmtree(directory, ignore_errors=directory != estate.store)
    estate.hosts.update(estate.lab.up(LOST))


@pytest.mark.deep
def test_a_lost_site_comes_back_from_its_backups_and_keys_alone(estate: Estate) -> None:
    with clerk(estate) as user:
        user.setting = "backed up"
        user.file("kept")
    estate.play("backup").expect_success()
    with clerk(estate) as user:
        user.file("late!")
    lose(estate)

    refused = estate.play("site").expect_failure()
    assert "north has no database on any server that answered, and its repository holds backups (" in refused.errors[-1]
    refused = estate.play("recover", {"recover_tier": 2}).expect_failure()
    assert "PostgreSQL on db1 does not answer and may hold north" in refused.errors[-1]
    lost = {"recover_lost_servers": ["db1"]}
    plan = estate.play("recover", {"recover_tier": 2, **lost}, check=True).expect_success()
    assert "is chosen for north, which is" in str(plan.results("Close the change"))
    for tier in (2, 3):
        estate.play("recover", {"recover_tier": tier, **lost}).expect_success()

    login_pages(estate, *TENANTS)
    assert seen(estate) == ("backed up", {"kept.txt": "kept" + "k"})
    assert databases(estate) == set(TENANTS)
    proven = [line["facts"] for line in change_store.entries(estate.store) if line["event"] == "proven"]
    assert len([one for one in proven if one["rto_s"] > 0]) == len(TENANTS)
    assert changes(estate.play("site", check=True).expect_success()) == []
    estate.play("backup").expect_success()
