# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify the ledger and write the report of an audit, on the controller."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ansible import constants as C

from ansible_collections.gantry.odoo.plugins.module_utils._audit import report_json
from ansible_collections.gantry.odoo.plugins.module_utils._audit.apply_audit import Folded, folded
from ansible_collections.gantry.odoo.plugins.module_utils._audit.apply_report import make_directory, write_pieces
from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import Filters, moment
from ansible_collections.gantry.odoo.plugins.module_utils._audit.model_report import Beside, Picked, Report
from ansible_collections.gantry.odoo.plugins.module_utils._audit.read_beside import read_beside
from ansible_collections.gantry.odoo.plugins.module_utils._audit.report_page import page
from ansible_collections.gantry.odoo.plugins.module_utils._audit.report_screen import screen
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.options_approval import IDENTITIES, identities_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction
from ansible_collections.gantry.odoo.plugins.plugin_utils.audit_page import rendered

# The callback that shows the screen at the very end of the run.
_SUMMARY = "gantry.odoo.summary"
_JSON, _HTML = "report.json", "report.html"


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_audit."""

    OPTIONS = {
        "store": STORE,
        "directory": {"type": "path", "required": True},
        "tenant": {"type": "str", "default": ""},
        "since": {"type": "str", "default": ""},
        "before": {"type": "str", "default": ""},
        "tenants": {"type": "list", "elements": "dict", "default": []},
        "calendars": {"type": "list", "elements": "dict", "default": []},
        "compliance": {"type": "list", "elements": "dict"},
        "compliance_unknown": {"type": "str", "default": ""},
        "certificates_path": {"type": "path"},
        **IDENTITIES,
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Verify first, write what can be told in any case, and fail where the ledger does not verify."""
        params, filters = call.params, _filters(call.params)
        directory = os.path.expanduser(params["directory"])
        if not os.path.isabs(directory):
            raise InputError(f"directory: {directory} is a relative path; give an absolute one")
        if not call.check_mode:
            make_directory(directory)
        kept = "" if call.check_mode else directory
        with folded(params["store"], filters, kept or None, identities_of(params)) as found:
            beside = read_beside(params, filters, found.audit.since, found.audit.now)
            report, picked, written = _written(found, beside, filters, kept)
        lines = screen(report, picked, written)
        if _SUMMARY not in C.config.get_config_value("CALLBACKS_ENABLED"):
            self._display.display("\n".join(["", *lines]))
        checked = report.verification
        facts = {
            "verified": checked.verified,
            "findings": [one.sentence for one in checked.faults],
            "sequence": checked.last,
            "hash": checked.hash,
            "report": written,
            "screen": lines,
        }
        return Outcome(facts=facts, failure="" if checked.verified else checked.sentence)


def _filters(params: Mapping[str, Any]) -> Filters:
    """What the report is about. Raises InputError for a time that cannot be meant."""
    since, until = (_moment(option, params[option]) for option in ("since", "before"))
    if since and until and since >= until:
        raise InputError(
            f"since: {params['since']} is no time before {params['before']}, the end of the report; give an earlier one"
        )
    return Filters(params["tenant"], since, until)


def _moment(option: str, text: str) -> datetime | None:
    if not text:
        return None
    found = moment(f"{text}T00:00:00+00:00" if len(text) == 10 else text.replace("Z", "+00:00"))
    if found is None:
        raise InputError(
            f"{option}: {text} is no time; give a date such as 2026-11-01, or a time with its zone such as "
            "2026-11-01T06:00:00+00:00"
        )
    return found


def _written(found: Folded, beside: Beside, filters: Filters, directory: str) -> tuple[Report, Picked, dict[str, str]]:
    """The report, the changes that its page shows, and its files with their digests; none without a directory."""
    picked = Picked()
    pieces = _pieces(found, beside, filters, picked)
    if not directory:
        deque(pieces, maxlen=0)
        return _report(found, beside, filters), picked, {}
    digest = write_pieces(directory, _JSON, pieces)
    report = _report(found, beside, filters)
    shown = write_pieces(directory, _HTML, rendered(page(report, picked, digest)))
    paths = {"json": os.path.join(directory, _JSON), "html": os.path.join(directory, _HTML)}
    return report, picked, {**paths, "json_sha256": digest, "html_sha256": shown}


def _pieces(found: Folded, beside: Beside, filters: Filters, picked: Picked) -> Iterator[str]:
    """The file of JSON, with the changes counted and picked on their way."""
    yield report_json.head(found.source.verification(), filters, found.audit.now)
    separator = ""
    for change in found.changes():
        found.audit.count(change)
        picked.add(change)
        yield separator + report_json.change_line(change)
        separator = ",\n"
    yield report_json.tail(_report(found, beside, filters), picked.open_count)


def _report(found: Folded, beside: Beside, filters: Filters) -> Report:
    """The report, once all changes are counted."""
    audit = found.audit
    return Report(
        now=audit.now,
        filters=filters,
        verification=found.source.verification(),
        summary=audit.summary(),
        evidence=audit.proofs.evidence(beside.tenants, beside.limits, audit.now),
        promises=beside.promises,
        promises_why=beside.promises_why,
        deeds=audit.proofs.deeds(),
        scan=beside.scan,
        calendars=beside.calendars,
        doubted=audit.proofs.doubted,
        remarks=found.remarks,
    )
