# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge as a test sees it: asked over HTTP through its entry points, and by its API, never through the module."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from tests.lab.hosts import Host

CERTIFICATE, KEY = "/etc/gantry/certificates/harbour.crt", "/etc/gantry/certificates/harbour.key"
NAME = "erp.harbour.example"


class Connection(http.client.HTTPSConnection):
    """HTTPS to an address, for a name that no DNS knows."""

    def __init__(self, address: str, name: str, timeout: float) -> None:
        self._address = address
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        super().__init__(name, 443, timeout=timeout, context=self._context)

    def connect(self) -> None:
        """Connect to the address, and ask for the name."""
        plain = socket.create_connection((self._address, 443), timeout=self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)


@dataclass(frozen=True)
class Edge:
    """A host with Traefik on it."""

    host: Host

    def start_backend(self, port: int) -> None:
        """Start a backend that calls itself by its port."""
        self.host.write("/root/backend.py", Path(__file__).with_name("backend.py").read_text(encoding="utf-8"))
        self.host.run(["systemd-run", f"--unit=backend-{port}", "--collect", "python3", "/root/backend.py", str(port)])

    def issue(self) -> str:
        """Make a new self-signed pair and return the certificate's SHA-256."""
        self.host.run(["mkdir", "-p", "/etc/gantry/certificates"])
        subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
        made = ["-nodes", "-days", "3", "-keyout", KEY, "-out", CERTIFICATE]
        self.host.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", *made, *subject])
        der = ssl.PEM_cert_to_DER_cert(self.host.read(CERTIFICATE).decode())
        return hashlib.sha256(der).hexdigest()

    def pid(self) -> str:
        """Process id of the service."""
        return self.host.run(["systemctl", "show", "traefik.service", "--property=MainPID", "--value"]).strip()

    def api(self, path: str) -> Any:
        """What the API says."""
        script = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080{path}').read().decode())"
        return json.loads(self.host.run(["python3", "-c", script]))

    def connect(self, name: str = NAME, timeout: float = 30) -> Connection:
        """An HTTPS connection that asks for a name; the certificate is looked at by served(), not here."""
        return Connection(self.host.address, name, timeout)

    def served(self) -> str:
        """SHA-256 of the certificate that a client gets."""
        connection = self.connect()
        connection.connect()
        der = connection.sock.getpeercert(binary_form=True)
        connection.close()
        return hashlib.sha256(der or b"").hexdigest()

    def get(self, path: str = "/", name: str = NAME, **headers: str) -> tuple[int, dict[str, str], str]:
        """Status, headers and body over HTTPS."""
        return ask(self.connect(name), path, name, **headers)

    def get_plain(self, path: str = "/", name: str = NAME) -> tuple[int, dict[str, str], str]:
        """Status, headers and body over HTTP."""
        return ask(http.client.HTTPConnection(self.host.address, 80, timeout=30), path, name)


def ask(
    connection: http.client.HTTPConnection, path: str, name: str = NAME, **headers: str
) -> tuple[int, dict[str, str], str]:
    """One request on a connection that stays open."""
    connection.request("GET", path, headers={"Host": name, **{k.replace("_", "-"): v for k, v in headers.items()}})
    answer = connection.getresponse()
    body = answer.read().decode()
    return answer.status, {key.lower(): value for key, value in answer.getheaders()}, body


@dataclass
class Load:
    """Clients that keep their connections and ask until told to stop."""

    edge: Edge
    clients: int = 4
    per_second: float = 50.0
    answers: list[tuple[float, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    dropped: int = 0

    def __enter__(self) -> Load:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._client) for _turn in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def wait_for(self, more: int) -> None:
        """Wait until so many further requests were answered or failed."""
        goal = self._asked + more
        Deadline(120).wait(lambda: self._asked >= goal or None, f"{more} more requests")

    @property
    def _asked(self) -> int:
        return len(self.answers) + len(self.failures)

    def since(self, moment: float) -> set[str]:
        """The servers that answered requests sent after a moment of time.monotonic()."""
        return {server for sent, server in self.answers if sent > moment}

    def _client(self) -> None:
        connection = self.edge.connect()
        connection.connect()
        kept = connection.sock
        while not self._stop.wait(self.clients / self.per_second):
            sent = time.monotonic()
            try:
                status, _headers, body = ask(connection, "/")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            if status != 200:
                self.failures.append(f"{status} {body}")
                continue
            self.answers.append((sent, json.loads(body)["server"]))
            if connection.sock is not kept:
                self.dropped += 1
                kept = connection.sock
