# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that show pairs of role certificate on their host, and what keeps them from it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import ACME, DNS, HTTP, Request, covers
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.plan_places import (
    STORE,
    postgresql_directory,
    postgresql_endpoint,
    postgresql_variables,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import address_of, is_address

POSTGRESQL, REDIS = "postgresql", "redis"
# Equal to what the roles write; a test compares them.
PAIR, REDIS_CONFIG, REDIS_UID = "pair.pem", "/etc/redis/redis-gantry.conf", 6379
# Groups of other services, of which Redis' account is none.
_STRANGERS = ("root", "postgres", "traefik", "odoo")
_TITLES = {POSTGRESQL: "PostgreSQL", REDIS: "Redis"}


@dataclass(frozen=True)
class Taker:
    """A server that shows a pair of role certificate. role: of the server. certificate: the name of the pair.

    names: by which clients connect. files: the certificate and the key that it is to read. made: the file that is there
    since it was set up with the pair. endpoints: where it shows the pair, as gantry.odoo.certificate_info takes them.
    """

    role: str
    certificate: str
    names: tuple[str, ...]
    files: tuple[str, str]
    made: str
    endpoints: tuple[Mapping[str, Any], ...]

    @property
    def title(self) -> str:
        """Its name for people."""
        return _TITLES[self.role]


@dataclass(frozen=True)
class Server:
    """A host whose servers show what it requests. variables: of the host."""

    host: str
    variables: Mapping[str, Any] = field(repr=False)  # passwords among them
    requests: tuple[Request, ...]
    takers: tuple[Taker, ...]

    @property
    def group(self) -> str:
        """The group of Redis, which its packages would make, where it is to read the key."""
        is_packaged = self.variables.get("redis_runtime", "systemd") == "systemd"
        reads = any(one.role == REDIS for one in self.takers) and is_packaged
        return REDIS if reads and self.variables.get("certificate_group") == REDIS else ""


def described(server: Server) -> dict[str, Any]:
    """A host, as the tasks of playbooks take it."""
    takers = [{"role": one.role, "made": one.made, "endpoints": list(one.endpoints)} for one in server.takers]
    names = [one.name for one in server.requests]
    return {"host": server.host, "names": names, "group": server.group, "takers": takers}


def of_postgresql(variables: Mapping[str, Any], names: Iterable[str]) -> list[Taker]:
    """PostgreSQL, where it is given a pair of role certificate. names: by which clients connect."""
    certificate = _stored(variables, variables.get("postgresql_cert_file"))
    if not certificate:
        return []
    taken = postgresql_variables(variables)
    made = f"{postgresql_directory(taken)}/{PAIR}"
    files = _files(variables, "postgresql_cert_file", "postgresql_key_file")
    asked = tuple(dict.fromkeys([*names, *taken["postgresql_tls_names"]]))
    return [Taker(POSTGRESQL, certificate, asked, files, made, (postgresql_endpoint(taken),))]


def of_redis(variables: Mapping[str, Any], own: Sequence[Mapping[str, Any]]) -> list[Taker]:
    """Redis and its Sentinel, where they show a pair of role certificate. own: the nodes and Sentinels on the host."""
    certificate = _stored(variables, variables.get("redis_tls_certificate"))
    if not certificate:
        return []
    endpoints = tuple({"host": one["host"], "port": one["port"]} for one in own)
    names = tuple(dict.fromkeys(one["host"] for one in own))
    files = _files(variables, "redis_tls_certificate", "redis_tls_key")
    return [Taker(REDIS, certificate, names, files, REDIS_CONFIG, endpoints)]


def faults(server: Server, is_edge: bool) -> list[str]:
    """A sentence for each thing that keeps servers from what their host requests."""
    if is_edge:
        return [
            f"{server.host} is an edge and requests certificates for its servers, and both would be kept in "
            f"{_store(server.variables)}; give the servers a host of their own, or take certificate_requests away"
        ]
    found = [*_of_order(server)]
    for taker in server.takers:
        found += [*_of_files(server, taker), *_of_names(server, taker)]
        if taker.role == REDIS:
            found += _of_redis(server.host, server.variables, taker)
    return found


def _of_order(server: Server) -> Iterator[str]:
    ordered = [one for one in server.requests if one.issuer == ACME]
    if ordered and not server.variables.get("certificate_acme_directory"):
        yield (
            f"{server.host}: {_listed(ordered)} is to be ordered from an ACME server, and certificate_acme_directory "
            "is empty; set it, or the issuer internal or given"
        )
    by_http = [one for one in ordered if one.challenge != DNS]
    if by_http:
        yield (
            f"{server.host}: {_listed(by_http)} is to be validated by {HTTP}, which only an edge answers; set its "
            f"challenge to {DNS}, or the issuer internal or given"
        )


def _of_files(server: Server, taker: Taker) -> Iterator[str]:
    """Other files than the two of the pair: a key of another one, or a path that a renewal does not change."""
    current = _store(server.variables) / taker.certificate / "current"
    wanted = tuple(str(current / name) for name in ("certificate.pem", "key.pem"))
    away = [file or "none" for file, want in zip(taker.files, wanted) if PurePosixPath(file) != PurePosixPath(want)]
    if away:
        yield (
            f"{server.host}: {taker.title} is to read {' and '.join(away)} with certificate {taker.certificate}, whose "
            f"pair is {' and '.join(wanted)}; name these two"
        )


def _of_names(server: Server, taker: Taker) -> Iterator[str]:
    """A pair that is not requested, or not for the names that clients verify."""
    request = next((one for one in server.requests if one.name == taker.certificate), None)
    if request is None:
        yield (
            f"{server.host}: {taker.title} is to show certificate {taker.certificate}, which certificate_requests does "
            "not list; add it, or name another one"
        )
        return
    away = [name for name in taker.names if not covers(request.domains, name)]
    if away:
        where = "estate_database_host and postgresql_tls_names" if taker.role == POSTGRESQL else "redis_nodes"
        # a certificate of the role has no addresses
        add = "" if any(map(is_address, away)) else "add the name to its domains, or "
        yield (
            f"{server.host}: clients connect to {taker.title} by {', '.join(away)}, which certificate {request.name} "
            f"({', '.join(request.domains)}) is not for; {add}have {where} name one of them"
        )


def _of_redis(host: str, variables: Mapping[str, Any], taker: Taker) -> Iterator[str]:
    """Redis reads the files itself, by its own account, and in a cluster shows them to other nodes as a client."""
    if not taker.endpoints:
        names = ", ".join(dict.fromkeys([host, address_of(host, variables)]))
        yield (
            f"{host}: redis_nodes has none of its names ({names}), so that no Redis on it "
            "would show the certificate; spell the node as the inventory does"
        )
    if variables.get("redis_mode") == "cluster":
        yield (
            f"{host}: the nodes of a Redis Cluster need certificates that are good for clients too, and those of role "
            "certificate are for servers; have redis_tls_certificate name another one"
        )
        return
    in_container = variables.get("redis_runtime") == "docker"
    group = str(variables.get("certificate_group") or "root")
    # a container knows groups by number
    if group in _STRANGERS or (in_container and not group.isdecimal()):
        needed = str(variables.get("redis_uid", REDIS_UID)) if in_container else REDIS
        yield (
            f"{host}: Redis cannot read the key of certificate {taker.certificate}, as certificate_group is {group}; "
            f"set it to {needed!r}"
        )
    store = _store(variables)
    if in_container and not any(store.is_relative_to(str(one)) for one in variables.get("redis_tls_mounts") or ()):
        yield (
            f"{host}: the container of Redis would see certificate {taker.certificate} until its first renewal, which "
            f"changes a link; add {store} to redis_tls_mounts"
        )


def _listed(requests: Iterable[Request]) -> str:
    return ", ".join(one.name for one in requests)


def _files(variables: Mapping[str, Any], *options: str) -> tuple[str, str]:
    certificate, key = (str(variables.get(option) or "") for option in options)
    return certificate, key


def _stored(variables: Mapping[str, Any], file: Any) -> str:
    """The name of the pair of role certificate that a file belongs to; empty for another file."""
    path, store = PurePosixPath(str(file or "")), _store(variables)
    parts = path.relative_to(store).parts if path.is_relative_to(store) else ()
    return parts[0] if len(parts) > 1 and ".." not in parts else ""


def _store(variables: Mapping[str, Any]) -> PurePosixPath:
    return PurePosixPath(str(variables.get("certificate_dir") or STORE))
