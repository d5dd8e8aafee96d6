# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request as a client would send it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import PLAIN, TLS


@dataclass(frozen=True)
class Request:
    """A request. headers, query: names and values, those of headers in lower case. address: empty if not known."""

    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    method: str
    headers: tuple[tuple[str, str], ...]
    address: str
    tls: bool
    entry_point: str


def request(item: Mapping[str, Any]) -> Request:
    """The request of a module's option, checked. Raises InputError."""
    url = str(item["url"])
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InputError(f"request.url is {url!r}, which is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not host or not host.isascii() or parts.username is not None:
        raise InputError(f"request.url is {url!r}; accepted is http:// or https://, a host and a path")
    if {".", ".."} & set(parts.path.split("/")):
        raise InputError(f"request.url is {url!r}; write the path without . and .., as clients send it")
    tls = parts.scheme == "https"
    return Request(
        host=host,
        path=parts.path or "/",
        query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
        method=str(item.get("method") or "GET").upper(),
        headers=tuple((str(name).lower(), str(value)) for name, value in (item.get("headers") or {}).items()),
        address=_address(item.get("address")),
        tls=tls,
        entry_point=str(item.get("entry_point") or (TLS if tls else PLAIN)),
    )


def _address(value: Any) -> str:
    if not value:
        return ""
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError as error:
        raise InputError(f"request.address is {value!r}; accepted is one address of IPv4 or IPv6") from error
