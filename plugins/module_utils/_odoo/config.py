# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance's odoo.conf says about its database server and its files."""

from __future__ import annotations

import configparser
from dataclasses import dataclass, field

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError


@dataclass(frozen=True)
class OdooConfig:
    """The options of one Odoo instance that operations on its databases need. An empty string is "not set"."""

    path: str
    data_dir: str
    addons_path: tuple[str, ...] = ()
    db_host: str = ""
    db_port: int = 5432
    db_user: str = ""
    db_password: str = field(default="", repr=False)
    db_sslmode: str = "prefer"


def read_config(path: str) -> OdooConfig:
    """Read the odoo.conf at `path`. Raises InputError when it cannot be read or does not name a data_dir."""
    try:
        with open(path, encoding="utf-8") as handle:
            text = handle.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"config: {path} cannot be read: {error}; give the path of the instance's odoo.conf"
        ) from error
    return parse_config(text, path)


def parse_config(text: str, path: str) -> OdooConfig:
    """Parse the text of an odoo.conf; `path` is for the error sentences."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"config: {path} is not a configuration of Odoo: {reason}") from error
    if not parser.has_section("options"):
        raise InputError(f"config: {path} is not a configuration of Odoo: it has no [options] section")
    data_dir = _value(parser, "data_dir")
    if data_dir is None:
        raise InputError(f"config: {path} does not set data_dir, so the filestore cannot be found; set it")
    return OdooConfig(
        path=path,
        data_dir=data_dir,
        addons_path=tuple(part.strip() for part in (_value(parser, "addons_path") or "").split(",") if part.strip()),
        db_host=_value(parser, "db_host") or "",
        db_port=_port(_value(parser, "db_port"), path),
        db_user=_value(parser, "db_user") or "",
        db_password=_value(parser, "db_password") or "",
        db_sslmode=_value(parser, "db_sslmode") or "prefer",
    )


def _value(parser: configparser.RawConfigParser, key: str) -> str | None:
    text = parser.get("options", key, fallback="").strip()
    # Odoo itself writes an unset option as the Python word
    return None if text in ("", "False", "None") else text


def _port(text: str | None, path: str) -> int:
    if text is None:
        return 5432
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise InputError(f"config: {path} sets db_port to {text!r}, which is not a port between 1 and 65535")
    return int(text)
