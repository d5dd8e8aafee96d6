# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance's odoo.conf says about its database server, its files and who may manage databases."""

from __future__ import annotations

import configparser
from dataclasses import dataclass, field

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError


@dataclass(frozen=True)
class OdooConfig:
    """The options of one Odoo instance that operations on its databases need. An empty string is "not set".

    master_password: what kind of secret admin_passwd is, as `kind_of_master_password` says; the secret is not kept.
    """

    path: str
    data_dir: str
    addons_path: tuple[str, ...] = ()
    db_host: str = ""
    db_port: int = 5432
    db_user: str = ""
    db_password: str = field(default="", repr=False)
    db_sslmode: str = "prefer"
    db_name: tuple[str, ...] = ()
    dbfilter: str = ""
    list_db: bool = True
    master_password: str = field(default="missing")


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
        addons_path=_parts(parser, "addons_path"),
        db_host=_value(parser, "db_host") or "",
        db_port=_port(_value(parser, "db_port"), path),
        db_user=_value(parser, "db_user") or "",
        db_password=_value(parser, "db_password") or "",
        db_sslmode=_value(parser, "db_sslmode") or "prefer",
        db_name=_parts(parser, "db_name"),
        dbfilter=_value(parser, "dbfilter") or "",
        # any other word is true to one version or another
        list_db=parser.get("options", "list_db", fallback="True").strip() not in ("False", "false"),
        master_password=kind_of_master_password(parser.get("options", "admin_passwd", fallback=None)),
    )


def kind_of_master_password(text: str | None) -> str:
    """What `admin_passwd` is: `none` (no password is right), `hash`, `plain`, `default`, or `missing`."""
    # Odoo 19 skips this word, and its default stays
    if text is None or text.strip() in ("False", "false"):
        return "missing"
    text = text.strip()
    if text in ("", "admin"):
        return "default" if text else "none"
    return "hash" if text.startswith("$pbkdf2-sha512$") else "plain"


def _parts(parser: configparser.RawConfigParser, key: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in (_value(parser, key) or "").split(",") if part.strip())


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
