# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about databases and their instance: what makes each, what does not, and that no secret is in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_config import (
    Instance,
    OdooConfig,
    Process,
    options_of,
    options_of_command,
    options_of_environment,
    parse_config,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.report_drift import Seen, findings, serves

SEEN = Seen("harbour", "odoo_harbour", base_url="https://erp.harbour.example")
ALONE = "list_db = False\nadmin_passwd =\ndb_name = harbour\n"


def config(lines: str = ALONE, user: str = "odoo_harbour") -> OdooConfig:
    """The odoo.conf with these lines, of the instance that logs in as `user`."""
    return parse_config(f"[options]\ndata_dir = /x\ndb_user = {user}\n{lines}", "harbour.conf")


def found(seen: Seen = SEEN, conf: OdooConfig | None = None) -> dict[str, str]:
    """The sentences by finding; no finding comes twice."""
    told = findings(seen, [conf] if conf else [])
    assert len({one["finding"] for one in told}) == len(told)
    return {one["finding"]: one["why"] for one in told}


def test_a_careful_instance_has_no_findings() -> None:
    assert found(conf=config()) == {}
    assert found() == {}


@pytest.mark.parametrize(
    ("change", "finding", "word"),
    [
        ({"frozen": False}, "base_url_freeze", "https://erp.harbour.example"),
        ({"unaccent": None}, "unaccent", "no function"),
        ({"unaccent": "s"}, "unaccent", "not IMMUTABLE"),
        ({"pending": ["web"]}, "pending", "web"),
        ({"partially_updated": True}, "partially_updated", "update"),
        ({"superuser": True}, "owner", "superuser"),
        ({"foreign_tables": list("edcba")}, "owner", "a, b, c and 2 more"),
    ],
)
def test_what_a_database_says_is_found_with_and_without_its_odoo_conf(
    change: dict[str, Any], finding: str, word: str
) -> None:
    seen = replace(SEEN, **change)
    assert found(seen, config()) == found(seen)
    assert list(found(seen)) == [finding]
    assert word in found(seen)[finding]


def test_an_address_that_is_not_set_needs_no_freeze() -> None:
    assert found(replace(SEEN, base_url="", frozen=False)) == {}


def test_several_reasons_about_the_owner_are_one_finding() -> None:
    why = found(replace(SEEN, superuser=True, foreign_tables=["x"]))["owner"]
    assert "superuser" in why
    assert "such as x" in why


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("", "missing"),
        ("admin_passwd = False", "missing"),
        ("admin_passwd = admin", "default"),
        ("admin_passwd = hunter2", "plain"),
        ("admin_passwd = $2b$12$hunter2", "plain"),
        ("admin_passwd = None", "plain"),
        ("admin_passwd =", "none"),
        ("admin_passwd = $pbkdf2-sha512$25000$hunter2$x", "hash"),
    ],
)
def test_the_kind_of_master_password_is_known_and_the_password_is_not_kept(line: str, kind: str) -> None:
    conf = config(f"list_db = False\ndb_name = harbour\n{line}")
    assert conf.master_password == kind
    told = found(conf=conf)
    assert list(told) == ([] if kind in ("none", "hash") else ["master_password"])
    assert "hunter2" not in repr(conf) + repr(told)
    assert "hunter2" not in repr(vars(conf))


@pytest.mark.parametrize(("line", "on"), [("False", 0), ("false", 0), ("True", 1), ("no", 1), ("0", 1), ("None", 1)])
def test_only_a_word_that_every_version_takes_for_false_switches_the_list_off(line: str, on: int) -> None:
    conf = config(f"admin_passwd =\ndb_name = harbour\nlist_db = {line}")
    assert list(found(conf=conf)) == ["list_db"] * on
    assert config("admin_passwd =").list_db


def test_a_role_with_two_tenants_is_found_and_db_name_keeps_them_apart() -> None:
    shared = replace(SEEN, siblings=["north"])
    bare = "list_db = False\nadmin_passwd =\n"
    assert list(found(shared, config(bare))) == ["cron_scope", "owner"]
    assert "north" in found(shared, config(bare))["cron_scope"]
    # the filter is for users, cron does not know it
    assert list(found(shared, config(f"{bare}dbfilter = ^%d$"))) == ["cron_scope"]
    assert found(shared, config(f"{bare}db_name = harbour,north")) == {}
    assert found(shared) == {}


