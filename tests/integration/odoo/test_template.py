# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New databases from a template: what Odoo would have made, without Odoo, and never from code that has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .server import ADDONS_PATH, ADMIN, CONFIG, DATA_DIR, OTHER_OWNER, OWNER, Server

Declare = Callable[..., dict[str, Any]]
OURS = "/var/lib/odoo/cached"
CACHED, OTHER = "/etc/odoo/cached.conf", "/etc/odoo/cached-other.conf"
TEMPLATES = "SELECT datname FROM pg_database WHERE datname LIKE 'gantry-template-%' ORDER BY 1"
FROM_TEMPLATE = ["make_from_template", "renew_identity", "change_owner", "publish"]


@pytest.fixture(scope="module")
def made(server: Server, declare: Declare) -> dict[str, Any]:
    """Two tenants of different owners, made by one call, from one template; its result."""
    server.prepare()
    for name in server.psql(TEMPLATES).split():
        server.psql(f'ALTER DATABASE "{name}" IS_TEMPLATE false')
        server.psql(f'DROP DATABASE "{name}"')
    server.shell(
        f"rm -rf {OURS} /var/lib/odoo/cached-other; install -d {OURS}/quay; "
        f'echo \'{{"name": "quay"}}\' > {OURS}/quay/__manifest__.py; '
        f"touch {OURS}/quay/__init__.py; install -d -o odoo /var/lib/odoo/cached-other; "
        f"sed 's#^addons_path = .*#addons_path = {ADDONS_PATH},{OURS}#' {CONFIG} > {CACHED}; "
        f"sed 's#^db_user = .*#db_user = {OTHER_OWNER}#; s#^data_dir = .*#data_dir = /var/lib/odoo/cached-other#' "
        f"{CACHED} > {OTHER}; chgrp odoo {CACHED} {OTHER}; chmod 640 {CACHED} {OTHER}"
    )
    wishes = [wish("quay1"), {**wish("quay2"), "config": OTHER}]
    foretold = declare(*wishes, check=True, config=CACHED, template_cache=True)
    done = declare(*wishes, config=CACHED, template_cache=True)
    assert (foretold["steps"], foretold["diff"]) == (done["steps"], done["diff"])
    return done


def wish(name: str) -> dict[str, Any]:
    """A tenant of the harbour, in French."""
    return {"name": name, "addons": ["quay"], "language": "fr_FR"}


def files(server: Server, data_dir: str, name: str) -> list[str]:
    """Each file of a filestore that is what its name tells and Odoo's, and what else lies there."""
    return server.shell(
        f"cd {data_dir}/filestore/{name}; find . -type f -user odoo | sed 's#.*/##' | sort; find . ! -user odoo; "
        'find . -type f -exec sha1sum {} + | awk \'{sub(".*/", "", $2); if ($1 != $2) print "torn", $2}\''
    ).split()


def test_one_template_serves_tenants_of_any_owner_and_instance(
    server: Server, declare: Declare, made: dict[str, Any]
) -> None:
    (template,) = server.psql(TEMPLATES).split()
    steps = [(step["target"], step["action"]) for step in made["steps"]]
    assert [action for target, action in steps if target == template] == ["create", "initialize", "seal"]
    for name in ("quay1", "quay2"):
        assert [action for target, action in steps if target == name] == FROM_TEMPLATE
    sealed = "SELECT pg_get_userbyid(datdba), datallowconn, datistemplate FROM pg_database WHERE datname = "
    assert server.psql(f"{sealed}'{template}'") == f"{ADMIN}|f|t"
    for name, owner in (("quay1", OWNER), ("quay2", OTHER_OWNER)):
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        assert server.psql(owners, name) == owner
        assert server.psql(f"{sealed}'{name}'") == f"{owner}|t|f"
        lang = "SELECT lang FROM res_partner p JOIN res_users u ON u.partner_id = p.id WHERE login = 'admin'"
        assert server.psql(lang, name) == "fr_FR"
        assert server.psql("SELECT to_regclass('gantry_template_file')", name) == ""
    for key in ("database.uuid", "database.secret"):
        assert server.parameter("quay1", key) != server.parameter("quay2", key)
    first = files(server, DATA_DIR, "quay1")
    assert len(first) > 5
    assert first == files(server, "/var/lib/odoo/cached-other", "quay2")
    stored = "SELECT count(DISTINCT store_fname) FROM ir_attachment"
    assert server.psql(stored, "quay1") == str(len(first))
    # no role but the login's is bound to the template
    bound = f"SELECT count(*) FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid WHERE datname = '{template}' "
    assert server.psql(f"{bound} AND refobjid::regrole::text <> '{ADMIN}' AND refobjid <> 10") == "0"
    again = declare(wish("quay1"), config=CACHED, template_cache=True)
    assert again["changed"] is False


