# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An update with nothing to do, on a database with project, purchase, account and stock."""

from __future__ import annotations

from tests.bench.erp import ADDONS, CONFIG, Erp
from tests.bench.harness import Contender, Result, compare


def run(erp: Erp) -> list[Result]:
    """Each has recorded its own digests before; `odoo -u base` is what is done without any."""
    erp.initialise("idle", ADDONS)
    # installed by Odoo itself, so each tool is told once that this is the code
    update = erp.module("odoo_addons", databases=["idle"], installed=list(ADDONS), unrecorded="trust")
    erp.click_odoo("update", "-d", "idle", "--ignore-core-addons")
    erp.click_odoo("update", "-d", "idle")
    quiet = ("--stop-after-init", "--no-http", "--workers=0", "--max-cron-threads=0")
    return [
        compare(
            "addons-noop",
            [
                Contender("gantry.odoo.odoo_addons", update, erp.settle),
                Contender("click-odoo-update", lambda: erp.click_odoo("update", "-d", "idle"), erp.settle),
                Contender(
                    "odoo -u base", lambda: erp.odoo("-c", CONFIG, "-d", "idle", "-u", "base", *quiet), erp.settle
                ),
            ],
        )
    ]
