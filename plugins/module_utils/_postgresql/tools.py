# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_dump and pg_restore as child processes: the password in memory only, every exit code looked at, a deadline."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import IO

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run, said_in
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect

# a run that loses its parent must not write into what the next run makes under the same name
_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")
_PLAIN_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
# an error of pg_dump or pg_restore ends where the next one begins, or its statement, which may be a list of all tables
_ERROR = re.compile(r"^pg_(?:dump|restore): error: ", re.MULTILINE)
_END = re.compile(r"pg_\w+: error: |.*\b(?:Command|Query) was: ")
_PLACE = re.compile(r"LINE \d+: |\s*\^?$")
# characters of an output that are searched for an error, and lines of one that are told
_READ, _LINES = 65_536, 5
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True)
class Access:
    """What a client program needs to log in: environment without a secret, and the descriptors to hand down."""

    env: dict[str, str]
    descriptors: tuple[int, ...]


@contextmanager
def access(login: Login, database: str) -> Iterator[Access]:
    """The way into `database` for a client program, during the block.

    The password lies in an anonymous file in memory, readable by its owner: it is in no argument, no
    environment and on no disk, and a kill leaves nothing behind.
    """
    env = {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "LANG": "C.UTF-8",
        "HOME": "/",
        "PGHOST": login.host,
        "PGPORT": str(login.port),
        "PGUSER": login.user,
        "PGDATABASE": database,
        "PGSSLMODE": login.ssl_mode,
        "PGCONNECT_TIMEOUT": str(login.connect_timeout),
        "PGAPPNAME": "gantry.odoo",
    }
    if login.ca_cert:
        env["PGSSLROOTCERT"] = login.ca_cert
    if not login.password:
        yield Access(env, ())
        return
    descriptor = os.memfd_create("pgpass")
    try:
        os.fchmod(descriptor, 0o600)
        escaped = login.password.replace("\\", "\\\\").replace(":", "\\:")
        os.write(descriptor, f"*:*:*:*:{escaped}\n".encode())
        yield Access({**env, "PGPASSFILE": f"/proc/self/fd/{descriptor}"}, (descriptor,))
    finally:
        os.close(descriptor)


def client_major(program: str, deadline: Deadline) -> int:
    """The major version of a client program. Raises StateError when it is not installed or says none."""
    said = run([program, "--version"], deadline, what=f"{program} --version")
    match = _VERSION.search(said)
    if match is None:
        raise StateError(f"{program} --version said {said.strip()!r}, which names no version of PostgreSQL")
    return int(match.group(1))


class DumpStream:
    """The output of pg_dump as a file to read, hashed and counted on the way.

    The read that meets the end raises when pg_dump failed or was stopped, so a torn dump never counts as an end.
    """

    def __init__(self, process: subprocess.Popen, errors: IO[bytes], deadline: Deadline) -> None:
        self._process = process
        self._errors = errors
        self._deadline = deadline
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was read so far."""
        return self._digest.hexdigest()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`; empty at the proven end."""
        output = self._process.stdout
        data: bytes = output.read(size) if output else b""
        if data:
            self._digest.update(data)
            self.size += len(data)
        elif size != 0:
            self._finish()
        return data

    def _finish(self) -> None:
        code = self._process.wait()
        if code != 0 and self._deadline.remaining <= 0:
            raise DeadlineError(f"pg_dump was stopped after {self._deadline.seconds:g} s, its deadline")
        if code != 0:
            raise StateError(f"pg_dump failed: exit code {code}, {_cause(self._errors)}")


def _cause(output: IO[bytes]) -> str:
    """The first error in what pg_dump or pg_restore has written, or the end of it."""
    output.seek(0)
    return cause(output.read(_READ).decode(errors="replace")) or said_in(output) or "without a word"


def cause(said: str) -> str:
    """The first error that pg_dump or pg_restore names, on one line, without its statement; empty for none."""
    begun = _ERROR.search(said)
    if begun is None:
        return ""
    first, *rest = said[begun.start() :].splitlines()
    more = [line for line in itertools.takewhile(lambda line: not _END.match(line), rest) if not _PLACE.match(line)]
    return " | ".join(map(excerpt, [first, *more][:_LINES]))


def _encoding(login: Login, database: str) -> str:
    """The encoding of a database, which pg_dump takes unless a setting of the database asks for another."""
    with closing(connect(login, database)) as connection:
        return str(connection.info.parameter_status("server_encoding"))


