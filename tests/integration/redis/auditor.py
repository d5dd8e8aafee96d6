# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writers that count every acknowledged write and the longest time without one, and an audit of what is left.

Runs on a host with Python 3 and nothing else: `python3 auditor.py DIRECTORY`. DIRECTORY/job.json tells where Redis is;
the file DIRECTORY/stop ends the writers once each has its number; DIRECTORY/report.json then tells what was seen.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import ssl
import sys
import time
from collections import Counter
from typing import Any

PATIENCE_S = 2.0
PAUSE_S = 0.01


class Refused(Exception):
    """Redis answered with an error."""


class Connection:
    """One connection that speaks the protocol, without a library between the write and its acknowledgement."""

    def __init__(self, host: str, port: int, password: str, authority: str) -> None:
        self._socket = socket.create_connection((host, port), timeout=PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if authority:
            self._socket = ssl.create_default_context(cafile=authority).wrap_socket(self._socket, server_hostname=host)
        self._stream = self._socket.makefile("rb")
        if password:
            self.ask("AUTH", password)

    def ask(self, *words: str) -> Any:
        """Send one command and return its answer."""
        self.send(*words)
        return self.answer()

    def send(self, *words: str) -> None:
        """Send one command."""
        parts = [word.encode() for word in words]
        self._socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))

    def answer(self) -> Any:
        """The next answer."""
        line = self._stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._stream.read(int(rest) + 2)[:-2].decode()
        return None if rest == b"-1" else [self.answer() for _item in range(int(rest))]

    def close(self) -> None:
        """Close it."""
        self._stream.close()
        self._socket.close()


def master(job: dict[str, Any]) -> Connection:
    """A connection to the node that the Sentinels name, or without Sentinels to the one that says it is the master."""
    candidates = [tuple(node) for node in job["nodes"]]
    for host, port in job["sentinels"]:
        try:
            link = Connection(host, port, job["password"], job["authority"])
            named = link.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", job["name"])
            link.close()
        except OSError:
            continue
        if named:
            candidates = [(named[0], int(named[1]))]
            break
    else:
        if job["sentinels"]:
            raise ConnectionError("no Sentinel names a master")
    for host, port in candidates:
        try:
            link = Connection(host, port, job["password"], job["authority"])
            if link.ask("ROLE")[0] == "master":
                return link
            link.close()
        except OSError:
            continue
    raise ConnectionError("no master")


class Cluster:
    """Connections to a cluster that go where the slots are. `ask` is that of a connection."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._links: dict[tuple[str, int], Connection] = {}
        self._last = tuple(job["nodes"][0])

    def ask(self, *words: str) -> Any:
        """Send one command to whoever serves its key."""
        place, asking = self._last, False
        for _redirection in range(8):
            try:
                if asking:
                    self._link(place).ask("ASKING")
                return self._link(place).ask(*words)
            except Refused as error:
                kind, *rest = str(error).split()
                if kind == "CLUSTERDOWN" and place == self._last:
                    # it may have left the cluster since
                    self._last = place = self._next()
                    continue
                if kind not in ("MOVED", "ASK"):
                    raise
                host, port = rest[1].rsplit(":", 1)
                place, asking = (host, int(port)), kind == "ASK"
        raise ConnectionError("sent in circles")

    def close(self) -> None:
        """Close all connections, and begin with another node."""
        for link in self._links.values():
            link.close()
        self._links.clear()
        self._last = self._next()

    def _next(self) -> tuple[str, int]:
        nodes = [tuple(node) for node in self._job["nodes"]]
        return nodes[(nodes.index(self._last) + 1) % len(nodes)]

    def _link(self, place: tuple[str, int]) -> Connection:
        if place not in self._links:
            self._links[place] = Connection(*place, self._job["password"], self._job["authority"])
        return self._links[place]


def link_to(job: dict[str, Any]) -> Connection | Cluster:
    """Where writes go."""
    return Cluster(job) if job["cluster"] else master(job)


def write(job: dict[str, Any], directory: str, writer: int, told: Any) -> None:
    """Write keys in turn, each until it is acknowledged; tell how many, the longest gap in seconds and the refusals."""
    stop, number, longest, refusals = os.path.join(directory, "stop"), 0, 0.0, Counter()
    link, last = None, 0.0
    while number < job["writes"] or not os.path.exists(stop):
        try:
            link = link or link_to(job)
            acknowledged = link.ask("SET", f"audit:{writer}:{number}", str(number)) == "OK"
            if job["replicas"]:
                # a write counts when so many replicas have it too; one that is not counted is written again
                acknowledged = link.ask("WAIT", str(job["replicas"]), "500") >= job["replicas"]
        except (OSError, Refused) as error:
            refusals[type(error).__name__ if isinstance(error, OSError) else str(error).split()[0]] += 1
            if link is not None:
                link.close()
            link = None
            time.sleep(PAUSE_S)
            continue
        now = time.monotonic()
        longest, last = max(longest, now - (last or now)), now
        number += acknowledged
        if number == 100:
            open(os.path.join(directory, f"flows-{writer}"), "w").close()
        if number > job["writes"]:
            # to leave the machine to what is tested
            time.sleep(job["leisure_s"])
    told.put({"writer": writer, "acknowledged": number, "longest_gap_s": longest, "refusals": dict(refusals)})


def missing(job: dict[str, Any], writers: list[dict[str, Any]]) -> int:
    """How many acknowledged writes the master does not hold."""
    link, lost = _patiently(job), 0
    for one in writers:
        for begin in range(0, one["acknowledged"], 1000):
            numbers = range(begin, min(begin + 1000, one["acknowledged"]))
            keys = [f"audit:{one['writer']}:{number}" for number in numbers]
            held = [link.ask("GET", key) for key in keys] if job["cluster"] else link.ask("MGET", *keys)
            lost += sum(value != str(number) for number, value in zip(numbers, held))
    return lost


def _patiently(job: dict[str, Any]) -> Connection | Cluster:
    ends = time.monotonic() + job["at_most_s"]
    while True:
        try:
            return link_to(job)
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(PAUSE_S)


def main(directory: str) -> None:
    """Run the writers until they are done, audit, and write the report."""
    with open(os.path.join(directory, "job.json"), encoding="utf-8") as stream:
        job = json.load(stream)
    told: Any = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=write, args=(job, directory, number, told), daemon=True)
        for number in range(job["writers"])
    ]
    for process in processes:
        process.start()
    writers = [told.get(timeout=job["at_most_s"]) for _process in processes]
    report = {
        "acknowledged": sum(one["acknowledged"] for one in writers),
        "lost": missing(job, writers),
        "longest_gap_s": max(one["longest_gap_s"] for one in writers),
        "writers": writers,
    }
    staged = os.path.join(directory, "report.json.new")
    with open(staged, "w", encoding="utf-8") as stream:
        json.dump(report, stream)
    os.rename(staged, os.path.join(directory, "report.json"))


if __name__ == "__main__":
    main(sys.argv[1])
