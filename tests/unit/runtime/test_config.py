# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of Odoo in an instance's configuration, and the instances as the modules take them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.filter.odoo_files import odoo_cron_files, odoo_files
from ansible_collections.gantry.odoo.plugins.filter.odoo_processes import odoo_processes
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_config import DEFAULTS, plan_options

INSTANCE = {"name": "harbour", "db_filter": "^harbour$", "db_user": "odoo_harbour", "db_password": "g00d"}


def written(instances: list[dict], shared: dict) -> dict[str, dict]:
    """The items of a host, by path."""
    paths = {"root": "/opt/odoo", "config_dir": "/etc/odoo", "data_dir": "/srv"}
    server = {"host": "db1", "port": "5432", "ca": "\nPEM\n\n"}
    items = odoo_files(instances, paths, 8069, server, "127.0.0.1", shared, 150)
    return {item["path"]: item for item in items}


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
        written([{**INSTANCE, "options": own}], shared)


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


def test_the_files_of_an_instance() -> None:
    found = written([{**INSTANCE, "http_port": 8169}], {"log_level": "warn"})
    assert found["/srv/harbour"] == {"path": "/srv/harbour", "owner": "8069", "mode": "0750"}
    assert found["/etc/odoo/postgresql-ca.pem"]["content"] == "PEM\n"
    conf = found["/etc/odoo/harbour.conf"]
    assert (conf["mode"], conf["group"], "content" in conf) == ("0640", "8069", False)
    lines = conf["secret"].splitlines()
    assert lines[1] == "[options]"
    assert {"db_password = g00d", "http_port = 8169", "workers = 2", "log_level = warn", "list_db = False"} < set(lines)
    # a directory is there before what it holds
    assert list(found).index("/etc/odoo") < list(found).index("/etc/odoo/harbour.conf")


def test_the_cron_process_visits_exactly_its_databases() -> None:
    (first, second) = odoo_cron_files([{**INSTANCE, "databases": ["a", "b"], "cron_threads": 2}, {"name": "x"}], "/etc")
    assert first["content"].splitlines()[1:] == ["GANTRY_CRON_DATABASES=a,b", "GANTRY_CRON_THREADS=2"]
    assert second["path"] == "/etc/x.cron"
    assert second["content"].splitlines()[1:] == ["GANTRY_CRON_DATABASES=", "GANTRY_CRON_THREADS=1"]
