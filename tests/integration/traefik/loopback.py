# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Traefik with the role's static configuration on the loopback of this machine, where each 127.x is a client."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jinja2
import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api
from ansible_collections.gantry.odoo.plugins.modules import traefik_route

ROLE = Path(__file__).parents[3] / "roles/traefik"
PROGRAM = str(Path(sys.executable).with_name("traefik"))
SECONDS = 20


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def static(**variables: Any) -> str:
    """The role's static configuration, with its defaults where nothing else is given."""
    environment = jinja2.Environment(trim_blocks=True, autoescape=False)  # YAML, and no page
    environment.filters["to_json"] = json.dumps
    environment.filters["urlsplit"] = lambda text, part: getattr(urlsplit(text), part)
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
    template = environment.from_string((ROLE / "templates/traefik.yml.j2").read_text(encoding="utf-8"))
    return template.render({**defaults, "ansible_managed": "test", **variables})


class Backend(BaseHTTPRequestHandler):
    """A stand-in for one worker of Odoo: says the headers that it got, and takes bodies, one request at a time."""

    protocol_version = "HTTP/1.1"
    worker = threading.Lock()

    def do_GET(self) -> None:
        with self.worker:
            self._answer()

    def _answer(self) -> None:
        # as Odoo does
        if self.headers["Transfer-Encoding"] and self.headers["Content-Type"]:
            while int(self.rfile.readline() or b"0", 16):
                self.rfile.readline()
        self.close_connection = bool(self.headers["Transfer-Encoding"])
        left, size = int(self.headers["Content-Length"] or 0), 0
        while left:
            read = len(self.rfile.read(min(left, 1 << 20)))
            if not read:
                return
            left, size = left - read, size + read
        if self.path.startswith("/export-"):
            self.send_response(200)
            self.send_header("Content-Length", self.path.removeprefix("/export-"))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(bytes(int(self.path.removeprefix("/export-"))))
            return
        if self.path == "/stream":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            time.sleep(2)
            self.wfile.write(b"half")
            return
        body = json.dumps({"path": self.path, "size": size, "headers": dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_OPTIONS = do_DELETE = do_PROPFIND = do_GET

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Edge:
    """The process. directory: that it watches. backend: address of the one server."""

    api: Api
    directory: Path
    backend: str

    @property
    def store(self) -> Path:
        """The file that names the Redis of rate limits; not there at first."""
        return self.directory.parent / "rate-limit-store.json"

    def declare(self, *routes: dict[str, Any], **options: Any) -> dict[str, Any]:
        """What the module traefik_route returns, as a run on this host."""
        given = {name: spec.get("default") for name, spec in traefik_route.OPTIONS.items()}
        given["rate_limit_store"] = str(self.store)
        own = {"dynamic_dir": str(self.directory), "api_url": self.api.url, "validate_command": [PROGRAM]}
        listed = [{"audience": "public", "servers": [{"url": self.backend}], **one} for one in routes]
        return traefik_route.work(Call({**given, **own, "timeout": SECONDS, "routes": listed, **options})).values()


def ask(
    address: str,
    host: str,
    source: str = "127.0.0.1",
    headers: Sequence[tuple[str, str]] = (),
    path: str = "/",
    method: str = "GET",
    body: bytes = b"",
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body over plain HTTP, of a client from a source."""
    where, _colon, port = address.rpartition(":")
    connection = http.client.HTTPConnection(where, int(port), timeout=SECONDS, source_address=(source, 0))
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in (("Host", host), *headers, *([("Content-Length", "0")] if method == "POST" else [])):
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


@contextmanager
def running(folder: Path, **variables: Any) -> Iterator[Edge]:
    """A Traefik and one backend; variables of the role."""
    api = Api(f"http://127.0.0.1:{free_port()}", 5.0)
    (folder / "dynamic").mkdir()
    text = static(traefik_api_url=api.url, traefik_dynamic_dir=str(folder / "dynamic"), **variables)
    (folder / "traefik.yml").write_text(text, encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), Backend) as server, (folder / "log").open("wb") as log:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        process = subprocess.Popen(
            [PROGRAM, f"--configFile={folder / 'traefik.yml'}"],
            stdout=log,
            stderr=log,
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        )
        try:
            Deadline(SECONDS).wait(lambda: _answers(api, process, folder / "log"), "the start of Traefik")
            yield Edge(api, folder / "dynamic", f"http://127.0.0.1:{server.server_address[1]}")
        finally:
            process.kill()
            process.wait()
            server.shutdown()


def _answers(api: Api, process: subprocess.Popen[bytes], log: Path) -> bool | None:
    assert process.poll() is None, log.read_text(encoding="utf-8")
    try:
        return bool(api.entry_points())
    except UnreachableError:
        return None
