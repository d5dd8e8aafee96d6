# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the design promises about the code: where I/O is, which room imports which, how long a file may be."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.project import house
from tests.unit.project.tree import MODULES, ROOT

PACKAGE = "ansible_collections.gantry.odoo.plugins"
UTILS = f"{PACKAGE}.module_utils"
PLUGINS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "plugins").rglob("*.py"))
FILES = [path.removeprefix("plugins/module_utils/") for path in PLUGINS if "/module_utils/" in path]
LONGEST = 400
# All that a pure file may import: values and text. A name stands for itself and for what is in it.
PURE_IMPORTS = {
    "__future__", "base64", "collections", "configparser", "dataclasses", "datetime", "enum", "fractions", "functools",
    "difflib", "hashlib", "hmac", "ipaddress", "itertools", "json", "math", "operator", "pathlib.PurePath",
    "pathlib.PurePosixPath", "re", "statistics", "string", "textwrap", "typing", "unicodedata", "urllib.parse", UTILS,
}  # fmt: skip
# Of the built-in names, and by whatever name they are called: those that do I/O or find it.
IMPURE_NAMES = {
    "__builtins__", "__import__", "__loader__", "breakpoint", "compile", "eval", "exec", "globals", "input",
    "locals", "open", "print", "vars",
}  # fmt: skip
CLOCK = {"now", "today", "utcnow"}
IMPURE_METHODS = CLOCK | {
    "exists", "is_dir", "is_file", "mkdir", "open", "read", "read_bytes", "read_text", "unlink", "write_bytes",
    "write_text",
}  # fmt: skip


def role(name: str) -> str:
    """The role that the file's name says, or an empty text."""
    word = Path(name).stem.split("_")[0]
    return word if word in (*house.PURE_ROLES, *house.IO_ROLES, *house.OTHER_ROLES) else ""


def is_pure(name: str) -> bool:
    """Whether the file, by its name or by review, does no I/O."""
    return role(name) in house.PURE_ROLES or house.NAMED.get(name, ("",))[0] == house.PURE


def imports(tree: ast.AST) -> Iterator[str]:
    """The full names of what the code imports, as deep as the import says."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def impurities(source: str) -> list[str]:
    """What `source` does that a pure file must not do: imports and names."""
    tree = ast.parse(source)
    found = [
        f"imports {name}"
        for name in imports(tree)
        if not any(name == good or name.startswith(f"{good}.") for good in PURE_IMPORTS)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in IMPURE_NAMES and isinstance(node.ctx, ast.Load):
            found.append(f"uses {node.id} in line {node.lineno}")
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in IMPURE_METHODS:
            found.append(f"calls .{called.attr}() in line {node.lineno}")
        if isinstance(node, ast.Attribute) and node.attr in CLOCK and ast.unparse(node.value).endswith("datetime"):
            found.append(f"uses .{node.attr} in line {node.lineno}")
        if isinstance(node, ast.Call) and isinstance(called, ast.Name) and called.id == "getattr":
            words = {word.value for word in node.args if isinstance(word, ast.Constant)}
            found += [f"uses .{word} in line {node.lineno}" for word in sorted(words & IMPURE_METHODS)]
    return found


def neighbours(name: str) -> Iterator[str]:
    """The files of module_utils that the file `name` imports, such as `_redis/model.py`."""
    for found in imports(parsed(f"plugins/module_utils/{name}")):
        if found.startswith(f"{UTILS}.") and found.removeprefix(f"{UTILS}.") not in house.VALUES:
            parts = found.removeprefix(f"{UTILS}.").split(".")
            for length in (2, 1):
                file = "/".join(parts[:length]) + ".py"
                if (ROOT / "plugins/module_utils" / file).is_file():
                    yield file
                    break


def parsed(path: str) -> ast.Module:
    """The syntax tree of a file of the project."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def lines_of_code(path: str) -> int:
    """The lines that hold code: without comments, blank lines and docstrings."""
    text = (ROOT / path).read_text(encoding="utf-8")
    silent = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent:
            held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            held -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in (
            "DOCUMENTATION",
            "EXAMPLES",
            "RETURN",
        ):
            held -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(held)


