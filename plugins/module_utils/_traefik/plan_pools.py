# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services and middlewares that routes of one owner share: equal ones are one, named by what it has. Pure.

Traefik checks the servers of each service, and makes a middleware anew for each router, which counts by itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

# The beginning of the last part of a service's name.
POOL = "pool"


def share(objects: dict[str, Any], owner: str, settings: Mapping[str, Any], kind: str = POOL) -> str:
    """Put a service or middleware among those of an owner, and return its name, which says what it has."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    name = f"{owner}.{kind}-{digest}"
    objects[name] = dict(settings)
    return name


def children(service: Mapping[str, Any]) -> Iterator[str]:
    """Names of the services that a service leads to, as it has them."""
    for kind in ("weighted", "highestRandomWeight"):
        yield from (str(one.get("name")) for one in (service.get(kind) or {}).get("services") or ())
    mirroring, failover = service.get("mirroring") or {}, service.get("failover") or {}
    yield from (
        str(one) for one in (mirroring.get("service"), failover.get("service"), failover.get("fallback")) if one
    )
    yield from (str(one.get("name")) for one in mirroring.get("mirrors") or ())


def led_to(objects: Mapping[str, Mapping[str, Any]], services: Mapping[str, Any]) -> dict[str, Any]:
    """The services that the routers and middlewares of a route lead to. services: those of its document."""
    waiting = [str(one.get("service")) for one in objects["routers"].values()]
    waiting += [str(one["errors"].get("service")) for one in objects["middlewares"].values() if "errors" in one]
    found: dict[str, Any] = {}
    while waiting:
        name = waiting.pop()
        if name in services and name not in found:
            found[name] = services[name]
            waiting += children(services[name])
    return found
