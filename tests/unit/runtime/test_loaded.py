# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An error in Odoo's log is told with what raised it."""

from __future__ import annotations

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime import apply_odoo

LOADED = "2026-11-27 12:15:44,476 3839 INFO harbour odoo.registry: Registry loaded in 2.906s \n"
ERROR = "2026-11-27 12:15:47,548 3839 ERROR harbour odoo.http: Exception during request handling. "


def refusal(said: str) -> str:
    """Why a log is refused."""
    with pytest.raises(StateError) as caught:
        apply_odoo._require_loaded(said, "harbour", "serving harbour")
    return str(caught.value)


def test_a_log_without_an_error_is_accepted() -> None:
    apply_odoo._require_loaded(LOADED, "harbour", "serving harbour")


@pytest.mark.parametrize(
    ("follows", "told"),
    [
        ("", ""),
        (
            "\nTraceback (most recent call last):\n  File \"x.py\", line 1\nKeyError: 'REMOTE_ADDR'\n\nprinted",
            "KeyError: 'REMOTE_ADDR'",
        ),
        ("\n2026-11-27 12:15:48,548 3839 INFO harbour odoo: bye", ""),
    ],
)
def test_an_error_is_told_with_the_last_line_of_its_traceback(follows: str, told: str) -> None:
    quoted = " ".join(f"{ERROR} {told}".split())
    assert refusal(LOADED + ERROR + follows) == f"serving harbour failed: {quoted}"


def test_a_registry_that_was_not_loaded_is_told() -> None:
    assert "without having loaded the registry of harbour" in refusal("2026-11-27 12:15:44,476 3839 INFO odoo: bye")
