# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a route is: who may come, under which names, to which servers. Two equal routes need no change."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_canary import Canary, canary
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import (
    AUDIENCES,
    PLAIN,
    TLS,
    EntryPoints,
    entry_points,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_headers import PRESETS
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_page import page_text
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import Rule, parse
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_sticky import Sticky, sticky

DEFAULT_PRIORITY = {"public": 1000, "partner": 2000, "internal": 3000}
# The ACME challenge must win over every route; routes stay below it.
HIGHEST_PRIORITY = 900000
ENTRY_POINTS = (PLAIN, TLS)

_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?\Z")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
# The collection's own names have a dot.
_MIDDLEWARE = re.compile(r"([A-Za-z0-9_-]{1,100})(@file)?\Z")
_PATH = re.compile(r"/[!-~]*\Z")


@dataclass(frozen=True)
class Server:
    """One process behind the route; a drained one gets no new request.

    keeps_users: whether a drained one of a sticky route still gets the requests of those who have its cookie.
    """

    url: str
    drained: bool = False
    keeps_users: bool = False


@dataclass(frozen=True)
class RateLimit:
    """Requests per second and client address: `average` in the long run, `burst` at once."""

    average: int
    burst: int


@dataclass(frozen=True)
class Route:
    """One route as it was asked for. Times are in seconds."""

    name: str
    hosts: tuple[str, ...]
    audience: str
    allow: tuple[str, ...]
    servers: tuple[Server, ...]
    websocket_servers: tuple[Server, ...]
    tls: bool
    rule: str
    priority: int
    health_path: str
    websocket_health_path: str
    health_interval: int
    hsts_seconds: int
    rate_limit: RateLimit | None
    mode: str
    retry_after: int
    sticky: Sticky | None
    canary: Canary | None
    middlewares: tuple[str, ...]
    maintenance_page: str
    security_headers: str
    max_body_mb: int = 512
    body_space_mb: int = 8192
    points: EntryPoints = EntryPoints()

    @property
    def active(self) -> tuple[str, ...]:
        """Addresses of the HTTP servers in the pool."""
        aside = self.canary.servers if self.canary and not self.canary.percent else ()
        serving = tuple(server.url for server in self.servers if not server.drained)
        # a canary is better than no answer
        return tuple(url for url in serving if url not in aside) or serving

    @property
    def trying(self) -> tuple[str, ...]:
        """Addresses of the HTTP servers that are a canary and get requests."""
        if self.canary is None or self.mode != "serve":
            return ()
        drained = [server.url for server in self.servers if server.drained]
        return tuple(url for url in self.canary.servers if url not in drained)

    @property
    def keeping(self) -> dict[str, Rule]:
        """Addresses of the drained HTTP servers whose users stay with them, and which requests are theirs."""
        if self.sticky is None or self.mode != "serve":
            return {}
        return {server.url: self.sticky.rule(server.url) for server in self.servers if server.keeps_users}

    @property
    def active_websocket(self) -> tuple[str, ...]:
        """Addresses of the websocket servers in the pool."""
        return tuple(server.url for server in self.websocket_servers if not server.drained)

    @property
    def entry_points(self) -> tuple[str, ...]:
        """Names of the entry points that have a router of the route; that of plain HTTP redirects to TLS."""
        named = (self.points.plain, self.points.tls) if self.tls else (self.points.plain,)
        return tuple(one for one in named if one)

    def record(self) -> dict[str, Any]:
        """The route as plain data; `route()` makes the same route of it."""
        return asdict(self)


def file_name(option: str, value: str) -> str:
    """The value, checked to be fit for a file's name. Raises InputError."""
    if not _NAME.match(value):
        raise InputError(
            f"{option} is {value!r}; accepted are up to 63 lower-case letters, digits, hyphens and underscores"
        )
    return value


def requests(items: Sequence[Mapping[str, Any]]) -> tuple[list[Route], list[str]]:
    """The routes asked for and the names of those asked away. Raises InputError or RefusedError for a bad one."""
    present: list[Route] = []
    absent: list[str] = []
    faults: list[str] = []
    seen: set[str] = set()
    for item in items:
        name = _name(item)
        if name in seen:
            raise InputError(f"route {name} is listed twice; a name stands for one route")
        seen.add(name)
        if item.get("state") == "absent":
            absent.append(name)
        else:
            try:
                made = route(item)
                # a record of a version before may have none that fits, and is read all the same
                _check_space(made)
                present.append(made)
            except InputError as error:
                faults.append(str(error))
    if faults:
        raise InputError("; ".join(faults))
    return present, absent


def allow_faults(audience: str, allow: Sequence[Any]) -> list[str]:
    """Why an audience cannot have these networks, each to be read after the name of a route."""
    faults: list[str] = []
    for value in allow:
        try:
            network = ipaddress.ip_network(str(value))
        except ValueError as error:
            faults.append(f"allow has {value!r}, which is not a network in CIDR form: {error}")
        else:
            if network.prefixlen == 0:
                faults.append(f"allow has {value!r}, every address, which is what the audience public is for")
    if audience == "public" and allow:
        faults.append("allow is not for the audience public; drop it, or choose the audience partner or internal")
    if audience != "public" and not allow:
        faults.append(f"allow is empty, and the audience {audience} comes from listed networks only; list them")
    return faults


def middleware_faults(values: Sequence[Any]) -> list[str]:
    """Why a route cannot refer to these middlewares, each to be read after its name."""
    faults = [
        f"middlewares has {value!r}; accepted are names of the file provider, such as waf@file, of letters, digits, "
        "hyphens and underscores"
        for value in values
        if not _MIDDLEWARE.match(str(value))
    ]
    if len({str(value).partition("@")[0] for value in values}) != len(values):
        faults.append("middlewares has one twice")
    return faults


def route(item: Mapping[str, Any]) -> Route:
    """One route of a module's option or of a file's record, checked. Raises InputError or RefusedError."""
    name = _name(item)
    audience = _one_of(name, "audience", item.get("audience"), AUDIENCES)
    made = Route(
        name=name,
        hosts=_hosts(name, item.get("hosts") or ()),
        audience=audience,
        allow=_networks(name, audience, item.get("allow") or ()),
        servers=_servers(name, "servers", item.get("servers") or ()),
        websocket_servers=_servers(name, "websocket_servers", item.get("websocket_servers") or ()),
        tls=bool(_given(item, "tls", True)),
        rule=_rule(name, str(item.get("rule") or "").strip()),
        priority=_number(name, "priority", _given(item, "priority", DEFAULT_PRIORITY[audience]), 1, HIGHEST_PRIORITY),
        health_path=_path(name, "health_path", _given(item, "health_path", "/web/health")),
        websocket_health_path=_path(
            name, "websocket_health_path", _given(item, "websocket_health_path", "/websocket/health")
        ),
        health_interval=_number(name, "health_interval", _given(item, "health_interval", 2), 1, 5),
        hsts_seconds=_number(name, "hsts_seconds", _given(item, "hsts_seconds", 31536000), 0, 10**9),
        rate_limit=_rate_limit(name, item.get("rate_limit")),
        mode=_one_of(name, "mode", _given(item, "mode", "serve"), ("serve", "maintenance")),
        retry_after=_number(name, "retry_after", _given(item, "retry_after", 120), 1, 86400),
        sticky=_sticky(name, item),
        canary=_canary(name, item),
        middlewares=_middlewares(name, item.get("middlewares") or ()),
        maintenance_page=_page(name, str(item.get("maintenance_page") or "")),
        security_headers=_one_of(name, "security_headers", item.get("security_headers") or audience, list(PRESETS)),
        max_body_mb=_number(name, "max_body_mb", _given(item, "max_body_mb", 512), 0, 10**6),
        body_space_mb=_number(name, "body_space_mb", _given(item, "body_space_mb", 8192), 1, 10**8),
        points=entry_points(item.get("points")),
    )
    _check_pool(made)
    return made


def _check_space(one: Route) -> None:
    if one.body_space_mb < one.max_body_mb:
        raise InputError(
            f"route {one.name}: body_space_mb is {one.body_space_mb}, and one body may have {one.max_body_mb} MiB; "
            "give space for at least one, or a smaller max_body_mb"
        )


def _check_pool(one: Route) -> None:
    if one.mode == "maintenance":
        return
    if not one.servers:
        raise InputError(f"route {one.name} has no servers; list one, or set mode to maintenance")
    for option, listed, active in (
        ("servers", one.servers, one.active),
        ("websocket_servers", one.websocket_servers, one.active_websocket),
    ):
        if listed and not active:
            raise RefusedError(
                f"route {one.name} would lose its last server because all of its {option} are drained; "
                "undrain one, or set mode to maintenance"
            )


def _given(item: Mapping[str, Any], key: str, default: Any) -> Any:
    value = item.get(key)
    return default if value is None else value


def _name(item: Mapping[str, Any]) -> str:
    name = str(item.get("name") or "")
    if not _NAME.match(name):
        raise InputError(
            f"{name!r} cannot name a route; accepted are up to 63 lower-case letters, digits, hyphens and underscores"
        )
    return name


def _one_of(name: str, option: str, value: Any, accepted: Sequence[str]) -> str:
    if value not in accepted:
        raise InputError(f"route {name}: {option} is {value!r}; accepted are {', '.join(accepted)}")
    return str(value)


def _number(name: str, option: str, value: Any, low: int, high: int) -> int:
    if not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"route {name}: {option} is {value!r}; accepted is a whole number from {low} to {high}")
    return value


