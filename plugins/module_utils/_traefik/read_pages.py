# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the entry points of this host for pages, as browsers do whose name server leads them here."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import Address
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_pages import (
    REDIRECTS,
    Answer,
    Page,
    fault,
    followed,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_answers import is_here, own_address

_AT_ONCE = 16
# A worker of Odoo loads the modules of a database before its first page.
_SECONDS = 30.0
_INTERVAL = 1.0
# What the kernel lists: leaves of its table of routes, and a line in hexadecimal digits for each address.
_IPV4, _IPV6 = Path("/proc/net/fib_trie"), Path("/proc/net/if_inet6")
_OWN = "/32 host LOCAL"


def address_in(network: str) -> str:
    """An address of this host to reach a network from, one that is in it where there is one; else empty or another."""
    whole, way = ipaddress.ip_network(network), own_address(network)
    if way and ipaddress.ip_address(way) in whole:
        return way
    # the way to a wide network may lead by the address of another one
    return next((one for one in _own_addresses() if ipaddress.ip_address(one) in whole), way)


def _own_addresses() -> Iterator[str]:
    with contextlib.suppress(FileNotFoundError):
        leaf = ""
        for line in _IPV4.read_text(encoding="ascii").splitlines():
            if line.strip() == _OWN:
                yield leaf
            leaf = line.split()[-1] if "|--" in line else leaf
    with contextlib.suppress(FileNotFoundError):
        for line in _IPV6.read_text(encoding="ascii").splitlines():
            yield str(ipaddress.IPv6Address(int(line.split()[0], 16)))


def answers(pages: Sequence[Page], deadline: Deadline, *, once: bool) -> dict[Page, Answer]:
    """The last answer of each page that has an entry point. once: whether a wrong one is not asked for again."""
    # the trust store of the host, and the name has to be in the certificate
    context = ssl.create_default_context()
    asked = [one for one in pages if one.place]
    found: dict[Page, Answer] = {}

    def right() -> bool | None:
        last = [one for one in asked if one not in found or fault(one, found[one], 0)]
        # at the end, a question that is cut off would say less than the answer before
        if not found or deadline.remaining >= _INTERVAL:
            with ThreadPoolExecutor(max_workers=_AT_ONCE) as workers:
                found.update(zip(last, workers.map(lambda one: _answer(one, context, deadline), last)))
        return True if once or not any(fault(one, found[one], 0) for one in last) else None

    with contextlib.suppress(DeadlineError):
        deadline.wait(right, "Each page", _INTERVAL)
    return found


def _answer(page: Page, context: ssl.SSLContext, deadline: Deadline) -> Answer:
    if page.place is None or not is_here(page.place):
        return Answer(is_here=False)
    path, cookies, answer = page.path, dict[str, str](), Answer()
    try:
        for _turn in range(REDIRECTS + 1):
            seconds = min(_SECONDS, deadline.remaining)
            if not seconds:
                return replace(answer, status=0, error="the time is over")
            answer = _ask(page, page.place, path, cookies, context, seconds)
            path = followed(page, path, answer)
            if not path:
                break
    except ssl.SSLCertVerificationError as error:
        return Answer(error=error.verify_message, is_trusted=False)
    except (OSError, http.client.HTTPException) as error:
        return Answer(error=str(error) or type(error).__name__)
    return answer


def _ask(
    page: Page, place: Address, path: str, cookies: dict[str, str], context: ssl.SSLContext, seconds: float
) -> Answer:
    """One request; the cookies that are set join the others."""
    source = (page.source, 0) if page.source else None
    with socket.create_connection((place.reached, place.port), seconds, source_address=source) as plain:
        connection = http.client.HTTPConnection(page.host, place.port, timeout=seconds)
        secure = connection.sock = context.wrap_socket(plain, server_hostname=page.host)
        own = str(secure.getsockname()[0])
        try:
            kept = "; ".join(f"{name}={value}" for name, value in cookies.items())
            headers = {"Host": page.authority, **({"Cookie": kept} if kept else {})}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            for one in answer.headers.get_all("Set-Cookie") or ():
                name, _equals, value = one.partition(";")[0].partition("=")
                cookies[name.strip()] = value.strip()
            return Answer(answer.status, answer.headers["Location"] or "", source=own)
        finally:
            connection.close()
