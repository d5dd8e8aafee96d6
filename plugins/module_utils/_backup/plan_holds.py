# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups of a tenant stay, and why: by its policy, by retention classes, by holds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import (
    Keep,
    RetentionClass,
    check_backup_name,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_retention import (
    Verdict,
    check,
    duration_in,
    is_within,
    judge,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import KEPT, Catalog, Hold
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import holds_after

History = Sequence[tuple[str, datetime]]
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


@dataclass(frozen=True)
class HoldWish:
    """What a call says of the holds on a tenant's backups: those that stand, and the names of those that end."""

    placed: tuple[Hold, ...] = ()
    released: tuple[str, ...] = ()

    def after(self, seen: Sequence[Hold]) -> tuple[Hold, ...]:
        """The holds that stand once the call is done. One that it does not name goes on."""
        return holds_after(seen, self.placed, self.released)

    def changed(self, seen: Sequence[Hold]) -> HoldWish:
        """What of it has to be recorded."""
        names = {one.name for one in seen}
        return HoldWish(
            tuple(one for one in self.placed if one not in seen),
            tuple(name for name in self.released if name in names),
        )

    def undeclared(self, seen: Sequence[Hold]) -> list[Hold]:
        """The recorded holds that the call does not name, but for those that a backup has placed on itself."""
        named = {*(one.name for one in self.placed), *self.released}
        return [one for one in seen if one.name not in named and not one.name.startswith(KEPT)]

    def steps(self, tenant: str) -> list[Step]:
        """What has to be recorded, in words."""
        placed = [Step("place_hold", f"{tenant}/{one.name}", f"{one.reason}, {end_of(one)}") for one in self.placed]
        return placed + [Step("release_hold", f"{tenant}/{name}", "its state is released") for name in self.released]


def end_of(hold: Hold) -> str:
    """Until when a hold stands, in words."""
    return f"until {hold.until}" if hold.until else "without an end"


def verdicts(
    history: History, keep: Keep, classes: Iterable[RetentionClass], holds: Iterable[Hold], now: datetime
) -> list[Verdict]:
    """A verdict for each backup, newest first, with every reason to keep it. now: by the store's clock."""
    found = judge(history, keep, now)
    further: dict[str, list[str]] = {}
    for one in classes:
        for name, reason in _by_class(history, one, now):
            further.setdefault(name, []).append(f"class {one.name}: {reason}")
    for hold in holds:
        if hold.is_over(now):
            continue
        for name in hold.backups or [name for name, _moment in history]:
            further.setdefault(name, []).append(_held(hold))
    if not further:
        return found
    return [Verdict(one.backup_id, (*one.reasons, *further.get(one.backup_id, ()))) for one in found]


def stays(
    name: str, moment: datetime, classes: Iterable[RetentionClass], holds: Iterable[Hold], now: datetime
) -> tuple[str, ...]:
    """Why a backup that counts for no rule is kept all the same: a hold has it, or a class names it."""
    return (
        *(f"class {one.name}: for {one.period}" for one in classes if _is_pinned(one, name, moment, now)),
        *(_held(one) for one in holds if one.keeps(name, now)),
    )


def _held(hold: Hold) -> str:
    return f"hold {hold.name} {end_of(hold)}"


def _is_pinned(one: RetentionClass, name: str, moment: datetime, now: datetime) -> bool:
    """Whether a class names a backup, and its period has not ended."""
    return name in one.backups and is_within(moment, one.period, now)


def _by_class(history: History, one: RetentionClass, now: datetime) -> Iterable[tuple[str, str]]:
    """The backups that a class keeps, and why."""
    if one.keep is not None:
        for verdict in judge(history, one.keep, now):
            # those are kept already, and count for nothing
            if verdict.kept and verdict.reasons != ("dated in the future",):
                yield verdict.backup_id, ", ".join(verdict.reasons)
    for name, moment in history if one.backups else ():
        if _is_pinned(one, name, moment, now):
            yield name, f"for {one.period}"


def require_pinned(tenant: str, classes: Iterable[RetentionClass], catalog: Catalog, now: datetime) -> None:
    """Raise StateError where a class names a backup that should be there still and is not."""
    there = {one.name for one in catalog.entries}
    for one in classes:
        for name in one.backups:
            moment = datetime.strptime(name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
            if name not in there and is_within(moment, one.period, now):
                raise StateError(
                    f"policies: tenant {tenant} has a class {one.name} that keeps backup {name}, which is not there; "
                    "name one that is"
                )


def require_ahead(tenant: str, wish: HoldWish, now: datetime) -> None:
    """Raise StateError where a hold is to be placed whose last day has passed: it would keep nothing.

    wish: what has to be recorded. One that is recorded already may be over, as its declaration stays. now: by the
    store's clock.
    """
    for one in wish.placed:
        if one.is_over(now):
            raise StateError(
                f"policies: tenant {tenant} has a hold {one.name} {end_of(one)}, which has passed, so that it would "
                "keep nothing; give a later day, or leave the hold out"
            )


def parse_holds(tenant: str, items: Iterable[Mapping[str, Any]]) -> HoldWish:
    """The holds in a policy's options. Raises InputError for values that cannot be used."""
    listed = list(items)
    _require_names(tenant, "hold", [item["name"] for item in listed])
    for item in listed:
        where = f"policies: tenant {tenant} has a hold {item['name']}"
        if item["state"] == "present" and not (item.get("reason") or "").strip():
            raise InputError(f"{where} without a reason; give it, as it is shown wherever a backup stays for it")
        _require_day(item.get("until"), where)
        require_backups(item.get("backups"), where)
    return HoldWish(
        tuple(
            Hold(item["name"], item["reason"].strip(), item.get("until") or "", tuple(item.get("backups") or ()))
            for item in listed
            if item["state"] == "present"
        ),
        tuple(item["name"] for item in listed if item["state"] == "released"),
    )


def parse_classes(tenant: str, items: Iterable[Mapping[str, Any]]) -> tuple[RetentionClass, ...]:
    """The retention classes in a policy's options. Raises InputError for values that cannot be used."""
    listed = list(items)
    _require_names(tenant, "class", [item["name"] for item in listed])
    return tuple(_class(tenant, item) for item in listed)


def _class(tenant: str, item: Mapping[str, Any]) -> RetentionClass:
    where = f"policies: tenant {tenant} has a class {item['name']}"
    rules = {name: value for name, value in (item.get("keep") or {}).items() if value is not None}
    backups, period = tuple(item.get("backups") or ()), item.get("period") or ""
    if not rules and not backups:
        raise InputError(f"{where} that keeps nothing; give keep, or backups with a period")
    if bool(backups) != bool(period):
        raise InputError(f"{where} with backups or a period alone; give both, such as period: 10y")
    require_backups(backups, where)
    if period and not any(duration_in(period, f"{where}: period").values()):
        raise InputError(f"{where} whose period is of no length; give one such as 10y")
    return RetentionClass(item["name"], check(Keep(**rules), f"{where}: keep") if rules else None, backups, period)


def _require_names(tenant: str, kind: str, names: Sequence[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise InputError(
                f"policies: tenant {tenant} has a {kind} {name!r}; name it by lower-case letters, digits, ., - and _"
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"policies: tenant {tenant} has two of {kind} {twice[0]}; leave one")


def _require_day(text: str | None, where: str) -> None:
    if not text:
        return
    try:
        if date.fromisoformat(text).isoformat() != text:
            raise ValueError(text)
    except ValueError as error:
        raise InputError(f"{where} until {text!r}; give a day such as 2031-12-31, or none for no end") from error


def require_backups(names: Iterable[str] | None, where: str) -> None:
    """Raise InputError for a name that cannot be the identifier of a backup.

    where: the option, as an error names it.
    """
    for name in names or ():
        try:
            check_backup_name(name)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
