# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what an audit shows beside the ledger: calendars, and the last scan of certificates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import Filters
from ansible_collections.gantry.odoo.plugins.module_utils._audit.model_report import SPANS, Beside, Calendars, Scan
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_months import (
    concerning,
    horizon,
    months,
    spans_listed,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_proofs import (
    certificates_from,
    limits_from,
    promises_from,
    tenants_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import Calendar, Timeline, calendar_from
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.read import read_timelines
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    BAD_VALUES,
    GantryError,
    excerpt,
    sentence_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import opened_at_once

_MOST_BYTES = 64 * 1024 * 1024


def read_beside(params: Mapping[str, Any], filters: Filters, since: datetime | None, now: datetime) -> Beside:
    """What the options of the module name. since, now: the beginning and the end of the report."""
    tenants = tenants_from(params["tenants"])
    compliance = params["compliance"]
    why = excerpt(params["compliance_unknown"]) or ("" if compliance is not None else "the playbook did not ask it")
    return Beside(
        tenants,
        limits_from(compliance),
        promises_from(compliance, filters),
        why,
        _scan(params["certificates_path"]),
        _calendars(params["calendars"], lambda found: concerning(found, tenants, filters), *horizon(since, now), now),
    )


def _scan(path: str | None) -> Scan:
    if not path:
        return Scan(why="no scan is named, see audit_certificates_path")
    try:
        with opened_at_once(path) as stream:
            time, certificates = certificates_from(json.loads(stream.read(_MOST_BYTES)))
    except OSError as error:
        return Scan(why=sentence_of(error))
    except BAD_VALUES as error:
        return Scan(why=f"{path} is no file of gantry.odoo.certificates ({excerpt(str(error))})")
    return Scan(time, certificates, "" if time else f"{path} does not say when it was written")


def _calendars(
    raw: Sequence[Any],
    choose: Callable[[Iterable[Calendar]], list[Calendar]],
    since: datetime,
    until: datetime,
    now: datetime,
) -> Calendars:
    """The calendars that are chosen, from `since` until `until`."""
    timelines: list[Timeline] = []
    why: list[str] = []
    for calendar in choose(_declared(raw, why)):
        try:
            timelines += read_timelines([calendar], since, until)
        except (GantryError, OSError) as error:
            why.append(excerpt(sentence_of(error)))
    spans, count = spans_listed(timelines, SPANS)
    return Calendars(bool(raw), months(timelines, since, until, now), spans, count, "; ".join(why))


def _declared(raw: Iterable[Any], why: list[str]) -> list[Calendar]:
    found = []
    for one in raw:
        try:
            found.append(calendar_from(one))
        except GantryError as error:
            why.append(excerpt(str(error)))
    return found
