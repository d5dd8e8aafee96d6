# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The promises of gantry.odoo.site on a whole estate: drift has a name, refusals leave no trace, secrets are kept."""

from __future__ import annotations

import base64
import copy
import ssl
from typing import Any

import pytest

from tests.integration import ansible, change_store
from tests.integration.ansible import PlaybookRun
from tests.lab import traffic
from tests.lab.browser import EdgeConnection, Site
from tests.lab.errors import LabError
from tests.lab.spec import BUCKET, EDGES, REFUSED_DOMAIN
from tests.lab.thirdparty import s3_client

from .conftest import AUTHORITY, AUTHORITY_HOST, INTERNAL, INTERNAL_PORT, OWN, Converged, Estate

ROUTES = "/etc/traefik/dynamic/gantry-routes.yml"
CERTIFICATES = "/etc/gantry/certificates"
# The status line that an edge answers with; by the authorities that the host trusts.
ASK = """
import socket, ssl, sys
edge, name, port = sys.argv[1:]
plain = socket.create_connection((edge, int(port)), 30)
with ssl.create_default_context().wrap_socket(plain, server_hostname=name) as edge:
    edge.sendall(f"GET /web/login HTTP/1.1\\r\\nHost: {name}:{port}\\r\\nConnection: close\\r\\n\\r\\n".encode())
    print(edge.makefile().readline())
"""


def changes(run: PlaybookRun) -> list[tuple[str, str]]:
    """Host and task of every change."""
    return [(event.host, event.task) for event in run.events if event.result.get("changed")]


def served(estate: Estate, name: str) -> bytes:
    """The certificate that a client of each edge gets for a name, verified."""
    context = ssl.create_default_context(cafile=str(estate.lab.state.acme_root))
    seen: set[bytes] = set()
    for edge in estate.edges:
        connection = EdgeConnection(Site(f"https://{name}", (edge,), context), timeout=30)
        connection.connect()
        seen.add(connection.sock.getpeercert(binary_form=True))
        connection.close()
    (certificate,) = seen
    return certificate


def keys(estate: Estate) -> list[str]:
    """A part of each key that goes from edge to edge: a line as its file has it, and as it travels."""
    paths = ("account.key", *(f"{tenant}/current/key.pem" for tenant in ("north", "south", "harbour")))
    read = [estate.hosts["edge2"].run(["cat", f"{CERTIFICATES}/{path}"]).encode() for path in paths]
    return [part for key in read for part in (key.decode().splitlines()[1], base64.b64encode(key).decode()[60:120])]


def login_pages(estate: Estate, *tenants: str) -> None:
    """Fetch the login pages over verified HTTPS."""
    for tenant in tenants or ("north", "south"):
        traffic.login_page(estate.lab, tenant, f"https://{tenant}.lab.example")


def test_a_fresh_estate_answers_on_both_edges(converged: Converged) -> None:
    estate = converged.estate
    login_pages(estate)
    found = estate.hosts["app1"].run(["getent", "ahostsv4", "north.lab.example"])
    assert {line.split()[0] for line in found.splitlines()} == {*estate.edges}
    for tenant in ("north", "south", "harbour"):
        served(estate, f"{tenant}.lab.example")
    orders = [event.host for event in converged.first.events if event.task.endswith("Order each certificate")]
    assert {*orders} == {"edge1"}
    managed = ("Manage the certificates that Traefik serves", "Manage the routes")
    order = [event.host for event in converged.first.events if event.task.endswith(managed)]
    assert (order, {*order}) == (sorted(order), {*EDGES})
    account = {estate.hosts[edge].read(f"{CERTIFICATES}/account.key") for edge in EDGES}
    assert len(account) == 1
    modes = f"stat -c '%a %U %G' {CERTIFICATES}/account.key {CERTIFICATES}/*/versions/*/key.pem"
    for edge in EDGES:
        assert {*estate.hosts[edge].run(["sh", "-c", modes]).splitlines()} == {"600 root root", "640 root root"}


