# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staging copies: nobody enters one before it is harmless, and what is left of the original's secrets is nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.intruder import intruder

from .server import ADDONS_PATH, CERTIFICATE, CONFIG, OWNER, OWNER_PASSWORD, Server
from .test_database_faults import state_of

Declare = Callable[..., dict[str, Any]]
STAGE = {"name": "stage", "clone_from": "live", "neutralize": True, "base_url": "https://stage.harbour.example"}
OURS, WITH_OURS = "/var/lib/odoo/staging", "/etc/odoo/staging.conf"
SECRETS = ("smtp-s3cret", "stripe-s3cret", "whsec-s3cret", "fetch-s3cret")
NOT_PAID = "NOT EXISTS (SELECT FROM payment_provider WHERE state = 'enabled' OR stripe_secret_key LIKE '%s3cret%')"


@pytest.fixture(scope="module")
def live(server: Server, declare: Declare) -> None:
    """A database that sends mail, fetches mail, takes payments and runs jobs."""
    server.prepare()
    server.shell(
        f'rm -rf {OURS}; install -d {OURS}/dock/data; echo \'{{"name": "dock"}}\' > {OURS}/dock/__manifest__.py; '
        f"touch {OURS}/dock/__init__.py; echo \"UPDATE res_company SET name = 'harmless';\" > "
        f"{OURS}/dock/data/neutralize.sql; "
        f"sed 's#^addons_path = .*#addons_path = {ADDONS_PATH},{OURS}#' {CONFIG} > {WITH_OURS}; "
        f"chgrp odoo {WITH_OURS}; chmod 640 {WITH_OURS}"
    )
    declare({"name": "live", "addons": ["payment_stripe", "dock"]}, config=WITH_OURS)
    # an addon of Studio's, which no disk holds, an attachment on object storage, and a column that is to come yet
    server.psql(
        "ALTER TABLE ir_module_module ADD COLUMN IF NOT EXISTS imported boolean;"
        "INSERT INTO ir_module_module (name, state, imported) VALUES ('studio_customization', 'installed', true);"
        "INSERT INTO ir_attachment (name, type, store_fname) VALUES ('remote', 'binary', 's3://bucket/ab/abcd');"
        "ALTER TABLE ir_mail_server DROP COLUMN smtp_port",
        "live",
    )
    server.psql(
        "INSERT INTO ir_mail_server (name, smtp_host, smtp_encryption, smtp_authentication, smtp_user, smtp_pass, "
        "active) VALUES ('live', 'mail.example', 'starttls', 'login', 'erp', 'smtp-s3cret', true);"
        'INSERT INTO fetchmail_server (name, server, server_type, "user", password, active, state) '
        "VALUES ('live', 'mail.example', 'imap', 'erp', 'fetch-s3cret', true, 'done');"
        "UPDATE payment_provider SET state = 'enabled', stripe_secret_key = 'stripe-s3cret', "
        "stripe_publishable_key = 'pk', stripe_webhook_secret = 'whsec-s3cret' WHERE code = 'stripe'",
        "live",
    )


def dump(server: Server, database: str) -> str:
    """All of a database as text, without the lines that are of the dump itself."""
    lines = server.host.run(["pg_dump", "--data-only", database], user="postgres").splitlines()
    return "\n".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))


def test_nobody_enters_a_staging_copy_before_it_is_harmless(server: Server, declare: Declare, live: None) -> None:
    original = dump(server, "live")
    assert all(secret in original for secret in SECRETS)
    url = f"host={server.host.name} user={OWNER} dbname=stage__new sslmode=verify-full sslrootcert={CERTIFICATE}"
    with intruder(server.host, url, OWNER_PASSWORD, NOT_PAID) as tries:
        foretold = declare(STAGE, check=True, config=WITH_OURS)
        done = declare(STAGE, config=WITH_OURS)
        met = tries()
    assert "denied" in met
    assert "in" not in met
    actions = ["clone", "renew_identity", "neutralize", "set_parameter", "set_parameter", "open", "publish"]
    assert [step["action"] for step in done["steps"]] == actions
    assert (foretold["steps"], foretold["diff"]) == (done["steps"], done["diff"])
    assert server.may_connect("stage")
    assert "live and stage share 1 attachments on object storage" in str(done["warnings"])
    assert "s3:" not in server.files("filestore/stage")
    copy = dump(server, "stage")
    assert [secret for secret in SECRETS if secret in copy] == []
    asked = (
        "SELECT (SELECT string_agg(smtp_host, ',') FROM ir_mail_server WHERE active), "
        "(SELECT count(*) FROM fetchmail_server WHERE active), (SELECT count(*) FROM ir_cron WHERE active), "
        "(SELECT count(*) FROM payment_provider WHERE state = 'enabled'), (SELECT name FROM res_company)"
    )
    assert server.psql(asked, "stage") == "invalid|0|1|0|harmless"
    assert server.parameter("stage", "database.is_neutralized") == "true"
    assert server.parameter("stage", "web.base.url") == "https://stage.harbour.example"
    assert dump(server, "live") == original
    assert declare(STAGE, config=WITH_OURS)["changed"] is False


@pytest.mark.fault
@pytest.mark.deep
def test_a_copy_that_cannot_be_made_harmless_is_not_made(server: Server, declare: Declare, live: None) -> None:
    want = {**STAGE, "name": "stage2"}
    before = state_of(server)
    # this instance has no code of dock
    assert "live has dock installed, and no directory" in declare(want, fails=True)["msg"]
    assert "was never neutralized" in declare({**STAGE, "name": "live", "clone_from": "stage"}, fails=True)["msg"]
    assert "is no copy" in declare({"name": "stage2", "neutralize": True}, fails=True)["msg"]
    assert state_of(server) == before
    server.shell(f"echo 'UPDATE nowhere SET a = 1;' > {OURS}/dock/data/neutralize.sql")
    failed = declare(want, fails=True, config=WITH_OURS)
    assert 'dock/data/neutralize.sql failed in stage2__new: relation "nowhere" does not exist' in failed["msg"]
    assert state_of(server) == before
    # an addon that would bring code into the copy
    made = "CREATE FUNCTION wake() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$"
    server.host.write(f"{OURS}/dock/data/neutralize.sql", made)
    failed = declare(want, fails=True, config=WITH_OURS)
    assert "dock/data/neutralize.sql failed in stage2__new: permission denied for schema public" in failed["msg"]
    assert state_of(server) == before
    server.host.write(f"{OURS}/dock/data/neutralize.sql", "")
    # code of the tenant that undoes what was done for safety, at the latest when it is committed
    woken = "UPDATE public.fetchmail_server SET active = true WHERE id = NEW.id AND NOT active"
    server.psql(
        f"CREATE FUNCTION wake() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {woken}; RETURN NEW; END';"
        "CREATE CONSTRAINT TRIGGER wake AFTER UPDATE ON fetchmail_server DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "EXECUTE FUNCTION wake()",
        "live",
    )
    failed = declare(want, fails=True, config=WITH_OURS)
    server.psql("DROP FUNCTION wake CASCADE", "live")
    assert "is not harmless after its neutralization: 1 incoming mail servers are active" in failed["msg"]
    assert state_of(server) == before
