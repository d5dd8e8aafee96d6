# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy as it is recorded in a repository: what is written is what is read, or it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import (
    Keep,
    Policy,
    RetentionClass,
    check_backup_name,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_retention import (
    COUNTED,
    WITHIN,
    check,
    duration_in,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import (
    MOST,
    fields,
    flag,
    items,
    number,
    text,
    texts,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog

IMMUTABILITY = ("none", "versions", "lock")
# A century: with more of it, a moment leaves the calendar of Python, and what is meant is a slip.
MOST_DAYS = 36_525
MOST_S = MOST_DAYS * 86_400
# the database, the repository, and a second repository
LEAST_COPIES, MOST_COPIES = 2, 3


def record(policy: Policy) -> dict[str, Any]:
    """The policy as it is stored, and compared the next time."""
    document: dict[str, Any] = json.loads(json.dumps(asdict(policy)))
    return document


def policy_from(recorded: Mapping[str, Any]) -> Policy:
    """The policy that a record holds. Raises StateError for one of another version."""
    try:
        return Policy(**{name: _FIELDS[name](value) for name, value in recorded.items()})
    except (InputError, *BAD_VALUES) as error:
        raise StateError(f"the recorded policy cannot be read: {error!r}; update gantry.odoo, or remove it") from error


def policy_in(catalog: Catalog, warn: Callable[[str], None] = lambda _sentence: None) -> Policy | None:
    """The policy that a catalog has, None where none can be read. warn: is given why one that is there cannot."""
    try:
        return None if catalog.policy is None else policy_from(catalog.policy)
    except StateError as error:
        warn(str(error))
        return None


def require_consistent(policy: Policy) -> Policy:
    """The policy itself. Raises InputError where no estate could keep two of its promises at once.

    Locks may be shorter or longer than backups are kept: an expiry works beside them.
    """
    where = f"policies: tenant {policy.tenant} has"
    if policy.drill_interval_s < policy.rpo_s:
        raise InputError(
            f"{where} drill_interval_s {policy.drill_interval_s} and rpo_s {policy.rpo_s}, so that drills are due more "
            "often than there is a new backup; give a drill_interval_s that is not shorter than rpo_s"
        )
    if not LEAST_COPIES <= policy.copies <= MOST_COPIES:
        raise InputError(
            f"{where} copies {policy.copies}; give 2, for the database and its backups, or 3, with a second repository"
        )
    if policy.copies == MOST_COPIES and policy.copy_rpo_s < policy.rpo_s:
        raise InputError(
            f"{where} copy_rpo_s {policy.copy_rpo_s} and rpo_s {policy.rpo_s}, so that the copy has to be newer than "
            "the backups are; give a copy_rpo_s that is not shorter than rpo_s"
        )
    if policy.immutability == "versions" and policy.versioning is False:
        raise InputError(
            f"{where} immutability versions and versioning false, so that nothing keeps the versions; leave versioning "
            "out, or give immutability: none"
        )
    return policy


def require_seconds(option: str, value: int, least: int = 0) -> int:
    """The value of an option that counts seconds. Raises InputError for what nobody can mean."""
    return _required(option, value, least, MOST_S, "seconds")


def require_days(option: str, value: int, least: int = 0) -> int:
    """The value of an option that counts days. Raises InputError for what nobody can mean."""
    return _required(option, value, least, MOST_DAYS, "days")


def _required(option: str, value: int, least: int, most: int, unit: str) -> int:
    if not least <= value <= most:
        raise InputError(f"{option}: {value} is not a number of {unit}; give {least} to {most}")
    return value


def _choice(value: Any) -> str:
    if value not in IMMUTABILITY:
        raise ValueError(f"{value!r} is no immutability")
    return text(value)


def _keep(value: Any) -> Keep:
    kinds: dict[str, Callable[[Any], Any]] = {
        **dict.fromkeys(COUNTED, partial(number, least=-1)),
        **dict.fromkeys(WITHIN, text),
    }
    return check(Keep(**{name: kinds[name](said) for name, said in fields(value).items()}))


def _class(value: Any) -> RetentionClass:
    said = fields(value)
    keep, period = said["keep"], text(said["period"])
    duration_in(period, "period")
    backups = tuple(map(check_backup_name, texts(said["backups"])))
    return RetentionClass(text(said["name"]), None if keep is None else _keep(keep), backups, period)


def _classes(value: Any) -> tuple[RetentionClass, ...]:
    return tuple(map(_class, items(value)))


def _backup_or_empty(value: Any) -> str:
    return check_backup_name(value) if text(value) else ""


def _flag_or_none(value: Any) -> bool | None:
    return None if value is None else flag(value)


def _days_or_none(value: Any) -> int | None:
    return None if value is None else _days(value)


_days = partial(number, most=MOST_DAYS)
_seconds = partial(number, most=MOST_S)
_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "tenant": text,
    "tier": partial(number, least=1, most=3),
    "rpo_s": _seconds,
    "rto_s": _seconds,
    "keep": _keep,
    "versioning": _flag_or_none,
    "noncurrent_days": _days_or_none,
    "drill_interval_s": _seconds,
    "immutability": _choice,
    "lock_days": _days,
    "copies": partial(number, most=MOST),
    "copy_rpo_s": _seconds,
    "regions": texts,
    "classes": _classes,
    "sizes_from": _backup_or_empty,
}
