# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves that an edge shows its users a page, and what another answer means. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import is_path
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import (
    HTTPS_PORT,
    Address,
    address,
)

REDIRECTS = 5
_GOOD, _FORBIDDEN = 200, 403
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_ROUTES = "gantry.odoo.traefik_route_info"


@dataclass(frozen=True)
class Page:
    """A page of a tenant at one entry point of this host. url: without the path.

    source: the address of this host to ask from; empty for the one that the system takes. is_allowed: whether the route
    lets that one in. place: None where there is nothing to ask, and `fault` says why.
    """

    url: str
    path: str
    entry_point: str = ""
    place: Address | None = None
    source: str = ""
    is_allowed: bool = True
    fault: str = ""

    @property
    def host(self) -> str:
        """The name, as in the certificate."""
        return urlsplit(self.url).hostname or ""

    @property
    def authority(self) -> str:
        """The name and the port, as a browser sends them."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True)
class Answer:
    """What came back. status: 0 where nothing did, and `error` says why. source: the address that asked.

    is_here: False where another host has the address, so that nothing was asked. is_trusted: False where the
    certificate is not.
    """

    status: int = 0
    location: str = ""
    error: str = ""
    source: str = ""
    is_here: bool = True
    is_trusted: bool = True


def require_urls(urls: Sequence[str], path: str) -> list[str]:
    """The addresses, in one spelling and each once. Raises InputError."""
    if not is_path(path):
        raise InputError(f"path is {path!r}; it begins with / and has no spaces")
    return list(dict.fromkeys(_url(one) for one in urls))


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    plain = f"https://{host}" if port in (None, HTTPS_PORT) else f"https://{host}:{port}"
    if not _HOST.fullmatch(host) or port == 0 or text.lower().rstrip("/") not in (plain, f"{plain}:{port}"):
        raise InputError(f"urls: {text!r} is no address of a tenant; accepted are https://NAME and https://NAME:PORT")
    return plain


def pages(
    urls: Iterable[str],
    path: str,
    routes: Sequence[Route],
    live: Mapping[str, Mapping[str, Any]],
    own: Callable[[str], str],
) -> list[Page]:
    """What is to be asked for: each address at each entry point that has a route for it, as its audiences do.

    routes: of all owners on this host. live: settings of entry points by name. own: an address of this host by which it
    would reach a network, empty without one.
    """
    found: list[Page] = []
    for url in urls:
        parts = urlsplit(url)
        port = parts.port or HTTPS_PORT
        fit = [one for one in routes if one.tls and parts.hostname in one.hosts]
        near = [one for one in fit if one.points.port == port]
        if not near:
            others = f", and has {parts.hostname} at port {fit[0].points.port}" if fit else ""
            said = f"this edge has no route for {url} at port {port}{others}; write its routes with gantry.odoo.site"
            found.append(Page(url, path, fault=said))
        for name in dict.fromkeys(one.points.tls for one in near):
            found += _at(url, path, name, [one for one in near if one.points.tls == name], live, own)
    return found


def _at(
    url: str,
    path: str,
    name: str,
    routes: Sequence[Route],
    live: Mapping[str, Mapping[str, Any]],
    own: Callable[[str], str],
) -> Iterator[Page]:
    place = address(live.get(name, {}).get("address"))
    if place is None:
        said = f"Traefik has no entry point {name}, at which the route for {url} is; set it up with gantry.odoo.site"
        yield Page(url, path, name, fault=said)
        return
    members = [_member(one, place, own) for one in routes]
    sources = dict.fromkeys(one for one in members if one is not None)
    for source in sources or ("",):
        yield Page(url, path, name, place, source, bool(sources))


def _member(one: Route, place: Address, own: Callable[[str], str]) -> str | None:
    """The address to ask from, empty where any will do; None where this host has none that the route lets in."""
    if not one.allow:
        return ""
    for network in one.allow:
        source = own(network)
        # what comes from a proxy is judged by its header
        known = source and (":" in source) == (":" in place.reached) and not _holds(one.points.proxies, source)
        if known and _holds(one.allow, source):
            return source
    return None


def _holds(networks: Iterable[str], client: str) -> bool:
    return any(ipaddress.ip_address(client) in ipaddress.ip_network(one) for one in networks)


def followed(page: Page, path: str, answer: Answer) -> str:
    """The path of the same host that an answer to a path sends the user to; empty where it does not."""
    host, target = _target(page, path, answer)
    return target if host == page.host and is_path(target) else ""


def fault(page: Page, answer: Answer, seconds: float) -> str:
    """Why an answer does not prove the page, with what to do; empty where it does. seconds: that it was waited for."""
    if page.place is None:
        return page.fault
    where = f"{page.url}{page.path} at {page.place.reached} port {page.place.port}"
    if not answer.is_here or answer.status == _GOOD or _is_sent_on(page, answer):
        return ""
    if answer.status == _FORBIDDEN and not page.is_allowed:
        # the right answer to a stranger: the route and its certificate are served, and the page is the tenant's node's
        return ""
    if not answer.is_trusted:
        return (
            f"{where} has a certificate that this edge does not trust ({excerpt(answer.error)}); renew it with "
            "gantry.odoo.renew_certificates, or add its authority to the trust store of the edge"
        )
    if not answer.status:
        return (
            f"{where} did not answer within {seconds:g} s ({excerpt(answer.error)}); start Traefik (systemctl start "
            f"traefik), and see its servers with {_ROUTES}"
        )
    if followed(page, page.path, answer):
        return f"{where} sends its users from one page to the next ({answer.status}); see web.base.url of the tenant"
    return (
        f"{where} answers {answer.status} where {_GOOD} is right, after {seconds:g} s; see its route and servers with "
        f"{_ROUTES}"
    )


def _target(page: Page, path: str, answer: Answer) -> tuple[str, str]:
    """Host and path that an answer to a path sends the user to; empty where it sends to none."""
    if not 300 <= answer.status < 400 or not answer.location:
        return "", ""
    try:
        parts = urlsplit(urljoin(f"{page.url}{path}", answer.location))
        host = parts.hostname or ""
    except ValueError:
        return "", ""
    return host, f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def _is_sent_on(page: Page, answer: Answer) -> bool:
    """Whether users log in at another host, such as that of a provider of identities."""
    return _target(page, page.path, answer)[0] not in ("", page.host)


def shown(page: Page, answer: Answer, seconds: float) -> dict[str, Any]:
    """A page and its answer as the module returns them."""
    place = page.place or Address("", 0)
    return {
        "url": f"{page.url}{page.path}",
        "entry_point": page.entry_point,
        "address": place.reached if page.place else "",
        "port": place.port,
        "source": answer.source,
        "status": answer.status,
        "asked": page.place is not None and answer.is_here,
        "fault": fault(page, answer, seconds),
    }


def elsewhere(answers: Iterable[Mapping[str, Any]]) -> list[str]:
    """A sentence for each page that this host cannot prove, as another one has the address. answers: as shown."""
    return [
        f"{one['url']} is not proven by this host, as another one has {one['address']} now; ask the host that has it"
        for one in answers
        if not one["asked"] and one["address"]
    ]
