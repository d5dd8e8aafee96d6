# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads who launched this run: the user of AWX, or the login of the controller."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import AWX_USER, LOGIN
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

# Why a typed requester is refused once there are identities.
TYPED = (
    "requester: the inventory declares change_identities, so that the login or the user of AWX says who asks; take it "
    "away"
)
_LOGIN_UID = Path("/proc/self/loginuid")


@dataclass(frozen=True)
class Launcher:
    """Who launched this run. source: LOGIN or AWX_USER. job: the id of the job of AWX, 0 where it is none."""

    name: str
    source: str = LOGIN
    job: int = 0


def launcher(extra: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Launcher:
    """The person or account that launched the run. extra: the extra variables, among which AWX hands its own.

    environment: of this process if not given.
    Raises InputError where the user of AWX is named in a run that is no job of AWX.
    """
    name, job = str(extra.get("awx_user_name") or ""), str(extra.get("awx_job_id") or "")
    # AWX sets both, and overrides what a user gives as an extra variable
    known = os.environ if environment is None else environment
    is_job = job.isdecimal() and known.get("JOB_ID") == job
    if name and not is_job:
        raise InputError(
            "awx_user_name names the requester, and this run is no job of AWX, which would set awx_job_id and JOB_ID; "
            "take it away"
        )
    number = int(job) if is_job else 0
    return Launcher(name, AWX_USER, number) if name else Launcher(login(), job=number)


def login() -> str:
    """The account that logged in, which sudo and su leave as it was; else the one that runs Ansible."""
    with suppress(OSError, ValueError, KeyError, OverflowError):
        # a service has none, and a container may not know the one of its host
        return pwd.getpwuid(int(_LOGIN_UID.read_text(encoding="ascii"))).pw_name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