def test_a_tenant_from_a_template_needs_no_odoo(server: Server, declare: Declare, made: dict[str, Any]) -> None:
    want = {**wish("quay3"), "admin_password": "g00d-enough", "parameters": {"a.b": "c"}}
    (template,) = server.psql(TEMPLATES).split()
    server.psql(f'ALTER DATABASE "{template}" ALLOW_CONNECTIONS true')
    long_ago = "SELECT id, '2020-01-01' FROM ir_cron WHERE active LIMIT 1"
    server.psql(
        f"UPDATE ir_cron SET nextcall = '2020-01-01'; INSERT INTO ir_cron_trigger (cron_id, call_at) {long_ago}",
        template,
    )
    server.psql(f'ALTER DATABASE "{template}" ALLOW_CONNECTIONS false')
    done = declare(want, config=CACHED, template_cache=True, odoo_command=["/usr/bin/false"])
    actions = ["make_from_template", "renew_identity", "set_parameter", "set_admin", "change_owner", "publish"]
    assert [step["action"] for step in done["steps"]] == actions
    assert server.accepts_password("quay3", "g00d-enough")
    # however old the template is, no job is late
    late = "SELECT nextcall FROM ir_cron UNION SELECT call_at FROM ir_cron_trigger ORDER BY 1 LIMIT 1"
    assert not server.psql(late, "quay3").startswith("2020")
    # it is what Odoo takes for its own: the registry loads, and as somebody else's it would not
    said = server.host.run(
        ["bash", "-c", f"echo 'print(env.cr.dbname)' | odoo shell -c {CACHED} -d quay3 --no-http 2>/dev/null"],
        user="odoo",
        env={"PGSSLROOTCERT": "/etc/ssl/postgresql.pem"},
    )
    assert "quay3" in said
    assert declare(want, config=CACHED, template_cache=True)["changed"] is False


@pytest.mark.deep
def test_changed_code_is_another_template_and_replaces_the_former(
    server: Server, declare: Declare, made: dict[str, Any]
) -> None:
    before = server.psql(TEMPLATES).split()
    server.shell(f"echo 'A = 1' > {OURS}/quay/__init__.py")
    done = declare(wish("quay4"), config=CACHED, template_cache=True)
    after = server.psql(TEMPLATES).split()
    assert (len(before), len(after), before == after) == (1, 1, False)
    assert "drop_template" in [step["action"] for step in done["steps"]]
    assert declare(wish("quay4"), config=CACHED, template_cache=True)["changed"] is False


@pytest.mark.fault
@pytest.mark.deep
def test_a_template_that_cannot_be_made_is_told_and_leaves_nothing(
    server: Server, declare: Declare, made: dict[str, Any]
) -> None:
    before = server.psql(TEMPLATES), server.databases(), server.files("filestore")
    server.shell(f"echo 'import nowhere_at_all' > {OURS}/quay/__init__.py")
    failed = declare(wish("quay5"), fails=True, config=CACHED, template_cache=True)
    assert "nowhere_at_all" in failed["msg"]
    assert "quay5 was not made, since its template could not be" in failed["msg"]
    assert (server.psql(TEMPLATES), server.databases(), server.files("filestore")) == before
