# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of an odoo.conf that Odoo reads back as it was meant. Pure."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Odoo expands variables and home directories in these, and the role does not.
_PATHS = ("addons_path", "data_dir")
# Odoo takes these words for "not set" or for a boolean where it reads a text.
_WORDS = ("None", "False", "false", "True", "true")
_TEXTS = (*_PATHS, "db_host", "db_name", "db_password", "db_user", "dbfilter", "http_interface", "pidfile")


def plan_config(options: Mapping[str, Any]) -> str:
    """The lines of the section [options], in the order of `options`.

    Raises InputError, without the value, for an option that Odoo would read back as another.
    """
    return "".join(_line(name, value) for name, value in options.items())


def _line(name: str, value: Any) -> str:
    if not _NAME.fullmatch(name):
        raise InputError(f"odoo.conf: {name!r} is no name of an option; use lower-case letters, digits and _")
    if value is None or not isinstance(value, (str, bool, int, float)):
        raise InputError(f"odoo.conf: {name} is neither a text nor a number nor a boolean; correct it, or leave it out")
    text = str(value)
    if name in _TEXTS and text in _WORDS:
        raise InputError(f"odoo.conf: {name} is a word that Odoo takes for no text, such as None; choose another")
    if name in _PATHS and any(part[:1] == "~" or "$" in part for part in text.split(",")):
        raise InputError(f"odoo.conf: {name} holds ~ or $, which Odoo would expand; write the path out")
    line = f"{name} = {text}\n" if text else f"{name} =\n"
    if _read_back(line) != {name: text}:
        raise InputError(
            f"odoo.conf: {name} holds a line break, or a blank at its beginning or end, which Odoo would not "
            "read back; change the value"
        )
    return line


def _read_back(line: str) -> dict[str, str]:
    """What Odoo reads in one line, or more, of its section."""
    parser = configparser.RawConfigParser()
    # a file knows three ends of a line, and a text only one
    seen = line.replace("\r\n", "\n").replace("\r", "\n")
    try:
        parser.read_string(f"[options]\n{seen}")
    except configparser.Error:
        return {}
    return dict(parser.items("options")) if parser.sections() == ["options"] else {}
