# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the live Traefik for routes, as clients from inside and outside of an audience do."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_served import trusting_all
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import Address
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_answers import Question, fault

_AT_ONCE = 16
_SECONDS = 10.0
# The API shows a change in the moment in which entry points take it.
_SETTLE_SECONDS = 3.0
# How long a refusal may take that follows a handshake.
_REFUSAL_SECONDS, _LEAST_SECONDS = 2.0, 0.1
_DISCARD_PORT = 9
# What a gateway answers in the place of a server that is silent.
_LATE = 504
_CERTIFICATE = "CERTIFICATE"


def own_address(network: str) -> str:
    """The address of this host by which it would reach a network, empty without a way there. Sends nothing."""
    whole = ipaddress.ip_network(network)
    # Not the address of the network itself, which may be one for broadcasts.
    first = whole[min(1, whole.num_addresses - 1)]
    family = socket.AF_INET6 if first.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(first), _DISCARD_PORT))
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def is_here(place: Address) -> bool:
    """Whether the address is one of this host now: one that edges share is at one of them. Sends nothing."""
    if ":" in place.reached:
        # Of its own addresses, a host takes the one that is asked.
        asked = place.reached.partition("%")[0]
        return own_address(asked) == str(ipaddress.ip_address(asked))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            # What comes from loopback does not leave the host.
            probe.bind(("127.0.0.1", 0))
            probe.connect((place.reached, _DISCARD_PORT))
    except OSError:
        return False
    return True


def faults(asked: Sequence[Question], seconds: float) -> list[str]:
    """What is answered wrongly, in words; empty where each answer is right. seconds: that all of it may take.

    Where another edge has the address, nothing is asked.
    """
    # those that wait for a late Odoo keep no other one from being asked
    last: list[Question] = sorted((one for one in asked if is_here(one.place)), key=lambda one: one.is_of_odoo)
    said: list[str] = []
    deadline = Deadline(seconds)

    def right() -> bool | None:
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as workers:
            found = dict(zip(list(last), workers.map(lambda one: _fault(one, deadline), list(last))))
        last[:] = [one for one, words in found.items() if words]
        said[:] = [words for words in found.values() if words]
        return None if last else True

    try:
        Deadline(min(_SETTLE_SECONDS, seconds)).wait(right, "The right answer")
    except DeadlineError:
        return said
    return []


def _fault(asked: Question, deadline: Deadline) -> str:
    try:
        return fault(asked, _status(asked, min(_SECONDS, deadline.remaining)), "")
    except ssl.SSLError as error:
        # Where clients have to show a certificate, this one has none, and what is behind stays unproven.
        return "" if _CERTIFICATE in (error.reason or "") else fault(asked, 0, str(error))
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, ConnectionError) and asked.tls and _wants_certificate(asked, deadline):
            return ""
        return fault(asked, 0, str(error) or type(error).__name__)


def _wants_certificate(asked: Question, deadline: Deadline) -> bool:
    """Whether clients have to show a certificate. The refusal follows the handshake; who sends more may lose it."""
    try:
        with _connected(asked, max(min(_REFUSAL_SECONDS, deadline.remaining), _LEAST_SECONDS)) as stream:
            stream.recv(1)
    except ssl.SSLError as error:
        return _CERTIFICATE in (error.reason or "")
    except OSError:
        return False
    return False


def _status(asked: Question, seconds: float) -> int:
    if not seconds:
        return _late(asked, socket.timeout("the time is over"))
    with _connected(asked, seconds) as stream:
        connection = http.client.HTTPConnection(asked.host, asked.place.port, timeout=seconds)
        connection.sock = stream
        try:
            connection.request("GET", asked.path, headers={"Host": asked.host})
            return connection.getresponse().status
        except socket.timeout as error:
            return _late(asked, error)
        finally:
            connection.close()


@contextlib.contextmanager
def _connected(asked: Question, seconds: float) -> Iterator[socket.socket]:
    reached = (asked.place.reached, asked.place.port)
    with socket.create_connection(reached, seconds, source_address=(asked.source, 0)) as plain:
        if not asked.tls:
            yield plain
            return
        # Which certificate is served is proven elsewhere; a name may be asked for before it has one.
        with trusting_all().wrap_socket(plain, server_hostname=asked.host) as secure:
            yield secure


def _late(asked: Question, error: OSError) -> int:
    if not asked.is_of_odoo:
        raise error
    return _LATE
