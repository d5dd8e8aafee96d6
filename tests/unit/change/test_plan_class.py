# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The class of a change is that of its kind, and an operator may only raise it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import TABLE, classify, table_from
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

ROOT = Path(__file__).parents[3]


def test_each_playbook_that_opens_a_change_has_a_class() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "playbooks").glob("*.yml")]
    kinds = {kind for text in texts for kind in re.findall(r"change_kind: (\w+)", text)}
    assert kinds | {f"site_{aspect}" for aspect in ("edges", "restart_postgresql")} == set(TABLE)


@pytest.mark.parametrize(
    ("kind", "wanted", "name"),
    [
        ("renew_certificates", "", "standard"),
        ("patch", "", "standard"),
        ("patch", "normal", "normal"),
        ("patch", "emergency", "emergency"),
        ("patch_redis", "", "normal"),
        ("patch_redis", "normal", "normal"),
        ("patch_redis", "emergency", "emergency"),
        ("a_playbook_of_ours", "", "normal"),
    ],
)
def test_the_class_is_that_of_the_kind_or_a_higher_one(kind: str, wanted: str, name: str) -> None:
    found = classify(kind, wanted, TABLE)
    assert (found.name, found.lowered) == (name, "")


def test_an_aspect_raises_the_class_of_a_kind() -> None:
    assert classify("site", "", TABLE).name == "standard"
    assert classify("site", "", TABLE, ["site_restart_postgresql"]).name == "normal"
    assert "lowers it to standard" in classify("site", "standard", TABLE, ["site_edges"]).lowered


@pytest.mark.parametrize("kind", ["patch_redis", "a_playbook_of_ours"])
def test_a_class_that_was_lowered_is_named_and_does_not_count(kind: str) -> None:
    found = classify(kind, "standard", TABLE)
    assert found.name == "normal"
    assert f"{kind} is a normal change by the table, and change_class lowers it to standard" in found.lowered


def test_the_inventory_says_more_than_the_table() -> None:
    table = table_from({"patch": "normal", "migrate": "standard"})
    assert [classify(kind, "", table).name for kind in ("patch", "migrate", "patch_redis")] == [
        "normal",
        "standard",
        "normal",
    ]
    with pytest.raises(InputError, match="change_classes has emergency for patch; give standard or normal"):
        table_from({"patch": "emergency"})


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(InputError, match="not routine"):
        classify("patch", "routine", TABLE)
