# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory lacks is named by variable and item, before anything is touched."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._estate import plan_needs

ESTATE = {
    "groups": {
        "app": {"database_server": "db1", "databases": [{"name": "harbour"}, {"name": "quarry"}]},
        "box": {"database_server": "box1", "databases": []},
    },
    "logins": {"app1": {"user": "gantry"}, "box1": {"user": "gantry"}},
    "roles": {
        "db1": [{"name": "odoo_harbour"}, {"name": "gantry_restore", "password": None}, {"name": "gantry"}],
        "box1": [{"name": "odoo_shared"}, {"name": "gantry"}],
    },
}


def test_the_login_and_the_instances_of_the_groups_need_passwords() -> None:
    assert plan_needs.passwords(ESTATE, [], {}, None) == ["odoo_db_passwords lacks gantry"]
    assert plan_needs.passwords(ESTATE, ["app", "unknown"], {"gantry": "a", "odoo_harbour": ""}, None) == [
        "odoo_db_passwords lacks odoo_harbour"
    ]
    both = {"gantry": "a", "odoo_harbour": "b", "odoo_shared": "c"}
    assert plan_needs.passwords(ESTATE, ["app", "box"], both, None) == []
    assert plan_needs.passwords(ESTATE, ["app"], both, {"harbour": "d"}, ["odoo_gone"]) == [
        "odoo_db_passwords lacks odoo_gone",
        "odoo_admin_passwords lacks quarry",
    ]


def test_a_variable_that_hosts_lack_is_named_once() -> None:
    needs = {"cache": ["redis_password"], "edge": ["certificate_acme_directory"], "other": ["x"]}
    groups = {"cache": ["cache1", "cache2"], "edge": ["edge1"]}
    hosts = {"cache1": {"redis_password": ""}, "cache2": {}, "edge1": {"certificate_acme_directory": "https://a"}}
    assert plan_needs.variables(needs, groups, hosts) == ["redis_password is not set for cache1, cache2"]
