# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Redis in which edges count the requests of clients together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import address

_KEYS = ("endpoint", "username", "password", "database", "ca", "certificate", "key")
# A request waits for Redis, and fails where Redis is silent.
_PATIENCE = "500ms"


@dataclass(frozen=True)
class LimitStore:
    """One Redis. ca: path of what its certificate is verified against; without it, there is no TLS.

    certificate, key: paths of those of the edge, where Redis asks for them.
    """

    endpoint: str
    username: str = ""
    password: str = field(default="", repr=False)
    database: int = 0
    ca: str = ""
    certificate: str = ""
    key: str = ""

    def settings(self) -> dict[str, Any]:
        """The store as Traefik's settings of a rate limit."""
        # Traefik does not show what is empty.
        login = {"username": self.username, "password": self.password, "db": self.database}
        tls = {"ca": self.ca, "cert": self.certificate, "key": self.key}
        return {
            "endpoints": [self.endpoint],
            **{name: value for name, value in login.items() if value},
            **({"tls": {name: value for name, value in tls.items() if value}} if self.ca else {}),
            **dict.fromkeys(("dialTimeout", "readTimeout", "writeTimeout"), _PATIENCE),
        }


def store_of(settings: Mapping[str, Any] | None) -> LimitStore | None:
    """The store that a document of routes names, by Traefik's settings; None without one that could be of ours."""
    endpoints = list((settings or {}).get("endpoints") or ())
    if settings is None or len(endpoints) != 1:
        return None
    tls = settings.get("tls") or {}
    made = LimitStore(
        endpoint=str(endpoints[0]),
        username=str(settings.get("username") or ""),
        password=str(settings.get("password") or ""),
        database=settings.get("db") or 0,
        ca=str(tls.get("ca") or ""),
        certificate=str(tls.get("cert") or ""),
        key=str(tls.get("key") or ""),
    )
    return made if made.settings() == settings else None


def limit_store(text: str, path: str) -> LimitStore | None:
    """The store that a file of the role traefik names, None where it names none. Raises InputError, without values."""
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise InputError(f"{path} is not JSON; run the role gantry.odoo.traefik again") from error
    if not isinstance(found, Mapping):
        raise InputError(f"{path} is no mapping; run the role gantry.odoo.traefik again")
    if not found:
        return None
    unknown = sorted(set(map(str, found)) - set(_KEYS))
    if unknown:
        raise InputError(f"{path} has {', '.join(unknown)}; accepted are {', '.join(_KEYS)}")
    where = address(found.get("endpoint"))
    if where is None or not where.host or where.kind != "tcp":
        raise InputError(f"{path}: endpoint is {found.get('endpoint')!r}; accepted are a host and a port")
    database = found.get("database") or 0
    if not str(database).isdecimal():
        raise InputError(f"{path}: database is {database!r}; accepted is a number from 0 on")
    texts = {name: str(found.get(name) or "") for name in _KEYS if name != "database"}
    if bool(texts["certificate"]) != bool(texts["key"]) or (texts["key"] and not texts["ca"]):
        raise InputError(f"{path}: certificate, key and ca belong together; give all of them, ca alone, or none")
    return LimitStore(database=int(database), **texts)
