# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the files that Redis and Sentinel start from on a host. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_files import ROOT, Item
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_openssl import first_line, name_question
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_host import (
    NODE,
    PACKAGED,
    PLACES,
    SENTINEL,
    SOCKET,
    Host,
    Listener,
    Tls,
    kinds,
    unit,
)

_DROP_IN = "/etc/systemd/system/redis-.service.d/container.conf"
_TMPFILES = "/etc/tmpfiles.d/gantry-redis.conf"


def items(listener: Listener, runtime: str, uid: int, in_container: bool) -> tuple[Item, ...]:
    """The directories and files of a host, in the order in which they are made. uid: of the containers."""
    docker = runtime == "docker"
    owner = str(uid) if docker else "redis"
    here = [PLACES[kind] for kind in kinds(listener.mode)]
    return (
        # nothing else has made it on a container host, and Redis writes new files beside its configuration
        *([Item("/etc/redis", owner, 0o750)] if docker else []),
        *(Item(place.data, owner, 0o750) for place in here),
        *(Item(PLACES[kind].config, owner, 0o640, config(kind, listener), once=True) for kind in kinds(listener.mode)),
        *(_sockets(owner) if docker else []),
        *(_drop_in() if in_container and not docker else []),
    )


def _sockets(owner: str) -> Iterator[Item]:
    """The directories of the sockets, which are made anew at each boot."""
    runs = [place.run for place in PLACES.values()]
    words = "# Managed by gantry.odoo.redis: the processes in the containers and their clients on the host meet here."
    yield Item(_TMPFILES, ROOT, 0o644, "\n".join([words, *(f"d {run} 0755 {owner} {owner} -" for run in runs), ""]))
    yield from (Item(run, owner, 0o755) for run in runs)


def _drop_in() -> Iterator[Item]:
    """What turns off the units' own user namespace, which cannot be set up in a container that acts as a host."""
    yield Item(_DROP_IN.rpartition("/")[0], ROOT, 0o755)
    yield Item(_DROP_IN, ROOT, 0o644, "[Service]\nPrivateUsers=no\n")


def refuse_host(host: Host, tls: bool, runtime: str, replace_packaged: bool) -> None:
    """Raise for a host that the role must not touch as it is."""
    if host.configured_with_tls is not None and host.configured_with_tls != tls:
        was = "with" if host.configured_with_tls else "without"
        raise RefusedError(
            f"Redis was set up {was} TLS and redis_tls is {str(tls).lower()}; the role does not rewrite "
            f"{PLACES[NODE].config}, which belongs to Redis, so set redis_tls back"
        )
    if runtime == "docker" and host.under_systemd:
        raise RefusedError(
            f"redis_runtime is docker, and {unit(NODE)} runs under systemd already; set redis_runtime to systemd, or "
            "stop and disable it and give its files to the number redis_uid"
        )
    if runtime == "systemd" and host.packaged and host.configured_with_tls is None and not replace_packaged:
        raise RefusedError(
            f"{PACKAGED[0]} already runs on this host and is not the role's; move its data away and stop it, or set "
            "redis_replace_packaged to let the role stop and disable it"
        )


def refuse_pair(tls: Tls, pair: str, public: str) -> None:
    """Raise for files that are no certificate and its key. pair, public: the answers of openssl to both."""
    certified = "BEGIN CERTIFICATE" in pair
    opened = "BEGIN PUBLIC KEY" in public
    if certified and opened and public.strip() in pair:
        return
    wrong = first_line(public if certified else pair)
    words = "the key is that of another certificate" if certified and opened else wrong
    raise StateError(
        f"{tls.certificate} and {tls.key} are no certificate and its key without a pass phrase: {words}; "
        "put a pair there"
    )


def verifications(tls: Tls, name: str, mode: str) -> list[list[str]]:
    """What openssl has to verify of the certificate.

    name: of the host. Each node is a client of the others and shows them the same certificate, which they verify unless
    they never ask for one; on a cluster's own connections they always do.
    """
    asked = tls.clients != "never" or mode == "cluster"
    return [name_question(name), *([["-purpose", "sslclient"]] if asked else [])]


def config(kind: str, listener: Listener) -> str:
    """The first configuration of a process, which rewrites the file from then on."""
    product = "Redis" if kind == NODE else "Sentinel"
    place = PLACES[kind]
    port = listener.port if kind == NODE else listener.sentinel_port
    lines = [
        f"# Written once by the role gantry.odoo.redis. {product} rewrites it; change it through the role's variables.",
        f"bind {' '.join(listener.bind)}",
        *_transport(kind, port, listener.tls),
        "protected-mode yes",
        f"dir {place.data}",
        f"pidfile {place.pid}",
        'logfile ""',
    ]
    password = quoted(listener.password)
    if kind == SENTINEL:
        return "\n".join([*lines, f"requirepass {password}", ""])
    if listener.mode == "cluster":
        lines += ["cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 5000"]
    return "\n".join([*lines, "repl-diskless-sync-delay 1", f"requirepass {password}", f"masterauth {password}", ""])


def _transport(kind: str, port: int, tls: Tls | None) -> list[str]:
    if tls is None:
        return [f"port {port}"]
    lines = [
        "port 0",
        f"tls-port {port}",
        f"tls-cert-file {quoted(tls.certificate)}",
        f"tls-key-file {quoted(tls.key)}",
        f"tls-ca-cert-file {quoted(tls.ca)}",
        f"tls-auth-clients {'no' if tls.clients == 'never' else tls.clients}",
        "tls-replication yes",
    ]
    return lines if kind == SENTINEL else [*lines, "tls-cluster yes", f"unixsocket {SOCKET}", "unixsocketperm 700"]


def quoted(text: str) -> str:
    """A value as both programs read it back."""
    return json.dumps(text, ensure_ascii=False)
