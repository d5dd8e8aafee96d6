# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on a fresh host: a plan, a service, certificates; and a restart for nothing but its own configuration."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_ownership import ACME_ROUTER
from tests.integration.ansible import PlaybookRun
from tests.lab.state import ROOT

from .conftest import HOST, RoleRuns
from .edge import CERTIFICATE, KEY, NAME, Edge, ask


def test_check_mode_on_a_fresh_host_gives_a_plan(role_runs: RoleRuns) -> None:
    assert role_runs.planned.expect_success().changed > 0
    assert role_runs.planned.results("Copy the program")["edge1"]["changed"]


def test_the_role_works_and_a_second_run_changes_nothing(role_runs: RoleRuns, edge: Edge) -> None:
    assert role_runs.first.expect_success().changed > 0
    assert role_runs.second.expect_success().changed == 0
    assert edge.host.run(["systemctl", "is-enabled", "traefik.service"]).strip() == "enabled"


def test_the_service_has_one_capability_and_no_more(edge: Edge) -> None:
    status = edge.host.run(["cat", f"/proc/{edge.pid()}/status"])
    sets = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {sets["CapEff"], sets["CapBnd"]} == {"0000000000000400"}  # CAP_NET_BIND_SERVICE
    assert sets["NoNewPrivs"] == "1"
    assert "0" not in sets["Uid"].split()


def test_the_api_is_on_loopback_only(edge: Edge) -> None:
    listening = edge.host.run(["python3", "-c", "print(open('/proc/net/tcp').read(), open('/proc/net/tcp6').read())"])
    api = [
        line.split()[1] for line in listening.splitlines() if ":1F90 " in line.split(" 0")[0] + " " or ":1F90" in line
    ]
    assert api
    assert all(address in ("0100007F:1F90",) for address in api if address.endswith(":1F90"))


def test_challenges_are_answered_before_any_redirect(edge: Edge, declare: Callable[..., dict[str, Any]]) -> None:
    declare([{"name": "harbour", "hosts": [NAME], "servers": [{"url": "http://127.0.0.1:9001"}]}])
    status, _headers, body = edge.get_plain("/.well-known/acme-challenge/token")
    assert (status, "9002" in body) == (200, True)
    assert edge.get_plain("/web")[0] in (301, 308)


def test_the_edge_says_what_it_serves(
    edge: Edge, declare: Callable[..., dict[str, Any]], run_role: Callable[..., PlaybookRun]
) -> None:
    declare([{"name": "harbour", "hosts": [NAME], "servers": [{"url": "http://127.0.0.1:9001"}]}])
    found = run_role("info", traefik_info_host=NAME).expect_success().results("Gather the routes")[HOST]
    routers = {one["name"]: one for one in found["routers"]}
    # challenges are answered for any name
    kinds = ("http", "http-body", "http-file", "http-upload", "redirect")
    assert set(routers) == {f"{ACME_ROUTER}@file", *(f"gantry.harbour.{kind}@file" for kind in kinds)}
    assert {one["agrees"] for one in routers.values()} == {True}
    assert routers["gantry.harbour.http@file"]["certificates"][0]["fingerprint"] == edge.served()
    assert (found["faults"], found["changed"]) == ([], False)


def test_a_renewed_certificate_is_served_without_a_restart(edge: Edge, run_role: Callable[..., PlaybookRun]) -> None:
    pid, before = edge.pid(), edge.served()
    kept = edge.connect()
    assert ask(kept, "/")[0] == 200
    socket = kept.sock
    renewed = edge.issue()

    run = run_role("certificates").expect_success()

    assert renewed != before
    assert edge.served() == renewed
    assert (ask(kept, "/")[0], kept.sock is socket) == (200, True)
    assert edge.pid() == pid
    copies = edge.host.run(["ls", "/etc/traefik/certificates"]).split()
    assert len(copies) == 2, copies
    assert "PRIVATE KEY" not in run.stdout


def test_a_key_of_another_certificate_is_refused(edge: Edge, run_role: Callable[..., PlaybookRun]) -> None:
    served = edge.served()
    right = edge.host.read(KEY)
    edge.issue()
    edge.host.write(KEY, right, mode=0o600)

    run = run_role("certificates").expect_failure()

    assert "has the key of another certificate; what is served stays" in run.errors[0]
    assert edge.served() == served
    edge.issue()
    run_role("certificates").expect_success()


def test_only_its_own_configuration_restarts_the_service(edge: Edge, run_role: Callable[..., PlaybookRun]) -> None:
    pid = edge.pid()
    # As a run leaves it that was killed between the configuration and the restart.
    edge.host.run(["sed", "-i", "s/idleTimeout: 180s/idleTimeout: 181s/", "/etc/traefik/traefik.yml"])
    left = run_role("main", traefik_idle_timeout=181, traefik_restart="pending").expect_success()
    assert edge.pid() == pid
    (waiting,) = left.results("Set what waits for a restart as a fact")["edge1"]["ansible_facts"]["traefik_pending"]
    assert waiting["what"] == "traefik"
    run = run_role("main", traefik_idle_timeout=181).expect_success()
    assert run.results("Run the service")["edge1"]["changed"]
    assert edge.pid() != pid


def test_the_example_of_the_readme_runs_without_a_warning(edge: Edge, run_playbook: Callable[..., PlaybookRun]) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "roles/traefik/README.md").read_text(), re.M | re.S)
    (play,) = yaml.safe_load(example)
    play["hosts"] = HOST
    play["vars"]["traefik_binary_source"] = str(Path(sys.executable).with_name("traefik"))
    play["vars"]["traefik_certificates"] = [{"name": "harbour", "certificate": CERTIFICATE, "key": KEY}]
    run = run_playbook([play], check=True, command_line=True).expect_success()
    assert run.results("Manage the routes")[HOST]["changed"]
    assert "[WARNING]" not in run.stdout + run.stderr


def test_bad_variables_touch_nothing(edge: Edge, run_role: Callable[..., PlaybookRun]) -> None:
    run = run_role("main", traefik_api_url="http://0.0.0.0:8080").expect_failure()
    assert "the API asks for no password" in run.errors[0]
    assert run.changed == 0
