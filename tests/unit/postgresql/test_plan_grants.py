# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a dump grants, apart from the rest of it."""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_grants import make_grants
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_grants import (
    statements_of,
    without_rights,
)

CONTENTS = [
    "6; 2615 2200 SCHEMA - public pg_database_owner",
    "220; 1259 16391 TABLE public ACL odoo_harbour",
    "3700; 0 0 ACL public TABLE res_partner odoo_harbour",
    "3701; 0 16391 TABLE DATA public res_partner odoo_harbour",
    "2100; 826 16500 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES odoo_harbour",
]
# as pg_restore 17 prints them
SCRIPT = """--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);

--
-- Name: TABLE res_partner; Type: ACL; Schema: public; Owner: odoo_harbour
--

GRANT SELECT ON TABLE public.res_partner TO bi_reader WITH GRANT OPTION;
SET SESSION AUTHORIZATION bi_reader;
GRANT SELECT ON TABLE public.res_partner TO "a;
b";
RESET SESSION AUTHORIZATION;

ALTER DEFAULT PRIVILEGES FOR ROLE odoo_harbour IN SCHEMA public GRANT SELECT ON TABLES TO bi_reader;
"""


def test_rights_are_told_from_objects_with_any_name() -> None:
    others, rights = without_rights(CONTENTS)
    assert rights == [CONTENTS[2], CONTENTS[4]]
    assert others == [CONTENTS[0], CONTENTS[1], CONTENTS[3]]


def test_only_statements_that_grant_are_taken_and_each_is_complete() -> None:
    assert statements_of(SCRIPT) == [
        "GRANT SELECT ON TABLE public.res_partner TO bi_reader WITH GRANT OPTION;",
        'GRANT SELECT ON TABLE public.res_partner TO "a;\nb";',
        "ALTER DEFAULT PRIVILEGES FOR ROLE odoo_harbour IN SCHEMA public GRANT SELECT ON TABLES TO bi_reader;",
    ]


class Refusing:
    """A cursor of a server that refuses one statement, or only warns of it."""

    def __init__(self, wrong: str, error: Exception | None, notice: str = "") -> None:
        self.connection = self
        self.notices: list[str] = []
        self.wrong, self.error, self.notice = wrong, error, notice
        self.executed: list[Any] = []

    def execute(self, statement: Any) -> None:
        """Execute a statement."""
        self.executed.append(statement)
        if statement == self.wrong:
            self.notices += [self.notice] if self.notice else []
            if self.error:
                raise self.error


@pytest.mark.parametrize(
    ("error", "notice"),
    [
        (psycopg2.errors.UndefinedObject('role "bi" does not exist'), ""),
        (psycopg2.errors.InsufficientPrivilege("permission denied to change default privileges"), ""),
        (psycopg2.errors.UndefinedFunction("function f() does not exist"), ""),
        (psycopg2.errors.SyntaxError('unrecognized privilege type "maintain"'), ""),
        (psycopg2.errors.InvalidGrantOperation("grant options can only be granted to roles"), ""),
        (psycopg2.errors.FeatureNotSupported("it cannot be"), ""),
        (None, 'WARNING:  no privileges were granted for "plpgsql"\n'),
    ],
)
def test_a_right_that_cannot_be_given_is_listed_and_the_others_are_given(error: Exception | None, notice: str) -> None:
    statements = statements_of(SCRIPT)
    cursor = Refusing(statements[1], error, notice)
    reason = str(error) if error else 'no privileges were granted for "plpgsql"'
    assert make_grants(cursor, "odoo_harbour", statements) == {statements[1]: reason}
    assert [one for one in cursor.executed if one in statements] == statements
    assert cursor.executed[-1] == "RESET ROLE"


def test_a_lost_connection_is_no_right_that_was_left_out() -> None:
    statements = statements_of(SCRIPT)
    with pytest.raises(psycopg2.OperationalError):
        make_grants(Refusing(statements[1], psycopg2.OperationalError("lost")), "odoo_harbour", statements)
