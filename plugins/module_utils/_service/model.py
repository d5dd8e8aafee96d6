# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of a host: one declaration for a unit of systemd and for a container."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError


@dataclass(frozen=True)
class Container:
    """What a service is under Docker. stop_timeout: seconds. shm_mb: size of /dev/shm, None for the engine's own."""

    image: str
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    tmpfs: tuple[str, ...] = ()
    read_only: bool = False
    shm_mb: int | None = None
    stop_signal: str = ""
    stop_timeout: int = 10


@dataclass(frozen=True)
class Service:
    """One service. name: of its unit or container.

    program: the file that a process under systemd must not be older than, "" where its age does not count.
    socket, host, port: where it listens once it has started. enable: whether it is to start with the host; a container
    always does.
    """

    name: str
    enable: bool = True
    program: str = ""
    socket: str = ""
    host: str = ""
    port: int = 0
    container: Container | None = None

    @classmethod
    def from_option(cls, option: Mapping[str, Any], runtime: str) -> Service:
        """The service that a module's option describes. Raises InputError."""
        name = option["name"]
        if bool(option["host"]) != bool(option["port"]):
            raise InputError(f"services: {name} has only one of host and port; give both or none")
        given = {key: option[key] for key in ("program", "socket", "host", "port") if option[key]}
        container = None
        if runtime == "docker":
            if not option["image"]:
                raise InputError(f"services: {name} has no image, and runtime is docker; name the image with its tag")
            lists = ("entrypoint", "command", "volumes", "tmpfs")
            keys = ("image", "user", "read_only", "shm_mb", "stop_signal", "stop_timeout", *lists)
            found: dict[str, Any] = {key: option[key] for key in keys if option[key] is not None}
            found.update({key: tuple(found[key]) for key in lists})
            container = Container(**found)
        return cls(name, enable=option["enable"], container=container, **given)


@dataclass(frozen=True)
class State:
    """One service as the host runs it. differs: why a running process is not what is declared, "" where it is."""

    running: bool = False
    enabled: bool = False
    listening: bool = True
    differs: str = ""


States = Mapping[str, State]


def services_from(options: Iterable[Mapping[str, Any]], runtime: str) -> tuple[Service, ...]:
    """The services of a call. Raises InputError where two have one name."""
    services = tuple(Service.from_option(option, runtime) for option in options)
    names = [service.name for service in services]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"services: {', '.join(twice)} is listed twice; give each service once")
    return services