@contextmanager
def dump(
    login: Login,
    database: str,
    snapshot: str,
    client: int,
    lock_s: float,
    deadline: Deadline,
    kind: str = "custom",
) -> Iterator[DumpStream]:
    """pg_dump of `database`; stopped when the block ends.

    snapshot: an exported one to dump the database as it was in; empty for one of pg_dump's own.
    client: the major version of pg_dump. lock_s: seconds to wait for a locked table.
    kind: `custom`, or `plain` for statements that a role of any name can run.
    """
    # zstd is three times as fast as the default at the same size; pg_dump knows it from version 16 on
    compression = ["--compress=zstd:3"] if client >= 16 and kind == "custom" else []
    others = ["--no-owner", "--no-privileges"] if kind == "plain" else []
    argv = [*_WITH_PARENT, "pg_dump", f"--format={kind}", "--no-password", *compression, *others]
    argv += [f"--snapshot={snapshot}"] if snapshot else []
    argv += [f"--lock-wait-timeout={int(lock_s * 1000)}", f"--encoding={_encoding(login, database)}"]
    with access(login, database) as way, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function  # its output is a stream
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=way.env,
            pass_fds=way.descriptors,
            cwd="/",
        )
        timer = threading.Timer(deadline.remaining, process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield DumpStream(process, errors, deadline)
        finally:
            timer.cancel()
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


def contents(archive: int, deadline: Deadline) -> list[str]:
    """The table of contents of the dump in the open file `archive`, one line for each entry."""
    listed = _restore(["--list"], archive, None, deadline, "pg_restore --list")
    return [line for line in listed.splitlines() if line and not line.startswith(";")]


@contextmanager
def _listing(entries: Sequence[str]) -> Iterator[int]:
    """The descriptor of a list of a dump's entries, for the time of the block."""
    listing = os.memfd_create("entries")
    try:
        os.write(listing, "\n".join(entries).encode() + b"\n")
        yield listing
    finally:
        os.close(listing)


def script(archive: int, entries: Sequence[str], deadline: Deadline) -> str:
    """The statements of `entries` of a dump, as text."""
    with _listing(entries) as listing:
        options = ["--no-owner", "--file=-", f"--use-list=/proc/self/fd/{listing}"]
        return _restore(options, archive, Access(_PLAIN_ENVIRONMENT, (listing,)), deadline, "pg_restore to text")


def restore(login: Login, database: str, archive: int, entries: Sequence[str], jobs: int, deadline: Deadline) -> None:
    """Restore the `entries` of a dump into `database`; the first error ends it.

    Code in the dump has the rights of the login, whatever role it would set.
    archive: descriptor of an open file, which may have no name. jobs: connections at the same time.
    """
    with _listing(entries) as listing, access(login, database) as way:
        options = [
            "--exit-on-error",
            "--no-owner",
            "--no-password",
            f"--jobs={jobs}",
            f"--use-list=/proc/self/fd/{listing}",
            f"--dbname={database}",
        ]
        # the rename that ends the restore is written through, and everything before it with it
        env = {
            **way.env,
            "PGOPTIONS": "-c client_min_messages=error -c synchronous_commit=off -c maintenance_work_mem=256MB",
        }
        handed = Access(env, (*way.descriptors, listing))
        _restore(options, archive, handed, deadline, f"pg_restore into {database}")


def _restore(options: Sequence[str], archive: int, way: Access | None, deadline: Deadline, what: str) -> str:
    descriptors = way.descriptors if way else ()
    argv = [*_WITH_PARENT, "pg_restore", *options, f"/proc/self/fd/{archive}"]
    # code in a dump can say anything at any length
    with tempfile.TemporaryFile() as errors:
        try:
            done = subprocess.run(  # pylint: disable=ansible-bad-function  # it inherits file descriptors
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                timeout=deadline.remaining,
                check=False,
                cwd="/",
                env=way.env if way else None,
                pass_fds=(archive, *descriptors),
            )
        except subprocess.TimeoutExpired as error:
            raise DeadlineError(f"{what} was stopped after {deadline.seconds:g} s, its deadline") from error
        if done.returncode != 0:
            raise StateError(f"{what} failed: exit code {done.returncode}, {_cause(errors)}")
    return done.stdout.decode(errors="replace")
