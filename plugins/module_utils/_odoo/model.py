# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database of Odoo is: as declared, and as found on the server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import BASE
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import check_name
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import Home, fault_of

_ADDON = re.compile(r"[A-Za-z0-9_]+")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2}|_[0-9]{3})?(@[A-Za-z]+)?")


@dataclass(frozen=True)
class Desired:
    """One database as declared. An option that is None or empty is left as it is on the server.

    password_once: the administrator's password is only set where the database is made.
    config_user: the role that the instance logs in as, which owns what is created without a declared owner.
    clone_from: the database to copy where this one does not exist. clone_cuts: sessions on it may be ended for that.
    clone_files: how its files are copied, as copy_blobs takes it. neutralize: the copy is made harmless first.
    tier: of the tenant, 0 where it is not told; of tier 1 only what is backed up may be dropped.
    cached: where it does not exist, it is made from a template, which is made first where there is none.
    sealed: this one is such a template, of the kind that the text tells.
    home: by which it is its tenant's. create: it is made where it does not exist.
    fencing_number: of the change, 0 for none.
    cron_timeout: seconds for running jobs to end before it is blocked.
    """

    name: str
    present: bool = True
    owner: str = ""
    config_user: str = ""
    addons: frozenset[str] = frozenset({BASE})
    language: str = ""
    demo: bool = False
    admin_login: str = ""
    admin_password: str = field(default="", repr=False)
    password_once: bool = False
    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    blocked: bool | None = None
    rename_from: str = ""
    may_drop: bool = False
    tier: int = 0
    clone_from: str = ""
    clone_cuts: bool = False
    clone_files: str = "auto"
    neutralize: bool = False
    extensions: frozenset[str] = frozenset()
    cached: bool = False
    sealed: str = ""
    home: Home | None = None
    create: bool = True
    fencing_number: int = 0
    cron_timeout: float | None = None


@dataclass(frozen=True)
class Database:
    """One database as found.

    blocked: its owner may not connect. admits: others than its owner, the login and superusers may connect.
    lingering: sessions are open whose role may no longer connect.
    closed: it accepts no connections, so nothing below is known. broken: a DROP of it was interrupted, so it is lost.
    odoo: it has the tables of Odoo. imported: installed, and without code on any disk; read of what is neutralized.
    admin_password_matches: the stored hash is that of the declared password.
    """

    name: str
    owner: str
    blocked: bool = False
    admits: bool = False
    lingering: bool = False
    closed: bool = False
    broken: bool = False
    odoo: bool = True
    installed: frozenset[str] = frozenset()
    imported: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()
    neutralized: bool = False
    uuid: str = ""
    series: str = ""
    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    admin_login: str = ""
    admin_password_matches: bool = False
    home: Home | None = None

    @property
    def leaks(self) -> bool:
        """Whether somebody is in, or may come in, who would not where it is blocked."""
        return self.admits or self.lingering


@dataclass(frozen=True)
class Leftover:
    """A database under its temporary name. `ours` is told by its comment."""

    name: str
    ours: bool


@dataclass(frozen=True)
class Template:
    """What a database can be made from: its name, which tells build, addons and code; its kind, which tells the wish.

    superseded: templates of the same kind and of other code.
    """

    name: str
    kind: str
    exists: bool = False
    superseded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Server:
    """All that a plan looks at: databases by name, those in the making, filestore directories, and the addons on disk.

    filestores: only of names that the declared databases have, had, or have while in the making.
    addons: those on disk; None where that cannot be seen from here, as with Odoo in a container.
    roles: those that exist, and whether the login may act for them. creates: the login may create databases.
    templates: what each declared database that does not exist and may be made from one is made from.
    errors: why a database could not be read, by its name; it is not among the databases then.
    extensions: those that the server could create. series: of Odoo's code, empty where it cannot be seen from here.
    """

    databases: Mapping[str, Database] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    leftovers: Mapping[str, Leftover] = field(default_factory=dict)
    filestores: frozenset[str] = frozenset()
    addons: frozenset[str] | None = None
    roles: Mapping[str, bool] = field(default_factory=dict)
    login: str = ""
    creates: bool = True
    templates: Mapping[str, Template] = field(default_factory=dict)
    extensions: frozenset[str] = frozenset()
    series: str = ""


def desired_from(items: Sequence[Mapping[str, Any]], config_user: str, cached: bool = False) -> list[Desired]:
    """The declared databases of a module's parameters. Raises InputError for what cannot be meant."""
    declared = [_desired(item, config_user, cached) for item in items]
    require_distinct(declared)
    return declared


