# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the packet filter of a host, who is connected to its ports, and the addresses of names. Changes nothing."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Collection, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._filter.model import Address, Lookup
from ansible_collections.gantry.odoo.plugins.module_utils._filter.plan_filter import address_of, emptied

# a list within the same input has not been through the kernel
_TRY = '"$0" --file - && "$0" --stateless list table inet "$1"'
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
# TCP_SYN_RECV, TCP_CLOSE and TCP_LISTEN of the kernel: nobody is connected. The first has an address that anybody can
# claim, before it has answered once.
_IDLE = ("03", "07", "0A")


def look_up(name: str, lookup: Callable[..., Any] = socket.getaddrinfo) -> Lookup:
    """The addresses of a name on this host, or why there are none."""
    try:
        answers = lookup(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return Lookup(why=error.strerror or str(error))
    # an address of a link may have the link behind it
    found = {ip_network(address_of(answer[4][0].partition("%")[0])) for answer in answers}
    return Lookup(tuple(sorted(found, key=lambda one: (one.version, one))))


def read_file(path: str) -> str | None:
    """The rules that the host loads when it starts, None without the file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


class Nft:
    """The nftables of this host. program: the path of nft."""

    def __init__(self, program: str, deadline: Deadline) -> None:
        self._program = program
        self._deadline = deadline

    def live(self, table: str) -> str | None:
        """A table as the kernel lists it, without its counters; None where there is none."""
        if f"table inet {table}" not in self._run("list", "tables", what="nft list tables").splitlines():
            return None
        return self._run("--stateless", "list", "table", "inet", table, what=f"nft list table inet {table}")

    def normal(self, table: str, rules: str) -> str:
        """As the kernel would list rules. They are loaded in a network of their own, which ends with the program."""
        return run(
            ["unshare", "--net", "sh", "-c", _TRY, self._program, table],
            self._deadline,
            what=f"trying the filter {table} in a network of its own",
            stdin=rules,
        )

    def check(self, rules: str, what: str) -> None:
        """Have the kernel look at rules without loading them. what: the name of this for an error."""
        self._run("--check", "--file", "-", what=what, stdin=rules)

    def load(self, table: str, rules: str) -> None:
        """Put rules in force, in one step."""
        self._run("--file", "-", what=f"loading the filter {table}", stdin=rules)

    def unload(self, table: str) -> None:
        """Take a table away, if it is there."""
        self._run("--file", "-", what=f"removing the filter {table}", stdin=emptied(table))

    def _run(self, *argv: str, what: str, stdin: str | None = None) -> str:
        return run([self._program, *argv], self._deadline, what=what, stdin=stdin)


def read_peers(ports: Collection[int], tables: Iterable[str] = TABLES) -> set[Address]:
    """The other hosts that are connected to ports of this one."""
    found: set[Address] = set()
    for path in tables:
        # a host may have no IPv6
        with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as stream:
            next(stream)
            found |= peers_in(stream, ports)
    return found


def peers_in(lines: Iterable[str], ports: Collection[int]) -> set[Address]:
    """The hosts that lines of /proc/net/tcp show at the other end of connections to ports."""
    found: set[Address] = set()
    for line in lines:
        _number, local, remote, state = line.split(maxsplit=4)[:4]
        mine, _colon, port = local.partition(":")
        theirs = remote.partition(":")[0]
        if state not in _IDLE and mine != theirs and int(port, 16) in ports:
            found.add(_unpacked(theirs))
    return {one for one in found if not one.is_loopback}


def _unpacked(digits: str) -> Address:
    """The kernel writes each 32 bits as one number of the machine's own byte order."""
    packed = b"".join(struct.pack("=I", int(digits[begin : begin + 8], 16)) for begin in range(0, len(digits), 8))
    return IPv4Address(packed) if len(packed) == 4 else address_of(str(IPv6Address(packed)))
