# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where versions of Odoo differ, and nowhere else."""

from __future__ import annotations

from typing import Any

# What workers remember of parameters and users lies in these caches; before 17.0 there is one for everything.
_CACHES = ("default", "stable")
# SQL over ir_cron c and its ir_act_server a: the name of a job, whose action's name is JSON from 16.0
JOB_NAME = "coalesce(to_jsonb(c) ->> 'cron_name', to_jsonb(a.name) ->> 'en_US', to_jsonb(a.name) #>> '{}')"
# 18.1 and newer count by inserting, older ones by a sequence
_TABLES = tuple(f"orm_signaling_{cache}" for cache in _CACHES)
_SEQUENCES = (*(f"base_cache_signaling_{cache}" for cache in _CACHES), "base_cache_signaling")
# what signal_caches writes to, as far as it is there
SIGNALS = (*_TABLES, *_SEQUENCES)


def reads_environment(series: str) -> bool:
    """Whether Odoo takes options from its environment, such as ODOO_LIST_DB."""
    major = series.replace("saas~", "").split(".", 1)[0]
    return major.isdigit() and int(major) >= 19


def signal_caches(cursor: Any) -> int:
    """Tell the running processes to forget what they cached; the number of signals given.

    A database that no process has served yet has nothing to signal with, and nobody to tell.
    """
    cursor.execute(
        "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)",
        (list(SIGNALS),),
    )
    kinds = dict(cursor.fetchall())
    tables = [name for name in _TABLES if kinds.get(name) == "r"]
    sequences = [name for name in _SEQUENCES if kinds.get(name) == "S"]
    for name in tables:
        cursor.execute(f'INSERT INTO public."{name}" DEFAULT VALUES')
    for name in [] if tables else sequences:
        cursor.execute("SELECT nextval(%s)", (f"public.{name}",))
    return len(tables or sequences)


def add_mail_server(cursor: Any, name: str, host: str) -> None:
    """An active mail server without a login, as far as the table has the columns; 15.0 added the last one."""
    wanted = {
        "name": name,
        "smtp_host": host,
        "smtp_port": 1025,
        "smtp_encryption": "none",
        "active": True,
        "smtp_authentication": "login",
    }
    cursor.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name = 'ir_mail_server'"
    )
    there = {row[0] for row in cursor.fetchall()}
    values = {column: value for column, value in wanted.items() if column in there}
    columns, places = ", ".join(values), ", ".join(["%s"] * len(values))
    cursor.execute(f"INSERT INTO public.ir_mail_server ({columns}) VALUES ({places})", tuple(values.values()))


def jobs_query(triggers: bool) -> str:
    """The query for the active jobs: name, seconds since each was due, last run in UTC, failures, running ones.

    triggers: whether the database has the table ir_cron_trigger, from 15.0. Failures are NULL where they are not
    counted, before 18.0. A job with no calls left, before 18.0, is never run.
    """
    trigger = "(SELECT min(t.call_at) FROM public.ir_cron_trigger t WHERE t.cron_id = c.id)" if triggers else "NULL"
    # a job is taken by a lock on its row, which only the table's lock shows to others
    return f"""
        SELECT {JOB_NAME},
               extract(epoch FROM now() AT TIME ZONE 'UTC' - least(c.nextcall, {trigger})), c.lastcall,
               CASE WHEN to_jsonb(c) ? 'failure_count' THEN coalesce((to_jsonb(c) ->> 'failure_count')::int, 0) END,
               (SELECT count(DISTINCT pid) FROM pg_locks WHERE relation = 'public.ir_cron'::regclass AND granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND mode = 'RowShareLock')
        FROM public.ir_cron c JOIN public.ir_act_server a ON a.id = c.ir_actions_server_id
        WHERE c.active AND coalesce((to_jsonb(c) ->> 'numbercall')::int, -1) <> 0
        ORDER BY 1
    """
