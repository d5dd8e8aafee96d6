# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new tenant with project, purchase, account and stock: from a template, from the peer's cache, and from nothing."""

from __future__ import annotations

from tests.bench.erp import ADDONS, CACHE_PREFIX, Erp
from tests.bench.harness import Contender, Result, compare


def run(erp: Erp) -> list[Result]:
    """Each makes the same tenant; template and cache are there already."""
    wish = {"name": "tenant", "addons": list(ADDONS)}
    create = erp.module("odoo_database", databases=[wish], template_cache=True)
    cached = ("--new-database", "tenant", "--modules", ",".join(ADDONS), "--cache-prefix", CACHE_PREFIX, "--no-demo")
    erp.put_aside("tenant")
    erp.click_odoo("initdb", *cached)
    erp.put_aside("tenant")

    def whole() -> None:
        installed = erp.server.psql("SELECT count(*) FROM ir_module_module WHERE state = 'installed'", "tenant")
        assert int(installed) > len(ADDONS), f"{installed} addons are installed"
        erp.put_aside("tenant")

    return [
        compare(
            "create",
            [
                Contender("gantry.odoo.odoo_database, template", create, erp.settle, whole),
                Contender("click-odoo-initdb, cache", lambda: erp.click_odoo("initdb", *cached), erp.settle, whole),
                Contender("odoo -i", lambda: erp.initialise("tenant", ADDONS), erp.settle, whole),
            ],
        )
    ]
