# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of Odoo in an instance's configuration, and the instances as the modules take them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.filter.odoo_processes import odoo_processes
from ansible_collections.gantry.odoo.plugins.filter.odoo_settings import odoo_settings
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_config import DEFAULTS, plan_options


def test_own_options_win_over_shared_ones_and_these_over_defaults() -> None:
    options = plan_options("harbour", {"log_level": "warn", "db_maxconn": 8}, {"db_maxconn": 4}, 150)
    assert options == {**DEFAULTS, "log_level": "warn", "db_maxconn": 4}
    assert list(options) == sorted(options)


@pytest.mark.parametrize(
    ("shared", "own", "words"),
    [
        ({"db_password": "x"}, {}, "db_password cannot be set here"),
        ({}, {"list_db": True}, "list_db cannot be set here"),
        ({"limit_time_real": 151}, {}, "above odoo_stop_timeout"),
        ({}, {"limit_time_real": "long"}, "not a number"),
        ({}, {"log_level": "info\nlist_db = True"}, "'log_level' has a line break"),
    ],
)
def test_options_that_the_role_cannot_take(shared: dict, own: dict, words: str) -> None:
    with pytest.raises(InputError, match=f"harbour: .*{words}"):
        plan_options("harbour", shared, own, 150)
    with pytest.raises(AnsibleFilterError, match=words):
        odoo_settings([{"name": "harbour", "options": own}], shared, 150)


def test_a_secret_is_not_in_the_sentence() -> None:
    with pytest.raises(InputError) as raised:
        plan_options("harbour", {}, {"smtp_password": "hidden\nline"}, 150)
    assert "hidden" not in str(raised.value)


def test_processes_hold_no_secret_and_know_their_cron() -> None:
    found = odoo_processes([{"name": "a", "db_password": "hidden", "databases": ["a"]}])
    assert found == [{"name": "a", "http_port": 8069, "websocket_port": 8072, "cron": True}]


@pytest.mark.parametrize(
    "instances",
    [[{"name": "A"}], [{"name": "a"}, {"name": "b"}], [{"name": "a"}, {"name": "a", "http_port": 1}], "harbour"],
)
def test_instances_that_cannot_run_side_by_side(instances: object) -> None:
    with pytest.raises(AnsibleFilterError, match="odoo_instances"):
        odoo_processes(instances)
