# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values in records that somebody else may have written: each is of its kind, or the record cannot be read.

The functions raise ValueError. Who reads a record turns BAD_VALUES into one sentence that names it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError

# as of a signed integer of 64 bits, which also files and databases have
MOST = 2**63 - 1
# with those, no sum of a moment and a duration leaves the calendar
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=timezone.utc), datetime(3000, 1, 1, tzinfo=timezone.utc)
# half of a character, as JSON writes it; a whole one beyond the first 65,536 has two of them
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_json(data: bytes, where: str) -> Any:
    """As decoded. Raises StateError, naming `where`, also for half a character."""
    try:
        found = decoded(data)
        if _HALF.search(data):
            # raises where a half stands alone, which no file, database or terminal takes
            json.dumps(found, ensure_ascii=False).encode()
    except BAD_VALUES as error:
        raise StateError(f"{where} is damaged or forged: it is no JSON of ours ({_brief(error)})") from error
    return found


def decoded(data: bytes) -> Any:
    """What JSON says. Raises what is in BAD_VALUES for what is none, says a name twice, or says no number."""
    return _DECODER.decode(data.decode(json.detect_encoding(data), "surrogatepass"))


def parse_document(data: bytes, where: str) -> dict[str, Any]:
    """As parse_json, for an object."""
    found = parse_json(data, where)
    if not isinstance(found, dict):
        raise StateError(f"{where} is damaged or forged: it is no JSON object")
    return found


def number(value: Any, least: int = 0, most: int = MOST) -> int:
    """A whole number between two others, both included."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{_short(value)} is no whole number from {least} to {most}")
    return value


def figure(value: Any, least: int = 0) -> float:
    """A number of seconds or the like."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= MOST:
        raise ValueError(f"{_short(value)} is no number from {least} to {MOST}")
    return float(value)


def text(value: Any) -> str:
    """A text in UTF-8."""
    if not isinstance(value, str):
        raise ValueError(f"{_short(value)} is no text")
    # half a character can stand in what is not ASCII alone
    if not value.isascii():
        value.encode()
    return value


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{_short(value)} is neither true nor false")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts."""
    return tuple(text(one) for one in items(value))


def items(value: Any) -> Sequence[Any]:
    """A list, or a tuple of a record that was not written yet."""
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{_short(value)} is no list")
    return value


def fields(value: Any) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{_short(value)} is no object")
    return dict(value)


def moment(value: Any) -> datetime:
    """A moment with its zone, in ISO 8601. Raises TypeError for what is no text."""
    return within(datetime.fromisoformat(value))


def within(found: datetime) -> datetime:
    """A moment with its zone, of an age that clocks can have."""
    if found.tzinfo is None:
        raise ValueError(f"{found.isoformat()} is a time without a zone")
    if not _FIRST <= found < _LAST:
        raise ValueError(f"{found.isoformat()} is before {_FIRST.year}, or not before {_LAST.year}")
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _finite(digits: str) -> float:
    found = float(digits)
    if not math.isfinite(found):
        raise ValueError(f"{_short(digits)} is no number")
    return found


def _short(value: Any) -> str:
    """A value as a sentence can carry it."""
    return repr(value)[:60] if isinstance(value, (str, int, float)) or value is None else type(value).__name__


def _brief(error: Exception) -> str:
    """Why, without the content, which can be of any length."""
    return f"{type(error).__name__}: {error}"[:200]


# made once, as a ledger has many records
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite)
