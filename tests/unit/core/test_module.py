# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module returns can be printed as JSON, whatever names a disk holds, and shows nothing that is concealed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core import command, module
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import require_text
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, printable, run, without


def test_names_that_are_not_utf_8_are_escaped() -> None:
    name = os.fsdecode(b"caf\xe9")
    told = printable({name: [name, "caf\xe9", 1, None, {"at": (name,)}]})
    assert told == {"caf\\xe9": ["caf\\xe9", "caf\xe9", 1, None, {"at": ["caf\\xe9"]}]}
    json.dumps(told, ensure_ascii=False).encode()


def test_half_a_pair_that_json_spelled_out_is_escaped() -> None:
    assert printable("a\ud800") == "a\\ud800"


def test_the_content_of_a_concealed_option_is_shown_at_no_depth() -> None:
    params = {
        "name": "a",
        "parameters": {"key": "s3cret"},
        "databases": [{"name": "b", "parameters": {"key": "s3cret"}}],
    }
    shown = without({**params, "empty": None}, ["parameters", "empty"])
    assert "s3cret" not in str(shown)
    assert shown["databases"][0]["name"] == "b"
    assert shown["empty"] is None
    assert without(params, []) == params


def test_a_strict_umask_closes_nothing_that_a_module_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(call: Call) -> Outcome:
        os.makedirs(tmp_path / "a/b")
        return Outcome()

    monkeypatch.setattr(module, "_Module", mock.Mock(side_effect=fake))
    before = os.umask(0o077)
    try:
        run({}, work)
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0o755, 0o755]


@pytest.mark.parametrize("text", ["\ud800", os.fsdecode(b"caf\xe9"), "a\0b"])
@pytest.mark.parametrize("place", ["{}", '{{"b": "{}"}}', '[1, "{}"]', '{{"{}": 1}}'])
def test_a_text_that_nothing_takes_is_refused_at_any_depth_and_not_shown(text: str, place: str) -> None:
    given = {"a": text if place == "{}" else json.loads(place.format(json.dumps(text)[1:-1]))}
    with pytest.raises(InputError, match=r"a[^;]* (NUL|UTF-8)[^;]*; (remove|give) it") as caught:
        require_text(given)
    assert text not in str(caught.value)
    require_text({"a": [None, 1, True, {"é": "caf\xe9\n"}]})


def test_a_program_may_be_given_any_time() -> None:
    assert command.run(["echo", "a"], Deadline(10**30), what="saying a") == "a\n"


@pytest.mark.parametrize(("given", "told"), [([], 1), (None, 0), (["a"], 0)])
def test_an_empty_list_of_what_is_to_be_done_is_told(given: object, told: int) -> None:
    warned: list[str] = []
    Call({"databases": given}, warn=warned.append).warn_empty("databases")
    assert [text.startswith("databases: the list is empty, so nothing is done; ") for text in warned] == [True] * told


def fake(concealed: object, **keywords: Any) -> mock.Mock:
    """An AnsibleModule without options."""
    shown: Mapping[str, Any] = {}
    return mock.Mock(params={}, check_mode=False, shown=shown)
