# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""200 and 1,000 tenants that are already as declared: one call, against a loop that only looks whether they exist."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.bench.erp import CERTIFICATE, PASSWORD, ROLE, Erp
from tests.bench.harness import Contender, Result, Timed, compare, sent

FEW, MANY = 200, 1000
PARAMETERS = {"mail.default.from": "erp@tenant.example"}


def run(erp: Erp) -> list[Result]:
    """The same call for 200 and for 1,000; the peer's module once for each of the 200."""
    names = [f"tenant{number:04d}" for number in range(MANY)]
    _make(erp, names)
    few, many = (erp.module("odoo_database", databases=_wishes(names[:count])) for count in (FEW, MANY))
    login: dict[str, Any] = {
        "login_host": erp.server.host.name,
        "login_user": ROLE,
        "login_password": PASSWORD,
        "ssl_mode": "verify-full",
        "ca_cert": CERTIFICATE,
    }
    exists = sent(erp.lab, erp.server.host, "community.postgresql.postgresql_db", {**login, "name": names[0]})

    def loop() -> Timed:
        return Timed(sum(exists().seconds for _name in range(FEW)), "")

    compared = compare(
        "converge",
        [
            Contender("gantry.odoo.odoo_database", few, erp.settle),
            Contender("community.postgresql.postgresql_db, looped", loop, erp.settle),
        ],
        tenants=FEW,
    )
    grown = compare(
        "converge-1000",
        [
            Contender(f"{MANY} tenants", many, erp.settle),
            Contender(f"{FEW} tenants", few, erp.settle),
        ],
        tenants=MANY,
    )
    for name in names:
        erp.drop(name)
    return [compared, grown]


def _wishes(names: list[str]) -> list[dict[str, Any]]:
    return [{"name": name, "addons": ["base"], "parameters": PARAMETERS} for name in names]


def _make(erp: Erp, names: list[str]) -> None:
    """Real databases of Odoo, copied by the server: how they came to be is not what is timed."""
    erp.initialise("seed", ["base"])
    for key, value in PARAMETERS.items():
        erp.server.psql(f"INSERT INTO ir_config_parameter (key, value) VALUES ('{key}', '{value}')", "seed")
    erp.server.psql("ALTER SYSTEM SET fsync = off")
    erp.server.psql("SELECT pg_reload_conf()")

    def copy(name: str) -> None:
        erp.server.psql(f"CREATE DATABASE {name} TEMPLATE seed OWNER {ROLE} STRATEGY file_copy")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(copy, names))
    erp.server.psql("ALTER SYSTEM SET fsync = on")
    erp.server.psql("SELECT pg_reload_conf()")
    erp.drop("seed")
