# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addons as declared, as a database knows them, and as their code lies on disk. Pure data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# base is part of every database of Odoo
BASE = "base"
# States of ir_module_module that a run has asked Odoo for and that Odoo has not carried out.
PENDING = ("to install", "to upgrade", "to remove")
# The code of these is in use; what waits for its removal is, until it is carried out.
IN_USE = ("installed", "to upgrade", "to remove")


@dataclass(frozen=True)
class Code:
    """One addon on disk. version: with the series in front, as Odoo stores it. digest: of what an update reads.

    translations: a digest for each language that the database speaks besides English.
    """

    name: str
    version: str
    digest: str
    depends: tuple[str, ...] = ()
    installable: bool = True
    translations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Module:
    """One row of ir_module_module. version: of the code that the database was last brought to; empty where never."""

    name: str
    state: str
    version: str = ""


@dataclass(frozen=True)
class Found:
    """What a database says of its addons.

    digests: of the code at the last update that was proven, as digests_of returns them. languages: those it speaks.
    imported: the addons in use that were imported into the database, such as Studio's; they need no code.
    """

    modules: Mapping[str, Module] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    imported: frozenset[str] = frozenset()

    @property
    def in_use(self) -> dict[str, Module]:
        """The modules whose code the database runs."""
        return {name: module for name, module in self.modules.items() if module.state in IN_USE}

    @property
    def pending(self) -> dict[str, Module]:
        """What an update that did not end has left to be done."""
        return {name: module for name, module in self.modules.items() if module.state in PENDING}


@dataclass(frozen=True)
class Wish:
    """The addons declared for one database.

    upgraded: those to bring to the code on disk whatever their digest says. changed: those of the addons in use whose
    code has changed are brought to it. trust: code that no digest was ever stored for counts as unchanged when its
    version is. downgrade: a version on disk that is older than the database's is let through.
    """

    database: str
    installed: frozenset[str] = frozenset()
    upgraded: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    changed: bool = True
    trust: bool = False
    downgrade: bool = False


def digests_of(names: Iterable[str], code: Mapping[str, Code]) -> dict[str, str]:
    """The digests to store for the addons `names`: `addon` is its code, `addon@fr_FR` are its translations."""
    found: dict[str, str] = {}
    for name in sorted(name for name in names if name in code):
        found[name] = code[name].digest
        found.update({f"{name}@{language}": digest for language, digest in code[name].translations.items()})
    return found
