# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a database's scheduled actions are run: what is overdue, what fails, what keeps Odoo from running any."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Optional

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.code import adapt
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.versions import jobs_query

_SERIES = re.compile(r"^version_info\s*=\s*\(\s*['\"]?([\w~]+)['\"]?\s*,\s*(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """One active scheduled action. late: seconds since it was due. failures: in a row, None where Odoo counts none."""

    name: str
    late: float
    last_run: Optional[datetime] = None
    failures: Optional[int] = None


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
    for path in addons_path:
        # Odoo finds its own addons even where the path names only those beside it
        for directory in (path, os.path.join(os.path.dirname(path.rstrip("/")), "odoo", "addons")):
            manifest = os.path.join(directory, "base", "__manifest__.py")
            release = os.path.join(os.path.dirname(directory.rstrip("/")), "release.py")
            if os.path.isfile(manifest) and os.path.isfile(release):
                return _version(manifest, release)
    return ""


def _version(manifest: str, release: str) -> str:
    try:
        with open(manifest, encoding="utf-8") as stream:
            version = str(ast.literal_eval(stream.read())["version"])
        with open(release, encoding="utf-8") as stream:
            series = _SERIES.search(stream.read())
    except (OSError, ValueError, SyntaxError, KeyError, TypeError) as error:
        raise StateError(f"the version of base cannot be read from {manifest} and {release}: {error}") from error
    if series is None:
        raise StateError(f"the series of Odoo cannot be read from {release}: it has no version_info")
    return adapt(version, ".".join(series.groups()))
