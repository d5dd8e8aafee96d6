# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addons as they lie in the directories of an addons path: what their manifests say, and a digest of their code."""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import BASE, Code
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.versions import series_of_release

_MANIFESTS = ("__manifest__.py", "__openerp__.py")
# What an update of the database never reads: assets for browsers are served from disk, tests and caches are nobody's.
_SKIPPED = frozenset({"static", "tests", "__pycache__", ".git", "readme", "doc", "docs"})
_TRANSLATIONS = ("i18n", "i18n_extra")
_SKIPPED_ENDINGS = (".pyc", ".pyo", ".pot", ".rst", ".md", "~")
_READERS = 4


@dataclass(frozen=True)
class Listed:
    """One addon of an addons path, its manifest unread: the directory, and the manifest's bytes."""

    name: str
    directory: str
    manifest: bytes

    @cached_property
    def digest(self) -> str:
        """Of its code, read once however many databases run it."""
        return digest(self.directory)

    @cached_property
    def _translated(self) -> dict[str, str]:
        return {}

    def translation(self, language: str) -> str:
        """The digest of its translations into a language, read once."""
        if language not in self._translated:
            self._translated[language] = digest_of(list(_terms(self.directory, language)))
        return self._translated[language]

    def said(self) -> dict[str, Any]:
        """What the manifest says. Raises StateError where it is none."""
        path = os.path.join(self.directory, _MANIFESTS[0])
        try:
            said = ast.literal_eval(self.manifest.decode())
        except (ValueError, SyntaxError) as error:
            raise StateError(f"the manifest {path} cannot be read: {error}") from error
        if not isinstance(said, dict):
            raise StateError(f"the manifest {path} holds no dictionary")
        return said


def search_path(addons_path: Sequence[str]) -> tuple[str, ...]:
    """The directories that Odoo looks for addons in: those configured, and its own, which it adds by itself.

    Its own are found beside the configured ones, as in a checkout of Odoo's source: `addons` and `odoo/addons`.
    Raises InputError where no directory holds base.
    """
    beside = [os.path.join(os.path.dirname(path.rstrip("/")), "odoo", "addons") for path in addons_path]
    for path in (*addons_path, *beside):
        if _manifest_of(os.path.join(path, BASE)):
            return tuple(dict.fromkeys((*addons_path, path)))
    raise InputError(
        f"config: no directory of the addons path {','.join(addons_path) or '(none)'} holds the addon base, so Odoo's "
        "own code cannot be found on this host; add its directory"
    )


def visible(addons_path: Sequence[str]) -> dict[str, Listed] | None:
    """The addons of an addons path; None where they cannot be seen from here, as with Odoo in a container."""
    try:
        # Odoo as well goes on without a directory that is not there
        return listing([path for path in search_path(addons_path) if os.path.isdir(path)])
    except InputError:
        return None


def listing(path: Sequence[str]) -> dict[str, Listed]:
    """All addons of a search path by name; the first directory that has one wins."""
    found: dict[str, Listed] = {}
    for directory in path:
        try:
            names = sorted(os.listdir(directory))
        except OSError as error:
            raise StateError(f"the addons path's directory {directory} cannot be read: {error.strerror}") from error
        for name in names:
            manifest = None if name in found else _manifest_of(os.path.join(directory, name))
            if manifest:
                with open(manifest, "rb") as stream:
                    found[name] = Listed(name, os.path.join(directory, name), stream.read())
    return found


def _manifest_of(directory: str) -> str | None:
    paths = (os.path.join(directory, manifest) for manifest in _MANIFESTS)
    return next((path for path in paths if os.path.isfile(path)), None)


def framework(listed: Mapping[str, Listed]) -> str:
    """The directory of Odoo itself, which holds its own addons."""
    return os.path.dirname(os.path.dirname(listed[BASE].directory))


def series(listed: Mapping[str, Listed]) -> str:
    """The series of the code, such as 19.0; empty where its release.py cannot be found."""
    path = os.path.join(framework(listed), "release.py")
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8") as stream:
        return series_of_release(stream.read())


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
        for name, said in ((one.name, one.said()) for one in listed.values() if b"auto_install" in one.manifest)
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


def digest(directory: str) -> str:
    """SHA-256 over the names and contents of what an update reads in an addon's directory, translations aside."""
    return digest_of(list(_files(directory)), directory)


def digest_of_framework(listed: Mapping[str, Listed]) -> str:
    """SHA-256 over the names and contents of Odoo's own code, without its addons."""
    own = framework(listed)
    addons = os.path.join(own, "addons") + os.sep
    return digest_of([path for path in _files(own) if not path.startswith(addons)], own)


def _files(directory: str) -> Iterator[str]:
    for folder, folders, files in os.walk(directory):
        left_out = _SKIPPED if folder != directory else {*_SKIPPED, *_TRANSLATIONS}
        folders[:] = sorted(name for name in folders if name not in left_out)
        for name in sorted(files):
            if not name.endswith(_SKIPPED_ENDINGS):
                yield os.path.join(folder, name)


def _terms(directory: str, language: str) -> Iterator[str]:
    """The files that Odoo loads for a language such as fr_BE: first fr.po, then fr_BE.po."""
    for folder in _TRANSLATIONS:
        for stem in dict.fromkeys((language.split("_", 1)[0].split("@", 1)[0], language)):
            path = os.path.join(directory, folder, f"{stem}.po")
            if os.path.isfile(path):
                yield path


def digest_of(paths: Iterable[str], below: str = "/") -> str:
    """SHA-256 over the names, relative to `below`, and contents of files."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(os.fsencode(os.path.relpath(path, below)) + b"\0")
        try:
            with open(path, "rb") as stream:
                whole.update(hashlib.sha256(stream.read()).digest())
        except OSError as error:
            raise StateError(f"{path} cannot be read: {error.strerror}; mend the addon's files") from error
    return whole.hexdigest()
