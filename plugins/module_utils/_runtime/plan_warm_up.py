# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of an Odoo instance before users are, and when it is warm. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import is_path

# Compiled once for each release and database. From Odoo 17 on, a wrong version leads to the right one.
WEB_CLIENT = ("/web/assets/0000000/web.assets_web.min.css", "/web/assets/0000000/web.assets_web.min.js")
REDIRECTS = 5
_LINKED = re.compile(r"""(?:href|src)=["'](/web/assets/[^"'\s<>]{1,400})["']""")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")


@dataclass(frozen=True)
class Site:
    """One tenant as its users ask for it. host: the name in the URL. workers: processes that each load its modules."""

    tenant: str
    host: str
    port: int
    workers: int = 2
    paths: tuple[str, ...] = ("/web/login",)

    @property
    def at_once(self) -> int:
        """Requests beside each other, so that none of the workers is left out while others answer."""
        return 2 * max(1, self.workers)


@dataclass(frozen=True)
class Answer:
    """What came back. status: 0 where nothing did. seconds: until the last byte. page: its text, where it is one."""

    path: str
    status: int = 0
    seconds: float = 0.0
    page: str = ""
    location: str = ""
    error: str = ""

    @property
    def is_good(self) -> bool:
        """Whether a user would see what was asked for, or be sent on."""
        return 200 <= self.status < 400

    def said(self) -> str:
        """The answer as a clause."""
        return f"{self.path} answered {self.status}" if self.status else f"{self.path} did not answer ({self.error})"


def sites_from(tenants: Sequence[Mapping[str, Any]]) -> tuple[Site, ...]:
    """The tenants of the option. Raises InputError for a host or a path that is none."""
    sites = []
    for one in tenants:
        where = f"tenants: {one['name']}"
        if not _HOST.fullmatch(one["host"]):
            raise InputError(f"{where}: {one['host']!r} is no host name; give that of its address")
        wrong = [path for path in one["paths"] if not is_path(path)]
        if wrong:
            raise InputError(f"{where}: {wrong[0]!r} is no path; it begins with / and has no spaces")
        sites.append(Site(one["name"], one["host"], one["http_port"], one["workers"], tuple(one["paths"])))
    return tuple(sites)


def linked(page: str) -> tuple[str, ...]:
    """The compiled assets that a page refers to, each once."""
    return tuple(dict.fromkeys(_LINKED.findall(page)))


def redirected(answer: Answer, host: str) -> str:
    """The path that an answer sends the user to on the same host, empty where it does not."""
    if not 300 <= answer.status < 400:
        return ""
    parts = urlsplit(answer.location)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return path if parts.hostname in (None, host.lower()) and is_path(path) else ""
