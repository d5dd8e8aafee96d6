# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask name servers: where a record is to be written, and whether each of them answers it. By dnspython."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_dns import (
    Answer,
    NameServer,
    Place,
    Record,
    lacking,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, UnreachableError, excerpt

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.query
    import dns.rcode
    import dns.rdatatype
    import dns.resolver
except ImportError:
    HAS_DNSPYTHON = False
else:
    HAS_DNSPYTHON = True

# seconds for one question, between two rounds of them, and how many servers are asked at once
PATIENCE_S, _INTERVAL_S, _AT_ONCE = 5, 1.0, 16


class Names:
    """Finds where records are written. resolvers: addresses of recursive servers, those of the host if empty.

    authoritative: addresses of the servers to wait for, those of the zone if empty.
    """

    def __init__(self, resolvers: Sequence[str], authoritative: Sequence[str]) -> None:
        self._resolvers, self._authoritative = list(resolvers), authoritative
        self._known: dict[str, tuple[NameServer, ...]] = {}

    def place(self, name: str, *, with_servers: bool = False) -> Place:
        """Where the record `name` is written. Raises UnreachableError where that cannot be looked up."""
        try:
            resolver = dns.resolver.Resolver(configure=not self._resolvers)
            if self._resolvers:
                resolver.nameservers = self._resolvers
            resolver.lifetime = PATIENCE_S
            target = resolver.canonical_name(name)
            zone = dns.resolver.zone_for_name(target, resolver=resolver).to_text()
            servers = self._servers(resolver, zone) if with_servers else ()
        except (dns.exception.DNSException, OSError) as error:
            raise UnreachableError(f"the zone of {name} cannot be looked up ({said(error)})") from error
        return Place(target.to_text(), zone, servers)

    def _servers(self, resolver: dns.resolver.Resolver, zone: str) -> tuple[NameServer, ...]:
        if self._authoritative:
            return tuple(NameServer(one, (one,)) for one in self._authoritative)
        if zone not in self._known:
            names = sorted(one.target.to_text() for one in resolver.resolve(zone, "NS"))
            self._known[zone] = tuple(NameServer(name, self._addresses(resolver, name)) for name in names)
        return self._known[zone]

    @staticmethod
    def _addresses(resolver: dns.resolver.Resolver, name: str) -> tuple[str, ...]:
        found: list[str] = []
        for kind in ("A", "AAAA"):
            try:
                found += [one.address for one in resolver.resolve(name, kind, raise_on_no_answer=False)]
            except dns.resolver.NXDOMAIN:
                break
        return tuple(found)


def said(error: Exception) -> str:
    """The words of an error of dnspython, some of which have none."""
    return excerpt(str(error) or type(error).__name__)


def wait(records: Iterable[Record], places: Mapping[Record, Place], deadline: Deadline) -> dict[Record, str]:
    """Wait until every name server answers every record. Returns those that were not answered in time, and why."""
    late = dict.fromkeys(records, "")

    def probe() -> bool | None:
        asked = {
            (address, places[one].target)
            for one in late
            for server in places[one].servers
            for address in server.addresses
        }
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = dict(zip(asked, pool.map(partial(_ask, deadline), asked)))
        whys = {one: lacking(one, places[one], answers) for one in late}
        late.clear()
        late.update((one, why) for one, why in whys.items() if why)
        return None if late else True

    try:
        deadline.wait(probe, "an answer", _INTERVAL_S)
    except DeadlineError:
        return {one: f"{why} after {deadline.seconds:g} s" for one, why in late.items()}
    return {}


def _ask(deadline: Deadline, asked: tuple[str, str]) -> Answer:
    """The TXT records that a server itself has for a name."""
    address, name = asked
    question = dns.message.make_query(name, dns.rdatatype.TXT)
    question.flags &= ~dns.flags.RD
    # the last round is one as well
    patience = max(1.0, min(PATIENCE_S, deadline.remaining))
    try:
        answer, _over_tcp = dns.query.udp_with_fallback(question, address, timeout=patience)
    except (dns.exception.DNSException, OSError) as error:
        return said(error)
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return dns.rcode.to_text(answer.rcode())
    if not answer.flags & dns.flags.AA:
        return "it is not authoritative"
    return frozenset(
        b"".join(one.strings).decode("ascii", "replace")
        for rrset in answer.answer
        if rrset.rdtype == dns.rdatatype.TXT
        for one in rrset
    )
