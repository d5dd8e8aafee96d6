# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges the policies of a fleet by what is read of each tenant, on all processors. Changes nothing."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import Judgement, StoreFacts
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_compliance import judge_tenant
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_compliance import read_evidence
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey

# Tenants that one process judges at a time; for fewer than two such parts no process is started.
_PART = 8


@dataclass(frozen=True)
class Fleet:
    """What tenants are judged by: see read_evidence and judge_tenant, which say what the fields are."""

    stores: Stores
    store: StoreFacts
    masters: Sequence[MasterKey]
    manifests: int
    known: Mapping[str, int]
    copies: Stores | str | None = None
    second: StoreFacts | None = None

    def judged(self, tenants: Sequence[str]) -> list[Judgement]:
        """A judgement of each tenant, in this process."""
        evidence = read_evidence(self.stores, tenants, self.masters, self.manifests, self.known, self.copies)
        return [judge_tenant(seen, self.store, self.second) for seen in evidence]


def read_judgements(fleet: Fleet, tenants: Sequence[str]) -> list[Judgement]:
    """A judgement of each tenant, in their order. Raises what read_evidence raises.

    A directory is read as fast as its records are opened and parsed, which is work of a processor, so each has a
    process of its own there. Servers are waited for, and connections are not shared with other processes.
    """
    parts = [tenants[first : first + _PART] for first in range(0, len(tenants), _PART)]
    if len(parts) < 2 or _has_connections(fleet):
        return fleet.judged(tenants)
    # the modules are loaded, and no thread runs yet
    forked = multiprocessing.get_context("fork")
    try:
        with ProcessPoolExecutor(min(len(os.sched_getaffinity(0)), len(parts)), mp_context=forked) as pool:
            return [one for part in pool.map(fleet.judged, parts) for one in part]
    except BrokenProcessPool as error:
        raise StateError(
            f"a process that judged backups of the {fleet.stores.contents.where} was ended from outside; see whether "
            "the host is short of memory, and run again"
        ) from error


def _has_connections(fleet: Fleet) -> bool:
    copies = [fleet.copies] if isinstance(fleet.copies, Stores) else []
    return any(one.contents.readers > 1 for one in (fleet.stores, *copies))
