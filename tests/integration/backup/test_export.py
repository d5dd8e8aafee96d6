# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive for a buyer: Odoo itself loads it, on a database server that knows none of our roles."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.backup.conftest import CONFIG, DATA, HOST, Estate

EXPORT = "gantry.odoo.odoo_export"
PLACE = "/srv/exports"
ROWS = "SELECT count(DISTINCT store_fname) FROM ir_attachment"


@pytest.fixture
def export(estate: Estate, ansible_module: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """`export("a.zip")` calls the module for the database harbour."""
    estate.shell(f"mkdir -p {PLACE}")
    login = {name: value for name, value in estate.login.items() if name != "repository"}

    def call(name: str, **options: Any) -> dict[str, Any]:
        args = {**login, "name": "harbour", "config": CONFIG, "path": f"{PLACE}/{name}"}
        found: dict[str, Any] = ansible_module(HOST, EXPORT, args, **options)
        return found

    return call


def test_four_beats_of_an_export_that_odoo_loads(estate: Estate, export: Callable[..., Any]) -> None:
    foreseen = export("harbour.zip", check=True)
    assert [step["action"] for step in foreseen["steps"]] == ["write_archive"]
    assert estate.shell(f"ls {PLACE}") == ""
    # an interrupted run left a part
    estate.shell(f"echo half > {PLACE}/harbour.zip.partial")
    made = export("harbour.zip")
    assert (made["changed"], made["export"]["files"]) == (True, int(estate.sql(ROWS, "harbour")[0]))
    assert estate.shell(f"stat -c '%a %U' {PLACE}/harbour.zip; ls {PLACE}") == "600 root\nharbour.zip\n"
    assert estate.shell(f"sha256sum < {PLACE}/harbour.zip").split()[0] == made["export"]["sha256"]
    assert export("harbour.zip")["changed"] is False

    # Odoo's own program loads it as a role that owns nothing of ours
    estate.sql("DROP DATABASE IF EXISTS sold WITH (FORCE)")
    estate.shell(
        "install -d -o odoo -g odoo /srv/sold; install -m 644 /srv/exports/harbour.zip /tmp/harbour.zip; "
        "runuser -u postgres -- psql -XAtqc \"DO \\$\\$ BEGIN IF to_regrole('buyer') IS NULL THEN "
        "CREATE ROLE buyer LOGIN CREATEDB PASSWORD 'b'; END IF; END \\$\\$\"; "
        "printf '[options]\\ndb_host = 127.0.0.1\\ndb_user = buyer\\ndb_password = b\\ndata_dir = /srv/sold\\n"
        "list_db = True\\n' > /tmp/sold.conf; "
        "runuser -u odoo -- odoo db -c /tmp/sold.conf load sold /tmp/harbour.zip >&2"
    )
    assert estate.sql(ROWS, "sold") == estate.sql(ROWS, "harbour")
    named = estate.sql(
        "SELECT DISTINCT split_part(store_fname, '/', 2) FROM ir_attachment WHERE store_fname <> ''", "sold"
    )
    held = estate.shell("find /srv/sold/filestore/sold -type f -not -path '*checklist*' -printf '%f\\n'").split()
    assert sorted(named) == sorted(held)
    estate.sql("DROP DATABASE sold WITH (FORCE)")


@pytest.mark.deep
def test_what_is_not_this_database_is_never_overwritten(estate: Estate, export: Callable[..., Any]) -> None:
    estate.shell(f"rm -f {PLACE}/*; echo a letter > {PLACE}/letter.zip")
    assert "is no archive of a database" in export("letter.zip", fails=True)["msg"]
    manifest = json.dumps({"db_name": "north", "database_uuid": "another"})
    estate.shell(
        f'cd {PLACE}; python3 -c \'import sys, zipfile; zipfile.ZipFile("north.zip", "w").writestr("manifest.json", '
        f"sys.argv[1])' '{manifest}'"
    )
    assert "is an archive of database north with the uuid another" in export("north.zip", fails=True)["msg"]
    assert "does not end in .zip" in export("harbour.tar", fails=True)["msg"]
    assert estate.shell(f"ls {PLACE}; cat {PLACE}/letter.zip") == "letter.zip\nnorth.zip\na letter\n"


@pytest.mark.deep
def test_a_file_that_is_lost_or_rotten_is_in_no_archive(estate: Estate, export: Callable[..., Any]) -> None:
    estate.shell(f"rm -f {PLACE}/*")
    (name,) = estate.sql("SELECT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL LIMIT 1", "harbour")
    path = f"{DATA}/filestore/harbour/{name}"
    estate.shell(f"cp -a {path} /tmp/kept; printf x >> {path}")
    try:
        assert f"{path} does not have the SHA-1 that names it" in export("harbour.zip", fails=True)["msg"]
        estate.shell(f"rm {path}")
        assert "refers to 1 files that are not in" in export("harbour.zip", fails=True)["msg"]
    finally:
        estate.shell(f"cp -a /tmp/kept {path}")
    assert estate.shell(f"ls {PLACE}") == ""
