# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a role's tasks run as."""

from __future__ import annotations

import pytest

from ansible_collections.gantry.odoo.plugins.action.require_root import gap


def test_root_may() -> None:
    assert gap("the role gantry.odoo.odoo", "db1", "0\r\n") == ""


@pytest.mark.parametrize(("answer", "seen"), [("1000\n", "user 1000"), ("", "user unknown")])
def test_others_may_not(answer: str, seen: str) -> None:
    words = gap("the role gantry.odoo.odoo", "db1", answer)
    assert words.startswith("the role gantry.odoo.odoo needs root on db1")
    assert seen in words
    assert "become" in words
