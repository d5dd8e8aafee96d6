# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server that is made for one drill and removed after it."""

from __future__ import annotations

from dataclasses import dataclass

# by Debian's layout, each with a directory for each major version
PROGRAMS = "/usr/lib/postgresql"
SHARED = "/usr/share/postgresql"
# the superuser that makes the roles; nothing else logs in as it
SUPERUSER = "gantry_scratch"
PORT = 5432


@dataclass(frozen=True)
class Scratch:
    """What a drill was asked for. directory: in which the server gets its own. user: the account that it runs as.

    memory_mb: that its processes may use, all together.
    """

    directory: str
    user: str
    memory_mb: int


@dataclass(frozen=True)
class Account:
    """An account of the host, by its numbers."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Place:
    """The directory of one server. The server's account writes in `data` and `socket`, and only root beside them."""

    path: str

    @property
    def above(self) -> str:
        """The directory of all servers."""
        return self.path.rpartition("/")[0]

    @property
    def data(self) -> str:
        """The data directory."""
        return f"{self.path}/data"

    @property
    def door(self) -> str:
        """The directory that only those can pass who may reach the socket."""
        return f"{self.path}/door"

    @property
    def socket(self) -> str:
        """The directory with the socket."""
        return f"{self.door}/s"

    @property
    def config(self) -> str:
        """The configuration of the server."""
        return f"{self.path}/postgresql.conf"


@dataclass(frozen=True)
class Roles:
    """The roles of the server, by the names that they have on the live one. superuser: whether the login is one."""

    login: str
    owner: str
    restore: str
    write: str
    superuser: bool
