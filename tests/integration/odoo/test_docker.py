# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container host: Odoo and its addons are in an image, and the modules do there what they do on any other host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Desired
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_templates import kind_of
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_docker import Docker
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Layout
from tests.lab import images
from tests.lab.hosts import Host, Lab

from .server import ADDONS_PATH, CERTIFICATE, OWNER, OWNER_PASSWORD, Server
from .test_database import four_beats
from .test_database_faults import wait_until

LAYOUT, UID = Layout(), 8069
CONFIG, DATA_DIR, ADDONS = LAYOUT.config("berth"), LAYOUT.data("berth"), f"{LAYOUT.current}/addons"
BERTH = {"name": "berth", "addons": ["crane"]}
STAGE = {"name": "berth-stage", "clone_from": "berth", "neutralize": True}
# The engine's processes are seen from the host; its client and what watches Odoo name Odoo too, but later.
ODOO_AT_WORK = "pgrep -of '^[^ ]*python3 /usr/bin/odoo .*-d berth ' || test $? = 1"
# The engine's client is the module's child. One that has just ended is followed by another.
KILL = (
    "client=$(pgrep -of '^/usr/bin/docker run' || test $? = 1); "
    'parent=$(test -z "$client" || ps -o ppid= -p $client || test $? = 1); '
    'test -z "$parent" || { kill -KILL $parent; echo killed; }'
)
SLOW = "import os, time\nwhile os.path.exists('/opt/odoo/slow'):\n    time.sleep(0.1)\n"


