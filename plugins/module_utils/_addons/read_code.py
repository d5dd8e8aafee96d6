# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the addons of an addons path: what their manifests say, and a digest of their code."""

from __future__ import annotations

import ast
import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import BASE, Code
from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_files import MANIFESTS
from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_image import DISK, Files
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.versions import series_of_release

_READERS = 4
_LANGUAGES = "data/res.lang.csv"


@dataclass(frozen=True)
class Listed:
    """One addon of an addons path, its manifest unread: the directory, and the manifest's text. files: where it is."""

    name: str
    directory: str
    manifest: str
    files: Files = field(default=DISK, compare=False)

    @cached_property
    def digest(self) -> str:
        """Of its code, read once however many databases run it."""
        return str(self.files.ask("digest", self.directory))

    @cached_property
    def _translated(self) -> dict[str, str]:
        return {}

    def translation(self, language: str) -> str:
        """The digest of its translations into a language, read once."""
        if language not in self._translated:
            self._translated[language] = self.files.ask("digest_of_language", self.directory, language)
        return self._translated[language]

    def text(self, name: str) -> str:
        """The content of one of its files; empty where it has none of that name."""
        return str(self.files.ask("text", os.path.join(self.directory, name)))

    def said(self) -> dict[str, Any]:
        """What the manifest says. Raises StateError where it is none."""
        path = os.path.join(self.directory, MANIFESTS[0])
        try:
            said = ast.literal_eval(self.manifest)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise StateError(f"the manifest {path} cannot be read: {error}; repair it") from error
        if not isinstance(said, dict):
            raise StateError(f"the manifest {path} holds no dictionary; repair it")
        for key in ("depends", "auto_install"):
            if not _names(said.get(key)) and not (key == "auto_install" and isinstance(said[key], (bool, int))):
                raise StateError(f"the manifest {path} has a value of {key} that is no list of names; repair it")
        return said


def _names(value: Any) -> bool:
    """Whether a value of a manifest is a list of names, or none."""
    return not value or (isinstance(value, (list, tuple, set)) and all(isinstance(one, str) for one in value))


def search_path(addons_path: Sequence[str], files: Files = DISK) -> tuple[str, ...]:
    """The directories that Odoo looks for addons in: those configured, and its own, which it adds by itself.

    Its own are found beside the configured ones, as in a checkout of Odoo's source: `addons` and `odoo/addons`.
    Raises InputError where no directory holds base.
    """
    beside = [os.path.join(os.path.dirname(path.rstrip("/")), "odoo", "addons") for path in addons_path]
    for path in (*addons_path, *beside):
        if files.ask("manifest_of", os.path.join(path, BASE)):
            return tuple(dict.fromkeys((*addons_path, path)))
    raise InputError(
        f"config: no directory of the addons path {','.join(addons_path) or '(none)'} holds the addon base, so Odoo's "
        "own code cannot be found; add its directory"
    )


def visible(addons_path: Sequence[str], files: Files = DISK) -> dict[str, Listed] | None:
    """The addons of an addons path; None where Odoo's own cannot be seen."""
    try:
        return listing(search_path(addons_path, files), files)
    except InputError:
        return None


def listing(path: Sequence[str], files: Files = DISK) -> dict[str, Listed]:
    """All addons of a search path by name; the first directory that has one wins."""
    found = files.ask("listing", list(path))
    return {name: Listed(name, directory, manifest, files) for name, (directory, manifest) in found.items()}


def languages(listed: Mapping[str, Listed]) -> frozenset[str]:
    """The codes of all languages that Odoo knows; empty where its list cannot be found."""
    return frozenset(row["code"] for row in csv.DictReader(listed[BASE].text(_LANGUAGES).splitlines()) if "code" in row)


def framework(listed: Mapping[str, Listed]) -> str:
    """The directory of Odoo itself, which holds its own addons."""
    return os.path.dirname(os.path.dirname(listed[BASE].directory))


def series(listed: Mapping[str, Listed]) -> str:
    """The series of the code, such as 19.0; empty where its release.py cannot be found."""
    return series_of_release(str(listed[BASE].files.ask("text", os.path.join(framework(listed), "release.py"))))


def needed(listed: Mapping[str, Listed], names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The manifests of `names` and of all that they depend on, by name; those without code are left out."""
    found: dict[str, dict[str, Any]] = {}
    waiting = sorted(set(names))
    while waiting:
        name = waiting.pop()
        if name in found or name not in listed:
            continue
        found[name] = listed[name].said()
        waiting += depends_of(name, found[name])
    return found


def with_automatic(listed: Mapping[str, Listed], names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """As `needed`, with the addons that Odoo installs by itself once all that they connect is there."""
    found = needed(listed, names)
    # a country's addons follow the company's country, and a new company has none
    waiting = {
        name: said
        for name, said in ((one.name, one.said()) for one in listed.values() if "auto_install" in one.manifest)
        if said.get("auto_install") and said.get("installable", True) and not said.get("countries")
    }
    while True:
        ready = [name for name, said in waiting.items() if name not in found and _triggers(name, said) <= set(found)]
        if not ready:
            return found
        found.update(needed(listed, ready))


def _triggers(name: str, said: Mapping[str, Any]) -> set[str]:
    given = said["auto_install"]
    return set(given) if isinstance(given, (list, tuple, set)) else set(depends_of(name, said))


def depends_of(name: str, said: Mapping[str, Any]) -> tuple[str, ...]:
    """What an addon depends on, base included."""
    return tuple(said.get("depends") or ()) or (() if name == BASE else (BASE,))


def read(
    listed: Mapping[str, Listed], names: Iterable[str], series: str, languages: Iterable[str] = ()
) -> dict[str, Code]:
    """The code of the addons `names`, and of all that they depend on, by name; those without code are left out.

    series: such as 19.0, which Odoo puts before a version that does not begin with one. languages: those whose
    translations a database holds.
    Raises StateError for a manifest that cannot be read as one.
    """
    manifests = needed(listed, names)
    spoken = sorted(set(languages) - {"en_US"})

    def one(name: str) -> Code:
        said = manifests[name]
        return Code(
            name,
            adapt(str(said.get("version") or "1.0"), series),
            listed[name].digest,
            depends_of(name, said),
            bool(said.get("installable", True)),
            {language: listed[name].translation(language) for language in spoken},
        )

    with ThreadPoolExecutor(_READERS) as pool:
        return dict(zip(manifests, pool.map(one, manifests)))


def adapt(version: str, series: str) -> str:
    """A manifest's version as Odoo stores it: with the series in front, once."""
    # the series alone is a number like any other
    return version if version.startswith(f"{series}.") else f"{series}.{version}"


def digest_of_framework(listed: Mapping[str, Listed]) -> str:
    """SHA-256 over the names and contents of Odoo's own code, without its addons."""
    own = framework(listed)
    return str(listed[BASE].files.ask("digest", own, os.path.join(own, "addons")))
