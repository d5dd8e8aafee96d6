# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared data, converted and checked by type in one place, with the path of each value that is refused.

Options are described as in an argument_spec: type, elements, options, choices, default, required. The conversions are
those of Ansible's own types, so that a value means the same in an inventory, with -e and in a module.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

Option = Mapping[str, Any]

_TRUE = ("1", "on", "t", "true", "y", "yes")
_FALSE = ("0", "f", "false", "n", "no", "off")
_LONGEST = 60
_PATH = re.compile(r"/[!-~]{0,400}")
# the whole numbers that each program which reads JSON can tell apart
_MOST = 2**53
_ACCEPTED = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "list": "a list (with -e, as JSON)",
    "path": "a path",
    "str": "a text (quote it)",
}


def convert(value: Any, option: Option, path: str, faults: list[str]) -> Any:
    """The value as the option's type, defaults filled in. Appends one sentence to `faults` for each that is refused.

    path: names the value, such as odoo_tenants[0].demo. The result is without meaning where there are faults.
    """
    if value is None:
        if option.get("required"):
            faults.append(f"{path} is required; set it")
            return None
        value = option.get("default")
        if value is None:
            return None
    kind = str(option.get("type", "str"))
    if kind == "raw":
        return value
    try:
        made = _CONVERTERS[kind](value)
    except (OverflowError, ValueError):
        faults.append(f"{path} must be {_ACCEPTED[kind]}, not {shown(value)}")
        return None
    if isinstance(made, str) and _fault_of(made):
        faults.append(f"{path} {_fault_of(made)}")
        return None
    choices = option.get("choices")
    if choices and made not in choices:
        faults.append(f"{path} must be one of {', '.join(map(str, choices))}, not {shown(value)}")
        return None
    if kind == "list":
        element = {"type": option.get("elements", "raw"), "options": option.get("options"), "required": True}
        return [convert(item, element, f"{path}[{place}]", faults) for place, item in enumerate(made)]
    if kind == "dict" and option.get("options"):
        return convert_all(made, option["options"], path, faults)
    return made


def convert_all(
    given: Mapping[str, Any], options: Mapping[str, Option], path: str, faults: list[str]
) -> dict[str, Any]:
    """The value of each option; a key that is no option is a fault. path: of the mapping, empty at the top."""
    for key in sorted(set(map(str, given)) - set(options)):
        faults.append(f"{_below(path, key)} is not known; known are {', '.join(sorted(options))}")
    return {name: convert(given.get(name), option, _below(path, name), faults) for name, option in options.items()}


def convert_some(given: Mapping[str, Any], options: Mapping[str, Option]) -> dict[str, Any]:
    """The value of each option, whatever else is given. Raises InputError with a sentence for each that is refused."""
    faults: list[str] = []
    made = {name: convert(given.get(name), option, name, faults) for name, option in options.items()}
    if faults:
        raise InputError("; ".join(faults))
    return made


def require_text(given: Mapping[str, Any]) -> None:
    """Raise InputError where a value, at any depth, is none that a file, a database or a program could take."""
    for name, value in given.items():
        fault = _strange(value, f"{name}")
        if fault:
            raise InputError(fault)


def _strange(value: Any, path: str) -> str:
    """Why a value holds what is no text, in one sentence without the value, which may be a secret; "" for a text."""
    if isinstance(value, Mapping):
        inner = [(key, f"a name in {path}") for key in value]
        inner += [(item, _below(path, str(key))) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        inner = [(item, f"{path}[{place}]") for place, item in enumerate(value)]
    else:
        fault = _fault_of(value) if isinstance(value, str) else _fault_of_number(value)
        return f"{path} {fault}" if fault else ""
    return next(filter(None, (_strange(item, place) for item, place in inner)), "")


def _fault_of(text: str) -> str:
    if "\0" in text:
        return "holds a NUL character, which no file, database or program takes; remove it"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"is no text in UTF-8 from character {error.start + 1} on; give it in UTF-8"
    return ""


def _fault_of_number(value: Any) -> str:
    # NaN is in no range, and JSON has no word for it
    if isinstance(value, (int, float)) and not -_MOST <= value <= _MOST:
        return f"is no number from -2^53 to 2^53, but {shown(value)}; give one"
    return ""


def shown(value: Any) -> str:
    """A refused value as a message shows it."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return "a list"
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _bool(value: Any) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError
    return int(value)


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    made = float(value)
    if not math.isfinite(made):
        raise ValueError
    return made


def _str(value: Any) -> str:
    # YAML reads an unquoted no as false and 1.10 as 1.1: what was written is lost.
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError
    return str(value)


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):
        # -e name=[a] is a text to Ansible, and would be a list with the name "[a]"
        if value.strip().startswith("[") and value.strip().endswith("]"):
            raise ValueError
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, (bytes, Mapping)) or not isinstance(value, Sequence):
        raise ValueError
    return list(value)


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError
    return {str(key): item for key, item in value.items()}


_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "bool": _bool,
    "dict": _dict,
    "float": _float,
    "int": _int,
    "list": _list,
    "path": _str,
    "str": _str,
}


def is_path(text: str) -> bool:
    """Whether a text is the path of a URL, with or without a query, that a request can carry as it is."""
    return bool(_PATH.fullmatch(text))
