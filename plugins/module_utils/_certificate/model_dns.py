# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records in DNS that answer challenges, where they are written, and what name servers answer. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import ACME, DNS, Request
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import is_address

ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512")
# RFC 8555, 8.4: no other record is written or removed
_NAME = re.compile(r"_acme-challenge(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)+")
_VALUE = re.compile(r"[A-Za-z0-9_-]{1,255}")
# The values of a TXT record, or why there was no answer.
Answer = Union[frozenset[str], str]


@dataclass(frozen=True)
class Record:
    """A TXT record that answers a challenge. certificate: the name of the request that it is for."""

    certificate: str
    name: str
    value: str


@dataclass(frozen=True)
class NameServer:
    """An authoritative name server."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where a record is written. target: the name that aliases (CNAME) lead to. servers: those of its zone."""

    target: str
    zone: str
    servers: tuple[NameServer, ...] = ()


@dataclass(frozen=True)
class Primary:
    """The server that takes updates. secret: of its TSIG key, in base64; it is never shown."""

    host: str
    port: int = 53
    ttl: int = 60
    key: str = ""
    secret: str = ""
    algorithm: str = ALGORITHMS[0]


def records(given: Iterable[Mapping[str, Any]]) -> list[Record]:
    """The records of a call, each once. Raises InputError for one that answers no challenge."""
    made = [
        Record(str(one["certificate"]), str(one["name"]).lower().removesuffix("."), str(one["value"])) for one in given
    ]
    for one in made:
        if not _NAME.fullmatch(one.name) or not _VALUE.fullmatch(one.value):
            raise InputError(
                f"records: {one.name!r} with {one.value!r} answers no challenge; a name begins with _acme-challenge, "
                "and a value has letters, digits, hyphens and underscores"
            )
    return list(dict.fromkeys(made))


def faults(requests: Iterable[Request], given: Mapping[str, Any], hook: str) -> list[str]:
    """Why the records of requests could not be written. given: certificate_dns, as the role takes it."""
    found = primary_faults(given)
    if hook and not hook.startswith("/"):
        found.append(f"certificate_dns_hook takes the absolute path of tasks on the controller, not {hook}")
    if hook and given.get("server"):
        found.append("certificate_dns.server and certificate_dns_hook both write records; set one of them")
    validated = [one.name for one in requests if one.issuer == ACME and one.challenge == DNS]
    if validated and not (hook or given.get("server")):
        found.append(
            f"{', '.join(validated)}: the challenge {DNS} needs a server that takes updates (RFC 2136) in "
            "certificate_dns, or certificate_dns_hook; set one of them"
        )
    return found


def primary_faults(given: Mapping[str, Any]) -> list[str]:
    """What is wrong with certificate_dns; no sentence holds the secret."""
    found = []
    name, secret = str(given.get("tsig_name") or ""), str(given.get("tsig_secret") or "")
    if bool(name) != bool(secret):
        found.append("certificate_dns: a TSIG key has a name and a secret; set tsig_name and tsig_secret, or neither")
    if secret and not _is_base64(secret):
        found.append("certificate_dns.tsig_secret is not base64; copy the secret as the name server has it")
    for option in ("resolvers", "authoritative"):
        odd = [str(one) for one in _listed(given.get(option)) if not is_address(str(one))]
        if odd:
            found.append(f"certificate_dns.{option} takes addresses, not {', '.join(odd)}")
    return found


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value] if value else []


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False


def lacking(record: Record, place: Place, answers: Mapping[tuple[str, str], Answer]) -> str:
    """Why the name servers do not all answer a record yet; empty when they do. answers: by address and target.

    An address that does not answer counts only where no other one of its server does: hosts without IPv6 reach none.
    """
    for server in place.servers:
        found = {address: answers[address, place.target] for address in server.addresses}
        heard = [answer for answer in found.values() if not isinstance(answer, str)]
        if not heard:
            whys = ", ".join(f"{address}: {answer}" for address, answer in found.items())
            return f"{server.name} did not answer for {place.target} ({whys})"
        if not all(record.value in values for values in heard):
            return f"{server.name} answers {place.target} without the record of this order"
    return ""
