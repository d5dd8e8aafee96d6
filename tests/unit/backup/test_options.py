# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the repository: neither of its keys is shown, whoever writes the sentence."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.gantry.odoo.plugins.module_utils._backup.options import argument_spec, settings_from
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    InputError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import Bucket
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Settings

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


def test_a_login_in_the_url_is_refused_and_not_shown() -> None:
    with pytest.raises(InputError, match="endpoint_url: it holds a login") as raised:
        settings_from({"repository": {"bucket": "backups", "endpoint_url": "https://AKIA:s3cret@s3.example"}})
    assert "s3cret" not in str(raised.value)
