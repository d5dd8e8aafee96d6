# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of a Redis topology: its processes, the places of their files, and its state before a run. Pure."""

from __future__ import annotations

from dataclasses import dataclass

NODE, SENTINEL = "redis-server", "redis-sentinel"
_INSTANCE = "gantry"


@dataclass(frozen=True)
class Tls:
    """The PEM files of a host, and whether a client that shows a certificate has it verified: never or optional."""

    certificate: str
    key: str
    ca: str
    clients: str = "never"

    @property
    def files(self) -> tuple[str, ...]:
        """All files."""
        return self.certificate, self.key, self.ca


@dataclass(frozen=True)
class Listener:
    """How Redis and Sentinel are first configured. bind: addresses. tls: None for plain connections."""

    mode: str
    bind: tuple[str, ...]
    port: int
    sentinel_port: int
    password: str
    tls: Tls | None = None


@dataclass(frozen=True)
class Place:
    """Where one process of Redis has its files."""

    config: str
    data: str
    run: str
    pid: str


PLACES = {
    NODE: Place(
        f"/etc/redis/redis-{_INSTANCE}.conf",
        f"/var/lib/redis/{_INSTANCE}",
        f"/run/redis-{_INSTANCE}",
        f"/run/redis-{_INSTANCE}/redis-server.pid",
    ),
    SENTINEL: Place(
        f"/etc/redis/sentinel-{_INSTANCE}.conf",
        f"/var/lib/redis/{_INSTANCE}-sentinel",
        f"/run/sentinel-{_INSTANCE}",
        f"/run/sentinel-{_INSTANCE}/redis-sentinel.pid",
    ),
}
# With TLS Redis listens here too, for those who may change its certificate.
SOCKET = f"{PLACES[NODE].run}/redis.sock"
PACKAGED = ("redis-server.service", "redis-sentinel.service")


def kinds(mode: str) -> tuple[str, ...]:
    """The processes of a host."""
    return (NODE, SENTINEL) if mode == "sentinel" else (NODE,)


def unit(kind: str) -> str:
    """The unit of a process under systemd."""
    return f"{kind}@{_INSTANCE}"


def container(kind: str) -> str:
    """The container of a process under Docker."""
    return f"{kind}-{_INSTANCE}"


@dataclass(frozen=True)
class Host:
    """A host as it is. configured_with_tls: how Redis was set up there, None where it is not.

    packaged: whether the package's own Redis runs. under_systemd: whether the role's does. in_container: whether the
    host is a container itself.
    """

    configured_with_tls: bool | None = None
    packaged: bool = False
    under_systemd: bool = False
    in_container: bool = False
