# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Odoo itself, as its own user, for what only Odoo can do."""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.versions import demo_arguments

# An Odoo that outlives the module that started it would go on writing: the kernel ends it with its parent.
_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")


@dataclass(frozen=True)
class Odoo:
    """How Odoo is started on this host. ca_cert: what its connection to PostgreSQL is verified against."""

    command: tuple[str, ...]
    user: str
    config_path: str
    ca_cert: str = ""

    def check(self) -> None:
        """Raise InputError when the user does not exist here."""
        if self._account().pw_uid not in (0, os.geteuid()) and os.geteuid() != 0:
            raise InputError(f"odoo_user: only root can run Odoo as {self.user}")

    def load(
        self,
        database: str,
        addons: Sequence[str],
        deadline: Deadline,
        *,
        language: str = "",
        demo: bool = False,
    ) -> None:
        """Install `addons` into `database` and wait for the end. What got installed is the caller's to verify."""
        arguments = ["-c", self.config_path, "-d", database, "-i", ",".join(addons)]
        arguments += ["--stop-after-init", "--no-http", "--workers=0", "--max-cron-threads=0"]
        arguments += demo_arguments(demo, self._run(["--version"], deadline, "odoo --version") if demo else "")
        if language:
            arguments.append(f"--load-language={language}")
        self._run(arguments, deadline, f"Odoo, installing {', '.join(addons)} into {database},")

    def _run(self, arguments: Sequence[str], deadline: Deadline, what: str) -> str:
        environment = {"PGSSLROOTCERT": self.ca_cert} if self.ca_cert else {}
        user = None if self._account().pw_uid == os.geteuid() else self.user
        return run([*_WITH_PARENT, *self.command, *arguments], deadline, what=what, user=user, env=environment)

    def _account(self) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(self.user)
        except KeyError as error:
            raise InputError(f"odoo_user: {self.user} is no account of this host") from error
