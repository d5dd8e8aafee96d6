# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that runs Odoo: where its files are, its releases of addons, and the processes that run one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

WEB = "web"
CRON = "cron"

_RELEASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_INSTANCE = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def release_id(text: str) -> str:
    """`text` when it can be the id of a release and the name of a directory. Raises InputError otherwise."""
    if not _RELEASE_ID.fullmatch(text):
        raise InputError(f"release: {text!r} is not an id; use up to 64 letters, digits, '.', '_' and '-'")
    return text


@dataclass(frozen=True)
class Layout:
    """Where a host keeps what its Odoo processes read and write; absolute paths."""

    root: str = "/opt/odoo"
    config_dir: str = "/etc/odoo"
    data_dir: str = "/var/lib/odoo"
    unit_dir: str = "/etc/systemd/system"

    @property
    def releases(self) -> str:
        """The directory of the releases."""
        return str(PurePosixPath(self.root, "releases"))

    @property
    def current(self) -> str:
        """The link to the active release."""
        return str(PurePosixPath(self.root, "current"))

    @property
    def ca_path(self) -> str:
        """The certificates that the database server is verified against."""
        return str(PurePosixPath(self.config_dir, "postgresql-ca.pem"))

    def config(self, instance: str) -> str:
        """The configuration of an instance."""
        return str(PurePosixPath(self.config_dir, f"{instance}.conf"))

    def cron(self, instance: str) -> str:
        """The environment file of the cron process of an instance."""
        return str(PurePosixPath(self.config_dir, f"{instance}.cron"))

    def data(self, instance: str) -> str:
        """The data directory of an instance."""
        return str(PurePosixPath(self.data_dir, instance))

    def read_at_start(self, instance: str, kind: str) -> tuple[str, ...]:
        """The files that a process of an instance reads only at its start, whatever runs it."""
        files = (self.config(instance), self.ca_path, str(PurePosixPath(self.current, "release.json")))
        return (*files, self.cron(instance)) if kind == CRON else files


@dataclass(frozen=True)
class Manifest:
    """What a release holds. `digest` is over every path, mode and byte; `size` is in bytes."""

    id: str
    digest: str
    files: int
    size: int

    @classmethod
    def from_option(cls, identity: str, option: Mapping[str, Any]) -> Manifest:
        """The manifest that the action plugin sends. Raises InputError."""
        try:
            return cls(identity, str(option["digest"]), int(option["files"]), int(option["size"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("manifest: is set by the action plugin, give source instead") from error

    @classmethod
    def from_record(cls, identity: str, record: Any) -> Manifest:
        """The manifest that release.json holds. Raises ValueError for anything else."""
        kinds = {"digest": str, "files": int, "size": int}
        if not isinstance(record, Mapping) or not all(isinstance(record.get(key), kinds[key]) for key in kinds):
            raise ValueError("it does not name digest, files and size")
        return cls(identity, record["digest"], record["files"], record["size"])

    def as_dict(self) -> Mapping[str, Any]:
        """The manifest as release.json stores it."""
        return {"id": self.id, "digest": self.digest, "files": self.files, "size": self.size}


@dataclass(frozen=True)
class ReleaseState:
    """One release on a host, and which release the host has activated.

    recorded: what release.json says, None when the release was never placed completely.
    found: the digest of the files that are there now. active: the id that `current` points to.
    closed: whether it holds something that its processes' account may not read.
    """

    id: str
    recorded: Manifest | None = None
    found: str = ""
    active: str | None = None
    closed: bool = False


@dataclass(frozen=True)
class Instance:
    """One Odoo instance of a host: its web processes, and a cron process where it has databases to visit."""

    name: str
    http_port: int = 8069
    websocket_port: int = 8072
    cron: bool = False

    @classmethod
    def from_option(cls, option: Mapping[str, Any]) -> Instance:
        """The instance that a module's option describes. Raises InputError."""
        name = option["name"]
        if not _INSTANCE.fullmatch(name):
            raise InputError(
                f"instances: {name!r} is not a name; use up to 32 of a-z, 0-9, '_' and '-', a letter first"
            )
        for key in ("http_port", "websocket_port"):
            if option.get(key) is not None and not 0 < option[key] < 65536:
                raise InputError(f"instances: {key} of {name} is {option[key]}, not a port between 1 and 65535")
        given = {key: option[key] for key in ("http_port", "websocket_port", "cron") if option.get(key) is not None}
        return cls(name=name, **given)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of process that the instance is to have."""
        return (WEB, CRON) if self.cron else (WEB,)


@dataclass(frozen=True)
class Process:
    """One process tree of an instance as the host runs it.

    started: epoch seconds. releases: the release each process of the tree runs, "" for a process that runs none.
    written: epoch seconds of the newest change to the files that the process reads only at its start; listed: to the
    one of them that names the databases of a cron process.
    differs: why the process has to be made anew whatever it runs, "" where it is as declared.
    """

    instance: str
    kind: str
    running: bool = False
    enabled: bool = False
    started: float = 0.0
    written: float = 0.0
    listed: float = 0.0
    releases: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()
    differs: str = ""

    @property
    def name(self) -> str:
        """The process as a person names it."""
        return f"{self.kind} process of {self.instance}"

    @property
    def outdated(self) -> str:
        """Why a running process does not run as it is declared now, "" where it does; its release aside."""
        if not self.running:
            return ""
        return self.differs or ("its configuration was written after its start" if self.started < self.written else "")


Key = tuple[str, str]
Processes = Mapping[Key, Process]


def keys(instances: Iterable[Instance]) -> tuple[Key, ...]:
    """Every process that the instances could have, whether it is wanted or not."""
    return tuple((instance.name, kind) for instance in instances for kind in (WEB, CRON))


def unique_instances(options: tuple[Mapping[str, Any], ...]) -> tuple[Instance, ...]:
    """The instances of a host. Raises InputError when two share a name or a port."""
    instances = tuple(Instance.from_option(option) for option in options)
    seen: dict[str, str] = {}
    for instance in instances:
        if instance.name in seen:
            raise InputError(f"instances: {instance.name} is listed twice; merge the two")
        seen[instance.name] = instance.name
    ports: dict[int, str] = {}
    for instance in instances:
        for port in (instance.http_port, instance.websocket_port):
            if port in ports:
                raise InputError(
                    f"instances: port {port} of {instance.name} is already taken by {ports[port]}; give each its own"
                )
            ports[port] = instance.name
    return instances
