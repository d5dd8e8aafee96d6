# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written into an odoo.conf is what Odoo reads there, for every option that the role writes, or is refused."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_config import plan_config
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Layout
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_config import DEFAULTS
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_files import own_options

INSTANCE = dict.fromkeys(("name", "db_filter", "db_user", "db_password"), "harbour")
WRITTEN = sorted({**own_options(Layout(), INSTANCE, ("db1", 5432), "127.0.0.1"), **DEFAULTS})


def read_as_odoo_does(text: str, directory: Path) -> dict[str, str]:
    """The options that Odoo's own reader, RawConfigParser.read, finds in a file with the text."""
    path = directory / "odoo.conf"
    path.write_bytes(b"[options]\n" + text.encode())
    parser = configparser.RawConfigParser()
    parser.read([path], encoding="utf-8")
    return dict(parser.items("options"))


@pytest.mark.parametrize("option", WRITTEN)
@given(value=st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\r =:;#%[]$~, ")))
def test_a_value_is_read_back_as_it_is_or_refused(
    option: str, value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    try:
        text = plan_config({option: value, "workers_after": 2})
    except InputError:
        return
    assert read_as_odoo_does(text, tmp_path_factory.getbasetemp()) == {option: value, "workers_after": "2"}


@pytest.mark.parametrize(
    "value", ["p%s", "a = b", ";x", "#x", "[x]", "a:b", "=x", '"x"', "{{ x }}", "$x", "\u00e9\u4e2d", "x" * 9000, ""]
)
def test_odd_passwords_are_written(value: str, tmp_path: Path) -> None:
    assert read_as_odoo_does(plan_config({"db_password": value}), tmp_path) == {"db_password": value}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"db_password": "s3cret\nlist_db = True"}, "db_password holds a line break"),
        ({"db_password": "s3cret\rlist_db = True"}, "db_password holds a line break"),
        ({"db_password": "s3cret "}, "db_password holds a line break, or a blank"),
        ({"db_password": "\u00a0s3cret"}, "db_password holds a line break, or a blank"),
        ({"db_password": "None"}, "db_password is a word"),
        ({"db_password": None}, "db_password is neither a text"),
        ({"server_wide_modules": ["base", "web"]}, "server_wide_modules is neither a text"),
        ({"data_dir": "~odoo/x"}, "data_dir holds ~ or"),
        ({"addons_path": "/a,$HOME/b"}, "addons_path holds ~ or"),
        ({"Admin_Passwd": "x"}, "'Admin_Passwd' is no name of an option"),
        ({"x]\nlist_db": "x"}, "is no name of an option"),
    ],
)
def test_what_odoo_would_not_read_back_is_refused_without_the_value(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        plan_config(options)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_booleans_and_numbers_are_written_as_odoo_writes_them() -> None:
    assert (
        plan_config({"list_db": False, "workers": 2, "admin_passwd": ""})
        == "list_db = False\nworkers = 2\nadmin_passwd =\n"
    )