def _path(name: str, option: str, value: Any) -> str:
    if not _PATH.match(str(value)):
        raise InputError(f"route {name}: {option} is {value!r}; accepted is a path that begins with a slash")
    return str(value)


def _rule(name: str, text: str) -> str:
    try:
        return str(parse(text)) if text else ""
    except InputError as error:
        raise InputError(f"route {name}: rule is {text!r}, and {error}") from error


def _hosts(name: str, values: Sequence[Any]) -> tuple[str, ...]:
    if not values:
        raise InputError(f"route {name} has no hosts; list the names it answers for")
    hosts = [str(value).lower() for value in values]
    for host in hosts:
        if len(host) > 253 or not all(_LABEL.match(label) for label in host.split(".")):
            raise InputError(
                f"route {name}: {host!r} is not a host name; "
                "accepted are DNS names without wildcard, scheme or port, international ones as xn--"
            )
    if len(set(hosts)) != len(hosts):
        raise InputError(f"route {name} lists a host twice: {', '.join(hosts)}")
    return tuple(hosts)


def _networks(name: str, audience: str, values: Sequence[Any]) -> tuple[str, ...]:
    faults = allow_faults(audience, values)
    if faults:
        raise InputError("; ".join(f"route {name}: {fault}" for fault in faults))
    return tuple(str(ipaddress.ip_network(str(value))) for value in values)


