# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.lab.demo`: build the lab, converge it, and run on it the jobs that the product exists for."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from tests.lab import __main__ as lab_commands
from tests.lab import playbook, report, traffic
from tests.lab.errors import LabError
from tests.lab.hosts import Lab
from tests.lab.spec import DEMO, EDGES
from tests.lab.state import ROOT, locked

SECRETS = ("gantry", "odoo_harbour", "odoo_shared", "redis", "admin_harbour", "admin_north", "admin_south")
RELEASES = ("2026.11.1", "2026.11.2")
MOVED = "north"
URLS = {
    "harbour": "https://erp.harbour.lab.example",
    "north": "https://north.lab.example",
    "south": "https://south.lab.example",
}


@dataclass
class Demo:
    """One run of the demo: what it works on and what it has learnt so far."""

    lab: Lab
    screen: Screen
    loads: list[report.Load] = field(default_factory=list)
    site_changes: int = 0

    @property
    def store(self) -> Path:
        """The change store that the lab's inventory names."""
        return self.lab.state.directory / "store"

    def run(self, name: str, **extra: str) -> playbook.Recap:
        """Run one playbook, its log under the playbook's name."""
        log = self.lab.state.directory / "logs" / f"{name}.log"
        return playbook.run(name, log, self.screen.progress, **extra)

    def entries(self) -> list[Mapping[str, Any]]:
        """The bodies of the ledger's entries, checked."""
        return [entry.body for entry in Ledger(Directory(str(self.store))).entries()]

    def site(self) -> Mapping[str, Any]:
        """What the newest site run wrote when it closed: the home of each tenant, the release of each host."""
        closed = [
            entry["facts"]
            for entry in self.entries()
            if entry["change"]["kind"] == "site" and entry["event"] == "closed"
        ]
        if not closed:
            raise LabError("the ledger tells of no site run that came to its end; run make demo again")
        return closed[-1]

    @contextmanager
    def load(self, phase: str, *, websockets: int = 0) -> Iterator[None]:
        """Keep logged-in users asking while the phase runs."""
        with traffic.running(self.lab, phase, URLS, idle=2, websockets=websockets) as counted:
            yield
        self.loads.append(counted())


class Screen:
    """One line a phase: its number and name, what it does, and how long it has taken."""

    def __init__(self, phases: int) -> None:
        self.phases = phases
        self.number = 0
        self.title = ""
        self.begun = 0.0
        self.live = sys.stdout.isatty()

    def begin(self, title: str) -> None:
        """A phase begins."""
        self.number += 1
        self.title = title
        self.begun = time.monotonic()
        self._show("...", end="" if self.live else "\n")

    def progress(self, words: str) -> None:
        """Tell what the phase does now; on a terminal only."""
        if self.live:
            self._show(words, end="")

    def end(self, words: str) -> None:
        """The phase is over."""
        self._show(words, end="\n")

    def _show(self, words: str, end: str) -> None:
        elapsed = time.monotonic() - self.begun
        line = f"[{self.number}/{self.phases}] {self.title:<28} {elapsed:6.1f} s  {words}"
        print(f"\r\x1b[K{line[:118]}" if self.live else line, end=end, flush=True)


def hosts(demo: Demo) -> str:
    """Bring up every host, and what the inventory reads from the lab's state."""
    for name in SECRETS:
        demo.lab.state.secret(name)
    demo.lab.state.sealing_key("backup_key")
    lab_commands.up(demo.lab, None)
    return f"{len(demo.lab.status())} hosts"


def site(demo: Demo) -> str:
    """Converge the estate."""
    demo.site_changes = demo.run("site").total
    return f"{demo.site_changes} tasks changed something" if demo.site_changes else "nothing to change"


def prove(demo: Demo) -> str:
    """Fetch each login page over verified HTTPS."""
    for tenant, url in URLS.items():
        traffic.login_page(demo.lab, tenant, url)
    return f"{len(URLS)} login pages over verified HTTPS on {len(EDGES)} edges"


