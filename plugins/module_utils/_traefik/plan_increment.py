# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a document to the part of it that a second Traefik has to validate. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_document import SECTIONS
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_pools import children
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_proof import objects

Key = tuple[str, str]

# Of a larger part, less is saved than the whole document tells.
_LARGEST = 1 / 4
# What an object with these settings refers to is known. Of any other one it is not, and so the whole is validated.
_OF_ROUTERS = {"entryPoints", "rule", "priority", "middlewares", "service", "tls"}
_ALONE = {"buffering", "headers", "inFlightReq", "ipAllowList", "rateLimit", "redirectScheme", "retry"}
# A name may hide behind these: templates, escapes of YAML and TOML, and other encodings than UTF-8.
_HIDING = re.compile(rb"\{\{|\\[xuU\r\n]|\x00")


def increment(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    lacking: Collection[Key],
    others: Iterable[bytes],
    owner: str,
) -> dict[str, Any] | None:
    """The objects of a document of routes that are not known to be right, with those that they refer to.

    None where that is the whole document, or may be. before: the document in place, proven. lacking: section and name
    of the objects that the live Traefik does not have as `after` says. others: the other files of the directory.
    """
    wanted, had = objects(after), objects(before)
    named = _named(others, owner)
    refers = {key: _references(key[0], settings) for key, settings in wanted.items()}
    if named is None or not (_is_of_routes(before) and _is_of_routes(after)) or None in refers.values():
        return None
    leads = {key: found for key, found in refers.items() if found is not None}
    users: dict[Key, set[Key]] = {}
    for key, found in leads.items():
        for one in found:
            users.setdefault(one, set()).add(key)
    unknown = {key for key, settings in wanted.items() if had.get(key) != settings or key[1] in named}
    unknown |= {key for key in lacking if key in wanted}
    # Traefik builds a middleware for its routers alone.
    unknown |= {key for key in wanted if key[0] == "middlewares" and key not in users}
    # What refers to an object that is another now, or gone, may be wrong by that.
    unknown = _closure(unknown | (set(had) - set(wanted)), users)
    # What other files have is the same for all routers that refer to it, so the first one tells.
    outside: dict[Key, Key] = {}
    for key, found in leads.items():
        for one in found:
            if one not in wanted:
                outside.setdefault(one, key)
    if any(section != "routers" for section, _name in outside.values()):
        return None
    part = _closure(unknown | set(outside.values()), leads) & wanted.keys()
    if not part or len(part) > len(wanted) * _LARGEST:
        return None
    split = {
        section: {name: one for name, one in after["http"].get(section, {}).items() if (section, name) in part}
        for section in SECTIONS
    }
    return {"http": {section: found for section, found in split.items() if found}}


def _is_of_routes(content: Mapping[str, Any]) -> bool:
    return set(content) == {"http"} and set(content["http"]) <= set(SECTIONS)


def _named(others: Iterable[bytes], owner: str) -> set[str] | None:
    """All that may be names of the owner's objects in other files; None where such names may be hidden."""
    found: set[str] = set()
    for one in others:
        if _HIDING.search(one):
            return None
        found.update(name.decode() for name in re.findall(rb"%s\.[A-Za-z0-9.-]+" % re.escape(owner.encode()), one))
    return found


def _references(section: str, settings: Mapping[str, Any]) -> set[Key] | None:
    """Section and name of the objects that one refers to; None where it may refer to more. A name may be foreign."""
    kinds = set(settings)
    if section == "routers" and kinds <= _OF_ROUTERS and not settings.get("tls") and settings.get("service"):
        led = {("middlewares", _own(one)) for one in settings.get("middlewares") or ()}
        return {("services", _own(settings["service"])), *led}
    if section == "middlewares" and len(kinds) == 1 and kinds <= _ALONE:
        return set()
    if section == "middlewares" and kinds == {"errors"} and settings["errors"].get("service"):
        return {("services", _own(settings["errors"]["service"]))}
    if section == "services" and kinds == {"loadBalancer"} and "serversTransport" not in settings["loadBalancer"]:
        return set()
    if section == "services" and kinds == {"failover"}:
        return {("services", _own(one)) for one in children(settings)}
    return None


def _own(name: str) -> str:
    return str(name).removesuffix("@file")


def _closure(found: Collection[Key], leads: Mapping[Key, Collection[Key]]) -> set[Key]:
    """All that is found, and all that it leads to."""
    reached, waiting = set(found), list(found)
    while waiting:
        for one in leads.get(waiting.pop(), ()):
            if one not in reached:
                reached.add(one)
                waiting.append(one)
    return reached
