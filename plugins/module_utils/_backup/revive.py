# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odoo itself, run on a restored database: to neutralise it, and to prove that its registry loads."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError

# a run that loses its parent must not go on
_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")
_LOADED = re.compile(
    r"odoo\.(?:modules\.loading|registry|modules\.registry|orm\.registry): .*(?:Modules|Registry) loaded"
)
_ERROR = re.compile(r"^\d{4}-\d\d-\d\d \S+ \d+ (?:ERROR|CRITICAL) .*", re.MULTILINE)


@dataclass(frozen=True)
class Odoo:
    """How Odoo is started on this host. ca_cert: what its connection to PostgreSQL is verified against."""

    command: Sequence[str]
    user: str
    config: str
    ca_cert: str = ""

    def check(self) -> None:
        """Raises InputError when this host cannot run Odoo as asked for."""
        if not self.command or shutil.which(self.command[0]) is None:
            raise InputError(f"odoo_command: {' '.join(self.command) or 'an empty list'} is no command of this host")
        try:
            pwd.getpwnam(self.user)
        except KeyError as error:
            raise InputError(f"odoo_user: {self.user} is no account of this host") from error

    def neutralize(self, database: str, deadline: Deadline) -> None:
        """Switch off what a copy must not do: mail, scheduled jobs, payments, web hooks."""
        self._run(["neutralize", "-c", self.config, "-d", database], deadline, f"neutralising {database}")

    def load_registry(self, database: str, deadline: Deadline) -> None:
        """Load all modules of the database once, without serving or scheduling anything."""
        arguments = ["-c", self.config, "-d", database, "--stop-after-init", "--no-http", "--workers=0"]
        arguments += ["--max-cron-threads=0", "--logfile=", "--log-level=info"]
        said = self._run(arguments, deadline, f"loading the registry of {database}")
        error = _ERROR.search(said)
        if error is not None:
            raise StateError(f"loading the registry of {database} failed: {error.group(0)}")
        if not _LOADED.search(said):
            raise StateError(f"Odoo ended without having loaded the registry of {database}; look at its addons_path")

    def _run(self, arguments: Sequence[str], deadline: Deadline, what: str) -> str:
        environment = {"PGSSLROOTCERT": self.ca_cert} if self.ca_cert else {}
        user = None if pwd.getpwnam(self.user).pw_uid == os.geteuid() else self.user
        # Odoo logs to its standard error, which run() keeps for failures
        joined = ["sh", "-c", 'exec "$@" 2>&1', "sh", *self.command, *arguments]
        return run([*_WITH_PARENT, *joined], deadline, what=what, user=user, env=environment)
