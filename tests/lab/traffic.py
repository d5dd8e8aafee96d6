# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users on the demo's estate: one look at a login page, or a load that runs beside a phase."""

from __future__ import annotations

import http.client
import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.lab.browser import AnswerError, Browser, LoggedOutError, Site
from tests.lab.errors import LabError
from tests.lab.hosts import Lab
from tests.lab.report import Load
from tests.lab.spec import EDGES
from tests.lab.state import ROOT

# A load ends by itself after this long, should nobody be left to stop it.
LONGEST_S = 900
STOP_S = 60


def login_page(lab: Lab, tenant: str, url: str) -> None:
    """Fetch the login page of a tenant at each edge, its certificate verified. Raises LabError where there is none."""
    for edge in EDGES:
        _login_page(lab, tenant, url, edge)


def _login_page(lab: Lab, tenant: str, url: str, edge: str) -> None:
    site = Site(url, (lab.address(edge),), ssl.create_default_context(cafile=str(lab.state.acme_root)))
    browser = Browser(site, timeout=30)
    try:
        shown = browser.page("/web/login")
    except (OSError, http.client.HTTPException, AnswerError, LoggedOutError) as error:
        raise LabError(f"the login page of {tenant} does not answer at {url} by {edge}: {error}") from error
    finally:
        browser.close()
    if 'name="login"' not in shown:
        raise LabError(f"{url}/web/login shows no login form for {tenant} by {edge}")


@contextmanager
def running(
    lab: Lab, phase: str, urls: Mapping[str, str], *, idle: int, websockets: int
) -> Iterator[Callable[[], Load]]:
    """Run the load generator while the block runs; what is yielded tells, after the block, what it counted.

    idle, websockets: connections held for each tenant, and counted as cut where the server gives them up.
    """
    output = lab.state.directory / "logs" / f"load-{phase}.json"
    output.unlink(missing_ok=True)
    log = output.with_suffix(".log")
    command = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "tests.lab.load"]
    for edge in EDGES:
        command += ["--edge", lab.address(edge)]
    command += ["--ca-file", str(lab.state.acme_root), "--output", str(output), "--duration", str(LONGEST_S)]
    command += ["--idle", str(idle), "--websockets", str(websockets)]
    for tenant, url in urls.items():
        lab.state.secret(f"admin_{tenant}")
        command += ["--tenant", tenant, url, "admin", str(lab.state.directory / "secrets" / f"admin_{tenant}")]
    output.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stream, text=True
        )
    try:
        # The generator says so when each user is logged in; it says nothing where one is not, and ends.
        if process.stdout is None or "started" not in process.stdout.readline():
            process.wait(STOP_S)
            raise LabError(f"{phase}: {_last_line(log) or 'the load did not start'}")
        yield lambda: _counted(phase, output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(STOP_S)


def _counted(phase: str, output: Path) -> Load:
    if not output.exists():
        raise LabError(f"{phase}: the load generator ended without a summary; see {output.with_suffix('.log')}")
    counts = json.loads(output.read_text(encoding="utf-8"))
    return Load(phase, counts["sent"], counts["failed"], counts["logged_out"], counts["longest_gap_s"], counts["cut"])


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8").strip().splitlines()
    return lines[-1] if lines else ""
