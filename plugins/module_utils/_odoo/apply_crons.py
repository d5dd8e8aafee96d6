# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the running scheduled jobs of a database end, and none begin, while something is done to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.versions import JOB_NAME
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_tables import require_plain

# Odoo takes a job by a lock on its row, which stays until the job has ended, and passes over those that others hold.
# This lock lets a running job refer to other jobs, as one does that triggers them.
_TAKE = "SELECT id FROM public.ir_cron FOR NO KEY UPDATE SKIP LOCKED"
_RUNNING = f"""
SELECT {JOB_NAME} FROM public.ir_cron c JOIN public.ir_act_server a ON a.id = c.ir_actions_server_id
WHERE c.id <> ALL(%s) ORDER BY 1
"""


@contextmanager
def drained(login: Login, database: str, seconds: float | None) -> Iterator[None]:
    """While this is held, no scheduled job of the database runs. Raises StateError where one does not end.

    seconds: for the running ones to end; None to let them be.
    """
    if seconds is None:
        yield
        return
    deadline = Deadline(seconds)
    with closing(connect(login, database, autocommit=False)) as connection, connection.cursor() as cursor:
        require_plain(cursor, ["ir_cron", "ir_act_server"])
        try:
            deadline.wait(lambda: None if _running(cursor) else True, f"the end of the jobs of {database}")
        except DeadlineError as error:
            raise StateError(
                f"database {database} is not blocked, as its scheduled jobs {', '.join(_running(cursor))} still run "
                f"after {seconds:g} s and would be cut; let them end, or give them a longer cron_timeout"
            ) from error
        yield


def _running(cursor: Any) -> list[str]:
    """Take all jobs that nobody runs; the names of the others."""
    cursor.execute(_TAKE)
    cursor.execute(_RUNNING, ([row[0] for row in cursor.fetchall()],))
    return [str(row[0]) for row in cursor.fetchall()]
