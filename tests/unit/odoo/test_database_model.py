# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declaration of databases may say."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import desired_from
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import LONGEST, check_name

ITEM: dict[str, Any] = {
    "name": "harbour",
    "state": "present",
    "owner": None,
    "addons": None,
    "language": None,
    "demo": False,
    "admin_login": None,
    "admin_password": None,
    "update_password": "always",
    "parameters": None,
    "base_url": None,
    "access": None,
    "cron_timeout": None,
    "home": None,
    "create": True,
    "fencing_number": 0,
    "rename_from": None,
    "clone_from": None,
    "clone_sessions": "keep",
    "clone_files": "auto",
    "neutralize": False,
    "extensions": None,
    "policy": "keep",
    "tier": None,
}


def test_an_item_with_a_name_alone_declares_a_database_with_base() -> None:
    (one,) = desired_from([ITEM], "odoo_harbour")
    assert (one.present, one.addons, one.blocked, one.may_drop) == (True, frozenset({"base"}), None, False)
    assert (one.owner, one.config_user) == ("", "odoo_harbour")


def test_the_base_url_is_frozen() -> None:
    (one,) = desired_from([{**ITEM, "base_url": "https://erp.example.com/"}], "")
    assert dict(one.parameters) == {"web.base.url": "https://erp.example.com", "web.base.url.freeze": "True"}


def test_parameters_become_texts_as_odoo_writes_them() -> None:
    (one,) = desired_from([{**ITEM, "parameters": {"a": True, "b": 5, "c": "x"}}], "")
    assert one.parameters == (("a", "True"), ("b", "5"), ("c", "x"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"home": {"number": 0, "group": "app"}}, "home: 0 is not the fencing number of a change"),
        ({"home": {"number": 1, "group": "app"}, "state": "absent"}, "home: harbour is to be absent, and is no home"),
        ({"cron_timeout": 5}, "cron_timeout: 5 for harbour is a time to wait before it is blocked"),
        ({"cron_timeout": -1, "access": "blocked"}, "cron_timeout: -1 for harbour"),
        ({"name": ""}, "name: a database needs a name"),
        ({"name": "postgres"}, "belongs to PostgreSQL"),
        ({"name": "template1"}, "belongs to PostgreSQL"),
        ({"name": "Harbour"}, "cannot be matched by a host name"),
        ({"name": "har.bour"}, "cannot be matched by a host name"),
        ({"name": "har bour"}, "cannot be matched by a host name"),
        ({"name": '";drop'}, "cannot be matched by a host name"),
        ({"name": "../x"}, "cannot be matched by a host name"),
        ({"name": "x\n"}, "cannot be matched by a host name"),
        ({"name": "h" * (LONGEST + 1)}, "58 is the most"),
        ({"name": "harbour__new"}, "marks a database in the making"),
        ({"addons": ["a,b"]}, "addons: 'a,b'"),
        ({"addons": ["--update=all"]}, "addons: '--update=all'"),
        ({"language": "french"}, "language: 'french'"),
        ({"base_url": "erp.example.com"}, "base_url: 'erp.example.com'"),
        ({"base_url": "https://erp.example.com/web"}, "base_url"),
        ({"parameters": {"a": {"b": 1}}}, "parameters: a for harbour"),
        ({"parameters": {"a": None}}, "parameters: a for harbour"),
        ({"admin_password": " "}, "admin_password"),
        ({"rename_from": "harbour"}, "named twice"),
        ({"rename_from": "old", "state": "absent"}, "rename_from: harbour is to be absent"),
    ],
)
def test_what_cannot_be_meant_is_told_by_its_option(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        desired_from([{**ITEM, **change}], "")


def test_a_name_stands_once() -> None:
    with pytest.raises(InputError, match="harbour is named twice"):
        desired_from([ITEM, ITEM], "")
    with pytest.raises(InputError, match="old is named twice"):
        desired_from([{**ITEM, "rename_from": "old"}, {**ITEM, "name": "old"}], "")


@pytest.mark.parametrize("name", ["harbour", "north-2", "odoo_test", "1st", "h" * LONGEST])
def test_usual_names_are_taken(name: str) -> None:
    assert check_name(name, "name") == name


@pytest.mark.parametrize(
    "change",
    [{"state": "absent"}, {"rename_from": "old"}, {"clone_from": "harbour"}],
    ids=["absent", "renamed", "itself"],
)
def test_what_cannot_be_cloned(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="clone_from"):
        desired_from([{**ITEM, "clone_from": "source", **change}], "")