@pytest.mark.parametrize("name", [name for name in FILES if is_pure(name)])
def test_pure_files_do_no_io(name: str) -> None:
    found = impurities((ROOT / "plugins/module_utils" / name).read_text(encoding="utf-8"))
    found += [
        f"imports {other}" for other in neighbours(name) if not is_pure(other) and role(other) not in house.OTHER_ROLES
    ]
    assert not found, f"{name} must stay pure: it {', '.join(found)}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os", "imports os"),
        ("import pathlib", "imports pathlib"),
        ("from os.path import join", "imports os.path.join"),
        ("from pathlib import Path", "imports pathlib.Path"),
        ("from builtins import open as o", "imports builtins.open"),
        ("import urllib.request", "imports urllib.request"),
        ("import sqlite3 as re", "imports sqlite3"),
        ("from ansible.module_utils.basic import AnsibleModule", "imports ansible.module_utils.basic.AnsibleModule"),
        ("open('x')", "uses open in line 1"),
        ("o = open", "uses open in line 1"),
        ("getattr(datetime, 'now')()", "uses .now in line 1"),
        ("__builtins__['open']", "uses __builtins__ in line 1"),
        ("where.read_text()", "calls .read_text() in line 1"),
        ("configparser.ConfigParser().read('x')", "calls .read() in line 1"),
        ("clock.now(timezone.utc)", "calls .now() in line 1"),
        ("clock = datetime.utcnow", "uses .utcnow in line 1"),
    ],
)
def test_impurities_are_seen(source: str, found: str) -> None:
    assert impurities(source) == [found]


@pytest.mark.parametrize(
    "source",
    ["from pathlib import PurePosixPath", "from urllib.parse import urlsplit", "from datetime import datetime"],
)
def test_text_and_values_are_pure(source: str) -> None:
    assert impurities(source) == []


def test_file_names_say_the_role() -> None:
    strangers = [name for name in FILES if not role(name) and name not in house.NAMED]
    assert not strangers, (
        f"name each after its role ({', '.join((*house.PURE_ROLES, *house.IO_ROLES, *house.OTHER_ROLES))}), "
        f"or give the reason in tests/unit/project/house.py: {strangers}"
    )


def test_a_room_imports_from_floors_below() -> None:
    below: dict[str, set[str]] = {}
    for number, floor in enumerate(house.FLOORS):
        below.update({room: {other for lower in house.FLOORS[:number] for other in lower} for room in floor})
    below.update({room: set(house.FLOORS[0]) for room in house.BESIDE})
    wrong = []
    for name in FILES:
        room = name.split("/")[0]
        assert room in below, f"{room} is on no floor of tests/unit/project/house.py"
        for other in neighbours(name):
            if other.split("/")[0] not in below[room] | {room}:
                wrong.append(f"{name} imports {other}")
    assert not wrong, "\n".join(wrong)


def test_utilities_never_import_plugins() -> None:
    above = tuple(f"{PACKAGE}.{kind}" for kind in ("modules", "action", "filter", "lookup"))
    wrong = [f"{p} imports {n}" for p in PLUGINS if "/module_utils/" in p for n in imports(parsed(p))]
    wrong = [line for line in wrong if line.split(" imports ")[1].startswith(above)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", PLUGINS)
def test_no_file_is_too_long(path: str) -> None:
    length = lines_of_code(path)
    assert length <= LONGEST, f"{path} has {length} lines of code, more than {LONGEST}: split it"


def flaws_of_main(tree: ast.Module) -> str:
    """Why the module's main() is not `run(OPTIONS, work, **rules)` of the skeleton; empty where it is."""
    if f"{UTILS}._core.module.run" not in imports(tree):
        return "does not import run from _core.module"
    main = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"), None)
    if main is None:
        return "has no main()"
    if not (isinstance(main.returns, ast.Constant) and main.returns.value is None and not ast.unparse(main.args)):
        return "has no main() -> None"
    body = main.body[1:] if ast.get_docstring(main) else main.body
    call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "run"):
        return "has a main() that does more, or less, than call run"
    return ""


def has_code(module: str) -> bool:
    """Whether the module does something itself; otherwise it is the documentation of an action plugin."""
    return any(isinstance(node, ast.FunctionDef) for node in parsed(f"plugins/modules/{module}.py").body)


def test_main_is_the_skeletons() -> None:
    wrong = [
        f"plugins/modules/{name}.py {flaws}"
        for name in MODULES
        if has_code(name)
        for flaws in [flaws_of_main(parsed(f"plugins/modules/{name}.py"))]
        if flaws
    ]
    assert not wrong, "\n".join(wrong)
