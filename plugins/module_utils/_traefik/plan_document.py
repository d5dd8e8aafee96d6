# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes as a document of Traefik's file provider, and that document as a file. Pure: text in, text out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import (
    PLAIN_ENTRY_POINT,
    TLS_ENTRY_POINT,
    Route,
    route,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import every
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_ownership import (
    WEBSOCKET_PATHS,
    Place,
    places,
)

Objects = dict[str, dict[str, Any]]

SECTIONS = ("routers", "services", "middlewares")

# A busy Odoo answers its health check late; a dead one refuses at once, so patience costs nothing.
_HEALTH_TIMEOUT = "10s"
# Between two health checks a dead server is still in the pool, and under load every other attempt may meet it: of two
# servers, ten attempts all met the dead one about once in a thousand requests. Traefik repeats only what no server has
# got a byte of, so nothing is done twice; twenty attempts take 1.5 s.
_ATTEMPTS = 20
_RECORD = "# route "


@dataclass(frozen=True)
class RouteFile:
    """A file of routes as it was found: what was asked for, and the document, None where it cannot be read."""

    routes: dict[str, Route]
    document: dict[str, Any] | None
    text: str


def document(owner: str, routes: Sequence[Route]) -> dict[str, Any]:
    """The file provider's document for all routes of an owner."""
    merged: Objects = {section: {} for section in SECTIONS}
    # Present even without routes: Traefik skips an empty configuration and would keep the last route alive.
    merged["middlewares"][f"{owner}.https"] = {"redirectScheme": {"scheme": "https", "permanent": True}}
    placed = places(routes)
    for one in routes:
        for section, objects in group(owner, one, placed[one.name]).items():
            merged[section].update(objects)
    return {"http": {section: objects for section, objects in merged.items() if objects}}


def group(owner: str, one: Route, place: Place) -> Objects:
    """The objects of one route by section."""
    prefix = f"{owner}.{one.name}"
    middlewares = _middlewares(prefix, one)
    chain = [f"{name}@file" for name in middlewares if not name.endswith(".websocket")]
    rule, priority = str(place.rule), place.priority
    routers = {f"{prefix}.http": _router(one, rule, priority, f"{prefix}.http", chain)}
    services = {f"{prefix}.http": _service(one.active, one.health_path, one)}
    if one.active_websocket and one.mode == "serve":
        upgrade = [f"{prefix}.allow@file"] if one.allow else []
        routers[f"{prefix}.websocket"] = _router(
            one,
            str(every([place.rule, WEBSOCKET_PATHS])),
            priority + 1,
            f"{prefix}.websocket",
            [*upgrade, f"{prefix}.websocket@file"],
        )
        services[f"{prefix}.websocket"] = _service(one.active_websocket, one.websocket_health_path, one)
    if one.tls:
        routers[f"{prefix}.redirect"] = {
            "entryPoints": [PLAIN_ENTRY_POINT],
            "rule": rule,
            "priority": priority,
            "middlewares": [f"{owner}.https@file"],
            "service": "noop@internal",
        }
    return {"routers": routers, "services": services, "middlewares": middlewares}


def groups(owner: str, found: Mapping[str, Any] | None) -> dict[str, Objects]:
    """The objects of each route, by its name, in a document that was made or read back."""
    http = (found or {}).get("http") or {}
    split: dict[str, Objects] = {}
    for section in SECTIONS:
        for key, value in (http.get(section) or {}).items():
            name, dot, _kind = key[len(owner) + 1 :].partition(".")
            if dot and key.startswith(f"{owner}."):
                split.setdefault(name, {one: {} for one in SECTIONS})[section][key] = value
    return split


def to_text(header: Sequence[str], content: Mapping[str, Any]) -> str:
    """A document as the text of a file: comment lines, then JSON, which every YAML parser reads.

    The file provider runs Go templates over the whole text, so no two opening braces may meet.
    """
    lines = [f"# {line}" for line in header]
    lines.append(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False))
    return "\n".join(line.replace("{{", "\\u007b\\u007b") for line in lines) + "\n"


