# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of one instance of Odoo: those of its odoo.conf, of a command line and of an environment. Pure."""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

# What decides about databases; everything else on a command line is passed over.
_FLAGS = {
    "--no-database-list": ("list_db", "False"),
    "--no-http": ("http_enable", "False"),
    "--no-xmlrpc": ("http_enable", "False"),
}
_VALUES = {
    "-c": "config",
    "--config": "config",
    "-d": "db_name",
    "--database": "db_name",
    "-r": "db_user",
    "--db_user": "db_user",
    "-D": "data_dir",
    "--data-dir": "data_dir",
    "--db-filter": "dbfilter",
    "--max-cron-threads": "max_cron_threads",
}
_VARIABLES = {
    "PGDATABASE": "db_name",
    "PGUSER": "db_user",
    **{
        f"ODOO_{name.upper()}": name
        for name in ("admin_passwd", "data_dir", "dbfilter", "http_enable", "list_db", "max_cron_threads")
    },
}
_REMEDY = "give the path of the instance's odoo.conf, whose options follow a line [options]"
_FALSE = ("false", "no", "off", "0")


@dataclass(frozen=True)
class OdooConfig:
    """The options of one Odoo instance that operations on its databases need. An empty string is "not set".

    master_password: what kind of secret admin_passwd is, as `kind_of_master_password` says; the secret is not kept.
    http: whether it answers users. max_cron_threads: how many scheduled actions it runs at once.
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
    http: bool = True
    max_cron_threads: int = 2
    master_password: str = field(default="missing")


@dataclass(frozen=True)
class Process:
    """A running process of an instance. options: of its command line. environment: options that Odoo 19 takes there."""

    pid: int
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Instance:
    """An instance as its odoo.conf and its running processes have it. options: those of the file."""

    path: str
    options: Mapping[str, str] = field(repr=False)
    processes: Sequence[Process] = ()

    def in_force(self, environment: bool) -> list[OdooConfig]:
        """The configurations that its processes work by; that of the file where none runs.

        environment: whether this version of Odoo takes options from there.
        """
        found = []
        for process in self.processes:
            given = {**(process.environment if environment else {}), **process.options}
            where = f"{self.path} with the options of process {process.pid}" if given else self.path
            found.append(config_of({**self.options, **given}, where))
        return found or [config_of(self.options, self.path)]


def parse_config(text: str, path: str) -> OdooConfig:
    """The configuration that the text of an odoo.conf holds; `path` is for the error sentences."""
    return config_of(options_of(text, path), path)


def options_of(text: str, path: str) -> dict[str, str]:
    """All options of the text of an odoo.conf. Raises InputError where it is none."""
    if "\0" in text:
        raise InputError(f"config: {path} is not a configuration of Odoo: it holds a NUL character; {_REMEDY}")
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"config: {path} is not a configuration of Odoo: {reason}; {_REMEDY}") from error
    if not parser.has_section("options"):
        raise InputError(f"config: {path} is not a configuration of Odoo: it has no [options] section; {_REMEDY}")
    return dict(parser.items("options"))


def options_of_command(argv: Sequence[str]) -> dict[str, str]:
    """The options that a command line sets."""
    found: dict[str, str] = {}
    words = iter(argv)
    for word in words:
        if word == "--":
            break
        name, equals, value = _option(word)
        if name in _FLAGS:
            option, text = _FLAGS[name]
            found[option] = text
        elif name in _VALUES:
            found[_VALUES[name]] = value if equals else next(words, "")
    return found


def _option(word: str) -> tuple[str, bool, str]:
    """The option that a word of a command line names, "" for none of ours, and the value that it holds, if it does."""
    if not word.startswith("--"):
        # -s takes no value and may stand before another
        letters = word[1:].lstrip("s") if word.startswith("-") else ""
        return f"-{letters[:1]}", bool(letters[1:]), letters[1:]
    name, equals, value = word.partition("=")
    known = (*_FLAGS, *_VALUES)
    # Odoo takes a beginning that only one option has, and does not start with another
    meant = [name] if name in known else [one for one in known if len(name) > len("--") and one.startswith(name)]
    return meant[0] if len(meant) == 1 else "", bool(equals), value


def options_of_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The options that an environment sets."""
    return {option: environment[name] for name, option in _VARIABLES.items() if name in environment}


def config_of(options: Mapping[str, str], path: str) -> OdooConfig:
    """The configuration that options make; `path` is for the error sentences."""
    data_dir = _value(options, "data_dir")
    if not data_dir:
        raise InputError(f"config: {path} does not set data_dir, so the filestore cannot be found; set it")
    return OdooConfig(
        path=path,
        data_dir=data_dir,
        addons_path=tuple(_parts(options, "addons_path")),
        db_host=_value(options, "db_host"),
        db_port=_number(options, "db_port", path, 5432, range(1, 65536), "a port between 1 and 65535"),
        db_user=_value(options, "db_user"),
        db_password=_value(options, "db_password"),
        db_sslmode=_value(options, "db_sslmode") or "prefer",
        db_name=tuple(_parts(options, "db_name")),
        dbfilter=_value(options, "dbfilter"),
        # any other word is true to one version or another
        list_db=options.get("list_db", "True").strip() not in ("False", "false"),
        http=options.get("http_enable", "True").strip().lower() not in _FALSE,
        max_cron_threads=_number(options, "max_cron_threads", path, 2, range(10_000), "a number of threads"),
        master_password=kind_of_master_password(options.get("admin_passwd")),
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


def _parts(options: Mapping[str, str], key: str) -> Iterator[str]:
    return (part.strip() for part in _value(options, key).split(",") if part.strip())


def _value(options: Mapping[str, str], key: str) -> str:
    text = (options.get(key) or "").strip()
    # Odoo itself writes an unset option as the Python word
    return "" if text in ("False", "None") else text


def _number(options: Mapping[str, str], key: str, path: str, default: int, accepted: range, words: str) -> int:
    text = _value(options, key)
    if not text:
        return default
    if not text.isdecimal() or int(text) not in accepted:
        raise InputError(f"config: {path} sets {key} to {text!r}, which is not {words}")
    return int(text)
