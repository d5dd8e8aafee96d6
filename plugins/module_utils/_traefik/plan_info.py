# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Traefik's view and the documents of its directory to one entry for each router. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_info import (
    Certificate,
    Document,
    Entry,
    View,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import Matcher
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_document import read_document, read_routes
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_overlap import Region, meet, regions
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_ownership import Claim, claim_of
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_pools import children

# By section of routers: those of services and middlewares.
_BESIDE = {
    "routers": ("services", "middlewares"),
    "tcpRouters": ("tcpServices", "tcpMiddlewares"),
    "udpRouters": ("udpServices", ""),
}
# What Traefik adds at run time, and from its static configuration.
_ADDED = ("status", "error", "using", "usedBy", "serverStatus", "observability")
_HEADER = "# Written by gantry.odoo."
_ROUTES = "-routes.yml"


def documents(files: Mapping[str, bytes], folder: str) -> list[Document]:
    """The documents in the files of the watched directory. files: by relative path."""
    return [_document(relative, content, folder) for relative, content in sorted(files.items())]


def _document(relative: str, content: bytes, folder: str) -> Document:
    path, text = f"{folder}/{relative}", content.decode("utf-8", "replace")
    if not text.startswith(_HEADER):
        return Document(path, text)
    owner = relative[: -len(_ROUTES)] if relative.endswith(_ROUTES) else ""
    if not owner:
        return Document(path, text, read_document(text))
    try:
        found = read_routes(text, path)
    except StateError as error:
        return Document(path, text, read_document(text), owner, fault=str(error))
    return Document(path, text, found.document, owner, found.routes)


def entries(
    live: View, judged: View | None, found: Sequence[Document], entry_points: Mapping[str, Mapping[str, Any]]
) -> list[Entry]:
    """One entry for each router of Traefik's own view, and of that of a Traefik that has loaded the directory.

    judged: None without one. entry_points: settings by name.
    """
    return [
        _entry(section, name, live, judged, found, entry_points)
        for section in _BESIDE
        for name in sorted({*(live.get(section) or {}), *((judged or {}).get(section) or {})})
        # the API's own
        if not name.endswith("@internal")
    ]


def _entry(
    section: str,
    name: str,
    live: View,
    judged: View | None,
    found: Sequence[Document],
    entry_points: Mapping[str, Mapping[str, Any]],
) -> Entry:
    there, on_disk = (None if view is None else (view.get(section) or {}).get(name) for view in (live, judged))
    settings = there or on_disk or {}
    router, _at, provider = name.rpartition("@")
    document = _document_of(router, section, found) if provider == "file" else None
    owner, route, kind = _parts(router, document) if provider == "file" else ("", "", "")
    agrees = None
    if provider == "file" and judged is not None and not _adds(settings, entry_points):
        agrees = _known(section, name, live) == _known(section, name, judged)
    return Entry(
        section=section,
        name=name,
        settings=settings,
        live=there,
        owner=owner,
        route=route,
        kind=kind,
        record=document.routes.get(route) if document and owner else None,
        file=document.path if document else "",
        hosts=_hosts(claim_of(section, name, settings)) if section != "udpRouters" else (),
        agrees=agrees,
    )


def _parts(router: str, document: Document | None) -> tuple[str, str, str]:
    """Owner, route and kind of a router that traefik_route has made, by its name; empty for others."""
    owner, _dot, rest = router.partition(".")
    route, _dot, kind = rest.partition(".")
    # one whose file is gone is still its owner's
    is_ours = router.count(".") == 2 and (document is None or document.owner == owner)
    return (owner, route, kind) if is_ours else ("", "", "")


def _document_of(router: str, section: str, found: Sequence[Document]) -> Document | None:
    """The document that has a router; None where that is not certain."""
    part = "http" if section == "routers" else section[:3]
    for one in found:
        if router in ((one.content or {}).get(part) or {}).get("routers", {}):
            return one
    # of those that others have written, in YAML or TOML, the only one that has the name must be the one
    word = re.compile(rf"(?<![\w.-]){re.escape(router)}(?![\w.-])")
    having = [one for one in found if one.content is None and word.search(one.text)]
    return having[0] if len(having) == 1 else None