def test_employees_come_to_an_address_of_their_own_with_a_certificate_of_the_estate(estate: Estate) -> None:
    """Each host trusts the authority; who is outside, or at the public address, does not get in."""
    root = estate.hosts[AUTHORITY_HOST].read(f"/usr/local/share/ca-certificates/gantry-{AUTHORITY}.crt").decode()
    for edge in estate.edges:
        asked = estate.hosts["app1"].run(["python3", "-c", ASK, edge, INTERNAL, str(INTERNAL_PORT)])
        assert asked.strip() == "HTTP/1.1 200 OK"
        for port, status in ((INTERNAL_PORT, 403), (443, 404)):
            site = Site(f"https://{INTERNAL}:{port}", (edge,), ssl.create_default_context(cadata=root))
            connection = EdgeConnection(site, timeout=30)
            connection.request("GET", "/web/login")
            assert (port, connection.getresponse().status) == (port, status)
            connection.close()


def test_no_secret_is_shown_anywhere(converged: Converged) -> None:
    run, seen, estate = converged.first, converged.seen, converged.estate
    # The watch has seen what it is for: the machine's own processes and those inside of the hosts.
    assert seen.looks > 100
    assert len(seen.processes) > 100
    assert seen.told == set()
    shown = run.stdout + run.stderr + change_store.text(estate.store)
    assert [secret for secret in [*estate.secrets, *keys(estate)] if secret in shown] == []


def test_the_watch_finds_a_secret_where_there_is_one(converged: Converged) -> None:
    from .watch import processes

    with processes(["a-secret-in-the-arguments"]) as seen:
        converged.estate.hosts["db1"].run(["sh", "-c", "sleep 1; : a-secret-in-the-arguments"])
    assert any("a-secret-in-the-arguments" in told for told in seen.told)


def test_what_was_changed_by_hand_is_named_and_nothing_else(estate: Estate) -> None:
    """Not even a tenant that the declaration has lost: it is named, and it goes on."""
    lost = {"odoo_tenants": estate.inventory["all"]["vars"]["odoo_tenants"][:2]}
    edge = estate.hosts["edge1"]
    declared = edge.read(ROUTES).decode()
    assert "north.lab.example" in declared
    edge.write(ROUTES, declared.replace("north.lab.example", "nobody.lab.example"))
    checked = estate.play("site", lost, check=True).expect_success()
    assert "tenant harbour is not declared any more and lives on app" in checked.stdout
    assert changes(checked) == [("edge1", "gantry.odoo.traefik : Manage the routes")]
    assert "nobody.lab.example" in edge.read(ROUTES).decode()
    mended = estate.play("site", lost).expect_success()
    assert [change for change in changes(mended) if change[0] != "localhost"] == changes(checked)
    assert edge.read(ROUTES).decode() == declared
    login_pages(estate, "north", "south", "harbour")
    # the modules keep their rights on its database, and its backups go on
    backup = estate.play("backup", {**lost, "tenant": "harbour"}).expect_success()
    assert backup.results("Create the backups")["app1"]["backups"][0]["tenant"] == "harbour"


@pytest.mark.deep
def test_an_edge_that_comes_from_another_address_is_not_cut_off(estate: Estate) -> None:
    edge, app = estate.hosts["edge2"], estate.hosts["app1"]
    other = f"{app.address.rpartition('.')[0]}.250"
    route = ["ip", "route", "replace", f"{app.address}/32", "dev", "eth0", "src"]
    edge.run(["ip", "address", "add", f"{other}/24", "dev", "eth0"])
    edge.run([*route, other])
    # a filter that is there would not let it in either, so that nothing would be lost
    app.run(["sh", "-ec", "nft delete table inet gantry_odoo; rm /etc/odoo/port-filter.nft"])
    try:
        refused = estate.play("site").expect_failure()
        assert f"edge2 asked from {other}" in refused.errors[-1]
        assert "gantry_odoo" not in app.run(["nft", "list", "tables"])
        login_pages(estate)

        edge.run([*route, edge.address])
        estate.play("site").expect_success()
        # as after a change of its network, or where it was off while the filter was loaded
        edge.run([*route, other])
        red = estate.play("site").expect_failure()
        assert f"the edge edge2 does not reach {app.address} at port 8069, 8072, 8169, 8172" in red.errors[-1]
    finally:
        edge.run(["ip", "route", "del", f"{app.address}/32"])
        edge.run(["ip", "address", "del", f"{other}/24", "dev", "eth0"])
    login_pages(estate)


