# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one program to its end: every exit code counts, every run has a deadline, no secret is in its arguments."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError


def tail(text: str, lines: int = 5) -> str:
    """The last lines of a program's output on one line, as an error sentence can carry them."""
    return " | ".join(line.strip() for line in text.strip().splitlines()[-lines:] if line.strip())


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
) -> str:
    """Run `argv` and return its standard output.

    what: the run in words, for the error sentence. user: the account to run as; needs root.
    env: added to a minimal environment, never the caller's. accept: the exit codes that are not an error.
    merged: whether what it writes to standard error is returned as well, in its order.
    Raises StateError for any other exit code or a program that cannot be started, DeadlineError past the deadline.
    """
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    try:
        done = subprocess.run(  # pylint: disable=ansible-bad-function  # there is no AnsibleModule here
            list(argv),
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            env=_environment(env),
            cwd=cwd,
            timeout=deadline.remaining,
            text=True,
            errors="replace",
            check=False,
            **identity,  # type: ignore[call-overload]
        )
    except subprocess.TimeoutExpired as error:
        raise DeadlineError(f"{what} was stopped after {deadline.seconds:g} s, its deadline") from error
    except OSError as error:
        raise StateError(f"{what} could not be started: {error}") from error
    if done.returncode not in accept:
        seen: list[str] = [f"exit code {done.returncode}"]
        words = tail(done.stderr or done.stdout)
        if words:
            seen.append(words)
        raise StateError(f"{what} failed: {', '.join(seen)}")
    return done.stdout


def _environment(extra: Mapping[str, str] | None) -> dict:
    base = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "LANG": "C.UTF-8", "HOME": "/"}
    base.update(extra or {})
    return base