def _adds(settings: Mapping[str, Any], entry_points: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether static configuration adds to the settings of a router."""
    used = (entry_points.get(name, {}).get("http") or {} for name in settings.get("entryPoints") or ())
    return any(one.get("tls") is not None or one.get("middlewares") for one in used)


def _known(section: str, name: str, view: View) -> dict[str, Any]:
    """A router with its services and middlewares, as its document has them."""
    router = (view.get(section) or {}).get(name)
    if router is None:
        return {}
    middlewares = _BESIDE[section][1]
    found = {name: router, **dict(services_of(section, name, router, view))}
    known = (view.get(middlewares) or {}) if middlewares else {}
    found.update({one: known.get(one) for one in middlewares_of(name, router)})
    return {
        one: None if settings is None else {key: value for key, value in settings.items() if key not in _ADDED}
        for one, settings in found.items()
        if one == name or one.endswith("@file")
    }


def middlewares_of(name: str, router: Mapping[str, Any]) -> list[str]:
    """Full names of the middlewares of a router, in the order of requests."""
    return [_full(str(one), name) for one in router.get("middlewares") or ()]


def services_of(section: str, name: str, router: Mapping[str, Any], view: View) -> Iterator[tuple[str, Any]]:
    """Full name and settings of each service that a router leads to; None for one that is not there."""
    waiting, seen = [_full(str(router.get("service") or ""), name)], set()
    while waiting:
        one = waiting.pop(0)
        if one in seen:
            continue
        seen.add(one)
        found = (view.get(_BESIDE[section][0]) or {}).get(one)
        yield one, found
        waiting += [_full(child, one) for child in children(found or {})]


def _full(name: str, of: str) -> str:
    return name if "@" in name else f"{name}@{of.rpartition('@')[2]}"


def _hosts(claim: Claim | None) -> tuple[str, ...]:
    """The names that a rule is limited to; none where one of its alternatives is not, or by a pattern."""
    found = [_named(one) for one in claim.regions] if claim else []
    return tuple(dict.fromkeys(host for names in found for host in names)) if all(found) else ()


def _named(region: Region) -> list[str]:
    matchers = next((term.matchers for term in region if term.kind == "host" and not term.negated), ())
    names = [one.values[0] for one in matchers if one.name == "Host" and one.values[0] != "*"]
    return names if len(names) == len(matchers) else []


def chosen(found: Iterable[Entry], host: str, owner: str) -> list[Entry]:
    """The entries that may answer for a host, and belong to an owner; empty texts choose all."""
    only = regions(Matcher("Host", (host,))) if host else []
    return [one for one in found if (not owner or one.owner == owner) and (not host or _may_answer(one, only))]


def require_host(host: str) -> str:
    """The host, checked. Raises InputError."""
    if host and (not host.isascii() or not re.fullmatch(r"[A-Za-z0-9.-]+", host)):
        raise InputError(f"host is {host!r}; accepted is one DNS name without port, an international one as xn--")
    return host


def _may_answer(one: Entry, only: Sequence[Region]) -> bool:
    if one.section == "udpRouters":
        return False
    claim = claim_of(one.section, one.name, one.settings)
    return claim is not None and (bool(claim.fault) or meet(only, claim.regions))


def to_ask(found: Iterable[Entry], entry_points: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], None]:
    """Address of an entry point and name to ask it for, for each certificate that the entries serve."""
    return {
        (address, host): None
        for one in found
        if one.live is not None and "tls" in one.live and not (one.live["tls"] or {}).get("passthrough")
        for address in [address_of(one, entry_points)]
        for host in one.hosts
        if address and "*" not in host
    }


def address_of(one: Entry, entry_points: Mapping[str, Mapping[str, Any]]) -> str:
    """The address of the first entry point of a router that is there; empty without one."""
    found = (str(entry_points.get(name, {}).get("address") or "") for name in one.entry_points)
    return next((address.removesuffix("/tcp") for address in found if address and not address.endswith("/udp")), "")


def certificate(host: str, seen: str, why: str, loaded: Mapping[str, Mapping[str, Any]]) -> Certificate:
    """What is served for a name. seen: SHA-256. loaded: what Traefik lists, by SHA-256."""
    listed = loaded.get(seen, {})
    return Certificate(
        host, seen, tuple(str(one) for one in listed.get("sans") or ()), str(listed.get("notAfter") or ""), why
    )