@dataclass(frozen=True)
class Box:
    """The container host. call: calls a module that is told how Odoo runs here."""

    host: Host
    call: Callable[..., dict[str, Any]]

    def shell(self, script: str) -> str:
        """The output of a shell script run as root."""
        return self.host.run(["bash", "-euc", script]).strip()

    def write(self, addon: str, version: str = "1.0", depends: str = "base", code: str = "") -> None:
        """An addon of the active release."""
        manifest = {"name": addon, "version": version, "depends": [depends], "license": "LGPL-3"}
        self.host.write(f"{ADDONS}/{addon}/__manifest__.py", repr(manifest))
        self.host.write(f"{ADDONS}/{addon}/__init__.py", code)

    def databases(self, *databases: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Declare databases, made from templates."""
        return self.call("odoo_database", databases=list(databases), template_cache=True, **options)

    def addons(self, **options: Any) -> dict[str, Any]:
        """Declare the addons of berth."""
        return self.call("odoo_addons", databases=["berth"], **options)

    def wait_for_no_container(self) -> None:
        """Wait until the engine holds no container, and the kernel no Odoo."""
        wait_until(lambda: self.shell(f"docker ps --all --quiet; {ODOO_AT_WORK}") == "", "the end of the containers")

    @contextmanager
    def killed(self, working: str, **options: Any) -> Iterator[None]:
        """Run odoo_addons beside the block, and kill the module as soon as the script `working` prints something."""
        with ThreadPoolExecutor(1) as pool:
            ended = pool.submit(self.addons, fails=True, **options)
            wait_until(lambda: ended.done() or self.shell(working) != "", "the work in a container")
            wait_until(lambda: self.shell(KILL) != "", "a client of the engine whose parent is killed")
            ended.result()
            yield


@pytest.fixture(scope="module")
def box(lab: Lab, server: Server, ansible_module: Callable[..., dict[str, Any]]) -> Box:
    """A container host with the image, one instance and a release of addons. The databases are on the other host."""
    server.prepare()
    kind = kind_of(Desired("berth", addons=frozenset({"base", "crane"})))
    described = f"WHERE shobj_description(oid, 'pg_database') LIKE '%{kind}%'"
    for name in server.psql(f"SELECT datname FROM pg_database {described}").split():
        server.psql(f'ALTER DATABASE "{name}" IS_TEMPLATE false')
        server.psql(f'DROP DATABASE "{name}"')
    host = lab.host("box1")
    image = images.ensure(lab.client, ["odoo"])["odoo"]
    archive = str(images.export(lab.client, "odoo"))
    ansible_module(host, "gantry.odoo.container_image", {"name": image, "archive": archive})
    prepare = (
        "docker ps --all --quiet | xargs -r docker rm --force >/dev/null; "
        f"rm -rf {LAYOUT.root}/* {DATA_DIR}; install -d -o {UID} -g {UID} {DATA_DIR}; "
        f"install -d {LAYOUT.releases}/1/addons; ln -s releases/1 {LAYOUT.current}"
    )
    host.run(["bash", "-euc", prepare])
    host.write(LAYOUT.ca_path, server.host.read(CERTIFICATE))
    options = {
        "db_host": server.host.name,
        "db_user": OWNER,
        "db_password": OWNER_PASSWORD,
        "db_sslmode": "verify-full",
        "data_dir": DATA_DIR,
        "addons_path": f"{ADDONS},{ADDONS_PATH}",
    }
    written = "".join(f"{name} = {value}\n" for name, value in options.items())
    host.write(CONFIG, f"[options]\n{written}", mode=0o640, gid=UID)
    command, user = Docker(LAYOUT, image, UID).command()
    runs = {"config": CONFIG, "odoo_command": list(command), "odoo_user": user, "ca_cert": LAYOUT.ca_path}

    def call(module: str, check: bool = False, fails: bool = False, **options: Any) -> dict[str, Any]:
        args = {**server.login, **runs, **options}
        return ansible_module(host, f"gantry.odoo.{module}", args, check=check, fails=fails)

    box = Box(host, call)
    box.write("crane")
    box.host.write(f"{ADDONS}/crane/data/neutralize.sql", "UPDATE res_company SET name = 'harmless'")
    box.write("gate", depends="crane")
    return box


@pytest.fixture(scope="module")
def berth(box: Box) -> Box:
    """The database berth, made from a template that Odoo makes in a container."""
    made = ["create", "initialize", "seal", "make_from_template", "renew_identity", "change_owner", "publish"]
    four_beats(box.databases, BERTH, actions=made)
    return box


@pytest.mark.deep
def test_a_template_and_a_harmless_clone_are_made_of_the_code_in_the_image(server: Server, berth: Box) -> None:
    stored = server.psql("SELECT count(DISTINCT store_fname) FROM ir_attachment", "berth")
    assert berth.shell(f"find {DATA_DIR}/filestore/berth -type f -uid {UID} | wc -l") == stored != "0"
    four_beats(berth.databases, STAGE, actions=["clone", "renew_identity", "neutralize", "open", "publish"])
    # by the script of the release, and by that of the image
    harmless = "SELECT (SELECT name FROM res_company), (SELECT name FROM ir_mail_server WHERE active)"
    assert server.psql(harmless, "berth-stage") == "harmless|neutralization - disable emails"
    assert server.psql("SELECT count(*) FROM ir_cron WHERE active", "berth-stage") == "1"
    berth.wait_for_no_container()


@pytest.mark.deep
def test_a_drill_in_a_container_runs_at_a_server_of_its_own_on_its_host(
    lab: Lab, server: Server, berth: Box, run_playbook: Callable[..., Any]
) -> None:
    key = {"name": "lab", "secret": lab.state.sealing_key("backup_key")}
    repository = {"directory": "/srv/backups", "keys": [key]}
    role = {"name": "tools", "ansible.builtin.include_role": {"name": "gantry.odoo.backup"}}
    berth.shell("install -d -m 700 /srv/backups")
    given = {"backup_repository": repository, "backup_tiers": {"berth": 1}}
    play = {"hosts": berth.host.name, "gather_facts": False, "tasks": [role]}
    run_playbook([play], extra_vars=given).expect_success()
    own = {name: value for name, value in server.login.items() if name != "ca_cert"}
    backup = {**own, "ca_cert": LAYOUT.ca_path, "config": CONFIG, "repository": repository}
    tasks = [{"name": "taken", "gantry.odoo.odoo_backup": {**backup, "databases": [{"name": "berth"}]}}]
    run_playbook([{**play, "tasks": tasks}]).expect_success()
    before = server.databases()
    drill = {"drill": True, "scratch": True, "neutralize": True, "load_registry": True}
    done = berth.call("odoo_restore", repository=repository, tenant="berth", **drill)
    assert done["postgresql"] == {"scratch": True, "version": 17}
    assert (done["served"]["login"], done["served"]["web"]) == (True, 200)
    assert berth.shell("ls -A /var/lib/gantry-drill; ps -o pid= -u gantry-drill || test $? = 1") == ""
    assert server.databases() == before
    berth.wait_for_no_container()


@pytest.mark.fault
@pytest.mark.deep
def test_addons_follow_the_code_in_the_image_also_after_a_kill(server: Server, berth: Box) -> None:
    state = "SELECT state, latest_version FROM ir_module_module WHERE name = 'gate'"
    foretold = berth.addons(installed=["gate"], check=True)
    done = berth.addons(installed=["gate"])
    assert [(step["action"], step["target"]) for step in done["steps"]] == [("install", "berth: gate")]
    assert (foretold["steps"], foretold["diff"]) == (done["steps"], done["diff"])
    assert server.psql(state, "berth") == "installed|19.0.1.0"
    assert berth.addons(installed=["gate"])["changed"] is False
    berth.write("gate", version="1.1", depends="crane", code=SLOW)
    berth.shell("touch /opt/odoo/slow")
    try:
        with berth.killed(ODOO_AT_WORK):
            berth.wait_for_no_container()
        assert server.psql(state, "berth") != "installed|19.0.1.1"
        # code that cannot be read to its end: the module is killed while a container reads it
        berth.shell(f"rm /opt/odoo/slow; mkfifo {ADDONS}/gate/endless.csv")
        with berth.killed("docker ps --quiet", check=True):
            berth.wait_for_no_container()
    finally:
        berth.shell(f"rm -f /opt/odoo/slow {ADDONS}/gate/endless.csv")
    assert ("upgrade", "berth: gate") in [(step["action"], step["target"]) for step in berth.addons()["steps"]]
    assert server.psql(state, "berth") == "installed|19.0.1.1"
    assert berth.addons(check=True)["steps"] == []
    assert berth.addons()["changed"] is False
    berth.wait_for_no_container()
