# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of Traefik 3 as a tree: read by their grammar, and written from the tree."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Union

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

# How many values each matcher takes.
MATCHERS = {
    "Host": (1,),
    "HostRegexp": (1,),
    "Path": (1,),
    "PathPrefix": (1,),
    "PathRegexp": (1,),
    "Method": (1,),
    "Header": (2,),
    "HeaderRegexp": (2,),
    "Query": (1, 2),
    "QueryRegexp": (1, 2),
    "ClientIP": (1,),
}
# Those of TCP, as what they say of the requests that come by the connection.
_OF_TCP = {"HostSNI": "Host", "HostSNIRegexp": "HostRegexp", "ClientIP": "ClientIP", "ALPN": "ALPN"}
# What a route asks for, and what a router has, to which its hosts, networks and more are added.
_LONGEST, LONGEST_OF_ROUTER, _DEEPEST = 10000, 50000, 50
_BLANK = re.compile(r"(?:[ \t\r\n]|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TOKEN = re.compile(r"""(?P<sign>&&|\|\||[!(),])|(?P<name>[A-Za-z_]\w*)|(?P<text>`[^`]*`|"(?:[^"\\\n]|\\.)*")""")
_ESCAPE = re.compile(r'\\([abfnrtv\\"]|[0-3][0-7]{2}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})|\\')
_LETTERS = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, '"': 34}


@dataclass(frozen=True)
class Matcher:
    """One condition on a request, such as Host(`a.example`)."""

    name: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(_quoted(value) for value in self.values)})"


@dataclass(frozen=True)
class Not:
    """Requests that the part does not match."""

    part: Rule

    def __str__(self) -> str:
        return f"!{self.part if isinstance(self.part, (Matcher, Not)) else f'({self.part})'}"


@dataclass(frozen=True)
class Every:
    """Requests that each part matches; made by `every`."""

    parts: tuple[Rule, ...]

    def __str__(self) -> str:
        return " && ".join(f"({one})" if isinstance(one, Some) else str(one) for one in self.parts)


@dataclass(frozen=True)
class Some:
    """Requests that one part or more matches; made by `some`."""

    parts: tuple[Rule, ...]

    def __str__(self) -> str:
        return " || ".join(str(one) for one in self.parts)


Rule = Union[Matcher, Not, Every, Some]


def every(parts: Iterable[Rule]) -> Rule:
    """The rule that all of the parts match."""
    flat = [inner for one in parts for inner in (one.parts if isinstance(one, Every) else (one,))]
    return flat[0] if len(flat) == 1 else Every(tuple(flat))


def some(parts: Iterable[Rule]) -> Rule:
    """The rule that one of the parts matches."""
    flat = [inner for one in parts for inner in (one.parts if isinstance(one, Some) else (one,))]
    return flat[0] if len(flat) == 1 else Some(tuple(flat))


def parse(text: str, *, tcp: bool = False, longest: int = _LONGEST) -> Rule:
    """The rule as a tree. Raises InputError with the position, counted in characters from 1.

    tcp: whether it is that of a TCP router; names of servers are hosts then, and `*` is any.
    """
    if len(text) > longest:
        raise InputError(f"the rule has {len(text)} characters; accepted are {longest}")
    return _Parser(text, _OF_TCP if tcp else {name: name for name in MATCHERS}).parse()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int
    # Go ends a statement at such a line break.
    breaks: bool = False


class _Parser:
    """Recursive descent: `||` binds weaker than `&&`, and that weaker than `!`."""

    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        self._tokens = list(_tokens(text))
        self._accepted = ", ".join(names)
        # Traefik takes each name in four spellings.
        self._names = {
            spelling: name
            for given, name in names.items()
            for spelling in (given, given.lower(), given.upper(), given.lower().capitalize())
        }
        self._place = 0

    def parse(self) -> Rule:
        found = self._some(0)
        if self._next.kind != "end":
            raise _expected("&& or ||", self._next)
        return found

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self, text: str) -> bool:
        taken = self._next.kind == "sign" and self._next.text == text and not self._next.breaks
        self._place += taken
        return taken

    def _require(self, text: str) -> None:
        if not self._take(text):
            raise _expected(text, self._next)

    def _some(self, depth: int) -> Rule:
        parts = [self._every(depth)]
        while self._take("||"):
            parts.append(self._every(depth))
        return some(parts)

    def _every(self, depth: int) -> Rule:
        parts = [self._single(depth)]
        while self._take("&&"):
            parts.append(self._single(depth))
        return every(parts)

    def _single(self, depth: int) -> Rule:
        if depth > _DEEPEST:
            raise InputError(f"at character {self._next.at}, the rule is nested deeper than {_DEEPEST} levels")
        if self._take("!"):
            return Not(self._single(depth + 1))
        if self._take("("):
            inner = self._some(depth + 1)
            self._require(")")
            return inner
        return self._matcher()

    def _matcher(self) -> Rule:
        start = self._next
        if start.kind != "name":
            raise _expected("a matcher, ! or (", start)
        if start.text not in self._names:
            raise InputError(
                f"at character {start.at}, {start.text} is no matcher of Traefik; accepted are {self._accepted}"
            )
        self._place += 1
        self._require("(")
        values: list[str] = []
        while not self._take(")"):
            values.append(self._value())
            if not self._take(","):
                self._require(")")
                break
        made = Matcher(self._names[start.text], tuple(values))
        fault = _fault(made)
        if fault:
            raise InputError(f"at character {start.at}, {fault}")
        return made

    def _value(self) -> str:
        token = self._next
        if token.kind != "text":
            raise _expected("a value in back quotes or double quotes", token)
        self._place += 1
        return _unquoted(token)


def _tokens(text: str) -> Iterable[_Token]:
    at, ends = 0, False
    while True:
        blank = _BLANK.match(text, at)
        found = blank.group() if blank else ""
        at += len(found)
        breaks = ends and "\n" in found
        if at == len(text):
            yield _Token("end", "the end", at + 1)
            return
        match = _TOKEN.match(text, at)
        if not match:
            raise InputError(f"at character {at + 1}, {text[at]!r} is no part of a rule")
        yield _Token(str(match.lastgroup), match.group(), at + 1, breaks)
        at = match.end()
        ends = match.lastgroup != "sign" or match.group() == ")"


def _expected(what: str, token: _Token) -> InputError:
    seen = f"a line break before {token.text}" if token.breaks else token.text
    return InputError(f"at character {token.at}, expected {what} and found {seen}")


def _fault(one: Matcher) -> str:
    """Why Traefik would not take a matcher, empty where it would."""
    counts = MATCHERS.get(one.name, (1,))
    if len(one.values) not in counts:
        return f"{one.name} has {len(one.values)} values; it takes {' or '.join(str(count) for count in counts)}"
    first = one.values[0]
    if not any(one.values):
        return f"{one.name} has an empty value"
    if one.name in ("Host", "HostRegexp") and not first.isascii():
        return f"{one.name} has {first!r}; write an international name as xn--"
    if one.name in ("Path", "PathPrefix") and not first.startswith("/"):
        return f"{one.name} has {first!r}; a path begins with a slash"
    if one.name == "ClientIP":
        try:
            ipaddress.ip_network(first, strict=False)
        except ValueError:
            return f"ClientIP has {first!r}, which is no address and no network in CIDR form"
    return ""


def _unquoted(token: _Token) -> str:
    """The value of Go's raw or interpreted string."""
    inner = token.text[1:-1]
    if token.text[0] == "`":
        return inner.replace("\r", "")
    made, at = b"", 0
    for match in _ESCAPE.finditer(inner):
        made += inner[at : match.start()].encode("utf-8", "surrogatepass") + _escaped(match.group(1), token)
        at = match.end()
    try:
        return (made + inner[at:].encode("utf-8", "surrogatepass")).decode()
    except UnicodeDecodeError:
        raise InputError(f"at character {token.at}, {token.text} is not UTF-8") from None


def _escaped(escape: str | None, token: _Token) -> bytes:
    if escape is None:
        raise InputError(f"at character {token.at}, {token.text} has an escape that Go does not know")
    if escape in _LETTERS:
        return bytes([_LETTERS[escape]])
    if escape[0] == "x":
        return bytes([int(escape[1:], 16)])
    if escape[0] not in "uU":
        return bytes([int(escape, 8)])
    code = int(escape[1:], 16)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise InputError(f"at character {token.at}, \\{escape} is no character")
    return chr(code).encode()


def _quoted(value: str) -> str:
    if "`" not in value and value.isprintable():
        return f"`{value}`"
    return '"' + "".join(_written(one) for one in value) + '"'


def _written(one: str) -> str:
    if one in '\\"':
        return f"\\{one}"
    return one if one.isprintable() else f"\\U{ord(one):08x}"