def _servers(name: str, option: str, values: Sequence[Mapping[str, Any]]) -> tuple[Server, ...]:
    servers = tuple(_server(name, option, value) for value in values)
    urls = [server.url for server in servers]
    if len(set(urls)) != len(urls):
        raise InputError(f"route {name}: {option} lists a server twice: {', '.join(urls)}")
    return servers


def _server(name: str, option: str, value: Mapping[str, Any]) -> Server:
    drained = bool(value.get("drained"))
    return Server(_url(name, option, value.get("url")), drained, drained and bool(_given(value, "keeps_users", True)))


def _sticky(name: str, item: Mapping[str, Any]) -> Sticky | None:
    try:
        return sticky(item.get("sticky"), tls=bool(_given(item, "tls", True)))
    except InputError as error:
        raise InputError(f"route {name}: {error}") from error


def _canary(name: str, item: Mapping[str, Any]) -> Canary | None:
    urls = [str(server.get("url") or "").rstrip("/") for server in item.get("servers") or ()]
    try:
        return canary(item.get("canary"), urls, str((item.get("sticky") or {}).get("cookie") or ""))
    except InputError as error:
        raise InputError(f"route {name}: {error}") from error


def _page(name: str, text: str) -> str:
    try:
        return page_text(text)
    except InputError as error:
        raise InputError(f"route {name}: {error}") from error


def _middlewares(name: str, values: Sequence[Any]) -> tuple[str, ...]:
    """Full names, in the order of requests."""
    found = middleware_faults(values)
    if found:
        raise InputError("; ".join(f"route {name}: {fault}" for fault in found))
    return tuple(f"{str(value).partition('@')[0]}@file" for value in values)


def _url(name: str, option: str, value: Any) -> str:
    text = str(value or "").rstrip("/")
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port and parts.port > 0
        plain = text == f"{parts.scheme}://{parts.netloc}" and "@" not in parts.netloc and not re.search(r"\s", text)
    except ValueError:
        whole = plain = False
    if not (whole and plain):
        raise InputError(f"route {name}: {option} has {value!r}; accepted is http:// or https://, a host and a port")
    return text


def _rate_limit(name: str, value: Mapping[str, Any] | None) -> RateLimit | None:
    if value is None:
        return None
    average = _number(name, "rate_limit.average", value.get("average"), 1, 10**6)
    return RateLimit(average, _number(name, "rate_limit.burst", _given(value, "burst", average), 1, 10**6))
