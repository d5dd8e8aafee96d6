# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules of Traefik share, and the site that they name."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_change import Site
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api

ARGUMENTS: dict[str, Any] = {
    "dynamic_dir": {"type": "path", "default": "/etc/traefik/dynamic"},
    "api_url": {"type": "str", "default": "http://127.0.0.1:8080"},
    "validate_command": {"type": "list", "elements": "str", "default": ["traefik"]},
    "account": {"type": "str", "default": "traefik"},
    "timeout": {"type": "int", "default": 60},
}


@contextlib.contextmanager
def opened(call: Call) -> Iterator[Site]:
    """The site that the options name, locked against other runs.

    Check mode takes no lock, and a missing directory is no fault there.
    """
    found = site(call, _account(call.params["account"]))
    if call.check_mode:
        yield found
        return
    found.directory.require()
    with found.directory.lock(Deadline(found.seconds)):
        found.directory.tidy()
        yield found


def site(call: Call, account: tuple[int, int] | None = None) -> Site:
    """The site that the options name, for one that only reads. account: whose files those are that are written."""
    seconds = call.params["timeout"]
    if seconds < 1:
        raise InputError(f"timeout is {seconds}; it takes seconds in whole numbers from 1 on")
    return Site(
        directory=Directory(call.params["dynamic_dir"], account),
        api=Api(call.params["api_url"].rstrip("/"), float(seconds)),
        # a module that validates nothing does not ask for the program
        command=tuple(call.params.get("validate_command", ())),
        seconds=float(seconds),
    )


def _account(name: str) -> tuple[int, int] | None:
    """Numbers of the account and its group; None where the host lacks it, or another account than root asks."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return (found.pw_uid, found.pw_gid) if os.geteuid() == 0 else None
