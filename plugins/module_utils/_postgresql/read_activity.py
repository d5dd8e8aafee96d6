# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes on in a server's databases: sessions, waits, old transactions, and replication slots that hold WAL.

The views are the server's, so each is asked once for all databases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# A session of another role shows only its database and role to who may not read statistics; locks show to all.
# The start of a wait is told from PostgreSQL 14, before that the statement's.
_SESSIONS = """
SELECT a.datname, a.usename, a.state, a.backend_type IS NULL, extract(epoch FROM now() - a.xact_start),
       extract(epoch FROM now() - a.state_change), w.pid IS NOT NULL,
       extract(epoch FROM now() - coalesce(w.since, a.query_start))
FROM pg_stat_activity a
LEFT JOIN (SELECT l.pid, min((to_jsonb(l) ->> 'waitstart')::timestamptz) AS since
           FROM pg_locks l WHERE NOT l.granted GROUP BY 1) w ON w.pid = a.pid
WHERE a.datname IS NOT NULL AND a.usename IS NOT NULL AND a.pid <> pg_backend_pid()
  AND coalesce(a.backend_type, 'client backend') = 'client backend'
"""
_PREPARED = "SELECT database, count(*), extract(epoch FROM now() - min(prepared)) FROM pg_prepared_xacts GROUP BY 1"
_SLOTS = """
SELECT s.slot_name, s.slot_type, s.database, s.active, to_jsonb(s) ->> 'wal_status',
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                       ELSE pg_current_wal_lsn() END, s.restart_lsn)::bigint,
       coalesce((to_jsonb(s) ->> 'synced')::boolean, false)
FROM pg_replication_slots s ORDER BY 1
"""


@dataclass(frozen=True)
class Session:
    """One session of a client. hidden: the login may not see its state. Times are in seconds, None where not told."""

    database: str
    role: str
    state: str | None = None
    hidden: bool = False
    in_transaction: float | None = None
    in_state: float | None = None
    waiting: bool = False
    waited: float | None = None


@dataclass(frozen=True)
class Slot:
    """One replication slot. retained_bytes: WAL that it holds back, None where it holds none yet or no more.

    synced: a copy on a standby, which is never active there.
    """

    name: str
    kind: str
    database: str | None
    active: bool
    wal_status: str | None
    retained_bytes: int | None
    synced: bool = False


def read_activity(cursor: Any) -> dict[str, dict[str, Any]]:
    """The activity of each database that has sessions or prepared transactions, by name."""
    cursor.execute(_SESSIONS)
    sessions: dict[str, list[Session]] = {}
    for name, role, state, hidden, transaction, since, waiting, waited in cursor.fetchall():
        seen = Session(name, role, state, hidden, _seconds(transaction), _seconds(since), waiting, _seconds(waited))
        sessions.setdefault(name, []).append(seen)
    cursor.execute(_PREPARED)
    prepared = {name: (count, _seconds(age)) for name, count, age in cursor.fetchall()}
    return {name: summary(sessions.get(name, ()), *prepared.get(name, (0, 0.0))) for name in {*sessions, *prepared}}


def read_slots(cursor: Any) -> list[dict[str, Any]]:
    """The server's replication slots by name."""
    cursor.execute(_SLOTS)
    return [told(Slot(*row)) for row in cursor.fetchall()]


def summary(sessions: Iterable[Session] = (), prepared: int = 0, oldest_prepared: float | None = 0.0) -> dict[str, Any]:
    """What goes on in one database. Where sessions are hidden, a figure that found nothing is None and never zero."""
    every = list(sessions)
    hidden = sum(1 for one in every if one.hidden)
    idle = [one for one in every if (one.state or "").startswith("idle in transaction")]
    waiting = [one for one in every if one.waiting]

    def known(seen: float) -> float | None:
        return seen if seen or not hidden else None

    # what waits is seen of all, for how long not always
    untold = any(one.waited is None for one in waiting)
    longest_wait = _longest(one.waited for one in waiting)
    return {
        "visible": not hidden,
        "hidden": hidden,
        "sessions": len(every),
        "by_state": _counted(one.state or "unknown" for one in every if not one.hidden),
        "by_role": _counted(one.role for one in every),
        "waiting": len(waiting),
        "longest_wait_seconds": None if untold and not longest_wait else longest_wait,
        "longest_transaction_seconds": known(_longest(one.in_transaction for one in every)),
        "idle_in_transaction": known(len(idle)),
        "longest_idle_in_transaction_seconds": known(_longest(one.in_state for one in idle)),
        "prepared_transactions": prepared,
        "oldest_prepared_seconds": oldest_prepared,
    }


def told(slot: Slot) -> dict[str, Any]:
    """A slot as the module returns it. Dead is one that nobody reads from: it holds WAL until the disk is full."""
    return {
        "name": slot.name,
        "type": slot.kind,
        "database": slot.database,
        "active": slot.active,
        "dead": not slot.active and not slot.synced,
        "wal_status": slot.wal_status,
        "retained_bytes": slot.retained_bytes,
    }


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _longest(seconds: Iterable[float | None]) -> float:
    return max((one for one in seconds if one is not None), default=0.0)


def _seconds(number: Any) -> float | None:
    # a clock that stepped back must not tell of the future
    return None if number is None else max(0.0, round(float(number), 1))
