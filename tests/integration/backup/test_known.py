# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bucket that was rolled back, by who may delete objects and has no key, is found by every module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.integration.backup.conftest import HOST, Ask, Asked, Estate

BACKUP, RESTORE, CHECK = (f"gantry.odoo.{name}" for name in ("odoo_backup", "odoo_restore", "odoo_backup_check"))
POLICY, COMPLIANCE = "gantry.odoo.backup_policy", "gantry.odoo.backup_compliance"
TENANT, PROMISED = "rolled", "promised"


def calls(estate: Estate, number: int, **given: Any) -> list[Asked]:
    """A restore, an expiry and a check of what stands there."""
    known = {"repository": estate.repository, "known_backups": {TENANT: number}, **given}
    policy = {"tenant": TENANT, "tier": 3, "keep": {"last": 1}}
    restore = {**estate.login, **known, "tenant": TENANT, "database": "harbour_copy", "neutralize": True}
    return [
        (RESTORE, restore, True),
        (POLICY, {**known, "policies": [policy], "expire": True, "grace_s": 0}, False),
        (CHECK, {**known, "tenants": [TENANT]}, False),
    ]


def test_a_bucket_that_was_rolled_back_is_refused(estate: Estate, ask: Ask, ansible_module: Callable[..., Any]) -> None:
    backup = {**estate.login, "databases": [{"name": "harbour", "tenant": TENANT}]}
    first, second = (ansible_module(HOST, BACKUP, backup)["backups"][0] for _twice in range(2))
    assert second["number"] > first["number"]
    good = ask(*calls(estate, second["number"])[:1], *calls(estate, second["number"])[2:])
    assert [one["failed"] for one in good] == [False, False], good

    estate.erase(estate.listed(f"{TENANT}/catalog/")[0])
    assert estate.complete(TENANT) == [first["id"]]
    before = estate.listed(f"{TENANT}/data/")
    refused = ask(*calls(estate, second["number"]))
    for one in refused:
        assert one["failed"]
        assert f"lacks the backup with number {second['number']}" in one["msg"]
        assert "\n" not in one["msg"]
    # an expiry would have removed what the newest backup has, which can still be brought back
    assert estate.listed(f"{TENANT}/data/") == before
    asked = {"repository": estate.repository, "tenants": [TENANT], "known_backups": {TENANT: second["number"]}}
    (found,) = ansible_module(HOST, COMPLIANCE, asked)["compliance"]
    assert ("rolled_back", "critical") in {(one["kind"], one["severity"]) for one in found["findings"]}
    assert not found["compliant"]

    # a backup is taken all the same, and is no proof until the loss is accepted
    known = {"known_backups": {TENANT: second["number"]}}
    failed = ansible_module(HOST, BACKUP, {**backup, **known}, fails=True)
    (failure,) = failed["failures"]
    assert "lacks the backup with number" in failure["error"], failure
    assert len(estate.complete(TENANT)) == 2
    accepted = ansible_module(HOST, BACKUP, {**backup, **known, "rolled_back": "accept"})
    (third,) = accepted["backups"]
    assert "which was accepted" in accepted["warnings"][0]
    settled = ask(*calls(estate, third["number"]))
    assert [one["failed"] for one in settled] == [False, False, False], settled
    assert [one for one in ask(*calls(estate, second["number"], rolled_back="accept")) if one["failed"]] == []


def test_a_policy_that_was_rolled_back_removes_nothing(estate: Estate, ask: Ask) -> None:
    one, ten = ({"tenant": PROMISED, "tier": 3, "keep": {"last": last}} for last in (1, 10))
    backup: Asked = (BACKUP, {**estate.login, "databases": [{"name": "harbour", "tenant": PROMISED}]}, False)

    def policy(item: dict[str, Any], **given: Any) -> Asked:
        return (POLICY, {"repository": estate.repository, "policies": [item], **given}, False)

    expiry = policy({"tenant": PROMISED, "state": "kept"}, expire=True, grace_s=0)
    assert not [each for each in ask(policy(one), backup, backup) if each["failed"]]
    before = {key: estate.object(key) for key in estate.listed(f"{PROMISED}/")}
    assert not [each for each in ask(policy(ten), backup) if each["failed"]]
    there = set(estate.listed(f"{PROMISED}/"))
    for key, data in before.items():
        if key in there and estate.object(key) != data:
            estate.put(key, data)
    (done,) = ask(expiry)
    assert not done["failed"], done["msg"]
    assert len(estate.complete(PROMISED)) == 3
    # the catalog of that day does not know of the backup that was taken since
    for key in estate.listed(f"{PROMISED}/catalog/"):
        if key not in before:
            estate.erase(key)
    (refused,) = ask(expiry)
    assert "so the catalog was rolled back" in refused["msg"]
    assert len(estate.listed(f"{PROMISED}/manifests/")) == 3
