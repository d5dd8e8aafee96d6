# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the design promises about the code itself: where I/O lives, who imports whom, how long a file may be."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.project.tree import ROOT

UTILS = "ansible_collections.gantry.odoo.plugins.module_utils"
PLUGINS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "plugins").rglob("*.py"))
PURE = [path for path in PLUGINS if "/module_utils/" in path and Path(path).name in ("model.py", "plan.py")]
LONGEST = 400
# What a pure file may not reach: the network, other programs, databases, files, the clock.
IMPURE = {
    "boto3", "botocore", "docker", "http", "psycopg2", "redis", "requests", "shutil", "socket", "ssl", "subprocess",
    "tempfile", "threading", "urllib.request",
}  # fmt: skip


def imports(path: str) -> Iterator[str]:
    """The full names of the modules that the file imports, as deep as the import says."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def domain(path: str) -> str:
    """The package below module_utils that the file belongs to, such as `_redis`."""
    return Path(path).relative_to("plugins/module_utils").parts[0]


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


@pytest.mark.parametrize("path", PURE)
def test_models_and_plans_do_no_io(path: str) -> None:
    reached = {name for name in imports(path) if any(name == bad or name.startswith(f"{bad}.") for bad in IMPURE)}
    clients = {name for name in imports(path) if name.startswith(UTILS) and ".client" in name}
    assert not reached | clients, f"{path} must stay pure and imports {sorted(reached | clients)}"


def test_the_core_knows_no_product() -> None:
    wrong = [
        f"{path} imports {name}"
        for path in PLUGINS
        if path.startswith("plugins/module_utils/_core/")
        for name in imports(path)
        if name.startswith(UTILS) and not name.startswith(f"{UTILS}._core.")
    ]
    assert not wrong, "\n".join(wrong)


def test_utilities_never_import_plugins() -> None:
    above = tuple(
        f"ansible_collections.gantry.odoo.plugins.{kind}" for kind in ("modules", "action", "filter", "lookup")
    )
    wrong = [f"{p} imports {n}" for p in PLUGINS if "/module_utils/" in p for n in imports(p) if n.startswith(above)]
    assert not wrong, "\n".join(wrong)


def test_domains_do_not_import_each_other_in_circles() -> None:
    edges: dict[str, set[str]] = {}
    for path in PLUGINS:
        if path.startswith("plugins/module_utils/_"):
            own = edges.setdefault(domain(path), set())
            named = {
                name.removeprefix(f"{UTILS}.").split(".")[0] for name in imports(path) if name.startswith(f"{UTILS}.")
            }
            own |= named - {domain(path)}
    while True:
        leaves = {name for name, uses in edges.items() if not uses & set(edges)}
        if not leaves:
            break
        edges = {name: uses for name, uses in edges.items() if name not in leaves}
    assert not edges, f"these domains import each other in a circle: {sorted(edges)}"


@pytest.mark.parametrize("path", PLUGINS)
def test_no_file_is_two_rooms(path: str) -> None:
    length = lines_of_code(path)
    assert length <= LONGEST, f"{path} has {length} lines of code: it is asking to be two files"
