# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the declared tenants: every value converted and checked by type, once, with its path in the message."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate import model
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import convert, convert_all, is_path, shown
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import (
    BACKUP_OPTIONS,
    DECOMMISSIONED,
    PRESENT,
    RESERVED,
    SHARED_INSTANCE,
    STATES,
    TEMPLATE,
    TENANCIES,
    TIERS,
    Route,
    Tenant,
    cookie_name,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import allow_faults, middleware_faults
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_canary import share_faults
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import AUDIENCES
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_headers import PRESETS

ROUTE: dict[str, Any] = {
    "host": {"type": "str", "required": True},
    "audience": {"type": "str", "choices": list(AUDIENCES), "default": "public"},
    "allow": {"type": "list", "elements": "str", "default": []},
    "middlewares": {"type": "list", "elements": "str", "default": []},
    "security_headers": {"type": "str", "choices": list(PRESETS)},
    "rate_limit": {
        "type": "dict",
        "options": {"average": {"type": "int", "required": True}, "burst": {"type": "int"}},
    },
}
_SENT: dict[str, Any] = {"name": {"type": "str", "required": True}, "value": {"type": "str", "required": True}}
CANARY: dict[str, Any] = {
    "percent": {"type": "int", "default": 0},
    "header": {"type": "dict", "options": _SENT},
    "cookie": {"type": "dict", "options": _SENT},
}
CERTIFICATE: dict[str, Any] = {
    "name": {"type": "str"},
    "domains": {"type": "list", "elements": "str"},
    "challenge": {"type": "str", "choices": list(model.CHALLENGES)},
    "profile": {"type": "str"},
    "preferred_chain": {"type": "str"},
    "key_type": {"type": "str", "choices": list(model.KEY_TYPES)},
    "reuse_key": {"type": "bool"},
    "issuer": {"type": "str", "choices": list(model.ISSUERS)},
}
TENANT: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "tier": {"type": "int", "choices": list(TIERS), "default": 3},
    "tenancy": {"type": "str", "choices": list(TENANCIES), "default": "shared"},
    "addons": {"type": "list", "elements": "str", "default": []},
    "routes": {"type": "list", "elements": "dict", "default": [], "options": ROUTE},
    "runtime": {"type": "dict", "required": True, "options": {"group": {"type": "str", "required": True}}},
    "sticky": {"type": "bool", "default": False},
    "canary": {"type": "dict", "options": CANARY},
    "maintenance_page": {"type": "str", "default": ""},
    "language": {"type": "str", "default": "en_US"},
    "demo": {"type": "bool", "default": False},
    "parameters": {"type": "dict", "default": {}},
    "http_port": {"type": "int"},
    "workers": {"type": "int", "default": 2},
    "cron_threads": {"type": "int", "default": 1},
    "state": {"type": "str", "choices": list(STATES), "default": PRESENT},
    "renamed_from": {"type": "str"},
    # YAML reads an unquoted date as one
    "hold_until": {"type": "raw"},
    "keep_backups_until": {"type": "raw"},
    "backup": {"type": "dict", "default": {}},
    "warm_up": {"type": "list", "elements": "str", "default": ["/web/login"]},
    "certificate": {"type": "dict", "default": {}, "options": CERTIFICATE},
}
_PORTS = range(1024, 65533)

# A tenant's name is a PostgreSQL identifier (63 bytes, with room for the suffixes) and a DNS label.
_LONGEST_INSTANCE = 32
_TENANT_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def tenants_from(raw: Any) -> tuple[Tenant, ...]:
    """The tenants of `odoo_tenants`. Raises InputError with one sentence for each fault, all of them at once."""
    if not isinstance(raw, Sequence) or isinstance(raw, (str, bytes)) or not raw:
        raise InputError("odoo_tenants must be a list of at least one tenant; declare it in the inventory")
    faults: list[str] = []
    tenants: list[Tenant] = []
    for place, item in enumerate(raw):
        tenant, found = _tenant(item, f"odoo_tenants[{place}]")
        if tenant:
            tenants.append(tenant)
        name = item.get("name") if isinstance(item, Mapping) else None
        faults += [f"tenant {name}: {fault}" if name else fault for fault in found]
    faults += _across(tenants)
    if faults:
        raise InputError("; ".join(faults))
    return tuple(tenants)


