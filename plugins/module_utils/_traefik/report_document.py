# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents and messages without what may be a secret in them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

NOT_SHOWN, DIFFERS = "NOT SHOWN", "NOT SHOWN, DIFFERS"
# Passwords, their hashes, tokens in headers and keys are found here, under names that Traefik and its plugins choose.
_CONCEALED = {"middlewares", "serverstransports", "headers"}
_TELLING = re.compile(r"-----BEGIN|://[^/]*@")


def shown(content: Any, had: Any = None) -> Any:
    """The document without what may be a secret. had: the one before it; a secret that differs from it says so."""
    return _shown(content, had, concealed=False)


def without_secrets(text: str, content: Any) -> str:
    """A message about a document, without what may be a secret in that."""
    for secret in sorted(set(_secrets(content, concealed=False)), key=len, reverse=True):
        text = text.replace(secret, NOT_SHOWN)
    return text


def _shown(value: Any, had: Any, *, concealed: bool) -> Any:
    if isinstance(value, Mapping):
        before = had if isinstance(had, Mapping) else {}
        return {
            key: _shown(one, before.get(key), concealed=concealed or _conceals(key, one)) for key, one in value.items()
        }
    if isinstance(value, list):
        earlier = [*had, *[None] * len(value)] if isinstance(had, list) else [None] * len(value)
        return [_shown(one, there, concealed=concealed) for one, there in zip(value, earlier)]
    if not _is_secret(value, concealed=concealed):
        return value
    return NOT_SHOWN if had in (None, value) else DIFFERS


def _secrets(value: Any, *, concealed: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _secrets(one, concealed=concealed or _conceals(key, one))
    elif isinstance(value, list):
        for one in value:
            yield from _secrets(one, concealed=concealed)
    elif _is_secret(value, concealed=concealed):
        # Of a short or common word nothing is learned, and a message could not be read without it.
        yield from (part for part in (str(value), *str(value).split(":", 1)) if len(part) > 5)


def _conceals(key: Any, value: Any) -> bool:
    # A router lists middlewares by their names.
    return isinstance(value, Mapping) and str(key).lower() in _CONCEALED


def _is_secret(value: Any, *, concealed: bool) -> bool:
    if value is None or isinstance(value, bool):
        return False
    return concealed or bool(_TELLING.search(str(value)))
