# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a second repository of a tenant up to the first, object by object, and compares them.

Objects are copied as they are sealed, under the same keys: contents, then manifests, then the newest record of the
catalog. So the second repository is complete at each moment, as it was after the copy before, or as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from ansible_collections.gantry.odoo.plugins.module_utils._backup import plan_copy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_files import each
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_mend import foresee_mending, mend
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import Part
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_copy import Copied, CopyPlan
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_policy import policy_in
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_check import check_body, next_part, still_there
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_known import rolled_back
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_check import recorded_part, survey
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_copy import (
    read_compared,
    read_documents,
    read_needs,
    read_plan,
    read_side,
    unread,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import read_unexplained
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import COPYING, Count
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_below import Below
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import require_refusal
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import CLOCK_SKEW
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_identity import make_identity
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_keys import KeyLog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    CatalogLog,
    Repository,
    read_marks,
    require_catalog,
    write_document,
    write_marks,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_second import (
    make_second,
    open_second,
    publish,
    record_copy,
    refuse_lost,
    root_of,
    send_keys,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_transfer import transfer
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import reading_all
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    CHECK,
    data_name,
)

SENDERS = 3
# At most so many old records of the catalog are removed at once.
REMOVED = 2000


@dataclass(frozen=True)
class Order:
    """What a copy is asked for.

    parts: copies in a row that read everything in the second repository. known: number of the newest backup that the
    first one has to have, 0 for none. remove: whether the second one gives up what the first one has given up.
    accept_new: whether a copy is made anew where the one that was made there is gone, and all of it is read where it is
    an older state. compare_interval_s: so long, a good comparison suffices, and what was sent is read alone.
    """

    parts: int = 1
    known: int = 0
    remove: bool = True
    accept_new: bool = False
    compare_interval_s: int = 0
    lock_timeout: int = 300
    timeout: int = 14400


def foresee(
    first: Repository, stores: Stores, masters: Sequence[MasterKey], order: Order, progress: Progress
) -> Copied:
    """Read what a copy reads, and change nothing."""
    deadline = Deadline(order.timeout)
    root = root_of(first, stores)
    second = open_second(first, stores, masters)
    refuse_lost(first, second, root, order.accept_new)
    catalog = _readable(first, order)
    copied = _planned(first, second, root, catalog, order, deadline)
    done = Copied(first.tenant, catalog, copied, tuple(read_documents(first, second)))
    if second is None:
        return done
    scope = plan_copy.scope_of(done, _next_part(second, order), _suffices(second, order, done.catalog))
    found = survey(second, scope.catalog, scope.part, deadline, progress)
    found = plan_copy.without(found, {*copied.contents, *copied.manifests})
    mended = foresee_mending(found, first, second, deadline, progress)
    done = replace(done, check=mended.found, healed=mended.keys, faults=mended.faults)
    return plan_copy.with_marks(done, second.catalog.read(), scope.partial)


def copy(first: Repository, stores: Stores, masters: Sequence[MasterKey], order: Order, progress: Progress) -> Copied:
    """Send what the second repository lacks, and compare it. Raises RefusedError where one of the two would be lost."""
    deadline = Deadline(order.timeout)
    with reading_all(first, _readable(first, order).entries, "copy", order.lock_timeout):
        # what is read now cannot be removed, but for a removal that had begun
        catalog = _readable(first, order)
        root = root_of(first, stores)
        make_identity(first.records, first.store, first.keys)
        before = open_second(first, stores, masters)
        refuse_lost(first, before, root, order.accept_new)
        copied = _planned(first, before, root, catalog, order, deadline)
        second = before or make_second(first, stores, masters)
        second = send_keys(first, second, stores, masters)
        identity = make_identity(second.records, second.store, second.keys)
        record_copy(first, root, identity)
        documents = read_documents(first, before)
        _send(first, second, copied, deadline, progress)
        if copied.catalog:
            publish(catalog, second)
        for key, data in documents.items():
            second.store.put(key, data)
        if order.remove:
            _remove(second, copied)
        done = Copied(first.tenant, catalog, copied, tuple(documents))
        done = _compare(first, second, done, order, deadline, progress)
        record_copy(first, root, identity, done.marks.revision)
        return done


def _readable(first: Repository, order: Order) -> Catalog:
    """The catalog of the first repository. Raises an error where there is nothing that may be copied."""
    catalog = first.catalog.read()
    require_catalog(first, catalog)
    lost = rolled_back(catalog, order.known, first.where)
    if lost:
        raise RefusedError(
            f"nothing was copied: {lost}; bring its newest state back, or take a backup with rolled_back: accept, "
            "which is the newest one from then on"
        )
    if not catalog.entries:
        raise StateError(f"the {first.where} has no complete backup to copy; take one")
    return catalog


def _planned(
    first: Repository, second: Repository | None, root: Below, catalog: Catalog, order: Order, deadline: Deadline
) -> CopyPlan:
    """The work of a copy. Raises an error before anything is written where it may not be done, or not to its end."""
    there = second.catalog.read() if second else Catalog()
    plan_copy.refuse_diverged(catalog, there, first.where, root.where)
    if second is not None and plan_copy.vanished(catalog, there):
        now = second.store.now()
        plan_copy.refuse_unexplained(catalog, there, policy_in(there), now, first.where, root.where)
    doubt = read_unexplained(first, catalog, policy_in(there if second else catalog), (*catalog.holds, *there.holds))
    if doubt:
        raise RefusedError(f"nothing was copied: {doubt}")
    if second is not None and KeyLog(second.records).read().number > KeyLog(first.records).read().number:
        raise RefusedError(
            f"nothing was copied: the {root.where} has newer keys than the {first.where}, so the first was rolled "
            "back, or runs have worked on the second by itself; where the first one is right, remove all below "
            f"{KeyLog.NAME}/ in the {root.where}, and run again with other_copy: accept"
        )
    needs = read_needs(first, catalog, deadline)
    found = read_plan(read_side(first, catalog), needs, second, there)
    if found.lacking:
        raise StateError(
            f"{len(found.lacking)} objects are neither in the {first.where} nor in its copy, such as "
            f"{found.lacking[0]}; run odoo_backup_check, which marks the backups that need them, and copy again"
        )
    return found if order.remove else replace(found, remove=())


def _send(first: Repository, second: Repository, plan: CopyPlan, deadline: Deadline, progress: Progress) -> None:
    """Send the contents, and the manifests that name them after all of them."""
    require_refusal(second.records, CatalogLog.NAME)
    with progress.part(COPYING) as counter:
        counter.expect(size=plan.bytes)
        for objects in (plan.contents, plan.manifests):
            work = partial(_send_one, first, second, objects, counter.add)
            each(work, list(objects), deadline, "copying the backups", SENDERS)


def _send_one(first: Repository, second: Repository, sizes: Mapping[str, int], count: Count, key: str) -> None:
    transfer(first.store, second.store, key, sizes[key], count)


def _remove(second: Repository, plan: CopyPlan) -> None:
    """Remove what no backup needs any more, which the catalog says already, and old records of it."""
    second.store.delete(unread(second, plan.remove))
    old = second.records.names(f"{CatalogLog.NAME}/", CatalogLog.KEPT + REMOVED)[CatalogLog.KEPT :]
    second.records.delete(old)


def _compare(
    first: Repository, second: Repository, done: Copied, order: Order, deadline: Deadline, progress: Progress
) -> Copied:
    """Read what was sent and a share of the rest, replace what is damaged, and record that."""
    before = second.catalog.read()
    former = read_compared(second)
    scope = plan_copy.scope_of(done, _next_part(second, order), _suffices(second, order, done.catalog))
    doubted = {name for key in done.plan.contents if (name := data_name(key))}
    if not scope.partial:
        doubted |= set(before.damaged)
    found = survey(second, scope.catalog, scope.part, deadline, progress, doubted)
    mended = mend(found, second, first, deadline, progress)
    # another copy beside this one may have gone on
    check = still_there(mended.found, second.catalog.read())
    done = replace(done, check=check, healed=mended.keys, faults=mended.faults)
    done = plan_copy.with_marks(done, before, scope.partial)
    record = plan_copy.compared(done, second.store.now(), former if scope.partial else None)
    marks = replace(done.marks, compared=plan_copy.compared_body(record))
    done = replace(done, marks=replace(marks, revision=write_marks(second, marks)))
    if not scope.partial and scope.part.parts > 1:
        write_document(second, CHECK, check_body(scope.part, recorded_part(second), second.store.now()))
    return done


def _suffices(second: Repository, order: Order, catalog: Catalog) -> bool:
    """Whether the last comparison is young enough and good, so that none is due. catalog: of the first repository."""
    former = read_compared(second) if order.compare_interval_s and not order.accept_new else None
    # what is marked, and not lost in the first one as well, is read again by whichever copy comes next
    if former is None or not former.ok or set(read_marks(second).damaged) - set(catalog.damaged):
        return False
    age = second.store.now() - former.moment
    return -CLOCK_SKEW <= age < timedelta(seconds=order.compare_interval_s)


def _next_part(second: Repository, order: Order) -> Part:
    parts = 1 if order.accept_new else order.parts
    return next_part(recorded_part(second) if parts > 1 else None, parts)
