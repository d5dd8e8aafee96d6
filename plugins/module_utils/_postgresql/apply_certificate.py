# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a pair, have the running server read it, and put the former one back where clients are not shown it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, explaining
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_certificate import (
    PAIR,
    TRUSTED,
    Contents,
    Write,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_certificate import (
    held_certificate,
    read_shown,
)


@dataclass(frozen=True)
class Server:
    """Where a server is. host, port: at which clients are shown its certificate. group: number of its own group."""

    login: Login
    directory: str
    host: str
    port: int
    group: int


def apply_certificate(steps: Sequence[Step], former: Contents, server: Server, prove: Callable[[], None]) -> None:
    """Do the steps of a plan. prove: raises where clients are shown another certificate."""
    for step in steps:
        if isinstance(step, Write):
            _write(step.target, step.text, step.secret, server)
    if not any(step.action == "reload" for step in steps):
        return
    try:
        _reload(server.login)
        prove()
    except GantryError as error:
        if not former.pair:
            raise
        _write(os.path.join(server.directory, PAIR), former.pair, True, server)
        if former.trusted:
            _write(os.path.join(server.directory, TRUSTED), former.trusted, False, server)
        _reload(server.login)
        raise StateError(f"{error}; the former pair is back") from error


def prove_shown(wanted: Contents, given: str, server: Server, deadline: Deadline) -> None:
    """Wait until clients are shown the certificate. given: its file. Raises StateError in the end."""
    held = held_certificate(wanted)
    try:
        deadline.wait(
            lambda: read_shown(server.host, server.port, deadline) == held or None, "showing another certificate"
        )
    except DeadlineError as error:
        raise StateError(
            f"PostgreSQL at {server.host}:{server.port} does not show the certificate of {given} after "
            f"{deadline.seconds:g} s; see its log"
        ) from error


def _write(path: str, text: str, secret: bool, server: Server) -> None:
    # the server accepts a key of root that its own group can read
    replace_file(path, text, 0o640 if secret else 0o644, owner=(0, server.group))


def _reload(login: Login) -> None:
    connection = connect(login)
    try:
        with explaining("the reload", login), connection.cursor() as cursor:
            cursor.execute("SELECT pg_reload_conf()")
            if not cursor.fetchone()[0]:
                raise StateError(f"PostgreSQL {login.where} did not reload its files; see its log")
    finally:
        connection.close()
