# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts of addons on a database that lacks some of the columns that they write to."""

from __future__ import annotations

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_neutralize import SWITCHES, fitted, statements

COLUMNS = {
    "ir_mail_server": {"id", "name", "active", "smtp_host"},
    "payment_provider": {"id", "state", "stripe_secret_key"},
}
BASE = """
-- deactivate mail servers; all of them
UPDATE ir_mail_server
   SET active = false;
INSERT INTO ir_mail_server(name, smtp_port, smtp_host, active)
VALUES ('neutralization - disable, really', 1025, 'invalid', true);
"""


def test_a_script_is_split_where_a_statement_ends_and_nowhere_else() -> None:
    function = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN NEW.a = ';'; RETURN NEW; END $x$"
    script = f"/* one; */ SELECT 'it''s; me';\n{function};\n-- the; end\nDELETE FROM \"a;b\" WHERE e = E'\\';';;"
    assert statements(script) == ["SELECT 'it''s; me'", function, "DELETE FROM \"a;b\" WHERE e = E'\\';'"]


def test_columns_that_are_there_are_written_as_the_addon_says() -> None:
    whole = {**COLUMNS, "ir_mail_server": COLUMNS["ir_mail_server"] | {"smtp_port"}}
    assert fitted(BASE, whole) == [
        "UPDATE ir_mail_server\n   SET active = false",
        "INSERT INTO ir_mail_server (name, smtp_port, smtp_host, active) "
        "VALUES ('neutralization - disable, really', 1025, 'invalid', true)",
    ]


def test_columns_that_are_not_there_are_left_out() -> None:
    assert fitted(BASE, COLUMNS)[1] == (
        "INSERT INTO ir_mail_server (name, smtp_host, active) "
        "VALUES ('neutralization - disable, really', 'invalid', true)"
    )
    script = (
        "UPDATE payment_provider SET stripe_secret_key = NULL, stripe_webhook_secret = concat('a', ',b'), "
        "state = CASE WHEN id IN (SELECT id FROM payment_provider) THEN 'disabled' END WHERE id > 0;"
    )
    assert fitted(script, COLUMNS) == [
        "UPDATE payment_provider SET stripe_secret_key = NULL, "
        "state = CASE WHEN id IN (SELECT id FROM payment_provider) THEN 'disabled' END WHERE id > 0"
    ]


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ("UPDATE payment_provider SET stripe_webhook_secret = NULL WHERE state <> 'test';", []),
        ("UPDATE nowhere SET a = 1;", ["UPDATE nowhere SET a = 1"]),
        ("TRUNCATE mail_push;", ["TRUNCATE mail_push"]),
        ("INSERT INTO payment_provider SELECT 1", ["INSERT INTO payment_provider SELECT 1"]),
        ("UPDATE payment_provider SET (state, gone) = (1, 2)", ["UPDATE payment_provider SET (state, gone) = (1, 2)"]),
        ('update "payment_provider" set STATE = 1, gone = 2', ['update "payment_provider" set STATE = 1']),
    ],
)
def test_what_writes_nothing_goes_and_what_is_unknown_stays(script: str, left: list[str]) -> None:
    assert fitted(script, COLUMNS) == left


def test_a_switch_that_is_not_there_counts_as_on() -> None:
    mail = next(switch for switch in SWITCHES if switch.table == "ir_mail_server")
    assert mail.harmful({"ir_mail_server": {"active", "smtp_host"}}) == mail.harm
    assert mail.harmful({"ir_mail_server": {"smtp_host"}}) == "true"
