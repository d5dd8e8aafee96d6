# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addons as they lie in the directories of an addons path: what their manifests say, and a digest of their code."""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import Code
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError

_MANIFESTS = ("__manifest__.py", "__openerp__.py")
# What an update of the database never reads: assets for browsers are served from disk, tests and caches are nobody's.
_SKIPPED = frozenset({"static", "tests", "__pycache__", ".git", "readme", "doc", "docs"})
_SKIPPED_ENDINGS = (".pyc", ".pyo", ".pot", ".rst", ".md", "~")
_READERS = 4


def read(addons_path: Sequence[str], names: Iterable[str], series: str) -> dict[str, Code]:
    """The addons `names`, and all that they depend on, by name; those without code are left out.

    series: such as 19.0, which Odoo puts before a version that does not begin with one.
    Raises StateError for a manifest that cannot be read as one.
    """
    found: dict[str, Code] = {}
    waiting = sorted(set(names))
    with ThreadPoolExecutor(_READERS) as pool:
        while waiting:
            batch = [name for name in waiting if name not in found]
            read_now = pool.map(lambda name: _addon(addons_path, name, series), batch)
            made = [code for code in read_now if code is not None]
            found.update({code.name: code for code in made})
            waiting = sorted({other for code in made for other in code.depends} - set(found))
            waiting = [name for name in waiting if name not in batch]
    return found


def _addon(addons_path: Sequence[str], name: str, series: str) -> Optional[Code]:
    for directory in addons_path:
        for manifest in _MANIFESTS:
            path = os.path.join(directory, name, manifest)
            if os.path.isfile(path):
                said = _manifest(path)
                depends = tuple(said.get("depends") or ()) or (() if name == "base" else ("base",))
                version = adapt(str(said.get("version") or "1.0"), series)
                installable = bool(said.get("installable", True))
                return Code(name, version, digest(os.path.dirname(path)), depends, installable)
    return None


def adapt(version: str, series: str) -> str:
    """A manifest's version as Odoo stores it: with the series in front, once."""
    return version if version == series or version.startswith(f"{series}.") else f"{series}.{version}"


def digest(directory: str) -> str:
    """SHA-256 over the names and contents of what an update reads in an addon's directory."""
    whole = hashlib.sha256()
    for folder, folders, files in os.walk(directory):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(files):
            if name.endswith(_SKIPPED_ENDINGS):
                continue
            path = os.path.join(folder, name)
            whole.update(os.path.relpath(path, directory).encode() + b"\0")
            try:
                with open(path, "rb") as stream:
                    whole.update(hashlib.sha256(stream.read()).digest())
            except OSError as error:
                raise StateError(f"{path} cannot be read: {error.strerror}; mend the addon's files") from error
    return whole.hexdigest()


def _manifest(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as stream:
            said = ast.literal_eval(stream.read())
    except (OSError, ValueError, SyntaxError) as error:
        raise StateError(f"the manifest {path} cannot be read: {error}") from error
    if not isinstance(said, dict):
        raise StateError(f"the manifest {path} holds no dictionary")
    return said
