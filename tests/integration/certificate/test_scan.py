# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scan of certificates on a real host, of what it serves, and the alerts on its metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ansible import PlaybookRun
from tests.integration.promtool import promtool
from tests.lab.archive import File, pack
from tests.lab.hosts import Host, Lab
from tests.lab.issued import Issued, authority, issue
from tests.lab.state import ROOT

HARBOUR, NORTH = "erp.harbour.example", "north.example"
STORE, TRUSTED = "/srv/scanned", "/srv/authorities.pem"
SERVER = f"""import socket, ssl
def serving(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{STORE}/{{name}}/current/certificate.pem", f"{STORE}/{{name}}/current/key.pem")
    return context
context, north = serving("harbour"), serving("north")
def choose(connection, name, _context):
    connection.context = north if name == "{NORTH}" else context
context.sni_callback = choose
listener = socket.create_server(("127.0.0.1", 443))
while True:
    plain, _address = listener.accept()
    try:
        context.wrap_socket(plain, server_side=True).close()
    except OSError:
        plain.close()
"""
RULES = "extensions/prometheus/gantry_certificate_rules.yml"


@pytest.fixture(scope="module")
def edge(lab: Lab) -> Iterator[Host]:
    """A host with the pairs of two names, of which one is due, that serves both."""
    edge, now = lab.host("edge1"), datetime.now(timezone.utc)
    install = ["apt-get", "install", "--yes", "--no-install-recommends", "python3-cryptography"]
    edge.run(install, env={"DEBIAN_FRONTEND": "noninteractive"})
    root, middle = authority(now)
    harbour = issue(HARBOUR, now, middle, names=[HARBOUR])
    north = issue(NORTH, now, middle, names=[NORTH], days=(70, 20))
    files = [File(TRUSTED, root.certificate), File("/srv/server.py", SERVER.encode())]
    for name, one in (("harbour", harbour), ("north", north)):
        files += _pair(name, one)
    edge.run(["rm", "-rf", STORE])
    edge.container.put_archive("/", pack(files))
    # of other tests of the same host
    edge.attempt(["systemctl", "stop", "traefik.service", "scanned.service"])
    edge.run(["systemd-run", "--unit=scanned", "--collect", "python3", "/srv/server.py"])
    edge.run(["sh", "-c", "until ss -ltn | grep -q ':443 '; do sleep 0.1; done"])
    yield edge
    edge.run(["systemctl", "stop", "scanned.service"])


def _pair(name: str, one: Issued) -> list[File]:
    directory = f"{STORE}/{name}/current"
    return [
        File(f"{directory}/certificate.pem", one.chain),
        File(f"{directory}/key.pem", one.key(), 0o600),
        File(f"{directory}/request.json", json.dumps({"domains": [HARBOUR if name == "harbour" else NORTH]}).encode()),
    ]


def inventory(lab: Lab, directory: Path) -> dict[str, Any]:
    """An estate with an edge, and with a second one, a database server and a node with a list that are off."""
    off = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"}
    names = {"harbour": HARBOUR, "north": NORTH}
    listed = {
        "certificate_internal_authorities": [{"name": "internal", "zones": ["internal.harbour.example"]}],
        "certificate_internal_host": "edge1",
    }
    variables = {
        "odoo_runtime_groups": ["app"],
        "odoo_tenants": [
            {
                "name": name,
                "tier": 2,
                "routes": [{"audience": "public", "host": domain}],
                "runtime": {"group": "app"},
                "tenancy": "dedicated",
            }
            for name, domain in names.items()
        ],
        "odoo_release": "2026.11.1",
        "odoo_runtime": "systemd",
        "odoo_database_server": "db1",
        "certificate_acme_directory": "https://acme.example/dir",
        "certificate_dir": STORE,
        "certificate_authorities": TRUSTED,
        "certificate_internal_ca": True,
        "change_store": {"directory": str(directory / "store")},
    }
    children = {
        "edge": {"hosts": {"edge1": lab.connection("edge1"), "edge2": off}},
        "app": {"hosts": {"app1": {**off, **listed}}},
        "database": {"hosts": {"db1": off}},
    }
    return {"all": {"vars": variables, "children": children}}


