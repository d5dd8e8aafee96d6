# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an estate is, as its inventory declares it: tenants, their routes, and the groups of hosts that run them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

AUDIENCES = ("public", "partner", "internal")
TENANCIES = ("shared", "dedicated")
TIERS = (1, 2, 3)
SHARED_INSTANCE = "shared"

# Names that operations give to copies of a tenant's database; no tenant may bear them.
RETIRED = "__retired"
INCOMING = "__incoming"

# A tenant's name is a PostgreSQL identifier (63 bytes, with room for the suffixes) and a DNS label.
_TENANT_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_HOST_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_TENANT_KEYS = frozenset(
    "name tier tenancy addons routes runtime language demo parameters http_port workers cron_threads".split()  # noqa: SIM905
)
_ROUTE_KEYS = frozenset(("audience", "host", "allow"))
FIRST_HTTP_PORT = 8069
WEBSOCKET_OFFSET = 3


@dataclass(frozen=True)
class Route:
    """One name under which an audience reaches a tenant."""

    host: str
    audience: str = "public"
    allow: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tenant:
    """One Odoo database with all that belongs to it."""

    name: str
    group: str
    tier: int = 3
    tenancy: str = "shared"
    addons: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    language: str = "en_US"
    demo: bool = False
    parameters: tuple[tuple[str, str], ...] = ()
    http_port: int | None = None
    workers: int = 2
    cron_threads: int = 1

    @property
    def instance(self) -> str:
        """The Odoo instance that serves the tenant: its own, or the group's shared one."""
        return self.name if self.tenancy == "dedicated" else SHARED_INSTANCE


@dataclass(frozen=True)
class Host:
    """A host as the inventory knows it."""

    name: str
    address: str


@dataclass(frozen=True)
class Group:
    """Hosts that run the same Odoo instances on one PostgreSQL server."""

    name: str
    kind: str
    hosts: tuple[Host, ...]
    database_server: str


@dataclass(frozen=True)
class Database:
    """One database that a PostgreSQL server was seen to hold."""

    name: str
    open: bool


def parse_tenants(raw: Any) -> tuple[Tenant, ...]:
    """Read `odoo_tenants`. Raises InputError with one sentence for each fault, all of them at once."""
    if not isinstance(raw, Sequence) or isinstance(raw, (str, bytes)) or not raw:
        raise InputError("odoo_tenants must be a list of at least one tenant; declare it in the inventory")
    faults: list[str] = []
    tenants: list[Tenant] = []
    for position, item in enumerate(raw):
        try:
            tenants.append(_tenant(item, position))
        except InputError as error:
            faults.append(str(error))
    faults += _across(tenants)
    if faults:
        raise InputError("; ".join(faults))
    return tuple(tenants)


def _tenant(item: Any, position: int) -> Tenant:
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
        raise InputError(f"odoo_tenants[{position}] must be a mapping with a name")
    name = str(item["name"])
    where = f"tenant {name}"
    if not _TENANT_NAME.fullmatch(name):
        raise InputError(
            f"{where}: a name is 1 to 40 lower-case letters, digits and hyphens and begins with a letter, "
            "since it names a database and a DNS label"
        )
    unknown = sorted(set(map(str, item)) - _TENANT_KEYS)
    if unknown:
        raise InputError(f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(sorted(_TENANT_KEYS))}")
    runtime = item.get("runtime")
    if not isinstance(runtime, Mapping) or not runtime.get("group"):
        raise InputError(f"{where}: runtime must name the group of hosts that runs it, as in {{group: app}}")
    routes = tuple(_route(route, where) for route in item.get("routes") or ())
    tenant = Tenant(
        name=name,
        group=str(runtime["group"]),
        tier=_one_of(item.get("tier", 3), TIERS, f"{where}: tier"),
        tenancy=_one_of(item.get("tenancy", "shared"), TENANCIES, f"{where}: tenancy"),
        addons=tuple(map(str, item.get("addons") or ())),
        routes=routes,
        language=str(item.get("language", "en_US")),
        demo=bool(item.get("demo", False)),
        parameters=tuple(sorted((str(key), str(value)) for key, value in (item.get("parameters") or {}).items())),
        http_port=_port(item.get("http_port"), where),
        workers=int(item.get("workers", 2)),
        cron_threads=int(item.get("cron_threads", 1)),
    )
    if tenant.tenancy == "shared":
        if name == SHARED_INSTANCE:
            raise InputError(f"{where}: the name is taken by the shared instance; choose another")
        for route in routes:
            # A shared instance picks the database by the first label of the host (dbfilter ^%d$).
            if route.host.split(".")[0] != name:
                raise InputError(
                    f"{where}: the host {route.host} must begin with '{name}.', because a shared instance "
                    "chooses the database by the first label"
                )
    return tenant


def _route(item: Any, where: str) -> Route:
    if not isinstance(item, Mapping) or not item.get("host"):
        raise InputError(f"{where}: each route needs a host")
    unknown = sorted(set(map(str, item)) - _ROUTE_KEYS)
    if unknown:
        raise InputError(f"{where}: unknown key {', '.join(unknown)} in a route; known are allow, audience, host")
    host = str(item["host"])
    if not _HOST_NAME.fullmatch(host):
        raise InputError(f"{where}: {host} is not a lower-case host name with at least two labels")
    audience = _one_of(item.get("audience", "public"), AUDIENCES, f"{where}: audience of {host}")
    allow = tuple(map(str, item.get("allow") or ()))
    if audience == "internal" and not allow:
        raise InputError(f"{where}: the internal route {host} needs allow, the networks that may reach it")
    return Route(host, audience, allow)


def _one_of(value: Any, accepted: tuple[Any, ...], what: str) -> Any:
    if value not in accepted:
        raise InputError(f"{what} must be one of {', '.join(map(str, accepted))}, not {value}")
    return value


def _port(value: Any, where: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or not 1024 <= value <= 65532:
        raise InputError(f"{where}: http_port must be a number from 1024 to 65532, not {value}")
    return value


def _across(tenants: Sequence[Tenant]) -> list[str]:
    """Faults that no tenant has alone."""
    faults: list[str] = []
    names: dict[str, int] = {}
    hosts: dict[str, str] = {}
    for tenant in tenants:
        names[tenant.name] = names.get(tenant.name, 0) + 1
        for route in tenant.routes:
            if route.host in hosts:
                faults.append(
                    f"tenants {hosts[route.host]} and {tenant.name} both claim the host {route.host}; give it to one"
                )
            hosts[route.host] = tenant.name
    faults += [f"tenant {name} is declared {count} times" for name, count in names.items() if count > 1]
    return faults
