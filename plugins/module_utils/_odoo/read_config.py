# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the odoo.conf of an instance, and what its running processes were told besides."""

from __future__ import annotations

import io
import os
import pwd
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import opened_path
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import model_password
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_config import (
    Instance,
    OdooConfig,
    Process,
    options_of,
    parse_config,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_processes import read_processes

# Odoo's own default, which `admin_passwd` may hold as a hash as well
_DEFAULT = "admin"
_VARIABLE = re.compile(r"\$(?:(\w+)|\{([^}]*)\})")


def read_config(path: str, user: str) -> OdooConfig:
    """The configuration in the odoo.conf at `path`, its paths expanded as Odoo does when it runs as `user`.

    Raises InputError when it cannot be read, does not name a data_dir, or names one that cannot be told from here.
    """
    config = parse_config(_text(path), path)
    return replace(
        config,
        data_dir=_absolute(expanded(config.data_dir, "data_dir", path, user), "data_dir", path),
        addons_path=tuple(expanded(part, "addons_path", path, user) for part in config.addons_path),
    )


def read_instance(path: str, warn: Callable[[str], None]) -> Instance:
    """The instance of the odoo.conf at `path` with its running processes. warn: as `read_processes` takes it."""
    options = _judged(options_of(_text(path), path))
    processes = [Process(one.pid, one.options, _judged(one.environment)) for one in read_processes(path, warn)]
    return Instance(path, options, processes)


def expanded(text: str, option: str, path: str, user: str) -> str:
    """A path of an odoo.conf with variables and the home directory put in, as Odoo does when it runs as `user`."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in ("HOME", "USER", "LOGNAME"):
            raise InputError(
                f"config: {path} has {option} = {text}, and only the running Odoo knows {name}; write the path out"
            )
        account = _account(user, option, path)
        return account.pw_dir if name == "HOME" else account.pw_name

    text = _VARIABLE.sub(value, text)
    if text.startswith("~"):
        name, slash, rest = text[1:].partition("/")
        text = _account(name or user, option, path).pw_dir + slash + rest
    return os.path.normpath(text)


def _absolute(text: str, option: str, path: str) -> str:
    if not os.path.isabs(text):
        raise InputError(
            f"config: {path} has {option} = {text}, which begins in the directory that Odoo is started in; write the "
            "path from the root"
        )
    return text


def _account(name: str, option: str, path: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError as error:
        raise InputError(
            f"config: {path} has {option} below the home directory of {name}, and this host has no such account; "
            "write the path out"
        ) from error


def _text(path: str) -> str:
    try:
        with opened_path(path) as stream, io.TextIOWrapper(stream, encoding="utf-8") as text:
            return text.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"config: {path} cannot be read: {error}; give the path of the instance's odoo.conf"
        ) from error


def _judged(options: Mapping[str, str]) -> dict[str, str]:
    """The options with the default for its hash, so that nobody else has to compute one."""
    stored = options.get("admin_passwd")
    return {**options, "admin_passwd": _DEFAULT} if model_password.matches(_DEFAULT, stored) else dict(options)
