# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cause of a failed dump or restore, among all that pg_dump and pg_restore say."""

from __future__ import annotations

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.tools import cause

DIED = "pg_restore: error: a worker process died unexpectedly\n"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'pg_restore: error: COPY failed for table "x": ERROR:  relation "y" does not exist\n'
            "LINE 1: SELECT FROM y\n                    ^\nQUERY:  SELECT FROM y\n"
            'CONTEXT:  PL/pgSQL function public.look(integer) line 1\nCOPY x, line 1: "1"\n' + DIED,
            'pg_restore: error: COPY failed for table "x": ERROR: relation "y" does not exist | QUERY: SELECT FROM y | '
            'CONTEXT: PL/pgSQL function public.look(integer) line 1 | COPY x, line 1: "1"',
        ),
        (
            "pg_restore: while PROCESSING TOC:\npg_restore: from TOC entry 5; 3466 1 EVENT TRIGGER x boss\n"
            "pg_restore: error: could not execute query: ERROR:  permission denied\nHINT:  Be another.\n"
            "Command was: CREATE EVENT TRIGGER x\n   EXECUTE FUNCTION y();\n\n" + DIED,
            "pg_restore: error: could not execute query: ERROR: permission denied | HINT: Be another.",
        ),
        (
            "pg_dump: error: query failed: ERROR:  permission denied for table x\n"
            "pg_dump: detail: Query was: LOCK TABLE public.a, public.b IN ACCESS SHARE MODE\n",
            "pg_dump: error: query failed: ERROR: permission denied for table x",
        ),
        (
            'pg_dump: warning: odd\npg_dump: error: Dumping the contents of table "x" failed: PQgetResult() failed.\n'
            "pg_dump: detail: Error message from server: ERROR:  lost\n"
            "pg_dump: detail: Command was: COPY x TO stdout;\n",
            'pg_dump: error: Dumping the contents of table "x" failed: PQgetResult() failed. | pg_dump: detail: Error '
            "message from server: ERROR: lost",
        ),
        ("setpriv: failed to execute pg_dump\n", ""),
    ],
)
def test_the_cause_is_told_and_not_the_statement(said: str, told: str) -> None:
    assert cause(said) == told
