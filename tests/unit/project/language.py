# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts that a user reads, taken out of the files of the project, and the words of words.yml in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.quality.sanity import tree
from tests.unit.project.conftest import load
from tests.unit.project.tree import ROOT

READ = (
    ".github/*.md", ".github/ISSUE_TEMPLATE/*.yml", "*.md", "Makefile", "changelogs/fragments/*.yml", "docs/adr/*.md",
    "docs/docsite/*.rst", "docs/docsite/*.yml",
    "extensions/molecule/*.yml", "galaxy.yml", "inventories/example/*.yml", "playbooks/*.yml",
    "plugins/*.py", "plugins/filter/*.yml", "roles/*/README.md", "roles/*/files/*", "roles/*/handlers/*.yml",
    "roles/*/meta/*.yml", "roles/*/tasks/*.yml", "roles/*/templates/*",
)  # fmt: skip
_SPOKEN = {
    "about", "description", "fail_msg", "label", "msg", "name", "notes", "short_description", "success_msg", "title",
}  # fmt: skip
_DOCUMENTS = ("DOCUMENTATION", "RETURN", "EXAMPLES")
_BLOCK = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"``.*?``|`[^`\n]+`|\b[A-Z]+\([^)]*\)|\{\{.*?\}\}|\]\([^)\s]+\)|https?://\S+", re.DOTALL)
_COMMENT = re.compile(r"^ *# ?(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """One text of a file. is_name: a task, a play or a short description."""

    text: str
    is_name: bool = False


@dataclass(frozen=True)
class Word:
    """A pattern with its replacement, and cases of its review."""

    pattern: str
    write: str
    bad: tuple[str, ...]
    good: tuple[str, ...]

    def found(self, text: str) -> str:
        """The part of `text` that should be written otherwise, or an empty text."""
        match = re.search(self.pattern, text, re.IGNORECASE)
        return match[0].strip() if match else ""


@cache
def words(kind: str) -> list[Word]:
    """The patterns of words.yml: `words` for every text, `names` for names of tasks and short descriptions."""
    listed = load(Path(__file__).with_name("words.yml"))[kind]
    return [Word(item["pattern"], item["write"], tuple(item["bad"]), tuple(item["good"])) for item in listed]


def files() -> list[str]:
    """The files that hold text for users."""
    return [name for name in tree() if any(fnmatch(name, pattern) for pattern in READ) and name != "CHANGELOG.md"]


def plain(text: str) -> str:
    """`text` on one line, without code."""
    return " ".join(_CODE.sub(" ", text).split())


def texts(name: str) -> Iterator[Text]:
    """The texts of one file, without code."""
    source = (ROOT / name).read_text(encoding="utf-8")
    if name.startswith("docs/adr/"):
        yield Text(plain(source.splitlines()[0]))  # A decision keeps the words of its day; its title is read today.
    elif name.endswith(".md"):
        yield from (Text(plain(part)) for part in re.split(r"\n\s*\n|\n(?=[|#-])", _BLOCK.sub("", source)))
    elif name.endswith(".rst"):
        prose = re.sub(r"^( *)\.\. code-block::.*?(?=^\1\S|\Z)", "", source, flags=re.MULTILINE | re.DOTALL)
        yield from (Text(plain(part)) for part in re.split(r"\n\s*\n", prose))
    elif name.endswith(".py"):
        yield from _sentences(ast.parse(source))
    elif not name.endswith(".yml"):
        yield from (Text(plain(line)) for line in _COMMENT.findall(source))
    else:
        yield from _spoken(yaml.load(source, yaml.CSafeLoader), every=name.startswith("changelogs/"))
        yield from (Text(plain(line)) for line in _COMMENT.findall(source))


def findings(name: str) -> list[str]:
    """What in the file should be written otherwise."""
    everywhere, names = words("words"), words("names")
    found = []
    for text in texts(name):
        for word in [*everywhere, *(names if text.is_name else [])]:
            seen = word.found(text.text)
            if seen:
                found.append(f"{name}: '{seen}' in '{text.text[:100]}': write {word.write}")
    return found


def _sentences(tree: ast.AST) -> Iterator[Text]:
    """The documentation and the messages of a plugin: its strings, other than docstrings and what it compares with."""
    for node in ast.iter_child_nodes(tree):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id in _DOCUMENTS and isinstance(node, ast.Assign):
            yield from _spoken(yaml.load(ast.literal_eval(node.value), yaml.CSafeLoader))
        elif isinstance(node, ast.JoinedStr):
            yield Text(
                plain("".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values))
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if " " in node.value:  # a word alone is another program's, such as a command
                yield Text(plain(node.value))
        elif not isinstance(node, ast.Compare) and not (isinstance(node, ast.Expr) and _is_text(node.value)):
            yield from _sentences(node)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _spoken(value: Any, every: bool = False) -> Iterator[Text]:
    if isinstance(value, str) and every:
        yield Text(plain(value))
    elif isinstance(value, list):
        for item in value:
            yield from _spoken(item, every)
    elif isinstance(value, dict):
        task = any(key in value for key in ("hosts", "block", "when", "vars", "register")) or any(
            "." in str(key) for key in value
        )
        for key, item in value.items():
            if key in _SPOKEN and isinstance(item, (str, list)):
                is_name = key == "short_description" or (key == "name" and task)
                for each in item if isinstance(item, list) else [item]:
                    if isinstance(each, str) and (key != "name" or is_name or " " in each):
                        yield Text(plain(each), is_name)
            yield from _spoken(item, every)
