# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of the Traefik domain share: their options, and what check mode may do without."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    InputError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import scratch
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply import Candidate, Site
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply import validate as ask
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.client import Api, Directory
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.document import PLAIN_ENTRY_POINT, TLS_ENTRY_POINT
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan import Difference

ARGUMENTS: dict[str, Any] = {
    "dynamic_dir": {"type": "path", "default": "/etc/traefik/dynamic"},
    "api_url": {"type": "str", "default": "http://127.0.0.1:8080"},
    "validate_command": {"type": "list", "elements": "str", "default": ["traefik"]},
    "timeout": {"type": "int", "default": 60},
}

_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?\Z")


def site(module: AnsibleModule) -> Site:
    """Where documents live, from a module's options. A missing directory is no fault in check mode."""
    if module.params["timeout"] < 1:
        raise InputError(f"timeout is {module.params['timeout']}; accepted are whole seconds from 1 on")
    directory = Directory(module.params["dynamic_dir"])
    if not module.check_mode:
        directory.require()
    seconds = float(module.params["timeout"])
    return Site(
        directory=directory,
        api=Api(module.params["api_url"].rstrip("/"), seconds),
        command=tuple(module.params["validate_command"]),
        seconds=seconds,
    )


def run(module: AnsibleModule, act: Callable[[AnsibleModule, Site], dict[str, Any]]) -> None:
    """End the module with what `act` returns, or with its sentence; alone on the directory unless in check mode."""
    try:
        where = site(module)
        with where.directory.lock(Deadline(where.seconds)) if not module.check_mode else contextlib.nullcontext():
            outcome = act(module, where)
    except GantryError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**outcome)


def file_name(option: str, value: str) -> str:
    """A value that becomes part of a file's name, checked."""
    if not _NAME.match(value):
        raise InputError(
            f"{option} is {value!r}; accepted are up to 63 lower-case letters, digits, hyphens and underscores"
        )
    return value


def live(module: AnsibleModule, where: Site) -> dict[str, Any] | None:
    """Traefik's own view; None in check mode when Traefik is not there yet."""
    try:
        return where.api.raw()
    except UnreachableError as error:
        if not module.check_mode:
            raise
        module.warn(f"{error}; the plan compares with the file only")
        return None


def validate(
    module: AnsibleModule,
    where: Site,
    candidate: Candidate,
    explain: Callable[[Difference], str],
    fingerprints: Sequence[str] = (),
) -> scratch.Verdict | None:
    """The scratch Traefik's verdict; None in check mode when the program is not installed yet."""
    if not scratch.available(where.command):
        told = f"the Traefik program {' '.join(where.command)} is not there to validate with"
        if not module.check_mode:
            raise StateError(f"{told}; install it, or correct validate_command")
        module.warn(f"{told}; the plan is not validated")
        return None
    return ask(where, candidate, _entry_points(module, where), explain, fingerprints)


def _entry_points(module: AnsibleModule, where: Site) -> list[str]:
    try:
        return where.api.entry_points()
    except UnreachableError:
        if not module.check_mode:
            raise
        return [PLAIN_ENTRY_POINT, TLS_ENTRY_POINT]
