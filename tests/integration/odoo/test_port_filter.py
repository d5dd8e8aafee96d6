# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter on a real host: who connects, who does not, and what is left of it after a restart of the host."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.lab.hosts import Host, Lab

MODULE = "gantry.odoo.port_filter"
PATH = "/etc/odoo/port-filter.nft"
PORT = 8069
# Of tests of their own: a connection that was cut off is there for minutes.
TRIED, PROVEN = 8169, 8269
# Connects and stays.
STAY = "import socket, sys, time; one = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5); time.sleep(60)"
ASK = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()"

# A test that failed early may have loaded nothing.
CLEAN = """
systemctl stop listener other
systemctl stop gantry-port-filter-odoo-put-back.timer || true
rm -f /run/gantry-port-filter-odoo-put-back.*
systemctl disable --now gantry-odoo-port-filter || true
! nft list tables | grep gantry_odoo || nft delete table inet gantry_odoo
rm -rf /etc/odoo /etc/systemd/system/gantry-odoo-port-filter.service
"""


@pytest.fixture
def node(lab: Lab) -> Iterator[Host]:
    """A host that listens at the port."""
    host = lab.host("own1", image="vm")
    for unit, port in (("listener", PORT), ("other", PROVEN)):
        host.run(["systemd-run", "--unit", unit, "python3", "-m", "http.server", str(port)])
    try:
        yield host
    finally:
        host.run(["sh", "-ec", CLEAN])


def answers_datagrams(client: Host, node: Host) -> bool:
    """Whether something else than TCP comes to the node, such as an answer of a name server: a closed port refuses."""
    ask = (
        "import socket, sys; one = socket.socket(type=socket.SOCK_DGRAM); one.connect((sys.argv[1], 8069)); "
        "one.settimeout(2); one.send(b'x'); one.recv(1)"
    )
    return "ConnectionRefused" in client.container.exec_run(["python3", "-c", ask, node.address]).output.decode()


def connects(client: Host, node: Host, port: int = PORT) -> bool:
    return client.container.exec_run(["python3", "-c", ASK, node.address, str(port)]).exit_code == 0


def test_only_the_sources_connect(lab: Lab, node: Host, ansible_module: Callable[..., Any]) -> None:
    edge, stranger = lab.host("own2", image="vm"), lab.host("own3", image="vm")
    ansible_module(node, "gantry.odoo.host_packages", {"names": ["nftables"]})
    wanted = {"name": "odoo", "ports": [PORT, 8072], "sources": [edge.address, "localhost"], "path": PATH}
    assert connects(stranger, node)

    planned = ansible_module(node, MODULE, wanted, check=True)
    assert planned["changed"]
    assert connects(stranger, node)

    assert ansible_module(node, MODULE, wanted)["changed"]
    assert not ansible_module(node, MODULE, wanted)["changed"]
    assert (connects(edge, node), connects(stranger, node), connects(node, node)) == (True, False, True)

    assert answers_datagrams(stranger, node)

    # an instance that is not managed any more, and goes on
    assert not ansible_module(node, MODULE, {**wanted, "ports": [8072]})["changed"]
    assert not connects(stranger, node)

    # by hand
    node.run(["nft", "add", "element", "inet", "gantry_odoo", "sources", f"{{ {stranger.address} }}"])
    assert connects(stranger, node)
    assert ansible_module(node, MODULE, wanted)["changed"]
    assert not connects(stranger, node)

    # at the start of a host
    node.run(["nft", "flush", "ruleset"])
    node.run(["nft", "--file", PATH])
    assert not ansible_module(node, MODULE, wanted)["changed"]

    assert ansible_module(node, MODULE, {"name": "odoo", "state": "absent", "path": PATH})["changed"]
    assert not ansible_module(node, MODULE, {"name": "odoo", "state": "absent", "path": PATH})["changed"]
    assert connects(stranger, node)


