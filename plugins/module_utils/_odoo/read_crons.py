# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a database's scheduled actions are run: what is overdue, what fails, what keeps Odoo from running any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_code as code
from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import BASE
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.versions import jobs_query


@dataclass(frozen=True)
class Job:
    """One active scheduled action. late: seconds since it was due. failures: in a row, None where Odoo counts none."""

    name: str
    late: float
    last_run: datetime | None = None
    failures: int | None = None


def read_crons(cursor: Any, triggers: bool, grace: float, blocked: Sequence[str]) -> dict[str, Any]:
    """The liveness of the database that the cursor is in; `triggers` as `jobs_query` takes it."""
    cursor.execute(jobs_query(triggers))
    rows = cursor.fetchall()
    jobs = [Job(row[0], float(row[1]), row[2], row[3]) for row in rows]
    return liveness(jobs, rows[0][4] if rows else 0, grace, blocked)


def liveness(jobs: Sequence[Job], running: int, grace: float, blocked: Sequence[str]) -> dict[str, Any]:
    """What can be told of the jobs.

    A job is overdue `grace` seconds after it was due, however long its interval: Odoo looks for due jobs each minute,
    and sets the next date as soon as one has run. What is overdue waits, is running, or is never looked at.
    """
    overdue = [job for job in jobs if job.late > grace]
    counted = [job for job in jobs if job.failures is not None]
    last = max((job.last_run for job in jobs if job.last_run is not None), default=None)
    return {
        "active": len(jobs),
        "running": running,
        "overdue": [job.name for job in overdue],
        "longest_overdue_seconds": round(max((job.late for job in overdue), default=0.0), 1),
        "last_run": f"{last:%Y-%m-%dT%H:%M:%SZ}" if last else None,
        "failing": [job.name for job in counted if job.failures] if counted or not jobs else None,
        "blocked": list(blocked),
    }


def blocks(pending: Sequence[str], version: str | None, code_version: str) -> list[str]:
    """Why Odoo skips all jobs of a database. version, code_version: of base, in the database and on disk if seen."""
    reasons = ["pending"] if pending or not version else []
    return reasons + (["base_version"] if version and code_version and version != code_version else [])


def base_version(addons_path: Sequence[str]) -> str:
    """The version of base that the code on disk has; empty where Odoo's own code cannot be seen from here."""
    listed = code.visible(addons_path)
    series = code.series(listed) if listed else ""
    return code.adapt(str(listed[BASE].said().get("version") or "1.0"), series) if listed and series else ""
