# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a copy harmless: switches that are off, and addons' scripts fitted to the columns that exist. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import zip_longest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

# Without any mail server Odoo falls back to the one of its configuration: a copy needs one that leads nowhere.
NOWHERE = "invalid"
_AUTOVACUUM = (
    "SELECT res_id FROM public.ir_model_data WHERE module = 'base' AND name = 'autovacuum_job' AND model = 'ir.cron'"
)

Columns = Mapping[str, Set[str]]


@dataclass(frozen=True)
class Switch:
    """A column that has to be off in every row of a table, where both exist. harm: SQL, true for a row that is not."""

    table: str
    column: str
    off: str
    harm: str
    words: str

    def harmful(self, columns: Columns) -> str:
        """SQL, true for a row that could do harm; without the column, an update of Odoo would switch any row on."""
        return self.harm if self.column in columns[self.table] else "true"


_PAID = "state NOT IN ('disabled', 'test')"
# `payment_acquirer` is the name before 16.0
SWITCHES = (
    Switch(
        "ir_mail_server",
        "active",
        "false",
        f"active AND to_jsonb(ir_mail_server) ->> 'smtp_host' IS DISTINCT FROM '{NOWHERE}'",
        "mail servers are active",
    ),
    Switch("ir_cron", "active", "false", f"active AND id NOT IN ({_AUTOVACUUM})", "scheduled jobs are active"),
    Switch("fetchmail_server", "active", "false", "active", "incoming mail servers are active"),
    Switch("payment_provider", "state", "'disabled'", _PAID, "payment providers are enabled"),
    Switch("payment_acquirer", "state", "'disabled'", _PAID, "payment providers are enabled"),
    Switch("payment_token", "active", "false", "active", "payment tokens are active"),
)


def refuse_lost(database: str, lost: Set[str]) -> None:
    """Raises InputError for addons of a database that have no code, where they should have it."""
    if lost:
        raise InputError(
            f"neutralize: {database} has {', '.join(sorted(lost))} installed, and no directory of the addons path "
            "holds code that declares how to make it harmless; add its directory"
        )


def refuse_owner(copy: str, owner: str, login: str) -> None:
    """Raises InputError where the owner-to-be is the login, and so could not be shut out."""
    if owner == login:
        raise InputError(
            f"login_user: {owner} is to own {copy} as well, so no login could be kept out of the copy while it is "
            "made harmless; log in as another role, which is a member of the owner"
        )


# A string, a quoted name, a comment, a word, or any other character.
_TOKEN = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
    | --[^\n]* | /\*.*?\*/ | \w+ | \s+ | .""",
    re.VERBOSE | re.DOTALL,
)
_UPDATE = re.compile(
    r'(?P<head>UPDATE\s+(?:ONLY\s+)?(?P<table>\w+|"\w+")\s+SET\s)(?P<rest>.*)', re.IGNORECASE | re.DOTALL
)
_INSERT = re.compile(r'INSERT\s+INTO\s+(?P<table>\w+|"\w+")\s*(?P<rest>\(.*)', re.IGNORECASE | re.DOTALL)


def fitted(script: str, columns: Columns) -> list[str]:
    """The statements of an addon's script, without what they write to columns that do not exist.

    columns: the names of the columns by table. What is not there needs no scrubbing; what is there keeps its value.
    """
    fitting = (_fit(statement, columns) for statement in statements(script))
    return [statement for statement in fitting if statement]


def statements(script: str) -> list[str]:
    """The single statements of a script, without comments."""
    return [text.strip() for text in _split(script, ";") if text.strip()]


def _fit(statement: str, columns: Columns) -> str:
    update, insert = _UPDATE.fullmatch(statement), _INSERT.fullmatch(statement)
    if update and _name(update["table"]) in columns:
        return _fit_update(update["head"], update["rest"], columns[_name(update["table"])])
    if insert and _name(insert["table"]) in columns:
        return _fit_insert(insert["table"], insert["rest"], columns[_name(insert["table"])]) or statement
    return statement


def _fit_update(head: str, rest: str, there: Set[str]) -> str:
    ends = _words(rest, ("where", "from", "returning"))
    end = min(ends) if ends else len(rest)
    kept = [one.strip() for one in _split(rest[:end], ",") if _name(one) in {*there, ""}]
    return f"{head}{', '.join(kept)} {rest[end:]}".strip() if kept else ""


def _fit_insert(table: str, rest: str, there: Set[str]) -> str:
    """Empty where it is not one row of values."""
    parts = re.fullmatch(r"\((?P<names>[^()]*)\)\s*VALUES\s*\((?P<values>.*)", rest, re.IGNORECASE | re.DOTALL)
    if not parts:
        return ""
    closing = _closing(parts["values"])
    names, values = _split(parts["names"], ","), _split(parts["values"][:closing], ",")
    kept = [
        (name.strip(), value.strip())
        for name, value in zip_longest(names, values, fillvalue="")
        if _name(name) in there
    ]
    listed = ", ".join(name for name, _value in kept), ", ".join(value for _name, value in kept)
    return f"INSERT INTO {table} ({listed[0]}) VALUES ({listed[1]}){parts['values'][closing + 1 :]}"


def _name(text: str) -> str:
    """The column that an assignment or an element of a list begins with; empty where that is something else."""
    found = re.match(r'\s*(?:"(\w+)"|(\w+))', text)
    return (found[1] or found[2].lower()) if found else ""


def _split(text: str, separator: str) -> list[str]:
    """The parts of a text between separators that are in no string, comment or bracket; comments are left out."""
    parts, depth = [""], 0
    for token in _tokens(text):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += " " if token.startswith(("--", "/*")) else token
    return parts


def _words(text: str, words: Sequence[str]) -> list[int]:
    """Where each of `words` stands outside of brackets and strings."""
    found, depth, position = [], 0, 0
    for token in _tokens(text):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth == 0 and token.lower() in words:
            found.append(position)
        position += len(token)
    return found


def _closing(text: str) -> int:
    """Where the bracket closes that was opened before the text."""
    depth, position = 1, 0
    for token in _tokens(text):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth == 0:
            break
        position += len(token)
    return position


def _tokens(text: str) -> list[str]:
    return [found[0] for found in _TOKEN.finditer(text)]
