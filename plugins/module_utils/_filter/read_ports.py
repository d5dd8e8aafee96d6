# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks ports of other hosts whether packets come through. Sends nothing but the beginning of a connection."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address

from ansible_collections.gantry.odoo.plugins.module_utils._filter.model import Answer

_AT_ONCE = 64


def ask_ports(asked: Sequence[tuple[str, int]], seconds: float) -> list[Answer]:
    """What is seen at each port, of each address of its host."""
    hosts = sorted({host for host, _port in asked})
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as workers:
        addresses = dict(zip(hosts, workers.map(_addresses, hosts)))
        places = [(host, port, address) for host, port in asked for address in addresses[host]]
        return list(workers.map(partial(_ask, seconds), places))


def _addresses(host: str) -> list[tuple[str, str]]:
    """The addresses of a host, or none and why."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return [("", error.strerror or str(error))]
    return [(one, "") for one in sorted({str(answer[4][0]) for answer in found})]


def _ask(seconds: float, place: tuple[str, int, tuple[str, str]]) -> Answer:
    host, port, (address, why) = place
    if not address:
        return Answer(host, port, "", "", False, why)
    (family, kind, protocol, _name, where), *_rest = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    source = ip_address("::")
    with socket.socket(family, kind, protocol) as client:
        client.settimeout(seconds)
        try:
            client.connect(where)
            answers, seen = True, "it is open"
        except ConnectionRefusedError as error:
            # the host itself answers, as nothing listens there
            answers, seen = True, error.strerror or str(error)
        except socket.timeout:
            answers, seen = False, f"no answer within {seconds:g} s"
        except OSError as error:
            answers, seen = False, error.strerror or str(error)
        with contextlib.suppress(OSError):
            source = ip_address(str(client.getsockname()[0]).partition("%")[0])
    # without a way there, it has none
    return Answer(host, port, address, "" if source.is_unspecified else str(source), answers, seen)
