# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options: no key of the repository is shown, whoever writes the sentence, and an empty one is no consent."""

from __future__ import annotations

import base64
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import require_past
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    InputError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_playbook import for_playbook
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import Bucket
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Settings
from ansible_collections.gantry.odoo.plugins.module_utils._repository.options import (
    argument_spec,
    copy_from,
    location_from,
)
from ansible_collections.gantry.odoo.plugins.modules import odoo_backup, odoo_restore

SECRET = base64.b64encode(b"k" * 32).decode()
KEYS = {"access_key": "AKIAHARBOUR", "secret_key": "s3cret-of-the-bucket"}
SETTINGS = Settings("backups", "https://s3.example", **KEYS)


class Refusing:
    """A server that answers every request with one error."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        said = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
        self._error = ClientError(said, "PutObject")

    def put_object(self, **_request: Any) -> None:
        raise self._error


def test_ansible_hides_both_keys() -> None:
    options = argument_spec()["repository"]["options"]
    assert [options[key].get("no_log") for key in KEYS] == [True, True]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidAccessKeyId", "AKIAHARBOUR is not known"),
        ("AuthorizationHeaderMalformed", "Credential=AKIAHARBOUR/20261122 signed with s3cret-of-the-bucket"),
    ],
)
def test_no_error_sentence_shows_a_key(code: str, message: str) -> None:
    with pytest.raises(GantryError) as raised:
        Bucket(SETTINGS, Refusing(code, message)).put("key", b"")
    assert code in str(raised.value)
    assert not [key for key in KEYS.values() if key in str(raised.value)]


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("SlowDown", 503, UnreachableError),
        ("InternalError", 500, UnreachableError),
        ("", 502, UnreachableError),
        ("SlowDown", 429, UnreachableError),
        ("EntityTooLarge", 400, StateError),
        ("NotImplemented", 501, StateError),
    ],
)
def test_a_server_that_cannot_answer_now_is_asked_again(code: str, status: int, kind: type[GantryError]) -> None:
    with pytest.raises(kind, match="could not write key"):
        Bucket(SETTINGS, Refusing(code, "Please try again", status)).put("key", b"")


def option(**changes: Any) -> dict[str, Any]:
    """The option `repository`, as a module gets it."""
    empty = dict.fromkeys(argument_spec()["repository"]["options"])
    return {**empty, "bucket": "backups", "region": "us-east-1", "keys": [key("estate")], **changes}


def key(name: str, **changes: Any) -> dict[str, Any]:
    """A key in the option."""
    return {"name": name, "secret": SECRET, "file": None, "tenant": "", **changes}


def test_the_secret_of_a_key_is_hidden() -> None:
    assert argument_spec()["repository"]["options"]["keys"]["options"]["secret"]["no_log"] is True


def test_a_login_in_the_url_is_refused_and_not_shown() -> None:
    with pytest.raises(InputError, match="endpoint_url: it holds a login") as raised:
        location_from(option(endpoint_url="https://AKIA:s3cret@s3.example"))
    assert "s3cret" not in str(raised.value)


def test_a_bucket_and_its_keys_are_read(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{base64.b64encode(b'o' * 32).decode()}\n", encoding="ascii")
    file.chmod(0o600)
    found = location_from(
        option(prefix="odoo", records_bucket="records", keys=[key("estate"), key("old", secret=None, file=str(file))])
    )
    assert found.bucket == Settings("backups", prefix="odoo")
    assert (found.prefix, found.records_bucket, found.directory) == ("odoo", "records", "")
    assert [(one.name, one.secret) for one in found.keys] == [("estate", b"k" * 32), ("old", b"o" * 32)]


def test_a_directory_needs_no_bucket(tmp_path: Path) -> None:
    found = location_from(option(bucket=None, directory=str(tmp_path)))
    assert (found.bucket, found.directory) == (None, str(tmp_path))
    with pytest.raises(InputError, match=r"repository.directory: backups is a relative path"):
        location_from(option(bucket=None, directory="backups"))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], r"repository.keys: the list is empty"),
        ([key("estate"), key("estate")], "'estate' is the name of two keys"),
        ([key("estate"), key("next")], "'estate' and 'next' have the same secret"),
        ([key("estate", secret="c2hvcnQ=")], r"repository.keys\[0\]: it is not a key of 32 bytes in base64"),
        ([key("estate", secret=None, file="/no/such/key")], r"keys\[0\].file: /no/such/key cannot be read"),
    ],
)
def test_keys_that_cannot_be_used_are_one_sentence(keys: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        location_from(option(keys=keys))
    assert SECRET not in str(raised.value)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(SECRET, encoding="ascii")
    file.chmod(0o640)
    with pytest.raises(InputError, match=r"others than its owner can use .*; give it the mode 0600"):
        location_from(option(keys=[key("estate", secret=None, file=str(file))]))


HERE = {"bucket": "backups", "records_bucket": "records", "prefix": "odoo", "endpoint_url": "https://s3.example"}


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ({}, "bucket backups odoo"),
        ({"bucket": "records", "records_bucket": None}, "bucket records odoo"),
        (
            {"records_bucket": None, "prefix": "/odoo/", "endpoint_url": "HTTPS://S3.Example:443/"},
            "bucket backups odoo",
        ),
        ({"bucket": "copies"}, "bucket records odoo"),
        ({"bucket": "copies", "records_bucket": "backups"}, "bucket backups odoo"),
        ({"bucket": "copies", "records_bucket": None}, ""),
        ({"prefix": "copies"}, ""),
        ({"endpoint_url": "https://s3.other"}, ""),
    ],
)
def test_a_copy_in_a_place_of_the_first_repository_is_refused(second: dict[str, Any], told: str) -> None:
    first = location_from(option(**HERE))
    values = {name: value for name, value in option(**{**HERE, **second}).items() if name != "keys"}
    if not told:
        assert copy_from(values, first).option == "copy"
        return
    with pytest.raises(InputError, match=rf"^copy: s3\.example:443 {told} is a place of the first repository as well"):
        copy_from(values, first)


@pytest.mark.parametrize("link", [False, True])
def test_a_copy_in_the_directory_of_the_first_repository_is_refused(tmp_path: Path, link: bool) -> None:
    (tmp_path / "store/odoo").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "store/odoo")
    first = location_from(option(bucket=None, directory=str(tmp_path / "store"), prefix="odoo"))
    place = "link" if link else "store/../store/odoo"
    values = option(bucket=None, directory=str(tmp_path / place))
    with pytest.raises(InputError, match="is a place of the first repository as well, and a copy in itself is none"):
        copy_from(values, first)
    assert copy_from({**values, "directory": str(tmp_path / "other")}, first)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"records_bucket": "backups"}, "records_bucket: it is repository.bucket itself"),
        ({"endpoint_url": "https://s3.example:port"}, r"endpoint_url: .* is no URL"),
        ({"endpoint_url": "https://s3.example:99999"}, r"endpoint_url: .* is no URL"),
        ({"endpoint_url": "https://[s3"}, r"endpoint_url: .* is no URL"),
        ({"endpoint_url": "s3.example"}, r"endpoint_url: .* names no server"),
    ],
)
def test_a_bucket_that_nobody_can_mean_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        location_from(option(**changes))


@pytest.mark.parametrize("database", ["", " "])
def test_an_empty_name_does_not_stand_for_the_database_of_the_tenant(database: str) -> None:
    given = {name: spec.get("default") for name, spec in odoo_restore.OPTIONS.items()}
    asked = {**given, "tenant": "harbour", "overwrite": "replace"}
    assert odoo_restore.wish_from(asked).database == "harbour"
    assert odoo_restore.wish_from({**asked, "overwrite": "never", "drill": True}).database == "harbour_drill"
    with pytest.raises(InputError, match=r"^database: "):
        odoo_restore.wish_from({**asked, "database": database})


def test_a_backup_is_chosen_by_its_name_or_by_a_moment() -> None:
    given = {name: spec.get("default") for name, spec in odoo_restore.OPTIONS.items()}
    asked = {**given, "tenant": "harbour", "known_backups": {}, "at": "2026-11-22T14:20:00+01:00"}
    wish = odoo_restore.wish_from(asked)
    found = odoo_restore.choice_from(asked, wish)
    assert (found.wanted, found.until) == ("latest", datetime(2026, 11, 22, 13, 20, tzinfo=timezone.utc))
    for changes, told in (
        ({"backup": "20261122T103000Z"}, r"^restore_at is '\S+', beside restore_backup '20261122T103000Z'; give one"),
        ({"at": "yesterday"}, "^restore_at is 'yesterday', which is no moment"),
        ({"at": "2026-11-22T14:20:00"}, "^restore_at is .* has no zone"),
    ):
        with pytest.raises(InputError) as refused:
            odoo_restore.choice_from({**asked, **changes}, wish)
        # as the operator of the playbook reads it
        assert re.search(told, for_playbook(str(refused.value), "restore"))
        assert str(refused.value).startswith("at is '")
    assert odoo_restore.choice_from({**asked, "at": "2026-11-22T13:20:00z"}, wish).until == found.until


def test_a_moment_that_is_still_to_come_is_refused() -> None:
    now = datetime(2026, 11, 22, 13, 20, tzinfo=timezone.utc)
    for until in (None, now, now + timedelta(seconds=60)):
        require_past(until, now)
    with pytest.raises(InputError) as refused:
        require_past(now + timedelta(seconds=61), now)
    assert for_playbook(str(refused.value), "restore") == (
        "restore_at is '2026-11-22T13:21:01+0000', and the clock of the repository says 2026-11-22T13:20:00+0000; give "
        "a moment that is past, or none for the newest backup"
    )


@pytest.mark.parametrize(("option", "told"), [("tenant", r"^tenant: ''"), ("config", "harbour has no config")])
def test_an_empty_option_of_a_backup_does_not_stand_for_another(option: str, told: str) -> None:
    item = {"name": "harbour", "tenant": None, "config": None}
    given = {"databases": [item], "config": "/etc/odoo/harbour.conf"}
    (found,) = odoo_backup.databases_from(given, "")
    assert (found["tenant"], found["config"]) == ("harbour", "/etc/odoo/harbour.conf")
    with pytest.raises(InputError, match=told):
        odoo_backup.databases_from({**given, "databases": [{**item, option: ""}]}, "")
