# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host reaches what listens on an address."""

from __future__ import annotations

import pytest

from ansible_collections.gantry.odoo.plugins.filter.local_url import local_url
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import is_any, reached
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.read_health import questions


@pytest.mark.parametrize(
    ("listens", "asked"),
    [
        ("", "127.0.0.1"),
        ("*", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104  asked, not bound
        ("::", "::1"),
        ("::0", "::1"),
        ("[::]", "::1"),
        ("10.0.0.5", "10.0.0.5"),
        ("fd00::5", "fd00::5"),
        ("db1", "db1"),
    ],
)
def test_what_listens_everywhere_is_asked_on_loopback_and_else_where_it_listens(listens: str, asked: str) -> None:
    assert (reached(listens), is_any(listens)) == (asked, asked != listens)


def test_an_address_of_ipv6_is_asked_in_brackets() -> None:
    assert local_url("::", 8069) == local_url("[::]", 8069) == "http://[::1]:8069"
    assert (reached("[fd00::5]"), local_url("[fd00::5]", 8069)) == ("fd00::5", "http://[fd00::5]:8069")
    assert questions("fd00::5", 8069, 8072)[2].url == "http://[fd00::5]:8072/websocket/health"
