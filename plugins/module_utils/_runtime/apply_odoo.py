# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Odoo itself, as its own user, for what only Odoo can do."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import environment, identity, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_guarded import WATCH, Guarded, guarded
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.versions import demo_arguments

# An Odoo that outlives the module that started it would go on writing: the kernel ends it with its parent, and WATCH
# what it has started by then.
_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")

# One process that serves nobody and runs no job.
_ALONE = ("--stop-after-init", "--no-http", "--workers=0", "--max-cron-threads=0")

_LOGGED = ("--logfile=", "--log-level=info")
_LOADED = re.compile(
    r"odoo\.(?:modules\.loading|registry|modules\.registry|orm\.registry): .*(?:Modules|Registry) loaded"
)
_LINE = r"^\d{4}-\d\d-\d\d \S+ \d+ "
# an error, and the lines of its traceback
_ERROR = re.compile(rf"({_LINE}(?:ERROR|CRITICAL) .*)((?:\n(?!{_LINE[1:]}).+)*)", re.MULTILINE)


@dataclass(frozen=True)
class Odoo:
    """How Odoo is started on this host. ca_cert: what its connection to PostgreSQL is verified against.

    options: that take the place of those in its configuration. mounts: directories that its container is given as well.
    """

    command: tuple[str, ...]
    user: str
    config_path: str
    ca_cert: str = ""
    options: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()

    def at_server(self, options: tuple[str, ...], directory: str) -> Odoo:
        """The same Odoo at another PostgreSQL. options: by which it finds that. directory: of the socket."""
        return replace(self, options=options, mounts=(directory,))

    @property
    def group(self) -> int:
        """The number of the group of Odoo's account. Raises InputError where this host has no such account."""
        return self._account().pw_gid

    def require(self) -> None:
        """Raise InputError when this host cannot run Odoo as asked for."""
        if os.geteuid() not in (0, self._account().pw_uid):
            raise InputError(f"odoo_user: only root can run Odoo as {self.user}, use become")
        if not self.command or shutil.which(self.command[0]) is None:
            raise InputError(f"odoo_command: {' '.join(self.command) or 'an empty list'} is no command of this host")

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
        arguments += _ALONE
        arguments += demo_arguments(demo, self._run(["--version"], deadline, "odoo --version") if demo else "")
        if language:
            arguments.append(f"--load-language={language}")
        self._run(arguments, deadline, f"Odoo, installing {', '.join(addons)} into {database},")

    def update(
        self, database: str, install: Sequence[str], upgrade: Sequence[str], lock_s: float, deadline: Deadline
    ) -> None:
        """Install and upgrade addons in one start. What became of them is the caller's to verify.

        lock_s: seconds that Odoo waits for a table that somebody else holds; it gives up then, and they go on.
        """
        arguments = ["-c", self.config_path, "-d", database, *_ALONE]
        arguments += ["-i", ",".join(install)] if install else []
        arguments += ["-u", ",".join(upgrade)] if upgrade else []
        what = f"Odoo, updating {', '.join([*install, *upgrade])} in {database},"
        self._run(arguments, deadline, what, env={"PGOPTIONS": f"-c lock_timeout={int(lock_s * 1000)}"})

    def load_registry(self, database: str, deadline: Deadline) -> None:
        """Load all modules of a database once, without serving or scheduling anything; an error in the log counts."""
        what = f"loading the registry of {database}"
        arguments = ["-c", self.config_path, *self.options, "-d", database, *_ALONE, *_LOGGED]
        _require_loaded(self._run(arguments, deadline, what, merged=True), database, what)

    def shell(self, database: str, script: str, deadline: Deadline, what: str, *, logged: bool = False) -> str:
        """What a script prints that Odoo runs with the registry of `database`, or without any where that is empty.

        An exception in the script is an error. logged: the log is among what is printed, and an error in it counts.
        """
        arguments = [
            "shell",
            "-c",
            self.config_path,
            *self.options,
            "-d",
            database,
            "--no-http",
            "--workers=0",
            "--shell-interface=python",
        ]
        said = self._run([*arguments, *(_LOGGED if logged else ())], deadline, what, stdin=script, merged=logged)
        if logged:
            _require_loaded(said, database, what)
        return said

    def _run(
        self,
        arguments: Sequence[str],
        deadline: Deadline,
        what: str,
        *,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        merged: bool = False,
    ) -> str:
        account = self._account()
        # its home directory is what `~` means in odoo.conf
        variables = {"HOME": account.pw_dir, **(env or {})}
        variables.update({"PGSSLROOTCERT": self.ca_cert} if self.ca_cert else {})
        other = account.pw_uid != os.geteuid()
        parts = self.container
        if parts is None:
            # WATCH stays root, which can end whatever a wrapper makes of the account
            user, ids = None, f" {account.pw_uid} {account.pw_gid}" if other else ""
            argv = [sys.executable, "-u", "-c", WATCH, *_WITH_PARENT, *self.command, *arguments]
        else:
            # the engine goes on without the one who asked it, so the container watches for that one's end
            user, ids = self.user if other else None, ""
            argv = [*_WITH_PARENT, *parts.mounting(self.mounts).watched(arguments)]
        given = f"{len((stdin or '').encode())}{ids}\n{stdin or ''}"
        return run(argv, deadline, what=what, user=user, env=variables, stdin=given, merged=merged, held=True)

    @property
    def container(self) -> Guarded | None:
        """The container that the command starts, if it starts one."""
        return guarded(self.command)

    def start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start another program by the same engine, as the same account; it ends with this process."""
        self.require()
        account = self._account()
        return subprocess.Popen(  # pylint: disable=ansible-bad-function  # there is no AnsibleModule here
            [*_WITH_PARENT, *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment({"HOME": account.pw_dir}),
            **({} if account.pw_uid == os.geteuid() else identity(self.user)),
        )

    def _account(self) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(self.user)
        except KeyError as error:
            raise InputError(f"odoo_user: {self.user} is no account of this host") from error


def _require_loaded(said: str, database: str, what: str) -> None:
    """Raise StateError where the log has an error, or does not say that the registry was loaded."""
    error = _ERROR.search(said)
    if error is not None:
        told = excerpt(" ".join([error.group(1), *error.group(2).strip().splitlines()[-1:]]))
        raise StateError(f"{what} failed: {told}")
    if not _LOADED.search(said):
        raise StateError(f"Odoo ended without having loaded the registry of {database}; look at its addons_path")