@pytest.mark.deep
def test_who_is_connected_is_not_cut_off_unasked(lab: Lab, node: Host, ansible_module: Callable[..., Any]) -> None:
    edge, monitor = lab.host("own2", image="vm"), lab.host("own3", image="vm")
    ansible_module(node, "gantry.odoo.host_packages", {"names": ["nftables"]})
    wanted = {"name": "odoo", "ports": [PORT], "sources": [edge.address], "path": PATH}
    with staying(monitor, node):
        seen = ansible_module(node, MODULE, wanted, fails=True)
        assert f"({edge.address}/32): {monitor.address}; add" in seen["msg"]
        assert "gantry_odoo" not in node.run(["nft", "list", "tables"])
        assert ansible_module(node, MODULE, {**wanted, "cut_off": [monitor.address]})["changed"]
        # what has been cut off is shown as connected until it gives up, and is not in the way any more
        assert ansible_module(node, MODULE, {**wanted, "sources": [edge.address, "192.0.2.7"]})["changed"]


@contextlib.contextmanager
def staying(client: Host, node: Host, port: int = PORT) -> Iterator[None]:
    """A connection from one host to the other."""
    client.run(["systemd-run", "--unit", "staying", "python3", "-c", STAY, node.address, str(port)])
    try:
        ends = time.monotonic() + 10
        while client.address not in node.run(["python3", "-c", SEEN, str(port)]):
            assert time.monotonic() < ends
            time.sleep(0.2)
        yield
    finally:
        client.run(["systemctl", "stop", "staying"])


# The addresses at the other end of established connections, as the kernel shows them.
SEEN = """
import socket, sys
for line in open("/proc/net/tcp"):
    parts = line.split()
    if parts[1].endswith(f"{int(sys.argv[1]):04X}") and parts[3] == "01":
        print(socket.inet_ntoa(bytes.fromhex(parts[2][:8])[::-1]))
"""


UNDO = "gantry-port-filter-odoo-put-back.timer"


def loaded(node: Host) -> str:
    """The sources of the filter that works, without one nothing."""
    return node.run(["sh", "-c", "nft list set inet gantry_odoo sources 2>/dev/null | grep elements || true"]).strip()


@pytest.mark.deep
def test_a_filter_without_proof_is_put_back(lab: Lab, node: Host, ansible_module: Callable[..., Any]) -> None:
    edge, other = lab.host("own2", image="vm"), lab.host("own3", image="vm")
    ansible_module(node, "gantry.odoo.host_packages", {"names": ["nftables"]})
    first = {"name": "odoo", "ports": [TRIED], "hosts": {"edge": edge.address}, "path": PATH}
    assert ansible_module(node, MODULE, first)["changed"]
    before, file = loaded(node), node.read(PATH)

    second = {**first, "hosts": {"edge": other.address}, "proof": "pending"}
    tried = ansible_module(node, MODULE, second)
    assert ([step["action"] for step in tried["steps"]], tried["on_trial"]) == (["load_filter"], True)
    assert (other.address in loaded(node), node.read(PATH)) == (True, file)
    # a run that was killed, and its timer: the next one tries it again, from the former one on
    node.run(["systemctl", "stop", UNDO])
    again = ansible_module(node, MODULE, second)
    assert [step["action"] for step in again["steps"]] == ["put_back_filter", "load_filter"]
    failed = ansible_module(node, MODULE, {**second, "proof": "failed", "trial": again["trial"]})
    assert [step["action"] for step in failed["steps"]] == ["put_back_filter"]
    assert loaded(node) == before
    assert not ansible_module(node, MODULE, {**second, "proof": "failed"})["changed"]

    # nobody comes back
    trial = ansible_module(node, MODULE, {**second, "undo_after": 2})["trial"]
    ends = time.monotonic() + 20
    while loaded(node) != before:
        assert time.monotonic() < ends
        time.sleep(0.2)
    seen = ansible_module(node, MODULE, {**second, "proof": "passed", "trial": trial}, fails=True)
    assert "has ended: the host has put the former one back" in seen["msg"]
    assert not ansible_module(node, MODULE, {**second, "proof": "failed"})["changed"]

    trial = ansible_module(node, MODULE, second)["trial"]
    assert ansible_module(node, MODULE, {**second, "proof": "passed", "trial": trial})["changed"]
    assert node.read(PATH) != file
    assert "inactive" in node.run(["sh", "-c", f"systemctl is-active {UNDO} || true"])
    assert not ansible_module(node, MODULE, second)["changed"]