def subjects(raw: Any) -> list[dict[str, Any]]:
    """The declared tenants as a change names whom it touches; none where none is declared."""
    listed = tenants_from(raw) if raw else ()
    return [{"name": one.name, "tier": one.tier, "groups": [one.group]} for one in listed]


def _tenant(item: Any, path: str) -> tuple[Tenant | None, list[str]]:
    """The tenant, None where its values are not of the declared types; and the faults."""
    if not isinstance(item, Mapping):
        return None, [f"{path} must be a mapping with a name, not {shown(item)}"]
    faults: list[str] = []
    value = convert_all(item, TENANT, path, faults)
    if faults:
        return None, faults
    tenant = Tenant(
        name=value["name"],
        group=value["runtime"]["group"],
        tier=value["tier"],
        tenancy=value["tenancy"],
        addons=tuple(value["addons"]),
        routes=tuple(_route(one, value) for one in value["routes"]),
        language=value["language"],
        demo=value["demo"],
        parameters=_parameters(value["parameters"], f"{path}.parameters", faults),
        http_port=value["http_port"],
        workers=value["workers"],
        cron_threads=value["cron_threads"],
        state=value["state"],
        renamed_from=value["renamed_from"],
        hold_until=_date(value["hold_until"], f"{path}.hold_until", faults),
        keep_backups_until=_date(value["keep_backups_until"], f"{path}.keep_backups_until", faults),
        backup=value["backup"],
        warm_up=tuple(value["warm_up"]),
        certificate={key: one for key, one in value["certificate"].items() if one is not None},
        canary=value["canary"] or {},
    )
    cookie = cookie_name(tenant.instance) if value["sticky"] else ""
    faults += [f"{path}.{fault}" for fault in share_faults(tenant.canary, cookie)]
    return tenant, faults + _check(tenant, path)


def _route(value: Mapping[str, Any], tenant: Mapping[str, Any]) -> Route:
    """A route with what its tenant has for all of its routes."""
    return Route(
        value["host"],
        value["audience"],
        tuple(value["allow"]),
        tenant["sticky"],
        tuple(value["middlewares"]),
        tenant["maintenance_page"],
        value["security_headers"] or "",
        _limit(value["rate_limit"]),
    )


def _limit(value: Mapping[str, Any] | None) -> tuple[int, int] | None:
    return (value["average"], value["burst"] or value["average"]) if value else None


def _parameters(given: Mapping[str, Any], path: str, faults: list[str]) -> tuple[tuple[str, str], ...]:
    """Odoo's system parameters are texts; numbers and truth values are written as Odoo writes them."""
    made = {}
    for name, value in sorted(given.items()):
        if isinstance(value, (bool, float)):
            made[name] = str(value)
        else:
            made[name] = convert(value, {"type": "str", "required": True}, f"{path}.{name}", faults)
    return tuple(made.items())


def _date(value: Any, path: str, faults: list[str]) -> str | None:
    """A date as ISO 8601 writes it."""
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        faults.append(f"{path} must be a date such as 2027-01-31, not {shown(value)}")
        return None


def _check(tenant: Tenant, path: str) -> list[str]:
    """What the types alone do not say."""
    faults = _check_names(tenant, path) + _check_dates(tenant, path)
    if tenant.http_port is not None and tenant.http_port not in _PORTS:
        faults.append(f"{path}.http_port must be a number from 1024 to 65532, not {tenant.http_port}")
    for option, count in (("workers", tenant.workers), ("cron_threads", tenant.cron_threads)):
        if count < 0:
            faults.append(f"{path}.{option} must be 0 or more, not {count}")
    unknown = sorted(set(tenant.backup) - set(BACKUP_OPTIONS))
    if unknown:
        faults.append(f"{path}.backup has no option {unknown[0]}; it takes {', '.join(BACKUP_OPTIONS)}")
    faults += [
        f"{path}.warm_up: {shown(one)} is no path; it begins with / and has no spaces"
        for one in tenant.warm_up
        if not is_path(one)
    ]
    for place, route in enumerate(tenant.routes):
        faults += _check_route(tenant, route, f"{path}.routes[{place}]")
    return faults