@pytest.mark.deep
def test_a_certificate_that_the_acme_server_refuses(estate: Estate) -> None:
    edge = estate.hosts["edge1"]
    before = served(estate, "north.lab.example"), edge.read(ROUTES)
    asked = copy.deepcopy(estate.inventory["all"]["vars"]["odoo_tenants"])
    refused = f"north.{REFUSED_DOMAIN}"
    asked[0]["routes"].append({"audience": "public", "host": refused})
    run = estate.play("site", {"odoo_tenants": asked}).expect_failure()
    # the change is closed as one that is not done
    sentence = run.errors[-1]
    assert f"did not issue certificate north for {refused}, north.lab.example" in sentence
    assert "every installed certificate stays as it is" in sentence
    assert served(estate, "north.lab.example") == before[0]
    login_pages(estate)
    estate.play("site").expect_success()
    assert (served(estate, "north.lab.example"), edge.read(ROUTES)) == before


def test_credentials_that_postgresql_refuses(estate: Estate) -> None:
    wrong = {"odoo_db_passwords": {"gantry": "not-the-password", "odoo_shared": "nor-this"}}
    run = estate.play("backup", {**wrong, "tenant": "north"}).expect_failure()
    # what the module said, and then the end of the change
    sentence = run.errors[-1]
    assert "is not done: north: " in sentence
    assert "password authentication failed" in sentence
    assert "db1" in sentence
    assert "not-the-password" not in run.stdout + run.stderr


def started(estate: Estate) -> dict[str, str]:
    """When each process that serves was started."""
    since = ["systemctl", "show", "--property=ExecMainStartTimestampMonotonic", "--value"]
    units = {
        "app1": "odoo-web@shared",
        "db1": "postgresql@17-main",
        "cache1": "redis-server@gantry",
        **dict.fromkeys(EDGES, "traefik"),
    }
    return {host: estate.hosts[host].run([*since, unit]).strip() for host, unit in units.items()}


def waiting(run: PlaybookRun) -> list[str]:
    """What a run says at its end that waits for a restart."""
    (screen,) = (result["screen"] for result in run.results("Close the change").values() if "screen" in result)
    return [line.strip() for line in screen[1:]]


@pytest.mark.deep
def test_what_needs_a_restart_is_named_and_left_and_only_the_edge_is_restarted(estate: Estate) -> None:
    before = started(estate)
    variables = estate.inventory["all"]["vars"]
    variables["odoo_options"] = {"limit_time_real": 140}
    variables["postgresql_settings"] = {"max_connections": 190}
    variables["traefik_idle_timeout"] = 181

    run = estate.play("site").expect_success()

    after = started(estate)
    assert {host for host in before if before[host] != after[host]} == {*EDGES}
    login_pages(estate)
    named = waiting(run)
    assert named == [
        *(
            f"app1: {process} process of {instance}: its configuration was written after its start; "
            "ansible-playbook gantry.odoo.patch -e patch_odoo_group=app -e patch_release=2026.11.1 restarts it"
            for instance in ("harbour", "shared")
            for process in ("web", "cron")
        ),
        "db1: PostgreSQL: the new max_connections needs a restart; "
        "ansible-playbook gantry.odoo.site -e site_restart_postgresql=true restarts it",
    ]
    # found again by what runs, and nothing else is to be done
    checked = estate.play("site", check=True).expect_success()
    assert waiting(checked) == named
    assert changes(checked) == []


@pytest.mark.deep
def test_the_steps_of_a_patch_activate_what_waited_on_the_node(estate: Estate) -> None:
    before = started(estate)["app1"]
    estate.inventory["all"]["vars"]["odoo_options"] = {"limit_time_real": 141}
    assert any(line.startswith("app1: ") for line in waiting(estate.play("site").expect_success()))
    assert started(estate)["app1"] == before

    done = ansible.run_playbook([patch_steps()], estate.inventory).expect_success()

    warmth = done.results("Wait until each worker answers fast")["app1"]
    assert ([one["name"] for one in warmth["tenants"]], warmth["warm"]) == (["harbour", "north", "south"], True)
    assert started(estate)["app1"] != before
    login_pages(estate)
    assert not any(line.startswith("app1: ") for line in waiting(estate.play("site", check=True).expect_success()))