def routes_text(owner: str, routes: Sequence[Route]) -> str:
    """The whole file of an owner: what was asked for, a line for each route, and the document made of it."""
    ordered = sorted(routes, key=lambda one: one.name)
    header = [f"Written by gantry.odoo.traefik_route for owner {owner}; change the routes there, not here."]
    for one in ordered:
        header.append(f"route {json.dumps(one.record(), sort_keys=True, ensure_ascii=False)}")
    return to_text(header, document(owner, ordered))


def read_routes(text: str, path: str) -> RouteFile:
    """A file of routes read back. Raises StateError when it is not one that traefik_route wrote."""
    if not text.startswith("# Written by gantry.odoo.traefik_route "):
        raise StateError(f"{path} was not written by traefik_route; move it away, or choose another owner")
    routes: dict[str, Route] = {}
    for line in text.splitlines():
        if line.startswith(_RECORD):
            one = _recorded(line, path)
            routes[one.name] = one
    return RouteFile(routes, read_document(text), text)


def read_document(text: str) -> dict[str, Any] | None:
    """The document of a file that `to_text` made; None for any other text."""
    return _json([line for line in text.splitlines() if not line.startswith("#")])


def certificate_files(content: Mapping[str, Any]) -> list[str]:
    """Paths of the certificates that a document names."""
    tls = content.get("tls") or {}
    pairs = list(tls.get("certificates") or [])
    for store in (tls.get("stores") or {}).values():
        if store.get("defaultCertificate"):
            pairs.append(store["defaultCertificate"])
    return sorted({str(pair["certFile"]) for pair in pairs})


def _recorded(line: str, path: str) -> Route:
    try:
        return route(json.loads(line[len(_RECORD) :]))
    except (ValueError, AttributeError, GantryError) as error:
        raise StateError(
            f"{path} has a record that cannot be read ({error}); restore it, or remove the file"
        ) from error


def _json(lines: Sequence[str]) -> dict[str, Any] | None:
    try:
        found = json.loads("\n".join(lines))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _router(one: Route, rule: str, priority: int, service: str, middlewares: Sequence[str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "entryPoints": [TLS_ENTRY_POINT if one.tls else PLAIN_ENTRY_POINT],
        "rule": rule,
        "priority": priority,
        "middlewares": list(middlewares),
        "service": service,
    }
    if one.tls:
        made["tls"] = {}
    return made


def _service(urls: Sequence[str], health_path: str, one: Route) -> dict[str, Any]:
    balancer: dict[str, Any] = {"passHostHeader": True}
    # Without servers Traefik answers 503 by itself: that is maintenance.
    if one.mode == "serve":
        balancer["servers"] = [{"url": url} for url in urls]
    # Where nobody else could answer, a late health check would only turn slow answers into none.
    if one.mode == "serve" and len(urls) > 1:
        balancer["healthCheck"] = {
            "path": health_path,
            "interval": f"{one.health_interval}s",
            "timeout": _HEALTH_TIMEOUT,
        }
    return {"loadBalancer": balancer}


def _middlewares(prefix: str, one: Route) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if one.allow:
        made[f"{prefix}.allow"] = {"ipAllowList": {"sourceRange": list(one.allow)}}
    if one.rate_limit:
        made[f"{prefix}.limit"] = {
            "rateLimit": {"average": one.rate_limit.average, "burst": one.rate_limit.burst, "period": "1s"}
        }
    made[f"{prefix}.headers"] = {"headers": _headers(one)}
    if one.mode == "serve" and len(one.active) > 1:
        made[f"{prefix}.retry"] = {"retry": {"attempts": _ATTEMPTS, "initialInterval": "50ms"}}
    if one.mode == "serve" and one.active_websocket:
        made[f"{prefix}.websocket"] = {"headers": {"customRequestHeaders": {"X-Forwarded-Proto": _scheme(one)}}}
    return made


def _scheme(one: Route) -> str:
    # Traefik says wss or ws on an upgrade, which Odoo takes for an unknown scheme.
    return "https" if one.tls else "http"


def _headers(one: Route) -> dict[str, Any]:
    made: dict[str, Any] = {"contentTypeNosniff": True}
    if one.tls and one.hsts_seconds:
        made["stsSeconds"] = one.hsts_seconds
    if one.mode == "maintenance":
        made["customResponseHeaders"] = {"Retry-After": str(one.retry_after)}
    return made
