# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger knows the newest backup of each tenant, whatever comes late, fails or is forged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_known import KnownLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_known import known_from
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory

TIME = "2026-11-27T03:00:00.000+00:00"


def body(event: str = "backup", **numbers: Any) -> dict[str, Any]:
    """An entry with a backup of each tenant; False in the place of a number is one that failed."""
    tenants = [
        {"tenant": name, "ok": number is not False, **({"number": number} if number is not False else {})}
        for name, number in numbers.items()
    ]
    return {"time": TIME, "event": event, "facts": {"tenants": tenants}}


def known(path: Path, *bodies: dict[str, Any]) -> dict[str, int]:
    """What is known once these entries are written."""
    store = Directory(str(path))
    for number, one in enumerate(bodies):
        Ledger(store).append({**one, "run": number}, Deadline(5))
    return dict(KnownLog(store).read().backups)


def test_the_newest_number_of_each_tenant_is_known(tmp_path: Path) -> None:
    assert known(tmp_path, body(harbour=7, north=4), body(harbour=9)) == {"harbour": 9, "north": 4}


def test_an_entry_that_comes_late_takes_nothing_back(tmp_path: Path) -> None:
    assert known(tmp_path, body(harbour=9), body(harbour=7)) == {"harbour": 9}


@pytest.mark.parametrize(
    "other",
    [
        body(harbour=False),
        {**body(harbour=8), "facts": {"tenants": [{"tenant": "harbour", "ok": False, "number": 8}]}},
        body("drill", harbour=8),
        body("applied", harbour=8),
        body(harbour="8"),
        {**body(harbour=8), "time": "2026-11-27"},
        {**body(), "facts": {"tenants": [{"tenant": "harbour", "ok": True}]}},
        {**body(), "facts": {}},
    ],
)
def test_what_proves_no_backup_is_not_known(tmp_path: Path, other: dict[str, Any]) -> None:
    assert known(tmp_path, body(harbour=7), other) == {"harbour": 7}


def test_an_entry_that_is_written_again_completes_what_was_cut_off(tmp_path: Path) -> None:
    store, entry = Directory(str(tmp_path)), body(harbour=7)
    Ledger(store).append(entry, Deadline(5))
    store.delete(store.names("backups/", 10))
    Ledger(store).append(entry, Deadline(5))
    assert len(Ledger(store).entries()) == 1
    assert KnownLog(store).read().backups == {"harbour": 7}


def test_a_record_of_another_kind_is_refused() -> None:
    with pytest.raises(StateError, match="record 3 of the backups in the directory /x cannot be read"):
        known_from(3, {"backups": {"harbour": "many"}}, "directory /x")
