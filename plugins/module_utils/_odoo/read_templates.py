# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which database a new one can be made from: one that is complete, entered by nobody, and has its files inside.

A template belongs to the login and to no tenant, and its files lie in a table of its own, so that any instance on any
host can be given a copy. Its name is a digest of all that it was made of: another build, another line of an addon's
code, another language is another template.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_code as code
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Desired, Template
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import TEMPLATE

# Of what a template holds and how; another one cannot be read by this code.
FORMAT = "1"
_LISTED = "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname LIKE %s"


def kind_of(want: Desired) -> str:
    """What is wished for, whatever the code: one name for all templates that replace each other."""
    wish = [FORMAT, sorted(want.addons), want.language, want.demo, sorted(want.extensions)]
    return hashlib.sha256(json.dumps(wish).encode()).hexdigest()[:16]


def build_of(listed: Mapping[str, code.Listed]) -> str:
    """A digest of Odoo itself, without its addons, and of all manifests, which say what Odoo installs by itself."""
    parts = [code.digest_of_framework(listed)]
    manifests = {name: listed[name].manifest.encode("utf-8", "surrogateescape") for name in sorted(listed)}
    parts += [f"{name}:{hashlib.sha256(manifest).hexdigest()}" for name, manifest in manifests.items()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def name_of(want: Desired, listed: Mapping[str, code.Listed], build: str) -> str:
    """The template that a database is made from: kind, build, and the code of all that Odoo would install."""
    addons = code.with_automatic(listed, want.addons)
    found = code.read(listed, addons, "", [want.language] if want.language else [])
    parts = [f"{name}:{one.digest}:{sorted(one.translations.items())}" for name, one in sorted(found.items())]
    whole = "\n".join([kind_of(want), build, *parts])
    return TEMPLATE + hashlib.sha256(whole.encode()).hexdigest()[:24]


def find(cursor: Any, wants: Sequence[Desired], listed: Mapping[str, code.Listed]) -> dict[str, Template]:
    """For each of `wants` the template that it is made from, whether it exists or not."""
    if not wants:
        return {}
    cursor.execute(_LISTED, (f"{TEMPLATE}%",))
    kinds = {name: _kind(comment) for name, comment in cursor.fetchall()}
    build = build_of(listed)
    names: dict[str, str] = {}
    found = {}
    for want in wants:
        kind = kind_of(want)
        name = names.setdefault(kind, "") or name_of(want, listed, build)
        names[kind] = name
        others = sorted(other for other, its in kinds.items() if its == kind and other != name)
        found[want.name] = Template(name, kind, kinds.get(name) == kind, tuple(others))
    return found


def _kind(comment: str | None) -> str:
    try:
        said = json.loads(comment or "")
    except BAD_VALUES:
        return ""
    return str(said.get("kind", "")) if isinstance(said, dict) else ""