def test_an_odoo_conf_says_nothing_of_databases_that_it_does_not_serve() -> None:
    bad = "admin_passwd = admin"
    assert set(found(SEEN, config(bad))) == {"list_db", "master_password"}
    assert found(SEEN, config(bad, user="odoo_north")) == {}
    assert found(SEEN, config(f"{bad}\ndb_name = north")) == {}
    assert serves(config("db_name = north, harbour", user="odoo_north"), SEEN)
    assert serves(config("db_name = north\ndbfilter = .*"), SEEN)
    # without a user, libpq takes another that cannot be told from here
    assert serves(config("db_user ="), SEEN)


def in_force(lines: str, *processes: Process, environment: bool = True) -> dict[str, str]:
    """The sentences by finding of an instance with these lines in its odoo.conf and these processes."""
    text = f"[options]\ndata_dir = /x\ndb_user = odoo_harbour\n{lines}"
    instance = Instance("harbour.conf", options_of(text, "harbour.conf"), processes)
    seen = replace(SEEN, siblings=["north"])
    return {one["finding"]: one["why"] for one in findings(seen, instance.in_force(environment))}


def test_a_command_line_counts_before_the_environment_and_that_before_the_file() -> None:
    web = Process(7, options_of_command(["odoo", "-c", "harbour.conf", "--no-database-list", "-dharbour"]))
    assert in_force("admin_passwd =\nlist_db = True", web) == {}
    told = in_force(ALONE, Process(8, {}, options_of_environment({"ODOO_LIST_DB": "1", "ODOO_ADMIN_PASSWD": "admin"})))
    assert list(told) == ["list_db", "master_password"]
    assert "harbour.conf with the options of process 8" in told["list_db"]
    both = Process(9, web.options, {"list_db": "True", "db_name": "north"})
    assert in_force("admin_passwd =", both) == {}
    assert in_force(ALONE, Process(8, {}, {"list_db": "True"}), environment=False) == {}


def test_each_process_answers_for_what_it_does() -> None:
    bare = "list_db = False\nadmin_passwd =\ndbfilter = ^harbour$\nmax_cron_threads = 0\n"
    web = Process(7)
    cron = options_of_command(["odoo", "--config=harbour.conf", "--no-http", "--max-cron-threads=1"])
    assert in_force(bare, web) == {}
    assert list(in_force(bare, web, Process(8, cron))) == ["cron_scope"]
    assert in_force(bare, web, Process(8, {**cron, "db_name": "harbour"})) == {}
    # who serves nobody shows no list
    assert "list_db" not in in_force("admin_passwd =", Process(8, {**cron, "db_name": "harbour"}))


@pytest.mark.parametrize(
    ("argv", "options"),
    [
        (["-d", "a,b", "-r", "me"], {"db_name": "a,b", "db_user": "me"}),
        (["--database=a", "--db-filter", "^%d$"], {"db_name": "a", "dbfilter": "^%d$"}),
        (["-D/srv", "--workers=2", "--log-level", "info"], {"data_dir": "/srv"}),
        (["--no-http", "-c"], {"http_enable": "False", "config": ""}),
        (["--no-xmlrpc", "--no-database-l"], {"http_enable": "False", "list_db": "False"}),
        (["--max-cron=0", "--max", "3", "--db-f=^x$"], {"max_cron_threads": "3", "dbfilter": "^x$"}),
        (["--db_u=me", "--dat", "--db_host=x", "--", "-d", "a"], {"db_user": "me"}),
        (["-sd", "a", "-s", "-srme", "-"], {"db_name": "a", "db_user": "me"}),
    ],
)
def test_a_command_line_is_read_as_odoo_reads_it(argv: list[str], options: dict[str, str]) -> None:
    assert options_of_command(["/usr/bin/odoo", *argv]) == options
