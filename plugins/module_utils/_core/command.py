# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one program to its end: every exit code counts, every run has a deadline, no secret is in its arguments."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    DeadlineError,
    InputError,
    StateError,
    excerpt,
)

# characters at the end of a program's output that are looked at
_READ = 65_536
# how long a program may take to end with its input
_ENDING_S = 10.0


def tail(text: str, lines: int = 5) -> str:
    """The last lines of a program's output on one line, as an error sentence can carry them."""
    return " | ".join(excerpt(line) for line in text[-_READ:].strip().splitlines()[-lines:] if line.strip())


def said_in(output: IO[bytes]) -> str:
    """The end of what a program has written to a file, as `tail` has it."""
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _READ))
    return tail(output.read().decode(errors="replace"))


def run(
    argv: Sequence[str],
    deadline: Deadline,
    *,
    what: str,
    user: str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    cwd: str | None = None,
    accept: Sequence[int] = (0,),
    merged: bool = False,
    held: bool = False,
) -> str:
    """Run `argv` and return its standard output.

    what: the run in words, for the error sentence. user: the account to run as; needs root.
    env: added to a minimal environment, never the caller's. accept: the exit codes that are not an error.
    held: whether its standard input stays open, after `stdin`, until it has ended, this process is gone or the deadline
    has passed; it has a session of its own, and ends with its input.
    merged: whether what it writes to standard error is returned as well, in its order.
    Raises StateError for any other exit code or a program that cannot be started, DeadlineError past the deadline.
    """
    as_user = {} if user is None else identity(user)
    if held:
        with _held(stdin or "") as (reading, let_go):
            given = {**as_user, "stdin": reading, "start_new_session": True}
            done = _run(argv, deadline, what, given, env, cwd, merged, None, let_go)
    else:
        given = {**as_user, "stdin": subprocess.DEVNULL if stdin is None else subprocess.PIPE}
        done = _run(argv, deadline, what, given, env, cwd, merged, stdin, None)
    if done.returncode not in accept:
        seen: list[str] = [f"exit code {done.returncode}"]
        words = tail(done.stderr or done.stdout)
        if words:
            seen.append(words)
        raise StateError(f"{what} failed: {', '.join(seen)}")
    return done.stdout


def identity(user: str) -> dict[str, Any]:
    """The keywords of Popen for an account with its own group, which may have another name, and no other group."""
    try:
        account = pwd.getpwnam(user)
    except KeyError as error:
        raise InputError(f"{user} is no account of this host") from error
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _run(
    argv: Sequence[str],
    deadline: Deadline,
    what: str,
    given: Mapping[str, Any],
    env: Mapping[str, str] | None,
    cwd: str | None,
    merged: bool,
    stdin: str | None,
    let_go: Callable[[], None] | None,
) -> subprocess.CompletedProcess[str]:
    try:
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function  # there is no AnsibleModule here
            list(argv),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            env=environment(env),
            cwd=cwd,
            text=True,
            errors="replace",
            **given,
        )
    except OSError as error:
        raise StateError(f"{what} could not be started: {error}") from error
    with process:
        try:
            out, err = process.communicate(stdin, timeout=deadline.remaining)
        except subprocess.TimeoutExpired as error:
            if let_go is not None:
                let_go()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_ENDING_S)
            raise DeadlineError(f"{what} was stopped after {deadline.seconds:g} s, its deadline") from error
        finally:
            # nothing where it has ended
            process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@contextlib.contextmanager
def _held(text: str) -> Iterator[tuple[int, Callable[[], None]]]:
    """An input for a program which ends with this process, with this block, or before by the function."""
    reading, writing = os.pipe()
    closing = contextlib.ExitStack()
    closing.callback(os.close, writing)

    def feed() -> None:
        # a program that ends early reads no more
        with contextlib.suppress(BrokenPipeError), open(writing, "w", encoding="utf-8", closefd=False) as stream:
            stream.write(text)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()

    def let_go() -> None:
        # a program that has not read its input yet knows nothing of its end
        feeder.join(_ENDING_S)
        if not feeder.is_alive():
            closing.close()

    try:
        yield reading, let_go
    finally:
        os.close(reading)
        feeder.join()
        closing.close()


def environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """A minimal environment, never the caller's, with what is added to it."""
    base = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "LANG": "C.UTF-8", "HOME": "/"}
    base.update(extra or {})
    return base