def require_distinct(declared: Sequence[Desired]) -> None:
    """Raise InputError where one database is declared twice in a call."""
    seen: dict[str, str] = {}
    for one in declared:
        for name, option in ((one.name, "name"), (one.rename_from, "rename_from")):
            if name and name in seen:
                raise InputError(f"{option}: {name} is named twice in one call, as {seen[name]} and as {option}")
            if name:
                seen[name] = option


def _desired(item: Mapping[str, Any], config_user: str, cached: bool) -> Desired:
    name = check_name(item["name"], "name")
    present = item["state"] == "present"
    if item["rename_from"]:
        check_name(item["rename_from"], "rename_from")
        if not present:
            raise InputError(f"rename_from: {name} is to be absent, and an absent database has no former name")
    if item["clone_from"]:
        check_name(item["clone_from"], "clone_from")
        if not present or item["rename_from"] or item["clone_from"] == name:
            raise InputError(f"clone_from: {name} is to be absent, renamed or itself, so there is nothing to clone")
    if item["neutralize"] and not item["clone_from"]:
        raise InputError(f"neutralize: {name} is no copy, and only a copy is made harmless; give clone_from")
    return Desired(
        name=name,
        present=present,
        owner=item["owner"] or "",
        config_user=config_user,
        addons=frozenset(_matching(addon, _ADDON, "addons") for addon in item["addons"] or ()) | {BASE},
        language=_matching(item["language"], _LANGUAGE, "language") if item["language"] else "",
        demo=item["demo"],
        admin_login=item["admin_login"] or "",
        admin_password=_password(item["admin_password"], name),
        password_once=item["update_password"] in ("on_create",),
        parameters=_parameters(item["parameters"] or {}, item["base_url"], name),
        blocked=None if item["access"] is None else item["access"] == "blocked",
        rename_from=item["rename_from"] or "",
        may_drop=item["policy"] == "drop",
        tier=int(item["tier"] or 0),
        clone_from=item["clone_from"] or "",
        clone_cuts=item["clone_sessions"] == "end",
        clone_files=item["clone_files"],
        neutralize=item["neutralize"],
        extensions=frozenset(item["extensions"] or ()),
        cached=cached,
        home=_home(item["home"], name, present),
        create=item["create"] is not False,
        fencing_number=int(item["fencing_number"] or 0),
        cron_timeout=_cron_timeout(item, name),
    )


def _home(given: Mapping[str, Any] | None, name: str, present: bool) -> Home | None:
    if given is None:
        return None
    fault = fault_of(given["number"], given["group"]) or ("" if present else f"{name} is to be absent, and is no home")
    if fault:
        raise InputError(f"home: {fault}")
    return Home(given["number"], given["group"])


def _cron_timeout(item: Mapping[str, Any], name: str) -> float | None:
    seconds = item["cron_timeout"]
    if seconds is None:
        return None
    if seconds < 0 or item["access"] != "blocked":
        raise InputError(
            f"cron_timeout: {seconds} for {name} is a time to wait before it is blocked; give 0 or more seconds, and "
            "access: blocked"
        )
    return float(seconds)


def _matching(text: str, pattern: re.Pattern[str], option: str) -> str:
    if not pattern.fullmatch(text):
        raise InputError(f"{option}: {text!r} is not what Odoo calls one, expected {pattern.pattern}")
    return text


def _password(text: str | None, name: str) -> str:
    if text is not None and not text.strip():
        raise InputError(f"admin_password: the password for {name} is empty, give one or leave the option out")
    return text or ""


def _parameters(given: Mapping[str, Any], base_url: str | None, name: str) -> tuple[tuple[str, str], ...]:
    texts = {key: _text(key, value, name) for key, value in given.items()}
    if base_url:
        if not re.fullmatch(r"https?://[^/\s]+", base_url.rstrip("/")):
            raise InputError(f"base_url: {base_url!r} for {name} is not like https://erp.example.com")
        # without the freeze, Odoo rewrites the address when an administrator logs in
        texts.update({"web.base.url": base_url.rstrip("/"), "web.base.url.freeze": "True"})
    return tuple(sorted(texts.items()))


def _text(key: str, value: Any, name: str) -> str:
    if isinstance(value, (str, bool, int, float)) and str(value) != "":
        return str(value)
    raise InputError(f"parameters: {key} for {name} must be a text, a number or a boolean, and not be empty")
