# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of their own for the role `redis`, which a test sets up, runs, reads back with redis-cli and gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.integration.ansible import PlaybookRun
from tests.lab import pki
from tests.lab.hosts import Host, Lab

from .rig import PASSWORD

NODE, SENTINEL = 6379, 26379
PEMS = "/etc/redis-pems"
AUTHORITY = f"{PEMS}/ca.pem"
TLS = {
    "redis_tls": True,
    "redis_tls_certificate": f"{PEMS}/node.pem",
    "redis_tls_key": f"{PEMS}/node.key",
    "redis_tls_ca": AUTHORITY,
}


@dataclass(frozen=True)
class Estate:
    """Hosts that share one declaration. declared: the role's variables. run_playbook: the session's fixture."""

    lab: Lab
    hosts: list[Host]
    declared: dict[str, Any]
    run_playbook: Callable[..., PlaybookRun]

    def play(
        self, playbook: str | list[dict[str, Any]], extra: dict[str, Any] | None = None, **options: Any
    ) -> PlaybookRun:
        """Run a playbook of the collection, or plays, on the hosts, which are the group cache."""
        return self._run(playbook, extra, options)

    def role(self, entry: str = "main", extra: dict[str, Any] | None = None, **options: Any) -> PlaybookRun:
        """Run an entry point of the role. hosts, serial: which hosts, and how many at once."""
        play = {"hosts": options.pop("hosts", "cache"), "gather_facts": False}
        play |= {"serial": options.pop("serial")} if "serial" in options else {}
        task = {"name": "Redis", "ansible.builtin.include_role": {"name": "gantry.odoo.redis", "tasks_from": entry}}
        return self._run([{**play, "tasks": [task]}], extra, options)

    def cli(self, host: Host, *words: str, port: int = NODE) -> str:
        """What redis-cli on the host prints of it, whatever its exit code."""
        secure = ["--tls", "--cacert", AUTHORITY] if self.declared.get("redis_tls") else []
        argv = ["redis-cli", *secure, "-h", host.address, "-p", str(port), *words]
        _code, out, err = host.attempt(argv, env={"REDISCLI_AUTH": PASSWORD})
        return (out or err).strip()

    def roles(self) -> dict[str, str]:
        """What each host's Redis says that it is, by the host's name."""
        return {host.name: self.cli(host, "ROLE").splitlines()[0] for host in self.hosts}

    def certify(self, host: Host, gid: int | None = None, **options: Any) -> bytes:
        """Put a new certificate, its key and the authority on a host, for the group redis or a number."""
        certificate, key = pki.issue(self.lab.state, [host.name], [host.address], **options)
        if gid is None:
            host.run(["groupadd", "--system", "--force", "redis"])
            gid = int(host.run(["getent", "group", "redis"]).split(":")[2])
        host.run(["install", "--directory", "--group", str(gid), "--mode", "0750", PEMS])
        for name, content in (("node.pem", certificate), ("node.key", key), ("ca.pem", self.lab.state.ca.read_bytes())):
            host.write(f"{PEMS}/{name}", content, mode=0o640, gid=gid)
        return certificate

    def _run(self, playbook: Any, extra: dict[str, Any] | None, options: dict[str, Any]) -> PlaybookRun:
        members = {host.name: self.lab.connection(host.name) for host in self.hosts}
        inventory = {"all": {"children": {"cache": {"hosts": members, "vars": self.declared}}}}
        return self.run_playbook(playbook, inventory, extra, **options)


@contextmanager
def estate(
    lab: Lab, kinds: Mapping[str, str], run_playbook: Callable[..., PlaybookRun], **declared: Any
) -> Iterator[Estate]:
    """Fresh hosts, removed afterwards. kinds: their images by their names. declared: the role's variables."""
    # One after the other: each takes the next free address.
    hosts = [lab.host(name, image=image) for name, image in kinds.items()]
    nodes = [{"host": host.address} for host in hosts]
    try:
        yield Estate(lab, hosts, {"redis_nodes": nodes, "redis_password": PASSWORD, **declared}, run_playbook)
    finally:
        for host in hosts:
            host.container.remove(force=True, v=True)


def assert_four_beats(beat: Callable[..., PlaybookRun]) -> None:
    """A check foretells changes, a run makes them, and both once more find nothing left."""
    check, run, *again = [beat(check=check).expect_success().changed for check in (True, False, True, False)]
    assert check > 0
    assert run > 0
    assert again == [0, 0]
