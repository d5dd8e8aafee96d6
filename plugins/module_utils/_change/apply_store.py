# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens the change store that the inventory declares."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, Callable, TypeVar

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_seen import as_seen, directory_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_below import Below
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects

# How long a task waits for its turn to write into the store, and for a store that does not answer.
WRITE_SECONDS = 30
# Records are small, and service does not wait for a server that hangs.
ANSWER_SECONDS, ATTEMPTS = 5, 2
AWAY_SECONDS = 15

T = TypeVar("T")


def open_store(declared: Mapping[str, Any], named: str = "store") -> Objects:
    """The store that the option `named` describes, which is asked nothing yet. Only its own library is imported.

    It does not answer where it is another one than this controller has seen. Raises InputError for a relative path,
    which would be another directory for the program that renews the lease.
    """
    for option in ("directory", "outbox"):
        path = declared.get(option)
        if path is not None and not os.path.isabs(os.path.expanduser(path)):
            what = f"{path} is a relative path" if path else "the path is empty"
            raise InputError(f"{named}.{option}: {what}; give an absolute one, or one that begins with ~")
    return as_seen(_opened(declared, named), declared)


def require_two_places(declared: Mapping[str, Any]) -> None:
    """Raise InputError where the witness of the ledger is declared in the place of the ledger itself."""
    if directory_of({**declared["witness"], "outbox": ""}) == directory_of({**declared, "outbox": ""}):
        raise InputError(
            "store.witness: it is the place of the change store itself, and what is lost or forged there is so in "
            "both; name another place, best on another server and under another account"
        )


def seconds_ahead(store: Objects) -> float:
    """How far the clock of the store is ahead of the one of this controller, in seconds."""
    return store.now().timestamp() - time.time()


def require_lease(params: Mapping[str, Any]) -> None:
    """Raise StateError where the change of a task has lost its lease. params: its options `store` and `change`."""
    Register(open_store(params["store"])).require(params["change"]["fencing_number"])


def _opened(declared: Mapping[str, Any], named: str) -> Objects:
    if declared.get("directory"):
        from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory

        return Directory(declared["directory"])
    if declared.get("postgresql"):
        from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_table import Table
        from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login

        login = Login(**{name: value for name, value in declared["postgresql"].items() if value is not None})
        return Table(login, ANSWER_SECONDS, ATTEMPTS)
    from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import connect_bucket
    from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.options import bucket_from

    settings = bucket_from(f"{named}.s3", declared["s3"])
    bucket, root = connect_bucket(settings, ANSWER_SECONDS, ATTEMPTS), settings.prefix.strip("/")
    return Below(bucket, f"{root}/") if root else bucket


def patiently(attempt: Callable[[], T], deadline: Deadline) -> T:
    """What `attempt` returns. It is made again while the store does not answer, until the deadline."""
    while True:
        try:
            return attempt()
        except UnreachableError:
            if deadline.remaining <= 0:
                raise
        time.sleep(min(1.0, deadline.remaining))