def backup(demo: Demo) -> str:
    """Back up the first tier."""
    demo.run("backup", tenant="harbour")
    return "harbour, database and filestore"


def drill(demo: Demo) -> str:
    """Prove the backup."""
    demo.run("restore_drill", tenant="harbour")
    return "harbour restored, checked and dropped"


def patch(demo: Demo) -> str:
    """Change the release of the app nodes under load."""
    running = demo.site()["releases"]["app1"]
    wanted = next(release for release in RELEASES if release != running)
    with demo.load("patch"):
        demo.run("patch", patch_release=wanted)
    return (
        f"{running} -> {wanted}, {demo.loads[-1].failed} requests failed, {demo.loads[-1].logged_out} users logged out"
    )


def renew(demo: Demo) -> str:
    """Renew each certificate under load."""
    with demo.load("renewal", websockets=1):
        demo.run("renew_certificates", renew_force="true")
    return f"{demo.loads[-1].cut} connections cut"


def migrate(demo: Demo) -> str:
    """Move a tenant to where it is not."""
    home = demo.site()["homes"][MOVED]
    away = "box" if home == "app" else "app"
    demo.run("migrate", tenant=MOVED, destination=away)
    return f"{MOVED}: {home} -> {away}"


PHASES: tuple[tuple[str, Callable[[Demo], str]], ...] = (
    ("Images and hosts", hosts),
    ("gantry.odoo.site", site),
    ("Login pages", prove),
    ("gantry.odoo.backup", backup),
    ("gantry.odoo.restore_drill", drill),
    ("gantry.odoo.patch", patch),
    ("gantry.odoo.renew_certificates", renew),
    ("gantry.odoo.migrate", migrate),
)


def up() -> None:
    """Run every phase, then print the summary. A failed load is a failed demo."""
    started = time.monotonic()
    lab = Lab(DEMO)
    demo = Demo(lab, Screen(len(PHASES)))
    with locked(lab.state.directory.with_suffix(".demo-lock"), "another demo runs"):
        before = len(demo.entries())
        for title, phase in PHASES:
            demo.screen.begin(title)
            demo.screen.end(phase(demo))
        told = demo.entries()[before:]
        print(
            "\n"
            + report.summary(
                access=_access(demo),
                loads=demo.loads,
                entries=told,
                addresses=[lab.address(edge) for edge in EDGES],
                authority=str(lab.state.acme_root.relative_to(ROOT)),
                ledger=str(demo.store.relative_to(ROOT)),
                elapsed_s=time.monotonic() - started,
                site_changes=demo.site_changes,
            )
        )
    _insist(demo)


def _access(demo: Demo) -> list[report.Access]:
    homes = dict(demo.site()["homes"])
    homes.update(
        (entry["facts"]["tenant"], entry["facts"]["to"])
        for entry in demo.entries()
        if entry["change"]["kind"] == "migrate" and entry["event"] == "proven"
    )
    secrets = (demo.lab.state.directory / "secrets").relative_to(ROOT)
    return [report.Access(url, tenant, homes[tenant], str(secrets / f"admin_{tenant}")) for tenant, url in URLS.items()]


def _insist(demo: Demo) -> None:
    for load in demo.loads:
        if load.failed or load.logged_out or load.cut:
            raise LabError(
                f"{load.phase}: {load.failed} of {load.sent} requests failed, {load.logged_out} users were logged out "
                f"and {load.cut} connections were cut, and none may; see {demo.lab.state.directory / 'logs'}"
            )


def status() -> None:
    """Tell what runs."""
    lab_commands.status(Lab(DEMO), None)


def down() -> None:
    """Remove what the demo made."""
    lab_commands.down(Lab(DEMO), None)


VERBS = {"up": up, "status": status, "down": down}


def main() -> int:
    """Run one verb; a failure is one sentence on standard error and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.demo", description=__doc__)
    parser.add_argument("verb", choices=sorted(VERBS), nargs="?", default="up")
    verb = parser.parse_args().verb
    try:
        VERBS[verb]()
    except (LabError, GantryError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; make demo goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
