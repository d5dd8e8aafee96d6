# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared values mean what they mean in a module's option, or are refused with their path."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.validation import check_type_bool, check_type_int, check_type_list

from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import convert, convert_all


def one(value: Any, **option: Any) -> tuple[Any, list[str]]:
    """The converted value and the faults."""
    faults: list[str] = []
    return convert(value, option, "here.there", faults), faults


@pytest.mark.parametrize("value", ["yes", "No", "true", "FALSE", "on", "off", "1", "0", 1, 0, True, False, "t", "f"])
def test_truth_values_are_those_of_ansible(value: Any) -> None:
    assert one(value, type="bool") == (check_type_bool(value), [])


@pytest.mark.parametrize("value", ["7", 7, " 7", "-3"])
def test_numbers_are_those_of_ansible(value: Any) -> None:
    assert one(value, type="int") == (check_type_int(value), [])


@pytest.mark.parametrize("value", [["a", "b"], "a,b", "a"])
def test_lists_are_those_of_ansible(value: Any) -> None:
    assert one(value, type="list", elements="str") == (check_type_list(value), [])


@pytest.mark.parametrize(
    ("value", "option", "fault"),
    [
        ("maybe", {"type": "bool"}, "here.there must be true or false, not 'maybe'"),
        ("2.5", {"type": "int"}, "here.there must be a whole number, not '2.5'"),
        (False, {"type": "int"}, "here.there must be a whole number, not false"),
        ("soon", {"type": "float"}, "here.there must be a number, not 'soon'"),
        (1.1, {"type": "str"}, "here.there must be a text (quote it), not 1.1"),
        ({"a": 1}, {"type": "list"}, "here.there must be a list (with -e, as JSON), not a mapping"),
        ("[app2]", {"type": "list"}, "here.there must be a list (with -e, as JSON), not '[app2]'"),
        ([1], {"type": "dict"}, "here.there must be a mapping, not a list"),
        (None, {"required": True}, "here.there is required; set it"),
        ("c", {"choices": ["a", "b"]}, "here.there must be one of a, b, not 'c'"),
        (["x" * 99], {"type": "list", "elements": "int"}, f"here.there[0] must be a whole number, not '{'x' * 59}..."),
    ],
)
def test_what_is_refused_is_told_with_its_path(value: Any, option: dict[str, Any], fault: str) -> None:
    assert one(value, **option)[1] == [fault]


def test_every_fault_of_a_mapping_is_told() -> None:
    faults: list[str] = []
    options = {"count": {"type": "int", "default": 3}, "name": {"required": True}}
    assert convert_all({"count": "many", "nmae": "x"}, options, "thing", faults)["name"] is None
    assert faults == [
        "thing.nmae is not known; known are count, name",
        "thing.count must be a whole number, not 'many'",
        "thing.name is required; set it",
    ]


def test_what_is_left_out_has_its_default() -> None:
    assert one(None, type="int", default=3) == (3, [])
    assert one(None, type="int") == (None, [])
