# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an estate is, as its inventory declares it: tenants, their routes, and the groups of hosts that run them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import HTTPS_PORT, in_address

TENANCIES = ("shared", "dedicated")
TIERS = (1, 2, 3)
PRESENT, DECOMMISSIONED = STATES = ("present", "decommissioned")
# What a tenant may say of its backup policy beside the tier: options of gantry.odoo.backup_policy.
BACKUP_OPTIONS = (
    "classes",
    "copies",
    "copy_rpo_s",
    "drill_interval_s",
    "holds",
    "immutability",
    "keep",
    "lock_days",
    "noncurrent_days",
    "regions",
    "rpo_s",
    "rto_s",
    "sizes_from",
    "versioning",
)
SHARED_INSTANCE = "shared"

# Databases that are no tenant's: those that PostgreSQL makes itself, and the change store.
RESERVED = ("gantry", "gantry_restore", "gantry_write", "postgres", "template0", "template1")
# Names that operations give to copies of a tenant's database; no tenant may bear them.
RETIRED = "__retired"
FAILED = "__failed"
INCOMING = "__incoming"
# The first part of the names of databases that new ones are made from.
TEMPLATE = "gantry-template-"

FIRST_HTTP_PORT = 8069
WEBSOCKET_OFFSET = 3


def cookie_name(instance: str) -> str:
    """The cookie by which browsers stay with a host; browsers keep it by name of the site, whichever tenant has it.

    Tenants of one instance have one, so that Traefik checks their hosts once.
    """
    return f"gantry-{instance}"


@dataclass(frozen=True)
class Route:
    """One name under which an audience reaches a tenant.

    sticky: whether a browser stays with one host of Odoo. middlewares: of Traefik, which requests pass.
    maintenance_page: the words that users read under maintenance. security_headers: a preset, empty for the audience's.
    rate_limit: requests per second of a client address, in the long run and at once.
    """

    host: str
    audience: str = "public"
    allow: tuple[str, ...] = ()
    sticky: bool = False
    middlewares: tuple[str, ...] = ()
    maintenance_page: str = ""
    security_headers: str = ""
    rate_limit: tuple[int, int] | None = None

    def url(self, ports: Mapping[str, int]) -> str:
        """Its address in a browser. ports: of HTTPS by audience, where it is another one than 443."""
        return f"https://{in_address(self.host, ports.get(self.audience, HTTPS_PORT))}"


@dataclass(frozen=True)
class Tenant:
    """One Odoo database with all that belongs to it.

    renamed_from: its former name. hold_until, keep_backups_until: dates (ISO 8601) of one that is decommissioned.
    runs_as: the instance of its own that it was recorded with, where that is not called as the tenant.
    backup: options of its backup policy, by name. warm_up: paths that are asked for before users are sent to a host.
    certificate: options of its certificate, by name. canary: which users are sent to hosts that are canaries.
    """

    name: str
    group: str
    tier: int = 3
    tenancy: str = "shared"
    addons: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    language: str = "en_US"
    demo: bool = False
    parameters: tuple[tuple[str, str], ...] = ()
    http_port: int | None = None
    workers: int = 2
    cron_threads: int = 1
    state: str = PRESENT
    renamed_from: str | None = None
    hold_until: str | None = None
    keep_backups_until: str | None = None
    runs_as: str | None = None
    backup: Mapping[str, Any] = field(default_factory=dict, hash=False)
    warm_up: tuple[str, ...] = ("/web/login",)
    certificate: Mapping[str, Any] = field(default_factory=dict, hash=False)
    canary: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def certificate_name(self) -> str:
        """The name of the certificate over its hosts, which several tenants may share."""
        return str(self.certificate.get("name") or self.name)

    @property
    def instance(self) -> str:
        """The Odoo instance that serves the tenant: its own, or the group's shared one."""
        return self.runs_as or self.name if self.tenancy == "dedicated" else SHARED_INSTANCE


@dataclass(frozen=True)
class Host:
    """A host as the inventory knows it. drained: users are kept away from it, as it is declared.

    made: whether a run of site has made it. canary: whether it gets a part of the users only, as it is declared.
    """

    name: str
    address: str
    drained: bool = False
    made: bool = True
    canary: bool = False


@dataclass(frozen=True)
class Group:
    """Hosts that run the same Odoo instances on one PostgreSQL server."""

    name: str
    kind: str
    hosts: tuple[Host, ...]
    database_server: str
    # The name under which the hosts reach the server, as its certificate has it.
    database_host: str

    @property
    def serves(self) -> bool:
        """Whether users are let to a host of the group, as it is declared."""
        return any(not host.drained for host in self.hosts)

    @property
    def leader(self) -> str:
        """The host that acts for the group: the first that is made and is declared neither as drained nor as canary."""
        return min(self.hosts, key=lambda host: (not host.made, host.drained, host.canary)).name


@dataclass(frozen=True)
class Layout:
    """What roles and modules share on a host: the directory of the configuration, and the modules' PostgreSQL role."""

    config_dir: str = "/etc/odoo"
    login: str = "gantry"

    @property
    def database_ca(self) -> str:
        """Path of the certificates that a PostgreSQL server is verified against."""
        return f"{self.config_dir}/postgresql-ca.pem"

    def config(self, instance: str) -> str:
        """Path of the configuration of an instance."""
        return f"{self.config_dir}/{instance}.conf"


@dataclass(frozen=True)
class Database:
    """One database that a PostgreSQL server was seen to hold.

    number: by which it is its tenant's home, 0 without one. group: of the hosts that serve it, as recorded with it.
    """

    name: str
    open: bool
    owner: str = ""
    number: int = 0
    group: str = ""
