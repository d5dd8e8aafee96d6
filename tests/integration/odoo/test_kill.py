# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 between any two steps: the real name is free or right, and the next run finishes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.deep import all_but
from tests.integration.direct import Direct

from .server import CONFIG, DATA_DIR, OTHER_OWNER, Server

pytestmark = pytest.mark.fault
Declare = Callable[..., dict[str, Any]]
OTHER_CONFIG = "/etc/odoo/kill.conf"
CASES: dict[str, dict[str, Any]] = {
    "create": {"name": "made", "addons": ["base"], "admin_password": "g00d-enough"},
    "clone": {"name": "made", "clone_from": "keel", "parameters": {"a": "b"}},
    "stage": {"name": "made", "clone_from": "keel", "neutralize": True, "config": OTHER_CONFIG},
    "rename": {"name": "made", "rename_from": "spare"},
    "absent": {"name": "spare", "state": "absent", "policy": "drop"},
}


@pytest.fixture(scope="module")
def direct(server: Server, declare: Declare) -> Direct:
    """A database of the name keel, a template of the same addons, and the module without a playbook."""
    server.prepare()
    server.shell(f"sed 's#^db_user = .*#db_user = {OTHER_OWNER}#' {CONFIG} > {OTHER_CONFIG}")
    declare({"name": "keel"}, template_cache=True)
    server.attach("keel", b"a plan")
    return Direct.on(server.host, "odoo_database", "_odoo.apply_plan.carry_out")


def there(server: Server) -> dict[str, tuple[str, str]]:
    """Each database with its number of tables and its files; what a template is made of is not told."""
    found = {}
    for name in server.databases():
        enterable = server.psql(f"SELECT datallowconn FROM pg_database WHERE datname = '{name}'") == "t"
        tables = server.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) if enterable else ""
        files = server.shell(f"cd {DATA_DIR}/filestore/{name} 2>/dev/null && find . -type f | sort | sha1sum || true")
        found[name] = (tables, files.strip())
    return found


@pytest.mark.parametrize("every", all_but([False], [False, True]), ids=["in the middle", "every boundary"])
@pytest.mark.parametrize("case", all_but(["rename"], CASES))
def test_a_kill_between_two_steps_is_finished_by_the_next_run(
    server: Server, direct: Direct, case: str, every: bool
) -> None:
    options = {**server.login, "config": CONFIG, "template_cache": True, "databases": [CASES[case]]}

    def begin() -> None:
        for name in ("made", "spare"):
            direct.call(**{**options, "databases": [{"name": name, "state": "absent", "policy": "drop"}]})
        if case in ("rename", "absent"):
            direct.call(**{**options, "databases": [{"name": "spare", "clone_from": "keel"}]})

    begin()
    before = there(server)
    foretold = direct.call(**options, _ansible_check_mode=True)
    steps = len(foretold["steps"])
    done = direct.call(**options)
    after = there(server)
    assert (len(done["steps"]), done["changed"], before == after) == (steps, True, False)
    for boundary in range(steps) if every else [steps // 2]:
        begin()
        direct.killed_after(boundary, **options)
        met = {name: seen for name, seen in there(server).items() if not name.endswith("__new")}
        for name in ("made", "spare"):
            # a name is free or means what it meant before or is to mean; a rename's files may still be on their way
            assert met.get(name, ("", ""))[0] in {before.get(name, ("", ""))[0], after.get(name, ("", ""))[0]}
        result = direct.call(**options)
        assert not result.get("failed"), f"after {boundary} steps: {result.get('msg')}"
        assert there(server) == after, f"after {boundary} steps"
        assert direct.call(**options)["changed"] is False
