# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a database and its instance is not as a careful admin wants it. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_config import OdooConfig

_NAMED = 3
_MASTER = {
    "missing": "does not set admin_passwd, so Odoo's default is the master password",
    "default": "sets admin_passwd to Odoo's default",
    "plain": "holds admin_passwd in plain text and not as a pbkdf2_sha512 hash",
}


@dataclass(frozen=True)
class Seen:
    """One database as far as findings need it.

    siblings: other databases of its owner. foreign_tables: tables, views and sequences that the owner does not own.
    unaccent: the volatility of the function as in pg_proc, None where there is none.
    """

    name: str
    owner: str
    superuser: bool = False
    siblings: Sequence[str] = ()
    foreign_tables: Sequence[str] = ()
    pending: Sequence[str] = ()
    partially_updated: bool = False
    base_url: str = ""
    frozen: bool = True
    unaccent: str | None = "i"


def findings(seen: Seen, configs: Sequence[OdooConfig] = ()) -> list[dict[str, str]]:
    """The findings by a stable name, each with the sentence why.

    configs: those in force in the processes of the instance, all alike or not. What they say counts only for the
    databases that they serve.
    """
    ours = [config for config in configs if serves(config, seen)]
    found: dict[str, str] = {}
    for config in ours:
        for finding, why in _instance(seen, config):
            found.setdefault(finding, why)
    found.update(_database(seen, ours))
    return [{"finding": finding, "why": why} for finding, why in found.items()]


def serves(config: OdooConfig, seen: Seen) -> bool:
    """Whether the instance takes the database for one of its own: it is named, or its role owns it."""
    named = seen.name in config.db_name
    by_role = config.db_user in ("", seen.owner)
    return named or (by_role and (not config.db_name or bool(config.dbfilter)))


def _instance(seen: Seen, config: OdooConfig) -> Iterator[tuple[str, str]]:
    if config.http and config.list_db:
        yield "list_db", f"{config.path} does not say list_db = False, so the database manager answers to anybody"
    if config.http and config.master_password in _MASTER:
        yield "master_password", f"{config.path} {_MASTER[config.master_password]}; leave it empty, or store its hash"
    if config.max_cron_threads and not config.db_name and seen.siblings:
        yield (
            "cron_scope",
            f"{config.path} sets no db_name, so its cron visits every database of {seen.owner}: "
            f"not only {seen.name}, also {_names(seen.siblings)}",
        )


def _database(seen: Seen, ours: Sequence[OdooConfig]) -> Iterator[tuple[str, str]]:
    reasons = list(_owner(seen, ours))
    if reasons:
        yield "owner", "; ".join(reasons)
    if seen.base_url and not seen.frozen:
        yield (
            "base_url_freeze",
            f"web.base.url is {seen.base_url} without web.base.url.freeze, so the next login of an administrator "
            "may rewrite it",
        )
    if seen.unaccent is None:
        yield "unaccent", "there is no function unaccent(text), so a search minds accents"
    elif seen.unaccent != "i":
        yield (
            "unaccent",
            "unaccent(text) is not IMMUTABLE, so Odoo makes no index with it, and a restore that holds one fails",
        )
    if seen.pending:
        yield (
            "pending",
            f"Odoo runs no cron while addons wait to be installed, upgraded or removed: {_names(seen.pending)}",
        )
    if seen.partially_updated:
        yield (
            "partially_updated",
            "base.partially_updated_database is set: an update did not end, and starting Odoo may go on with it",
        )


def _owner(seen: Seen, ours: Sequence[OdooConfig]) -> Iterator[str]:
    if seen.superuser:
        yield f"{seen.owner}, which owns it, is a superuser"
    mixing = [config for config in ours if config.http and not config.db_name and not config.dbfilter]
    if mixing and seen.siblings:
        yield (
            f"{seen.owner} owns {_names(seen.siblings)} too, and {mixing[0].path} sets neither db_name nor dbfilter to "
            "keep them apart"
        )
    if seen.foreign_tables:
        yield f"{seen.owner} does not own all that is in it, such as {_names(seen.foreign_tables)}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(sorted(names)[:_NAMED]) + (f" and {more} more" if more > 0 else "")
