# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab consists of: the hosts, their addresses, what each is made from. Data only."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

DEMO, BENCH = "gantry-lab", "gantry-bench"
# Labs whose times are told: there a call costs what it costs on a user's host.
MEASURED = frozenset({DEMO, BENCH})
WORKERS = "abcdef"
SUBNETS = {
    DEMO: "172.30.77.0/24",
    "gantry-test": "172.30.78.0/24",
    BENCH: "172.30.81.0/24",
    "gantry-test-molecule": "172.30.82.0/24",
    "gantry-test-site": "172.30.83.0/24",
    # One for each worker of tests that run side by side.
    **{f"gantry-test-{letter}": f"172.30.{90 + number}.0/24" for number, letter in enumerate(WORKERS)},
    # The same for checkouts that share a machine: GANTRY_TEST_LAB names one of these.
    **{f"gantry-test-{number}": f"172.30.{100 + number}.0/24" for number in range(16)},
    **{
        f"gantry-test-{number}-{part}": f"172.30.{116 + 8 * number + place}.0/24"
        for number in range(16)
        for place, part in enumerate([*WORKERS, "molecule", "site"])
    },
}
DOMAIN = "lab.example"
# A name that the ACME server has been told never to issue for.
REFUSED_DOMAIN = f"blocked.{DOMAIN}"
# What users type; in the lab's network every host finds both edges under these names.
TENANT_HOSTS = tuple(f"{name}.{DOMAIN}" for name in ("erp.harbour", "harbour", "harbour.internal", "north", "south"))
EDGES = ("edge1", "edge2")
# The second one keeps no versions: the server ignores conditions where a bucket does.
BUCKET, RECORDS_BUCKET = "gantry-backup", "gantry-records"
ACME_PORT, ACME_MANAGEMENT_PORT, S3_PORT = 14000, 15000, 9000
# Hosts that are nobody's in the catalogue take their addresses from here on.
FIRST_FREE_OCTET = 100
# What systemd boots in, so that Ansible manages it as it does a VM.
VM_IMAGES = frozenset({"vm", "app", "box", "vm11", "app14"})


@dataclass(frozen=True)
class HostSpec:
    """One host: its name, the last octet of its address, its image, its volumes (volume name to path), more names."""

    name: str
    octet: int
    image: str
    volumes: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    @property
    def is_vm(self) -> bool:
        """Whether Ansible manages this host; the third parties only serve."""
        return self.image in VM_IMAGES


CATALOGUE = {
    spec.name: spec
    for spec in (
        HostSpec("edge1", 10, "vm", aliases=TENANT_HOSTS),
        HostSpec("edge2", 11, "vm", aliases=TENANT_HOSTS),
        HostSpec("app1", 21, "app", {"odoo-data": "/var/lib/odoo"}),
        HostSpec("app2", 22, "app", {"odoo-data": "/var/lib/odoo"}),
        HostSpec("db1", 31, "vm"),
        HostSpec("cache1", 41, "vm"),
        HostSpec("cache2", 42, "vm"),
        HostSpec("cache3", 43, "vm"),
        HostSpec("box1", 51, "box", {"box1-docker": "/var/lib/docker"}),
        HostSpec("acme", 61, "acme"),
        HostSpec("s3", 62, "s3"),
    )
}


def lab_of_tests(environ: Mapping[str, str], part: str = "") -> str:
    """The lab of the tests, or of a part of them: GANTRY_TEST_LAB, where other checkouts share the machine."""
    return "-".join([environ.get("GANTRY_TEST_LAB") or "gantry-test", *([part] if part else [])])


def address(subnet: str, octet: int) -> str:
    """The address in `subnet` that ends in `octet`."""
    return str(ipaddress.ip_network(subnet).network_address + octet)
