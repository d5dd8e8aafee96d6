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
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import plan_bodies, plan_canary
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route, route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import HTTPS_PORT, EntryPoints
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_headers import PRESETS
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_limits import LimitStore
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_page import PAGES, page_path
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import Not, Rule, every
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_sticky import cookie_value
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_drain import KEPT
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_ownership import (
    WEBSOCKET_PATHS,
    Place,
    places,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_pools import led_to, share
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_variants import (
    HOST,
    PROXIED,
    Variant,
    by_connection,
    by_proxy,
    forwarded,
    proxied_suffix,
    upgrades,
    variants,
)

Objects = dict[str, dict[str, Any]]

SECTIONS = ("routers", "services", "middlewares")

# A busy Odoo answers its health check late; a dead one refuses at once, so patience costs nothing.
_HEALTH_TIMEOUT = "10s"
# Between two health checks a dead server is still in the pool, and under load every other attempt may meet it: of two
# servers, ten attempts all met the dead one about once in a thousand requests. Traefik repeats only what no server has
# got a byte of, so nothing is done twice; twenty attempts take 1.5 s.
_ATTEMPTS = 20
# A sticky user meets the same server at each attempt until a health check has found it dead; 15 attempts take 1 s.
_ATTEMPTS_A_SECOND = 15
_RECORD = "# route "
_PAGES = {"loadBalancer": {"passHostHeader": True, "servers": [{"url": PAGES}]}}


@dataclass(frozen=True)
class RouteFile:
    """A file of routes as it was found: what was asked for, and the document, None where it cannot be read."""

    routes: dict[str, Route]
    document: dict[str, Any] | None
    text: str


def document(owner: str, routes: Sequence[Route], store: LimitStore | None = None) -> dict[str, Any]:
    """The file provider's document for all routes of an owner.

    store: where edges count requests together, None where each counts for itself.
    """
    merged: Objects = {section: {} for section in SECTIONS}
    # Present even without routes: Traefik skips an empty configuration and would keep the last route alive.
    merged["middlewares"][f"{owner}.https"] = _redirect(HTTPS_PORT)
    merged["middlewares"].update({_redirect_name(owner, one.points): _redirect(one.points.port) for one in routes})
    placed = places(routes)
    for one in routes:
        for section, objects in group(owner, one, placed[one.name], store).items():
            merged[section].update(objects)
    return {"http": {section: objects for section, objects in merged.items() if objects}}


def group(owner: str, one: Route, place: Place, store: LimitStore | None = None) -> Objects:
    """The objects of one route by section. Its services and middlewares may be those of others of the owner."""
    prefix = f"{owner}.{one.name}"
    services: dict[str, Any] = {}

    def named(settings: Mapping[str, Any]) -> str:
        return share(services, owner, settings)

    page = named(_PAGES) if one.mode == "maintenance" and one.maintenance_page else ""
    middlewares = _middlewares(prefix, one, store, page)
    rule, priority = str(place.rule), place.priority
    routers: dict[str, Any] = {}
    usual = named(_pool(one, one.active))
    apart = [Not(WEBSOCKET_PATHS)] if one.active_websocket else []
    # By the last part of the routers' names: the service, which requests are led to it, and their priority.
    led: dict[str, tuple[str, list[Rule], int]] = {"http": (usual, [], priority)}
    for selected in plan_canary.selected(one):
        trying = named(_pool(one, one.trying, checked=True))
        trial = named(plan_canary.service(trying, usual))
        led[plan_canary.CANARY] = (trial, [*apart, selected], priority + 1)
    without_canary = [*apart, *plan_canary.others(one)]
    for url, theirs in one.keeping.items():
        # The others are in the pool too: they take its users where it is dead.
        kept = named(_pool(one, (url, *one.active)))
        led[f"{KEPT}-{cookie_value(url)}"] = (kept, [*without_canary, theirs], priority + 1)
    for kind, (service, rules, asked) in led.items():
        for some in variants(one):
            narrowed = str(every([place.rule, *rules, *some.rules]))
            routers[f"{prefix}.{kind}{some.suffix}"] = _router(
                one, narrowed, asked, service, _chain(prefix, one, middlewares, some)
            )
    if one.active_websocket and one.mode == "serve":
        service = named(_service(one.active_websocket, one.websocket_health_path, one))
        for some in upgrades(one):
            routers[f"{prefix}.websocket{some.suffix}"] = _router(
                one,
                str(every([place.rule, WEBSOCKET_PATHS, *some.rules])),
                priority + 1,
                service,
                [*_gate(prefix, one, middlewares, some), *one.middlewares, f"{prefix}.websocket@file"],
            )
    if one.tls and one.points.plain:
        routers[f"{prefix}.redirect"] = {
            "entryPoints": [one.points.plain],
            "rule": rule,
            "priority": priority,
            "middlewares": [f"{_redirect_name(owner, one.points)}@file"],
            "service": "noop@internal",
        }
    return {"routers": routers, "services": services, "middlewares": _share(owner, prefix, middlewares, routers)}


def _share(
    owner: str, prefix: str, middlewares: Mapping[str, Any], routers: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """The middlewares of a route as those of its owner, which its routers refer to from now on."""
    shared: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name, settings in middlewares.items():
        # Redis counts by the name of a middleware, and each route has a limit of its own.
        if "rateLimit" in settings:
            shared[name] = settings
        else:
            names[f"{name}@file"] = f"{share(shared, owner, settings, name[len(prefix) + 1 :])}@file"
    for router in routers.values():
        router["middlewares"] = [names.get(name, name) for name in router["middlewares"]]
    return shared


def _chain(prefix: str, one: Route, middlewares: Mapping[str, Any], variant: Variant) -> list[str]:
    """Full names of the middlewares that HTTP requests pass, in their order."""
    before = [f"{prefix}.{kind}" for kind in ("headers", "page")]
    before += plan_bodies.chain(prefix, variant.body, f"-{PROXIED}" if variant.proxied else "")
    ours = [*_gate(prefix, one, middlewares, variant), *(f"{name}@file" for name in before if name in middlewares)]
    # Users' own see what ours let in, and what they answer themselves has the headers of the route.
    return [*ours, *one.middlewares, *(f"{name}@file" for name in middlewares if name.endswith(".retry"))]


def _gate(prefix: str, one: Route, middlewares: Mapping[str, Any], variant: Variant) -> list[str]:
    """Full names of the middlewares that decide by the client's address, and of what is taken from a proxy."""
    suffix = f"-{PROXIED}" if variant.proxied else ""
    names = [f"{prefix}.{kind}{suffix}" for kind in ("allow", "limit")]
    names += [f"{prefix}.{HOST}{proxied_suffix(one, variant.proxied)}"] if variant.proxied else []
    return [f"{name}@file" for name in names if name in middlewares]


def groups(owner: str, found: Mapping[str, Any] | None) -> dict[str, Objects]:
    """The objects of each route, by its name, in a document that was made or read back.

    A service or middleware is among those of each route that leads to it.
    """
    http = (found or {}).get("http") or {}
    split: dict[str, Objects] = {}
    for key, value in (http.get("routers") or {}).items():
        name, dot, _kind = key[len(owner) + 1 :].partition(".")
        if dot and key.startswith(f"{owner}."):
            split.setdefault(name, {one: {} for one in SECTIONS})["routers"][key] = value
    services, middlewares = (http.get(section) or {} for section in ("services", "middlewares"))
    for objects in split.values():
        used = [name for one in objects["routers"].values() for name in one.get("middlewares") or ()]
        names = [str(name).removesuffix("@file") for name in used]
        objects["middlewares"] = {name: middlewares[name] for name in names if name in middlewares}
        objects["services"] = led_to(objects, services)
    return split


def limit_settings(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The store of rate limits that a document of routes names, as Traefik's settings; None without one."""
    middlewares = ((found or {}).get("http") or {}).get("middlewares") or {}
    stores = ((one.get("rateLimit") or {}).get("redis") for one in middlewares.values())
    return next((one for one in stores if one), None)


def to_text(header: Sequence[str], content: Mapping[str, Any]) -> str:
    """A document as the text of a file: comment lines, then JSON, which every YAML parser reads.

    The file provider runs Go templates over the whole text, so no two opening braces may meet.
    """
    lines = [f"# {line}" for line in header]
    lines.append(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False))
    return "\n".join(line.replace("{{", "\\u007b\\u007b") for line in lines) + "\n"


def with_document(text: str, content: Mapping[str, Any]) -> str:
    """The text of a file that `to_text` made, with another document under its comment lines."""
    return to_text([line[2:] for line in text.split("\n") if line.startswith("# ")], content)


def routes_text(
    owner: str, routes: Sequence[Route], store: LimitStore | None = None, content: Mapping[str, Any] | None = None
) -> str:
    """The whole file of an owner: what was asked for, a line for each route, and the document made of it.

    content: that document, where it is made already: of a thousand routes, it takes a while.
    """
    ordered = sorted(routes, key=lambda one: one.name)
    header = [f"Written by gantry.odoo.traefik_route for owner {owner}; change the routes there, not here."]
    for one in ordered:
        header.append(f"route {json.dumps(one.record(), sort_keys=True, ensure_ascii=False)}")
    return to_text(header, document(owner, ordered, store) if content is None else content)


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


def _redirect_name(owner: str, points: EntryPoints) -> str:
    return f"{owner}.https" if points.port == HTTPS_PORT else f"{owner}.https-{points.port}"


def _redirect(port: int) -> dict[str, Any]:
    other = {} if port == HTTPS_PORT else {"port": str(port)}
    return {"redirectScheme": {"scheme": "https", "permanent": True, **other}}


def _router(one: Route, rule: str, priority: int, service: str, middlewares: Sequence[str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "entryPoints": [one.points.tls if one.tls else one.points.plain],
        "rule": rule,
        "priority": priority,
        "middlewares": list(middlewares),
        "service": service,
    }
    if one.tls:
        made["tls"] = {}
    return made


def _pool(one: Route, urls: Sequence[str], *, checked: bool = False) -> dict[str, Any]:
    """A pool of HTTP servers. checked: whether one that is alone is checked, too, as others would answer."""
    made = _service(urls, one.health_path, one, checked=checked)
    if one.mode == "serve":
        made["loadBalancer"]["servers"] = plan_canary.weighted(one, urls)
    if one.sticky and one.mode == "serve":
        made["loadBalancer"]["sticky"] = one.sticky.settings(tls=one.tls)
    return made


def _service(urls: Sequence[str], health_path: str, one: Route, *, checked: bool = False) -> dict[str, Any]:
    balancer: dict[str, Any] = {"passHostHeader": True}
    # Without servers Traefik answers 503 by itself: that is maintenance.
    if one.mode == "serve":
        balancer["servers"] = [{"url": url} for url in urls]
    # Where nobody else could answer, a late health check would only turn slow answers into none.
    if one.mode == "serve" and (checked or len(urls) > 1):
        balancer["healthCheck"] = {
            "path": health_path,
            "interval": f"{one.health_interval}s",
            "timeout": _HEALTH_TIMEOUT,
        }
    return {"loadBalancer": balancer}


def _middlewares(prefix: str, one: Route, store: LimitStore | None, page: str) -> dict[str, Any]:
    """page: name of the service that has the words of a maintenance, empty without any."""
    made: dict[str, Any] = {}
    if one.allow:
        allowed = {"sourceRange": list(one.allow)}
        made[f"{prefix}.allow"] = {"ipAllowList": allowed}
        if one.points.proxies:
            made[f"{prefix}.allow-{PROXIED}"] = {"ipAllowList": {**allowed, **by_proxy(one)}}
    if one.rate_limit:
        limit: dict[str, Any] = {"average": one.rate_limit.average, "burst": one.rate_limit.burst, "period": "1s"}
        limit |= {"redis": store.settings()} if store else {}
        made[f"{prefix}.limit"] = {"rateLimit": {**limit, "sourceCriterion": by_connection()}}
        if one.points.proxies:
            made[f"{prefix}.limit-{PROXIED}"] = {"rateLimit": {**limit, "sourceCriterion": by_proxy(one)}}
    made[f"{prefix}.headers"] = {"headers": _headers(one)}
    for host in one.hosts if one.points.proxies else ():
        made[f"{prefix}.{HOST}{proxied_suffix(one, host)}"] = forwarded(one, host)
    if page:
        # The status stays 503, whatever the service answers.
        made[f"{prefix}.page"] = {
            "errors": {"status": ["503"], "service": page, "query": page_path(one.maintenance_page)}
        }
    if one.mode == "serve" and one.max_body_mb:
        clients = {"": by_connection(), **({f"-{PROXIED}": by_proxy(one)} if one.points.proxies else {})}
        made |= plan_bodies.middlewares(prefix, one, clients)
    if one.mode == "serve" and len({*one.active, *one.trying}) + len(one.keeping) > 1:
        attempts = _ATTEMPTS + (_ATTEMPTS_A_SECOND * one.health_interval if one.sticky or one.trying else 0)
        made[f"{prefix}.retry"] = {"retry": {"attempts": attempts, "initialInterval": "50ms"}}
    if one.mode == "serve" and one.active_websocket:
        made[f"{prefix}.websocket"] = {"headers": {"customRequestHeaders": {"X-Forwarded-Proto": _scheme(one)}}}
    return made


def _scheme(one: Route) -> str:
    # Traefik says wss or ws on an upgrade, which Odoo takes for an unknown scheme.
    return "https" if one.tls else "http"


def _headers(one: Route) -> dict[str, Any]:
    answered = PRESETS[one.security_headers].headers()
    if one.mode == "maintenance":
        answered |= {"Retry-After": str(one.retry_after), "Cache-Control": "no-store"}
    made: dict[str, Any] = {"contentTypeNosniff": True, "customResponseHeaders": answered}
    if one.tls and one.hsts_seconds:
        made["stsSeconds"] = one.hsts_seconds
    return made