def test_the_alerts_fire_when_they_should(lab: Lab) -> None:
    assert "SUCCESS" in promtool(lab, "check", "rules", str(ROOT / RULES))
    assert "SUCCESS" in promtool(lab, "test", "rules", "certificate/gantry_certificate_rules_test.yml")


def test_the_playbook_shows_every_certificate_and_names_what_is_not_known(
    lab: Lab, edge: Host, tmp_path: Path, run_playbook: Callable[..., PlaybookRun]
) -> None:
    asked = {
        "certificates_json_path": str(tmp_path / "found.json"),
        "certificates_metrics_path": str(tmp_path / "c.prom"),
    }
    before = edge.run(["find", STORE, "-printf", "%p %T@ %C@\n"])
    run = run_playbook("gantry.odoo.certificates", inventory(lab, tmp_path), asked).expect_failure()
    screen = run.results("Report the certificates")["edge1"]["screen"]
    rows = [line.split() for line in screen[3:5]]
    assert [(row[0], row[1], row[-2], row[-1]) for row in rows] == [
        ("north", NORTH, "edge1", "due"),
        ("harbour", HARBOUR, "edge1", "ok"),
    ]
    assert run.errors[-1] == "certificates are not known: app1, db1, edge2; the table names the reasons"
    assert edge.run(["find", STORE, "-printf", "%p %T@ %C@\n"]) == before

    found = {one["host"]: one for one in json.loads((tmp_path / "found.json").read_text())["hosts"]}
    assert [found[name]["answered"] for name in ("edge1", "edge2", "db1")] == [True, False, False]
    by_name = {one["name"]: one for one in found["edge1"]["certificates"]}
    assert found["edge1"]["clock"] == ""
    for name, domain in (("harbour", HARBOUR), ("north", NORTH)):
        one = by_name[name]
        assert (one["served"], one["findings"]) == ([f"127.0.0.1:443 ({domain})"], [])
        assert (one["chain"], one["authority"], one["key_fits"]) == ("trusted", "Harbour Root", True)
    assert by_name["north"]["due"] == "it has less than 33 % of its lifetime left"
    promtool(lab, "check", "metrics", given=(tmp_path / "c.prom").read_text())


def test_the_chain_that_is_served_is_read_from_the_wire(
    edge: Host, ansible_module: Callable[..., dict[str, Any]]
) -> None:
    args = {
        "endpoints": [{"host": "127.0.0.1", "port": 443, "server_name": HARBOUR}, {"host": "127.0.0.1", "port": 1}],
        "authorities": TRUSTED,
    }
    found, checked = (
        ansible_module(edge, "gantry.odoo.certificate_info", args, check=check) for check in (False, True)
    )
    (one,) = found["certificates"]
    assert (one["chain"], one["issuer"], one["findings"]) == ("trusted", "Harbour Issuing", [])
    assert [(lost["place"], "refused" in lost["why"]) for lost in found["unknown"]] == [("127.0.0.1:1", True)]
    assert [one["fingerprint_sha256"] for one in checked["certificates"]] == [one["fingerprint_sha256"]]
    assert (found["changed"], checked["changed"]) == (False, False)


@pytest.mark.deep
def test_what_could_not_be_ordered_is_refused_before_a_change_begins(
    lab: Lab, edge: Host, tmp_path: Path, run_playbook: Callable[..., PlaybookRun]
) -> None:
    declared = inventory(lab, tmp_path)
    run = run_playbook("gantry.odoo.renew_certificates", declared, {"renew_revoke": ["erp"]}).expect_failure()
    assert run.errors[-1].startswith("renew_revoke names erp, and the certificates of the estate are harbour, north")
    tenant = declared["all"]["vars"]["odoo_tenants"][0]
    tenant["certificate"] = {"domains": ["*.harbour.example"], "challenge": "dns-01"}
    run = run_playbook("gantry.odoo.renew_certificates", declared).expect_failure()
    assert ": harbour: the challenge dns-01 needs a server that takes updates" in run.errors[-1]
    tenant["certificate"]["challenge"] = "http-01"
    run = run_playbook("gantry.odoo.renew_certificates", declared).expect_failure()
    assert "tenant harbour: certificate harbour: *.harbour.example can be validated by dns-01 alone" in run.errors[-1]
    assert not (tmp_path / "store").exists()
