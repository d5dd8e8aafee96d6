# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a playbook says of each tenant's backup, check, copy or restore drill at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.module_utils.common.text.formatters import bytes_to_human

from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_proof import said_of_proof
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration


def backup_closing(
    estate: Mapping[str, Any],
    results: Iterable[Iterable[Mapping[str, Any]]],
    answered: Iterable[str],
    errors: Iterable[str],
) -> dict[str, list[str]]:
    """A line for each tenant that is proven and each host that was off; a sentence for each tenant that is not proven.

    estate: with `backups`, `not_backed_up` and `group_of`, as gantry.odoo.estate_info returns them. results: of each
    host that acted, entries with `tenant`, `ok` and `error`. answered: the hosts that were not off. errors: why hosts
    ended early.
    """
    found = {entry["tenant"]: entry for entries in results for entry in entries}
    reached = set(answered)
    why = "; ".join(filter(None, errors)) or "see why, or start one"
    failures = list(estate["not_backed_up"].values())
    lines = []
    for group, databases in estate["backups"].items():
        for tenant in (database["tenant"] for database in databases):
            entry = found.get(tenant)
            if entry is None:
                failures.append(f"{tenant}: no host of {group} came to its end; {why}")
            elif not entry["ok"]:
                failures.append(f"{tenant}: {entry['error']}")
            else:
                lines.append(f"{tenant}: {_in_words(entry)}")
    silent = [f"{name} did not answer" for name in estate["group_of"] if name not in reached]
    return {"lines": [*sorted(lines), *sorted(silent)], "failures": sorted(failures)}


def _in_words(entry: Mapping[str, Any]) -> str:
    if "rto_s" in entry:
        return said_of_proof(entry["backup"], entry["rto_s"], entry["rpo_s"])
    if "objects_sent" in entry:
        sent = f"{bytes_to_human(entry['bytes_sent'])} were sent, {bytes_to_human(entry['bytes_read'])} were read there"
        return f"{entry['restorable']} of {entry['backups']} backups can be restored in full from the copy; {sent}"
    if "parts" in entry:
        read = f"; part {entry['part']} of {entry['parts']} was read" if entry["parts"] > 1 else ""
        whole = [backup for backup in entry["backups"] if backup["restorable"] == "full"]
        return f"{len(whole)} of {len(entry['backups'])} backups can be restored in full{read}"
    if entry.get("bytes_sent") is None:
        return f"backup {entry['id']} suffices" if entry.get("id") else "a backup is due"
    sent = f"{bytes_to_human(entry['bytes_sent'])} sent in {_took(entry['duration_s'])}"
    lost = f", {entry['files_missing']} files lost before" if entry["files_missing"] else ""
    return f"backup {entry['id']}, {sent}{lost}"


def _took(seconds: float) -> str:
    return duration(seconds) if seconds >= 60 else f"{seconds:.1f} s"


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"backup_closing": backup_closing}
