# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install packages that a host lacks, with one command where it lacks none."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

from ansible.plugins.action import ActionBase

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_OPTIONS = {
    "names": {"type": "list", "elements": "str", "required": True},
    "default_release": {"type": "str"},
    "start_services": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 120},
}
# What ansible.builtin.apt needs; without it apt cannot simulate in check mode, and installs it in a run.
_LIBRARY = "python3-apt"


def strange(names: Sequence[str]) -> str:
    """Why the names cannot be those of packages, in one sentence; "" where they can."""
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    return f"names: {', '.join(map(repr, wrong))} cannot be the name of a package; give names alone" if wrong else ""


def query(names: Sequence[str]) -> str:
    """The command that shows the status of the packages. Its exit code is 1 where one is unknown."""
    shown = "${Package} ${db:Status-Status}\\n"
    return shlex.join(["dpkg-query", "--show", "--showformat", shown, _LIBRARY, *names])


def installed(answer: str) -> set[str]:
    """The packages that the answer of the query shows as installed."""
    rows = [line.split() for line in answer.splitlines()]
    return {row[0] for row in rows if row[1:] == ["installed"]}


def apt_options(missing: Sequence[str], options: dict[str, Any]) -> dict[str, Any]:
    """The options of ansible.builtin.apt that install the missing packages."""
    release = {"default_release": options["default_release"]} if options["default_release"] else {}
    # 101: whoever asks whether a service may be started is told no
    policy = {} if options["start_services"] else {"policy_rc_d": 101}
    return {
        "name": list(missing),
        "state": "present",
        "install_recommends": False,
        "update_cache": True,
        "cache_valid_time": 86400,
        "lock_timeout": options["timeout"],
        **release,
        **policy,
    }


class ActionModule(ActionBase):
    """Action behind gantry.odoo.host_packages."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the host what it lacks, and have ansible.builtin.apt install that."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _spec, options = self.validate_argument_spec(argument_spec=_OPTIONS)
        words = strange(options["names"])
        if words:
            return {**result, "failed": True, "msg": words}
        answer: dict[str, Any] = self._low_level_execute_command(query(options["names"]))
        if answer["rc"] not in (0, 1):
            seen = (answer.get("stderr") or answer["stdout"]).strip()
            return {**result, "failed": True, "msg": f"dpkg-query failed with exit code {answer['rc']}: {seen}"}
        found = installed(answer["stdout"])
        missing = sorted(set(options["names"]) - found)
        result.update(changed=False, missing=missing)
        if missing and self._task.check_mode and _LIBRARY not in found:
            result["changed"] = True
        elif missing:
            arguments = apt_options(missing, options)
            done = self._execute_module("ansible.builtin.apt", module_args=arguments, task_vars=task_vars)
            result.update(done, missing=missing)
        return result
