# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant goes back to a backup in the night: what it had is kept, and what goes wrong leaves it as it was."""

from __future__ import annotations

import pytest

from tests.integration import change_store
from tests.integration.orchestration import world as worlds
from tests.integration.orchestration.rig import Rig
from tests.integration.orchestration.test_bad_nights import lose
from tests.integration.orchestration.test_matrix import LATE, give_up
from tests.integration.orchestration.test_moves import parts, sent, until_free

RESTORE = {"tenant": "harbour", "restore_backup": "0"}


@pytest.fixture
def late(rig: Rig) -> Rig:
    """An estate whose tenant harbour has a backup, and users who wrote since."""
    give_up(rig)
    return rig


def data(rig: Rig) -> list[int]:
    """What users of harbour have."""
    return rig.world.servers["db1"]["harbour"].data


def test_a_tenant_goes_back_and_what_it_had_is_kept(late: Rig) -> None:
    late.play("restore", tenant="harbour", restore_at="2026-11-22T10:30:00.500000Z").expect_success()

    assert LATE not in data(late)
    assert LATE in late.world.backups["harbour"][-1]
    assert (sent(late), parts(late), late.world.harm) == ({"serve app1 app2"}, {}, [])
    proven = [entry["facts"] for entry in change_store.entries(late.store) if entry["event"] == "proven"][-1]
    assert proven["way_back"].endswith("gantry.odoo.restore -e tenant=harbour -e restore_backup=1")
    # and the way back is the same playbook
    late.play("restore", tenant="harbour", restore_backup="1").expect_success()
    assert LATE in data(late)


@pytest.mark.deep
def test_what_would_be_restored_is_said_and_what_is_not_there_refused_before_users_leave(late: Rig) -> None:
    before = late.world
    run = late.play("restore", check=True, tenant="harbour").expect_success()
    screen = "\n".join(run.results("Close the change")["app1"]["screen"])
    assert "harbour goes back to backup 0 of 2026-11-22T10:30:00.000000Z" in screen
    run = late.play("restore", tenant="harbour", restore_backup="7").expect_failure()
    assert "harbour has no backup 7" in run.errors[-1]
    after = late.world
    assert (after.routes, after.backups, after.harm) == (before.routes, before.backups, [])
    assert (LATE in data(late), parts(late)) == (True, {})


@pytest.mark.deep
def test_a_database_that_cannot_be_read_is_replaced_only_when_it_is_given_up(late: Rig) -> None:
    with worlds.opened(late.file) as world:
        world.servers["db1"]["harbour"].readable = False
    run = late.play("restore", **RESTORE).expect_failure()
    assert "harbour was put back as it was and serves" in run.errors[-1]
    assert (LATE in data(late), sent(late)) == (True, {"serve app1 app2"})
    assert parts(late)["tenant:harbour"].endswith(" restored")
    until_free(late)

    late.play("restore", **RESTORE, restore_discard=True).expect_success()
    assert (LATE in data(late), sent(late)) == (False, {"serve app1 app2"})
    # which is what was asked for
    (harm,) = late.world.harm
    assert harm.endswith("the only copy of what users of harbour wrote is replaced")


@pytest.mark.deep
def test_a_database_that_is_gone_is_restored(late: Rig) -> None:
    with worlds.opened(late.file) as world:
        del world.servers["db1"]["harbour"]
    late.play("restore", **RESTORE).expect_success()
    assert (LATE in data(late), sent(late), late.world.harm) == (False, {"serve app1 app2"}, [])


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ("undo", "controller killed after"),
        pytest.param("finish", "cut after", marks=pytest.mark.deep),
        pytest.param("undo", "cut before", marks=pytest.mark.deep),
    ],
)
@pytest.mark.deep
def test_a_restore_that_was_cut_off_is_finished_or_undone(late: Rig, way: str, kind: str) -> None:
    change = lose(late, "app1 odoo_restore harbour blocked", kind, "restore", **RESTORE)
    assert sent(late) == {"maintenance app1 app2"}
    late.play("resume", change=change, way=way).expect_success()
    assert (LATE in data(late)) == (way == "undo")
    assert (sent(late), parts(late), late.world.harm) == ({"serve app1 app2"}, {}, [])


@pytest.mark.deep
def test_a_server_that_does_not_answer_could_have_what_is_missing(late: Rig) -> None:
    late.change(silent=["box1"])
    with worlds.opened(late.file) as world:
        del world.servers["db1"]["harbour"]
    run = late.play("restore", **RESTORE).expect_failure()
    assert "PostgreSQL does not answer on box1, so it is not known where the database of harbour is" in run.errors[-1]
    assert ("harbour" in late.world.servers["db1"], parts(late), late.world.harm) == (False, {}, [])
