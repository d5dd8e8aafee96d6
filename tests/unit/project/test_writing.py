# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of tenants are written in transactions of the role without rights, and in no session of the login.

A function writes where it holds a statement that does, or calls one that writes and opens no transaction for it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping

from tests.lab.state import ROOT

UTILS = ROOT / "plugins/module_utils"
STATEMENT = re.compile(
    r"\b(INSERT\s+INTO|UPDATE(\s+ONLY)?|DELETE\s+FROM|TRUNCATE|MERGE\s+INTO)\s+(public\.|\"?\{)|nextval\("
)
DOMAINS = ("_addons", "_backup", "_odoo", "_postgresql")
# a table that the statement before has made, and that is the login's
OWN = frozenset({"_odoo/apply_templates.py: _take_in"})


def functions(source: str) -> dict[str, ast.AST]:
    """Every function of a module by name; functions of one name count as one."""
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return {node.name: node for node in found}


def texts(source: str) -> dict[str, str]:
    """The texts that a module gives names to."""
    return {
        target.id: ast.unparse(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def called(node: ast.AST) -> set[str]:
    """The names of what a function calls."""
    calls = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
    return {
        one.attr if isinstance(one, ast.Attribute) else one.id
        for one in calls
        if isinstance(one, (ast.Attribute, ast.Name))
    }


def writes(node: ast.AST, named: Mapping[str, str]) -> bool:
    """Whether a function executes a statement that writes, spelled out or by name."""
    used = [named[one.id] for one in ast.walk(node) if isinstance(one, ast.Name) and one.id in named]
    strings = [ast.unparse(one) for one in ast.walk(node) if isinstance(one, (ast.Constant, ast.JoinedStr))]
    return any(STATEMENT.search(text) for text in [*used, *strings])


def faults(sources: Mapping[str, str]) -> list[str]:
    """The functions that connect by themselves and write, by file and name."""
    every = {(path, name): node for path, text in sources.items() for name, node in functions(text).items()}
    writing = {key for key, node in every.items() if writes(node, texts(sources[key[0]]))}
    while True:
        names = {name for key in writing for name in [key[1]] if "transaction" not in called(every[key])}
        more = {key for key, node in every.items() if names & called(node)} - writing
        if not more:
            break
        writing |= more
    return sorted(
        f"{path}: {name}"
        for path, name in writing
        if "connect" in called(every[path, name]) and "transaction" not in called(every[path, name])
    )


def read(domains: Iterable[str]) -> dict[str, str]:
    """The sources of some domains, by path."""
    return {
        str(path.relative_to(UTILS)): path.read_text(encoding="utf-8")
        for domain in domains
        for path in sorted((UTILS / domain).glob("*.py"))
    }


def test_no_session_of_the_login_writes_to_a_table_of_a_tenant() -> None:
    assert set(faults(read(DOMAINS))) == OWN


def test_a_statement_is_found_where_it_is_spelled_named_or_called() -> None:
    spelled = "def a(login):\n    with connect(login) as c:\n        c.execute('UPDATE public.res_users SET x = 1')\n"
    named = "_ALL = 'DELETE FROM public.website'\ndef b(login):\n    connect(login).execute(_ALL)\n"
    apart = "def c(cursor):\n    cursor.execute(f'INSERT INTO public.{name} VALUES (1)')\n"
    assert faults({"x.py": spelled, "y.py": named}) == ["x.py: a", "y.py: b"]
    assert faults({"x.py": apart, "y.py": "def d(login):\n    c(connect(login))\n"}) == ["y.py: d"]
    inside = "def e(writing):\n    with writing.transaction([]) as cursor:\n        c(cursor)\n"
    assert faults({"x.py": apart, "y.py": inside}) == []
