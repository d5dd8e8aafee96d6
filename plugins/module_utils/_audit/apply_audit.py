# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a ledger once and folds it into a report. Changes that have ended wait in a file, not in memory."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import Change, Filters, happening_from
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_audit import Audit
from ansible_collections.gantry.odoo.plugins.module_utils._audit.read_approvals import Approvals
from ansible_collections.gantry.odoo.plugins.module_utils._audit.read_ledger import (
    Source,
    again,
    open_source,
    read_held,
    read_now,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import Identities


@dataclass(frozen=True)
class Folded:
    """A ledger that was read to its end. spool: the changes of the report, before what was said behind their end."""

    source: Source
    audit: Audit
    remarks: Sequence[str]
    spool: IO[bytes]
    spooled: int

    def changes(self) -> Iterator[Change]:
        """The changes, each with all that is known of it, in the order in which they ended."""
        self.spool.seek(0)
        for _place in range(self.spooled):
            # a file of this process alone, which has no name
            yield self.audit.completed(pickle.load(self.spool))


@contextmanager
def folded(
    declared: Mapping[str, Any], filters: Filters, directory: str | None, identities: Identities
) -> Iterator[Folded]:
    """The ledger in the store that the option `store` describes, folded, for the block.

    directory: for the file of changes, on the disk of the report. identities: by which signatures are verified; those
    that do not verify are faults. Raises UnreachableError for a store that is away.
    """
    source = open_source(declared)
    now, clock = read_now(source.store)
    held, leases = read_held(source.store)
    remarks = [one for one in (clock, leases) if one]
    with tempfile.TemporaryFile(dir=directory) as spool:
        approvals = Approvals(identities)
        audit, spooled = _fold(source, filters, now, held, spool, approvals)
        if source.torn:
            # the chain alone does not say which entries were replaced
            source = again(source)
            spool.seek(0)
            spool.truncate()
            approvals.faults.clear()
            audit, spooled = _fold(source, filters, now, held, spool, approvals)
        source.faults.add(approvals.faults)
        yield Folded(source, audit, remarks, spool, spooled)


def _fold(
    source: Source, filters: Filters, now: datetime, held: frozenset[str], spool: IO[bytes], approvals: Approvals
) -> tuple[Audit, int]:
    audit, spooled = Audit(filters, now), 0
    for one in source.walk():
        if one.entry is None:
            continue
        for change in audit.add(approvals.verified(happening_from(one.entry, sound=one.sound))):
            pickle.dump(change, spool, pickle.HIGHEST_PROTOCOL)
            spooled += 1
    for change in audit.rest(held):
        pickle.dump(change, spool, pickle.HIGHEST_PROTOCOL)
        spooled += 1
    return audit, spooled
