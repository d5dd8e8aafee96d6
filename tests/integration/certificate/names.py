# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two real name servers, of which the second one has what it is given later, and an ACME server that asks that one."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.lab import pki
from tests.lab.hosts import Host, Lab

PRIMARY, SECONDARY = "cache1", "cache2"
ACME = f"https://{PRIMARY}:14000/dir"
# A zone with what is ordered, and one that answers for an alias in it.
ZONE, ANSWERS = "wild.example", "answers.example"
KEY, SECRET = "acme-updates", base64.b64encode(b"of the tests, and nobody's").decode()
PACKAGES = ["bind9", "bind9-dnsutils", "curl"]
# That of trixie knows no profiles.
LISTS = "/etc/apt/sources.list"
UNSTABLE = f"sed -n 's/^\\(deb .*\\) trixie main$/\\1 unstable main/p' {LISTS} > {LISTS}.d/unstable.list"
PINNED = "Package: *\nPin: release a=unstable\nPin-Priority: 50\n"
OPTIONS = """options { directory "/var/cache/bind"; dnssec-validation no; allow-query { any; }; };
include "/etc/bind/rndc.key";
controls { inet 127.0.0.1 allow { localhost; } keys { "rndc-key"; }; };
"""


@dataclass(frozen=True)
class Names:
    """The two name servers. first takes updates; second asks it for news when it is told."""

    first: Host
    second: Host

    def txt(self, name: str, at: Host | None = None) -> list[str]:
        """The TXT records of a name, as dig reads them."""
        answer = self.first.run(["dig", "+short", f"@{(at or self.first).address}", name, "TXT"])
        return sorted(line.strip('"') for line in answer.splitlines())

    def challenges(self) -> list[str]:
        """All TXT records of both zones."""
        asked = [["dig", "+noall", "+answer", f"@{self.first.address}", zone, "AXFR"] for zone in (ZONE, ANSWERS)]
        return [line for one in asked for line in self.first.run(one).splitlines() if "\tTXT\t" in line]

    def update(self, *lines: str) -> None:
        """Update the first one by nsupdate."""
        script = "\n".join(["server 127.0.0.1", *lines, "send"])
        self.first.run(["sh", "-c", f"printf '%s\n' '{script}' | nsupdate -k /etc/bind/acme.key"])

    def root(self, number: int) -> str:
        """The common name of a root of the ACME server."""
        asked = f"curl --silent --insecure https://localhost:15000/roots/{number} | openssl x509 -noout -subject"
        return self.first.run(["sh", "-c", asked]).strip().rpartition("CN = ")[2].rpartition("CN=")[2]

    def follow(self, *, on: bool) -> None:
        """Have the second one ask for news every four seconds, or not at all."""
        self.second.run(["systemctl", "start" if on else "stop", "follow.service"])


def name_servers(lab: Lab, edge: str) -> Names:
    """Both servers, with the names of the zone at `edge`."""
    hosts = lab.up([PRIMARY, SECONDARY, edge])
    first, second = hosts[PRIMARY], hosts[SECONDARY]
    for host in (first, second):
        install = ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]
        host.run(["apt-get", "update"])
        host.run(install, env={"DEBIAN_FRONTEND": "noninteractive"})
    first.write("/etc/apt/preferences.d/unstable", PINNED)
    first.run(["sh", "-c", f"{UNSTABLE} && apt-get -o Acquire::Check-Valid-Until=false update"])
    first.run(["apt-get", "install", "--yes", "--no-install-recommends", "pebble/unstable"])
    key = f'key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
    first.write("/etc/bind/acme.key", key)
    served, followed = OPTIONS + key, OPTIONS
    for zone in (ZONE, ANSWERS):
        rights = f'allow-update {{ key "{KEY}"; }}; notify no; allow-transfer {{ any; }};'
        served += f'zone "{zone}" {{ type primary; file "{zone}"; {rights} }};\n'
        followed += f'zone "{zone}" {{ type secondary; file "{zone}"; primaries {{ {first.address}; }}; }};\n'
    lines = [
        "$TTL 60",
        f"@ SOA ns1.{ZONE}. admin.{ZONE}. 1 86400 3600 864000 5",
        f"@ NS ns1.{ZONE}.",
        f"@ NS ns2.{ZONE}.",
    ]
    hosts_of_zone = [
        f"ns1 A {first.address}",
        f"ns2 A {second.address}",
        # no host of the lab has a way there
        "ns2 AAAA 2001:db8::53",
        f"@ A {hosts[edge].address}",
        f"* A {hosts[edge].address}",
        f"_acme-challenge.alias CNAME alias.{ANSWERS}.",
        '_acme-challenge TXT "of another client"',
    ]
    for host in (first, second):
        host.run(["sh", "-c", f"systemctl stop named; rm -f /var/cache/bind/{ZONE}* /var/cache/bind/{ANSWERS}*"])
    first.write(f"/var/cache/bind/{ZONE}", "\n".join([*lines, *hosts_of_zone, ""]))
    first.write(f"/var/cache/bind/{ANSWERS}", "\n".join([*lines, ""]))
    first.run(["chown", "-R", "bind:bind", "/var/cache/bind"])
    first.write("/etc/bind/named.conf", served)
    second.write("/etc/bind/named.conf", followed)
    refresh = "; ".join(f"rndc refresh {zone}" for zone in (ZONE, ANSWERS))
    second.write(
        "/etc/systemd/system/follow.service", f"[Service]\nExecStart=/bin/sh -c 'while sleep 4; do {refresh}; done'\n"
    )
    second.run(["systemctl", "daemon-reload"])
    for host in (first, second):
        host.run(["systemctl", "restart", "named"])
    names = Names(first, second)
    second.run(["sh", "-c", f"until dig +short @127.0.0.1 {ZONE} SOA | grep -q ns1; do sleep 0.2; done"])
    names.follow(on=True)
    return names


def authority(
    lab: Lab, names: Names, options: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Start an ACME server on the first one, which finds all names at the second one. options: of its configuration."""
    host = names.first
    certificate, key = pki.issue(lab.state, [PRIMARY, "localhost"], [host.address, "127.0.0.1"])
    host.write("/etc/pebble/tls.crt", certificate)
    host.write("/etc/pebble/tls.key", key)
    config = {
        "listenAddress": "0.0.0.0:14000",
        "managementListenAddress": "0.0.0.0:15000",
        "certificate": "/etc/pebble/tls.crt",
        "privateKey": "/etc/pebble/tls.key",
        "httpPort": 80,
        "tlsPort": 443,
        "retryAfter": {"authz": 1, "order": 1},
        **(options or {}),
    }
    host.write("/etc/pebble/pebble.json", json.dumps({"pebble": config}))
    host.attempt(["systemctl", "stop", "pebble-of-tests"])
    given = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", **(env or {})}
    host.run(
        [
            "systemd-run",
            "--unit=pebble-of-tests",
            "--collect",
            *(f"--setenv={name}={value}" for name, value in given.items()),
            "pebble",
            "-config",
            "/etc/pebble/pebble.json",
            "-dnsserver",
            f"{names.second.address}:53",
        ]
    )
    host.run(["sh", "-c", "until ss -ltn | grep -q ':14000 '; do sleep 0.1; done"])