def _check_names(tenant: Tenant, path: str) -> list[str]:
    """What else bears the name: a database and its copies, a label of DNS, an instance with its units and its role."""
    faults: list[str] = []
    if not _TENANT_NAME.fullmatch(tenant.name):
        faults.append(
            f"{path}.name is 1 to 40 lower-case letters, digits and hyphens and begins with a letter, "
            "since it names a database and a DNS label"
        )
    if tenant.tenancy == "dedicated" and len(tenant.name) > _LONGEST_INSTANCE:
        faults.append(
            f"{path}.name: {tenant.name} has {len(tenant.name)} characters, and an instance of its own has at most "
            f"{_LONGEST_INSTANCE}; shorten it, or let it share an instance"
        )
    if tenant.name in RESERVED:
        faults.append(f"{path}.name: {tenant.name} is a database that is no tenant's; choose another name")
    if tenant.name.startswith(TEMPLATE):
        faults.append(f"{path}.name begins with {TEMPLATE}, as databases do that new ones are made from; change it")
    if tenant.name == SHARED_INSTANCE:
        faults.append(f"{path}.name is taken by the shared instance; choose another")
    if tenant.renamed_from == tenant.name:
        faults.append(f"{path}.renamed_from is the tenant's own name; give the former one")
    return faults


def _check_dates(tenant: Tenant, path: str) -> list[str]:
    """A tenant leaves on a date that somebody has thought of."""
    dates = {"hold_until": tenant.hold_until, "keep_backups_until": tenant.keep_backups_until}
    if tenant.state != DECOMMISSIONED:
        return [
            f"{path}.{option} is for state {DECOMMISSIONED}; remove it, or set the state"
            for option, value in dates.items()
            if value is not None
        ]
    if tenant.hold_until is None:
        return [
            f"{path}.hold_until is required with state {DECOMMISSIONED}; give the date before which nothing is dropped"
        ]
    if tenant.keep_backups_until is not None and tenant.keep_backups_until < tenant.hold_until:
        return [f"{path}.keep_backups_until lies before hold_until; backups are kept longer than the database"]
    return []


def _check_route(tenant: Tenant, route: Route, path: str) -> list[str]:
    if not _HOST_NAME.fullmatch(route.host):
        return [f"{path}.host: {shown(route.host)} is not a lower-case host name with at least two labels"]
    faults = [
        f"{path}.{fault}"
        for fault in (*allow_faults(route.audience, route.allow), *middleware_faults(route.middlewares))
    ]
    # A shared instance picks the database by the first label of the host (dbfilter ^%d$).
    if tenant.tenancy == "shared" and route.host.split(".")[0] != tenant.name:
        faults.append(
            f"{path}.host: {route.host} must begin with '{tenant.name}.', because a shared instance "
            "chooses the database by the first label"
        )
    return faults


def _across(tenants: Sequence[Tenant]) -> list[str]:
    """Faults that no tenant has alone."""
    faults: list[str] = []
    names: dict[str, int] = {}
    hosts: dict[str, str] = {}
    for tenant in tenants:
        for name in (tenant.name, tenant.renamed_from):
            if name is not None:
                names[name] = names.get(name, 0) + 1
        for route in tenant.routes:
            # for one tenant, the rules of routes decide
            if hosts.setdefault(route.host, tenant.name) != tenant.name:
                faults.append(
                    f"tenants {hosts[route.host]} and {tenant.name} both claim the host {route.host}; give it to one"
                )
    faults += _certificates(tenants)
    faults += [
        f"tenant {name} is declared {count} times, former names included; leave one"
        for name, count in names.items()
        if count > 1
    ]
    return faults


def _certificates(tenants: Sequence[Tenant]) -> list[str]:
    """Faults of the certificates, by the rules of those that order them."""
    faults: list[str] = []
    first: dict[str, Tenant] = {}
    for tenant in tenants:
        name, hosts = tenant.certificate_name, [route.host for route in tenant.routes]
        if not hosts:
            continue
        same = first.setdefault(name, tenant)
        if same.certificate != tenant.certificate:
            faults.append(
                f"tenants {same.name} and {tenant.name} share the certificate {name} and declare it otherwise; give "
                "both the same options, or each a name of its own"
            )
        options = {"domains": hosts, **tenant.certificate, "name": name, "hosts": hosts}
        if tenant.certificate and (found := model.fault(model.request(options))):
            faults.append(f"tenant {tenant.name}: {found}")
    return faults
