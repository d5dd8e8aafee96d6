# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Traefik on loopback with a directory of documents, and servers behind it; no host is needed."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api

from .loopback import PROGRAM, free_port

_KILLED = """
import importlib, json, os, signal, sys
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import read_scratch
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_directory import Directory
owner = Directory if sys.argv[3] == "replace" else read_scratch
usual = getattr(owner, sys.argv[3])
def killed(*given):
    usual(*given)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, sys.argv[3], killed)
importlib.import_module(sys.argv[1]).work(Call(json.loads(sys.argv[2])))
"""


@dataclass(frozen=True)
class LocalTraefik:
    """A Traefik on loopback. port: that of the entry point web."""

    folder: Path
    api: Api
    port: int

    def call(self, module: Any, **given: Any) -> dict[str, Any]:
        """Return values of a module of Traefik that is given options, and the defaults for the others."""
        check = given.pop("check", False)
        values: dict[str, Any] = module.work(Call(self._options(module, given), check)).values()
        return values

    def call_and_kill(self, module: Any, during: str = "replace", **given: Any) -> None:
        """Call a module in a process that is killed as soon as the file is in place.

        during: `_watch` for one that is killed as soon as the second Traefik has answered.
        """
        script = [sys.executable, "-c", _KILLED, module.__name__, json.dumps(self._options(module, given)), during]
        ended = subprocess.run(script, capture_output=True, text=True, check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stderr

    def _options(self, module: Any, given: dict[str, Any]) -> dict[str, Any]:
        site = {"dynamic_dir": str(self.folder), "api_url": self.api.url, "validate_command": [PROGRAM]}
        return {**{name: one.get("default") for name, one in module.OPTIONS.items()}, **site, **given}

    def get(self, name: str, path: str = "/web", **headers: str) -> tuple[int, str, str]:
        """Status, body and new cookie of a request over HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers={"Host": name, **{k.replace("_", "-"): v for k, v in headers.items()}})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body, (answer.headers["Set-Cookie"] or "").partition(";")[0]


class Answers(BaseHTTPRequestHandler):
    """Is healthy, and says its port."""

    def do_GET(self) -> None:
        body = str(self.server.server_port).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def server(port: int = 0) -> Iterator[str]:
    """Address of a server that answers with its port."""
    with ThreadingHTTPServer(("127.0.0.1", port), Answers) as one:
        Thread(target=one.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{one.server_port}"
        finally:
            one.shutdown()


@contextlib.contextmanager
def traefik(root: Path, *, watch: bool) -> Iterator[LocalTraefik]:
    """A Traefik that reads root/dynamic. watch: whether it sees what is changed there."""
    folder, ports = root / "dynamic", {name: free_port() for name in ("web", "websecure", "traefik")}
    folder.mkdir(exist_ok=True)
    static = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "entryPoints": {name: {"address": f"127.0.0.1:{port}"} for name, port in ports.items()},
        "api": {"insecure": True, "dashboard": False},
        "providers": {"providersThrottleDuration": "50ms", "file": {"directory": str(folder), "watch": watch}},
    }
    (root / "static.yml").write_text(json.dumps(static))
    with (root / "log").open("w") as log:
        process = subprocess.Popen([PROGRAM, f"--configFile={root / 'static.yml'}"], stdout=log, stderr=log)
    try:
        api = Api(f"http://127.0.0.1:{ports['traefik']}", 5)
        Deadline(30).wait(lambda: _answers(api), "Traefik's API")
        yield LocalTraefik(folder, api, ports["web"])
    finally:
        process.kill()
        process.wait(10)


def _answers(api: Api) -> bool | None:
    try:
        return bool(api.raw())
    except UnreachableError:
        return None
