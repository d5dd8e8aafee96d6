# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL keeps of a database beside its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# CREATE DATABASE cannot say whose the database is, and a run may be killed before it does: this number of connections
# is its mark, as long as nobody may connect
BEGUN_LIMIT = 1_404_714

# How far libpq requires TLS and verifies the server's certificate.
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True)
class Locale:
    """How a database sorts, and what counts as a letter in it.

    provider: libc, icu or builtin. locale, rules: of a provider that is not libc. The defaults are those of a new
    database of Odoo: C sorts the same on every host, C.UTF-8 knows letters beyond ASCII.
    """

    encoding: str = "UTF8"
    collate: str = "C"
    ctype: str = "C.UTF-8"
    provider: str = "libc"
    locale: str = ""
    rules: str = ""


@dataclass(frozen=True, order=True)
class Setting:
    """A setting that sessions on a database begin with. role: whose sessions, empty for all."""

    role: str
    name: str
    value: str


@dataclass(frozen=True)
class Extensions:
    """The extensions of a database. schemas: where each is, by name; trusted: those that an owner may create.

    immutable_unaccent: the function of the extension unaccent was declared immutable, which no dump tells.
    """

    schemas: Mapping[str, str] = field(default_factory=dict)
    trusted: frozenset[str] = frozenset()
    immutable_unaccent: bool = False