def patch_steps() -> dict[str, Any]:
    """What gantry.odoo.patch does on a node, between the drain and the way back; the estate has no second node."""
    shared = {"name": "shared", "databases": ["north", "south"], "db_filter": "^%d$"}
    own = {
        "name": "harbour",
        "databases": ["harbour"],
        "db_filter": "^harbour$",
        "http_port": 8169,
        "websocket_port": 8172,
    }
    login = {"db_password": "not used"}
    steps = [
        {"name": step, "ansible.builtin.include_role": {"name": "gantry.odoo.odoo", "tasks_from": step}}
        for step in ("stop", "activate", "prove", "warm_up")
    ]
    pages = [("harbour", 8169), ("north", 8069), ("south", 8069)]
    return {
        "hosts": "app1",
        "become": True,
        "gather_facts": False,
        "vars": {
            "odoo_instances": [{**one, **login, "db_user": f"odoo_{one['name']}"} for one in (own, shared)],
            "odoo_pages": [{"name": name, "host": f"{name}.lab.example", "http_port": port} for name, port in pages],
        },
        "tasks": steps,
    }


@pytest.mark.deep
def test_a_tenant_is_renamed_and_then_leaves(estate: Estate) -> None:
    variables = estate.inventory["all"]["vars"]
    others = variables["odoo_tenants"][:2]
    variables["odoo_admin_passwords"]["quay"] = variables["odoo_admin_passwords"]["harbour"]
    renamed = {**OWN, "name": "quay", "renamed_from": "harbour"}
    renamed["routes"] = [{"audience": "public", "host": "quay.lab.example"}]
    variables["odoo_tenants"] = [*others, renamed]
    before = started(estate)["app1"]

    estate.play("site").expect_success()

    login_pages(estate, "north", "south", "quay")
    assert started(estate)["app1"] == before
    assert databases(estate) == {"north", "quay", "south"}
    assert changes(estate.play("site", check=True).expect_success()) == []

    leaves = {**renamed, "state": "decommissioned", "hold_until": "2099-01-31"}
    variables["odoo_tenants"] = [*others, leaves]
    estate.play("decommission", {"tenant": "quay"}).expect_success()
    with pytest.raises(LabError, match="the login page of quay does not answer"):
        login_pages(estate, "quay")
    enters = "SELECT has_database_privilege('odoo_harbour', 'quay', 'CONNECT')"
    assert psql(estate, enters) == "f"
    estate.play("site").expect_success()
    assert psql(estate, enters) == "f"

    # on second thoughts
    estate.play("decommission", {"tenant": "quay", "decommission_undo": True}).expect_success()
    variables["odoo_tenants"] = [*others, renamed]
    estate.play("site").expect_success()
    login_pages(estate, "quay")

    variables["odoo_tenants"] = [*others, leaves]
    estate.play("decommission", {"tenant": "quay"}).expect_success()
    variables["odoo_tenants"] = [*others, {**leaves, "hold_until": "2026-01-31"}]
    estate.play("decommission", {"tenant": "quay"}).expect_success()
    assert databases(estate) == {"north", "south"}
    units = estate.hosts["app1"].run(["systemctl", "list-units", "--all", "--plain", "--no-legend", "odoo-*@harbour*"])
    assert units.strip() == ""
    kept = s3_client(estate.lab.state, estate.lab.address("s3")).list_objects_v2(Bucket=BUCKET, Prefix="quay/backups/")
    assert any(item["Key"].endswith("/manifest.json") for item in kept["Contents"])
    # its role's memberships and its certificate go with the next run
    estate.play("site").expect_success()
    assert changes(estate.play("site", check=True).expect_success()) == []
    login_pages(estate)


def psql(estate: Estate, statement: str) -> str:
    """What PostgreSQL's superuser is told."""
    return estate.hosts["db1"].run(["psql", "-XAtqc", statement], user="postgres").strip()


def databases(estate: Estate) -> set[str]:
    """The databases of tenants."""
    listed = psql(estate, "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'")
    return {name for name in listed.splitlines() if "template" not in name}