PLAYS = [
    {
        "hosts": "own1",
        "become": True,
        "gather_facts": False,
        "tasks": [
            {
                "name": "Filter",
                "ansible.builtin.include_role": {
                    "name": "gantry.odoo.odoo",
                    "tasks_from": "{{ entry | default('filter') }}",
                },
            }
        ],
    }
]


def proving(lab: Lab) -> tuple[dict[str, Host], dict[str, Any]]:
    """Two edges, and the variables of the role by which they prove a filter."""
    edges = {name: lab.host(name, image="vm") for name in ("own2", "own3")}
    return edges, {
        "odoo_instances": [{"name": "shared", "http_port": PROVEN, "websocket_port": 8072}],
        "odoo_http_edges": {name: host.address for name, host in edges.items()},
        "odoo_http_asked": [*edges],
    }


def test_a_filter_that_cuts_an_edge_off_is_put_back(
    lab: Lab, node: Host, ansible_module: Callable[..., Any], run_playbook: Callable[..., Any]
) -> None:
    edges, asked = proving(lab)
    # as an edge whose address in the inventory is another one than that by which it reaches Odoo
    wrong = {**asked, "odoo_http_edges": {"own2": edges["own2"].address, "own3": "192.0.2.3"}}
    # a run that was killed has left it on trial: through that one, own3 has no answer before either
    killed = {"name": "odoo", "ports": [PROVEN, 8072], "hosts": wrong["odoo_http_edges"], "path": PATH}
    ansible_module(node, "gantry.odoo.host_packages", {"names": ["nftables"]})
    assert ansible_module(node, MODULE, {**killed, "proof": "pending"})["on_trial"]
    run = run_playbook(PLAYS, None, wrong).expect_failure()
    sentence = run.errors[-1]
    assert f"the edge own3 does not reach own1 ({node.address} port 8072, {node.address} port {PROVEN})" in sentence
    assert f"own3 asked from {edges['own3'].address}" in sentence
    assert connects(edges["own3"], node, PROVEN)
    assert "gantry_odoo" not in node.run(["nft", "list", "tables"])

    assert run_playbook(PLAYS, None, asked).expect_success().changed > 0
    assert connects(edges["own3"], node, PROVEN)


@pytest.mark.deep
def test_an_edge_that_is_off_and_one_that_has_left(lab: Lab, node: Host, run_playbook: Callable[..., Any]) -> None:
    edges, asked = proving(lab)
    planned = run_playbook(PLAYS, None, asked, check=True).expect_success().changed
    assert "gantry_odoo" not in node.run(["nft", "list", "tables"])
    assert run_playbook(PLAYS, None, asked).expect_success().changed == planned > 0
    assert run_playbook(PLAYS, None, asked).expect_success().changed == 0
    # one that is off proves nothing, and is said
    off = {**asked, "odoo_http_further_sources": ["192.0.2.9"], "odoo_http_asked": ["own2"]}
    noted = run_playbook(PLAYS, None, off).expect_success()
    facts = noted.results("Set the edges that prove nothing as a fact")["own1"]["ansible_facts"]
    assert facts["odoo_filter_notes"][0].startswith("own3 could not be asked")

    # the estate has let it go, and it is connected still
    gone = {**asked, "odoo_http_edges": {"own2": edges["own2"].address}, "odoo_http_asked": ["own2"]}
    with staying(edges["own3"], node, PROVEN):
        assert run_playbook(PLAYS, None, {**gone, "entry": "plan_filter"}).expect_success().changed == 0
        assert run_playbook(PLAYS, None, gone).expect_success().changed > 0
    assert not connects(edges["own3"], node, PROVEN)
