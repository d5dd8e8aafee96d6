# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backup of each tenant a restore would take, in repositories in a real directory."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.modules import odoo_backup_info
from tests.unit.backup.rotting import MASTER, rotting_in

EMPTY = dict.fromkeys(("bucket", "endpoint_url", "region", "access_key", "secret_key", "ca_bundle", "records_bucket"))
TAKEN = "2026-11-22T10:30:00.123456Z"


def found(path: Path, *tenants: str, secret: bytes = MASTER.secret, **given: Any) -> list[dict[str, Any]]:
    """What the module returns of tenants in the directory `store` below `path`."""
    keys = [{"name": "estate", "secret": base64.b64encode(secret).decode(), "file": None, "tenant": None}]
    repository = {**EMPTY, "directory": str(path / "store"), "prefix": "", "keys": keys}
    params = {"repository": repository, "tenants": list(tenants), "at": "", "missing_files": "fail"}
    params |= {"known_backups": {}, "rolled_back": "fail", **given}
    backups: list[dict[str, Any]] = odoo_backup_info.work(Call(params)).facts["backups"]
    return backups


def test_each_tenant_has_its_newest_backup_or_the_reason_why_not(tmp_path: Path) -> None:
    rotting = rotting_in(tmp_path)
    rotting.add(b"a file")
    rotting.backup()
    newest = rotting.backup()
    before = rotting.state()
    harbour, nobody = found(tmp_path, "harbour", "nobody")
    assert (harbour["backup"], harbour["snapshot_time"], harbour["error"]) == (newest.name, TAKEN, "")
    assert (harbour["files_bytes"], harbour["age_s"] > 0) == (6, True)
    assert (nobody["backup"], nobody["age_s"]) == ("", None)
    assert (harbour["backups"], nobody["backups"]) == (2, 0)
    assert nobody["error"].startswith("there is no backup in the directory ")
    assert rotting.state() == before


@pytest.mark.parametrize(
    ("at", "is_there"),
    [("2026-11-22T10:30:01Z", True), ("2026-11-22T11:30:01+01:00", True), ("2026-11-22T10:30:00Z", False)],
)
def test_a_backup_of_after_the_moment_does_not_count(tmp_path: Path, at: str, is_there: bool) -> None:
    rotting = rotting_in(tmp_path)
    rotting.backup()
    (harbour,) = found(tmp_path, "harbour", at=at)
    assert bool(harbour["backup"]) == is_there
    told = "has no complete backup of before 2026-11-22T10:30:00+0000; give a later moment"
    assert is_there or harbour["error"].endswith(told)


def test_a_repository_that_was_rolled_back_has_no_backup_without_consent(tmp_path: Path) -> None:
    rotting = rotting_in(tmp_path)
    entry = rotting.backup()
    known = {"harbour": entry.number + 1}
    (refused,) = found(tmp_path, "harbour", known_backups=known)
    assert (refused["backup"], "rolled back" in refused["error"]) == ("", True)
    (accepted,) = found(tmp_path, "harbour", known_backups=known, rolled_back="accept")
    assert accepted["backup"] == entry.name


def test_what_the_keys_do_not_open_is_the_reason_of_one_tenant(tmp_path: Path) -> None:
    rotting = rotting_in(tmp_path)
    entry = rotting.backup()
    rotting.flip(entry.manifest.key)
    damaged, nobody = found(tmp_path, "harbour", "nobody")
    assert (damaged["backup"], "manifests/" in damaged["error"], nobody["backup"]) == ("", True, "")
    (strange,) = found(tmp_path, "harbour", secret=b"x" * 32)
    assert (strange["backup"], strange["error"] != "") == ("", True)


@pytest.mark.parametrize(
    ("at", "fault"),
    [
        ("yesterday", "at is 'yesterday', which is no moment"),
        ("2026-11-22T10:30:00", "at is '2026-11-22T10:30:00', which has no zone"),
    ],
)
def test_a_moment_without_a_zone_is_refused(tmp_path: Path, at: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        found(tmp_path, "harbour", at=at)


def test_a_moment_that_is_still_to_come_is_refused(tmp_path: Path) -> None:
    rotting_in(tmp_path).backup()
    with pytest.raises(InputError, match=r"at is '2999-01-01T00:00:00.*', and the clock of the repository says"):
        found(tmp_path, "harbour", at="2999-01-01T00:00:00z")
