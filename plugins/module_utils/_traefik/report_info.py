# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an edge serves as values for people and playbooks, and what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_canary import Canary
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_info import (
    Certificate,
    Document,
    Entry,
    View,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_limits import store_of
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_document import (
    RouteFile,
    document,
    limit_settings,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_info import middlewares_of, services_of
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_ownership import (
    Claim,
    claims_in,
    owned_by,
    rivals,
    whose,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_routes import plan
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.report_document import shown, without_secrets

UP, UNCHECKED, DOWN, UNKNOWN, DRAINED = "up", "unchecked", "down", "unknown", "drained"
Chosen = Callable[[str, str], bool]
_PROTOCOLS = {"routers": "http", "tcpRouters": "tcp", "udpRouters": "udp"}


def router(one: Entry, live: View, certificates: Sequence[Certificate]) -> dict[str, Any]:
    """A router as the module returns it."""
    record, settings = one.record, one.settings
    return {
        "name": one.name,
        "owner": one.owner,
        "route": one.route,
        "provider": one.provider,
        "protocol": _PROTOCOLS[one.section],
        "file": one.file,
        "agrees": one.agrees,
        "status": str(one.live.get("status") or "enabled") if one.live is not None else "missing",
        "errors": errors(one, live),
        "rule": str(settings.get("rule") or ""),
        "hosts": list(one.hosts),
        "entry_points": list(one.entry_points),
        "tls": "tls" in settings,
        "priority": int(settings.get("priority") or 0),
        "audience": record.audience if record else "",
        "mode": record.mode if record else "",
        "canary": _canary(record.canary) if record and record.canary else None,
        "middlewares": middlewares_of(one.name, settings),
        "service": str(settings.get("service") or ""),
        "servers": servers(one, live),
        "certificates": [
            {
                "host": each.host,
                "fingerprint": each.fingerprint,
                "names": list(each.names),
                "not_after": each.not_after,
                "error": each.why,
            }
            for each in certificates
        ],
    }


def _canary(one: Canary) -> dict[str, Any]:
    # who knows the value of a header or cookie gets there, so it is left to those who declare it
    names = {"header": one.header.name if one.header else "", "cookie": one.cookie.name if one.cookie else ""}
    return {"servers": list(one.servers), "percent": one.percent, **names}


def servers(one: Entry, live: View) -> list[dict[str, str]]:
    """The servers behind a router with their states, drained ones of its route at the end."""
    found: dict[str, dict[str, str]] = {}
    for name, service in services_of(one.section, one.name, one.settings, live):
        balancer = (service or {}).get("loadBalancer") or {}
        for server in balancer.get("servers") or ():
            url = str(server.get("url") or server.get("address") or "")
            state = _state((service.get("serverStatus") or {}).get(url), checked=bool(balancer.get("healthCheck")))
            found.setdefault(url, {"url": str(shown({"url": url})["url"]), "state": state, "service": name})
    listed = {"http": "servers", "websocket": "websocket_servers"}.get(one.kind.partition("-")[0])
    for each in getattr(one.record, listed) if one.record and listed and one.record.mode == "serve" else ():
        if each.drained and each.url not in found:
            found[each.url] = {"url": each.url, "state": DRAINED, "service": ""}
    return list(found.values())


def _state(said: Any, *, checked: bool) -> str:
    if said == "DOWN":
        return DOWN
    if said != "UP":
        return UNKNOWN
    return UP if checked else UNCHECKED


def errors(one: Entry, live: View) -> list[str]:
    """What Traefik says against a router and its services, without what may be a secret."""
    if one.live is None:
        return []
    parts = [one.live, *(service for _name, service in services_of(one.section, one.name, one.live, live))]
    words = [str(word) for part in parts for word in (part or {}).get("error") or ()]
    return [excerpt(without_secrets(word, live)) for word in dict.fromkeys(words)] if words else []


def faults(
    found: Sequence[Entry], live: View, certificates: Mapping[str, Sequence[Certificate]], now: datetime
) -> list[str]:
    """What is wrong with routers, a sentence each. certificates: by name of the router."""
    said = [
        fault
        for one in found
        for fault in (
            *_state_faults(one, live),
            *(each for certificate in certificates.get(one.name, ()) for each in _certificate_faults(certificate, now)),
        )
    ]
    return list(dict.fromkeys(said))


def _state_faults(one: Entry, live: View) -> Iterator[str]:
    who = whose(one.name)
    if one.live is None:
        yield f"{who}: Traefik does not have the router {one.name} that is in {one.file or 'its directory'}"
    elif one.agrees is False:
        where = f"{one.file} says" if one.file else "the documents of its directory say"
        yield f"{who}: Traefik serves the router {one.name} otherwise than {where}"
    status = "" if one.live is None else one.live.get("status")
    for word in errors(one, live):
        yield f"{who}: Traefik says of the router {one.name}, which is {status or 'enabled'}: {word}"
    for server in servers(one, live):
        if server["state"] == DOWN:
            yield f"{who}: {server['url']} does not answer its health check"


def _certificate_faults(one: Certificate, now: datetime) -> Iterator[str]:
    if not one.fingerprint:
        yield f"{one.host} is served no certificate: {one.why}"
    elif not one.not_after:
        yield f"{one.host} is served a certificate that Traefik made up, as it has none for this name"
    elif not any(_is_for(name, one.host) for name in one.names):
        yield f"{one.host} is served a certificate for other names: {', '.join(one.names) or 'none'}"
    elif datetime.fromisoformat(one.not_after.replace("Z", "+00:00")) <= now:
        yield f"{one.host} is served a certificate that has expired on {one.not_after}"


def _is_for(name: str, host: str) -> bool:
    lower = name.lower()
    return lower == host or (lower.startswith("*.") and host.partition(".")[2] == lower[2:])


def refusal(folder: str, words: str) -> str:
    """Why Traefik would load nothing from its directory any more."""
    return f"Traefik would load nothing from {folder} any more: {excerpt(words)}; mend that file"


def directory_faults(found: Iterable[Document]) -> list[str]:
    """What is wrong with files of routes: records that cannot be read, and documents that do not follow from them."""
    said = []
    for one in found:
        if one.fault:
            said.append(one.fault)
        elif one.owner:
            found_there = None if one.content is None else dict(one.content)
            # Where requests are counted is asked of no route.
            store = store_of(limit_settings(found_there))
            current = RouteFile(dict(one.routes), found_there, one.text)
            routes = list(one.routes.values())
            steps = plan(one.owner, current, routes, True, document(one.owner, routes, store))
            said += [f"{one.path}: {step.target} is not what was asked for; run its playbook again" for step in steps]
    return said


def collisions(live: View, owners: Iterable[str]) -> list[str]:
    """Requests that two owners answer for, a sentence each."""
    said: list[str] = []
    earlier: list[Chosen] = []
    for owner in sorted(set(owners)):
        ours = _routes(claims_in(live, _owned(owner)))
        earlier.append(_owned(owner))
        said += [one.sentence for one in rivals(ours, claims_in(live, _not(tuple(earlier))))]
    return list(dict.fromkeys(said))


def _routes(found: Iterable[Claim]) -> list[Claim]:
    """The claims of routers as those of their routes, each of which is told once."""
    by_route: dict[str, list[Claim]] = {}
    for one in found:
        by_route.setdefault(one.said, []).append(one)
    return [
        Claim(
            said,
            said,
            frozenset(point for one in claims for point in one.entry_points),
            tuple(dict.fromkeys(region for one in claims for region in one.regions)),
            max(one.priority for one in claims),
            next((one.fault for one in claims if one.fault), ""),
        )
        for said, claims in by_route.items()
    ]


def _owned(owner: str) -> Chosen:
    return lambda section, name: section == "routers" and owned_by(owner, name)


def _not(chosen: tuple[Chosen, ...]) -> Chosen:
    return lambda section, name: not any(one(section, name) for one in chosen)
