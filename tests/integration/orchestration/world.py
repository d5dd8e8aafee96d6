# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small estate in a file: what playbooks do to it, what its users meet meanwhile, and the fault that it is to suffer.

Users write to a tenant at every step, wherever an edge sends them to a node that runs and a database that is open. What
harms them, or loses what they wrote, is noted with the step that did it. Steps are numbered, so that a fault can be
asked for at any of them.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# Where an edge of the world is asked for a page.
_PLACE = {"entry_point": "websecure", "address": "127.0.0.1", "asked": True}


class RefusedError(Exception):
    """What a module says when it refuses or cannot do a step."""


@dataclass
class Node:
    """A host that runs Odoo, or Redis."""

    group: str
    server: str
    release: str = "r1"
    running: bool = True
    fencing_number: int = 0


@dataclass
class Copy:
    """One database of a tenant. data: the writes that it holds. operator: blocked on purpose, by hand.

    readable: by a backup.
    """

    data: list[int] = field(default_factory=list)
    open: bool = True
    home: dict[str, Any] = field(default_factory=dict)
    operator: bool = False
    readable: bool = True


@dataclass
class Cache:
    """A node of Redis."""

    version: str = "8.0.1"
    primary: bool = False
    running: bool = True


@dataclass
class World:
    """The estate, its users and its log.

    routes: by edge, as role traefik takes them. edges: the fencing number of each.
    reads: the numbers of the steps that changed nothing. due: the tenants whose drill is due, None for all.
    drills: the tenants that were drilled, in turn. given_up: the tenants that an operator puts back to an older backup.
    certificates, previous, staged, served: the number of the one that an edge, or a host whose server shows one of its
    own, has, had, waits to install, and serves. orders: the hosts that ordered one. forced: by host, what its
    certificate was forced for. lost: by host, the number of the one to revoke. former: by edge, the routes of before
    what not every edge has yet.
    silent: the hosts whose PostgreSQL does not answer. rolled_back: the tenants whose repositories lack a backup.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    servers: dict[str, dict[str, Copy]] = field(default_factory=dict)
    routes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    caches: dict[str, Cache] = field(default_factory=dict)
    newest_cache: str = "8.0.2"
    certificates: dict[str, int] = field(default_factory=dict)
    previous: dict[str, int] = field(default_factory=dict)
    staged: dict[str, int] = field(default_factory=dict)
    forced: dict[str, str] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)
    former: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    backups: dict[str, list[list[int]]] = field(default_factory=dict)
    rolled_back: list[str] = field(default_factory=list)
    accepted: dict[str, list[int]] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    step: int = 0
    log: list[str] = field(default_factory=list)
    harm: list[str] = field(default_factory=list)
    fault: dict[str, Any] = field(default_factory=dict)
    reads: list[int] = field(default_factory=list)
    edges: dict[str, int] = field(default_factory=dict)
    due: list[str] | None = None
    drills: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def note_harm(self, what: str) -> None:
        """Note what a playbook did to users or their data."""
        self.harm.append(f"step {self.step} ({self.log[-1]}): {what}")

    # Users.

    def users(self) -> None:
        """Let users write, one row a tenant that they reach."""
        for tenant in self.tenants():
            for database in self._reached(tenant):
                database.data.append(self.step)
                self.accepted.setdefault(tenant, []).append(self.step)

    def tenants(self) -> list[str]:
        """The tenants that users know, by their routes or by what they have written."""
        routed = {tenant_of(route) for routes in self.routes.values() for route in routes}
        return sorted(routed | set(self.accepted))

    def _reached(self, tenant: str) -> list[Copy]:
        """The open databases of the tenant that an edge leads to, each once."""
        found: dict[str, Copy] = {}
        for routes in self.routes.values():
            for route in routes:
                if tenant_of(route) != tenant or route["mode"] != "serve":
                    continue
                for node in self.pool(route):
                    copy = self.servers[node.server].get(tenant)
                    if node.running and copy is not None and copy.open:
                        found[node.server] = copy
        return list(found.values())

    def pool(self, route: Mapping[str, Any]) -> list[Node]:
        """The nodes that an edge sends the users of a route to."""
        return [self.nodes[name] for name in undrained(route) if name in self.nodes]

    def serves(self, name: str) -> bool:
        """Whether an edge sends users to the node."""
        return any(
            name in undrained(route) for routes in self.routes.values() for route in routes if route["mode"] == "serve"
        )

    def keeps(self, name: str) -> bool:
        """Whether an edge leaves the users of the node there, although it is drained."""
        return any(
            server.get("keeps_users") and urlsplit(server["url"]).hostname == name
            for routes in self.routes.values()
            for route in routes
            for server in route["servers"]
        )

    # What the roles do.

    def odoo(self, host: str, entry: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """An entry point of role odoo."""
        node = self.nodes[host]
        if entry in ("main", "install", "run", "start", "stop", "activate", "disable"):
            if given["fencing_number"] and int(given["fencing_number"]) < node.fencing_number:
                raise RefusedError(f"Odoo on {host} was changed under the fencing number {node.fencing_number}")
            node.fencing_number = max(node.fencing_number, int(given["fencing_number"]))
        if entry in ("stop", "activate"):
            others = [one for name, one in self.nodes.items() if one.group == node.group and name != host]
            if self.serves(host):
                self.note_harm(f"{host} is taken away while users are sent to it")
            if self.keeps(host):
                self.note_harm(f"{host} is taken away while it keeps users")
            if others and not any(one.running for one in others):
                self.note_harm(f"{host} is taken away although no other node of {node.group} runs")
            node.running = entry == "activate"
        if entry == "activate":
            node.release = given["release"]
        if entry in ("main", "install", "run", "start"):
            node.running = node.running or entry != "install"
        if entry == "prove" and (not node.running or node.release != given["release"]):
            raise RefusedError(f"{host} does not serve release {given['release']}")
        return {
            "odoo_changed": entry in ("stop", "activate"),
            "odoo_running_release": node.release,
            "odoo_command": ["odoo"],
            "odoo_command_user": "odoo",
        }

    def postgresql(self, host: str, entry: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """An entry point of role postgresql."""
        if entry == "main" and host in self.silent:
            self.silent.remove(host)
        if entry == "certificate":
            self.served[host] = self.certificates[host]
        held = [
            {"name": name, "open": copy.open, "owner": f"odoo_{name}", **({"home": copy.home} if copy.home else {})}
            for name, copy in self.servers[host].items()
        ]
        return {
            "postgresql_changed": False,
            "postgresql_answers": host not in self.silent,
            "postgresql_silence": "it is stopped" if host in self.silent else "",
            "postgresql_tls_certificate": "certificate",
            "postgresql_databases": None if host in self.silent else held,
        }

    def traefik(self, host: str, entry: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """An entry point of role traefik."""
        had = self.routes.get(host, [])
        if entry in ("routes", "put_back"):
            number = int(given["fencing_number"])
            if 0 < number < self.edges.get(host, 0):
                raise RefusedError(f"{host} was changed under the fencing number {self.edges[host]}")
            self.edges[host] = max(number, self.edges.get(host, 0))
        if entry == "routes":
            if given["dynamic_dir"] != watched(host):
                self.note_harm(f"{host} has its routes in {given['dynamic_dir']}, which its Traefik does not watch")
            if given["require_all_servers"]:
                self._require_running(host, given["routes"])
            self._route(host, given)
        if entry == "put_back":
            self.routes[host] = self.former.pop(host, had)
        if entry == "settle":
            self.former.pop(host, None)
        if entry == "certificates":
            self.served[host] = self.certificates.get(host, 0)
        for route in self.routes.get(host, []) if entry in ("routes", "put_back") else []:
            self._judge(route, host)
        return {
            "traefik_changed": self.routes.get(host, []) != had,
            "traefik_waits_for_others": host in self.former,
            "traefik_pending": [],
        }

    def _route(self, edge: str, given: Mapping[str, Any]) -> None:
        had, self.routes[edge] = self.routes.get(edge, []), list(given["routes"])
        if given["settle"] != "later":
            self.former.pop(edge, None)
        elif self.routes[edge] != had:
            self.former.setdefault(edge, had)

    def _require_running(self, edge: str, wanted: Sequence[Mapping[str, Any]]) -> None:
        had = {route["name"]: undrained(route) for route in self.routes.get(edge, [])}
        for route in wanted:
            dead = [name for name in undrained(route) if not self.nodes[name].running]
            if dead and route["mode"] == "serve" and undrained(route) != had.get(route["name"]):
                raise RefusedError(f"{edge} would leave {route['name']} to {', '.join(dead)}, which does not answer")

    def _judge(self, route: Mapping[str, Any], edge: str) -> None:
        tenant = tenant_of(route)
        if route["mode"] != "serve":
            return
        if not undrained(route):
            self.note_harm(f"{edge} sends users of {tenant} to nobody")
        for name in undrained(route):
            node = self.nodes[name]
            copy = self.servers[node.server].get(tenant)
            if not node.running:
                self.note_harm(f"{edge} sends users of {tenant} to {name}, which does not run")
            if copy is None or not (copy.open or copy.operator):
                self.note_harm(f"{edge} sends users of {tenant} to {name}, whose server has no open database of it")

    def certificate(self, host: str, entry: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """An entry point of role certificate."""
        had = self.certificates.get(host, 0)
        if entry == "prove":
            if self.served.get(host) != had:
                raise RefusedError(f"{host} serves another certificate than {had}")
            return {}
        if entry == "revoke":
            del self.lost[host]
            return {"certificate_changed": True, "certificate_revocations": []}
        if entry == "main":
            if given["revoke"] and host == next(one for one in given["hosts"] if one not in self.gone):
                self.lost.setdefault(host, had)
            is_forced = given["force"] and (not given["forced_by"] or given["forced_by"] not in self.forced.values())
            self.certificates[host] = self._pair(host, {**given, "force": is_forced})
            if self.certificates[host] != had:
                self.previous[host] = had
                self.forced.update({host: given["forced_by"]} if is_forced else {})
            had = self._stood(host, had, given)
        renewed = [one for one in given.get("results", []) if one["renewed"]]
        if entry == "put_back" and renewed:
            self.staged[host], self.certificates[host] = had, int(renewed[0]["serial_before"])
            del self.previous[host]
            self.forced.pop(host, "")
        number = self.certificates.get(host, 0)
        pair = {"certificate": "pem", "key": "key", "serial_before": str(had), "serial_after": str(number)}
        results = [{"name": one["name"], **pair, "renewed": number != had} for one in given.get("requests", [])]
        lost, name = self.lost.get(host, number), "harbour" if host in self.routes else host
        return {
            "certificate_changed": number != had,
            "certificate_results": results,
            "certificate_refused": [],
            "certificate_revocations": [{"name": name, "serial": str(lost)}] if lost != number else [],
        }

    def _stood(self, host: str, had: int, given: Mapping[str, Any]) -> int:
        """What stood before a change that a killed run has begun: while another edge has it, which the leader asks."""
        answering = [one for one in given["hosts"] if one not in self.gone]
        before = self.previous.get(host, 0)
        elsewhere = [self.certificates.get(one) for one in answering[1:]] + [int(one) for one in given["shown"]]
        is_open = host == answering[0] and before in elsewhere
        return before if is_open else had

    def _pair(self, host: str, given: Mapping[str, Any]) -> int:
        """The certificate that an edge gets, or has."""
        leader = next(one for one in given["hosts"] if one not in self.gone)
        beside = [*self.routes] if host in self.routes else [host]
        has = [self.certificates[one] for one in beside if one in self.certificates]
        known = [*has, *(self.staged[one] for one in beside if one in self.staged)]
        if host != leader:
            if known:
                return max(self.certificates.get(leader, 0), self.certificates.get(host, 0))
            # hosts act beside each other, and the leader's turn may be the last: what is ordered waits for it
            self.orders.append(leader)
            self.staged[leader] = 1
            return 1
        if host in self.staged and (given["force"] or host not in self.certificates):
            return self.staged.pop(host)
        if given["force"] or not known or self.lost.get(host) == self.certificates.get(host, 0):
            self.orders.append(host)
            return max(known, default=0) + 1
        return max(has, default=0)

    def redis(self, host: str, entry: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """An entry point of role redis."""
        mine = self.caches[host]
        others = {name: one for name, one in self.caches.items() if name != host and one.running}
        if entry == "certificate":
            self.served[host] = self.certificates[host]
        if entry == "start":
            mine.running = True
        if entry == "restart":
            if not mine.running:
                raise RefusedError(f"{host} is not restarted: {host} does not answer")
            if mine.primary and others:
                self.note_harm(f"{host} is restarted while it is the primary")
            if not any(one.running for one in others.values()):
                self.note_harm(f"{host} is restarted although no other node runs")
            mine.version, mine.running = self.newest_cache, True
        if entry == "failover":
            mine.primary, self.caches[given["to"]].primary = False, True
        nodes = [
            {"host": name, "role": "primary" if one.primary else "replica", "version": one.version}
            for name, one in self.caches.items()
        ]
        faults = [f"{name} does not answer" for name, one in self.caches.items() if not one.running]
        return {
            "redis_changed": False,
            "redis_info": {"faults": faults, "refused": None, "nodes": nodes},
            "redis_is_primary": mine.primary,
            "redis_successor": next(iter(others), ""),
            "redis_restart_needed": mine.version != self.newest_cache,
        }

    def backup(self, host: str, entry: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """An entry point of role backup that is not the real one."""
        return {"backup_changed": False, **({"backup_policy_steps": []} if entry == "main" else {})}

    # What the modules do.

    def odoo_database(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module odoo_database."""
        for one in args.get("databases", [args]):
            self._database(self.server(host, args), one)
        return {"changed": True, "steps": []}

    def _database(self, server: str, wanted: Mapping[str, Any]) -> None:
        held, name = self.servers[server], wanted["name"]
        for one in (name, wanted.get("rename_from")):
            if one in held and 0 < int(wanted.get("fencing_number") or 0) < held[one].home.get("number", 0):
                raise RefusedError(f"{one} on {server} is home {held[one].home['number']}")
        if wanted.get("state") == "absent":
            held.pop(name, None)
            return
        former = wanted.get("rename_from")
        if former and name not in held and former in held:
            held[name] = held.pop(former)
        if name not in held and wanted.get("create") in (False, "False"):
            raise RefusedError(f"there is no database {name} on {server}")
        if name not in held:
            kept = [one for copies in self.servers.values() for one in copies if one.split("__")[0] == name]
            if kept:
                self.note_harm(f"an empty {name} is made on {server} although {', '.join(kept)} is there")
            held[name] = Copy()
        self._number(server, name, wanted.get("home"))
        self._access(server, name, wanted.get("access"))
        if held[name].open:
            self._judge_open(server, name)

    def _number(self, server: str, name: str, home: Mapping[str, Any] | None) -> None:
        copy = self.servers[server][name]
        if home and copy.home and copy.home["number"] > home["number"]:
            raise RefusedError(f"{name} on {server} has the higher number {copy.home['number']}")
        copy.home = dict(home) if home else copy.home

    def _access(self, server: str, name: str, access: str | None) -> None:
        copy = self.servers[server][name]
        if access == "blocked":
            copy.open = False
            if self._sent(name, server):
                self.note_harm(f"{name} on {server} is blocked while users are sent to it")
        if access == "open" and not copy.open:
            if copy.operator:
                self.note_harm(f"{name} on {server} is opened, which an operator has blocked")
            copy.open = True

    def _judge_open(self, server: str, name: str) -> None:
        others = [
            place for place, copies in self.servers.items() if place != server and name in copies and copies[name].open
        ]
        if others:
            self.note_harm(f"{name} is open on {server} and on {', '.join(others)}")
        if not set(self.accepted.get(name, ())) <= set(self.servers[server][name].data):
            self.note_harm(f"{name} is opened on {server} without all that its users wrote")

    def _sent(self, tenant: str, server: str) -> bool:
        return any(
            tenant_of(route) == tenant
            and route["mode"] == "serve"
            and any(one.server == server for one in self.pool(route))
            for routes in self.routes.values()
            for route in routes
        )

    def odoo_database_info(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module odoo_database_info."""
        held = self.servers[self.server(host, args)]
        return {"databases": {name: _facts(held.get(name)) for name in args["names"]}}

    def odoo_backup(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module odoo_backup."""
        held, taken, failures = self.servers[self.server(host, args)], [], []
        for one in args["databases"]:
            database = one.get("name") or one["database"]
            if database not in held or not held[database].readable:
                failures.append({"tenant": one["tenant"], "error": f"database {database} cannot be read"})
                continue
            if not _is_as_expected(held[database], one.get("expected")):
                failures.append({"tenant": one["tenant"], "error": f"database {database} is not as expected"})
                continue
            kept = self.backups.setdefault(one["tenant"], [])
            kept.append(list(held[database].data))
            sent = {"bytes_sent": 6291456, "files_missing": 0, "duration_s": 3.4}
            taken.append({"tenant": one["tenant"], "id": str(len(kept) - 1), "number": len(kept), **sent})
            if self.is_refused(one["tenant"], args):
                failures.append({"tenant": one["tenant"], "error": "its repository was rolled back"})
        said = {"failed": True, "msg": failures[0]["error"]} if failures else {}
        return {"changed": True, "backups": taken, "failures": failures, **said}

    def odoo_backup_check(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module odoo_backup_check."""
        without = [name for name in args["tenants"] if not self.backups.get(name)]
        failures = [{"tenant": name, "error": "it has no backup"} for name in without]
        read = {"part": 1, "parts": 100 // int(args["share_percent"])}
        checks = [
            {"tenant": name, "ok": True, **read, "backups": [{"restorable": "full"} for _one in self.backups[name]]}
            for name in args["tenants"]
            if name not in without
        ]
        said = {"failed": True, "msg": failures[0]["error"]} if failures else {}
        return {"changed": False, "checks": checks, "failures": failures, **said}

    def odoo_restore(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module odoo_restore."""
        if args.get("prefetch"):
            return {"changed": True}
        if self.is_refused(args["tenant"], args):
            raise RefusedError("its repository was rolled back")
        if args.get("drill"):
            kept = self.backups.get(args["tenant"])
            if not kept:
                raise RefusedError(f"tenant {args['tenant']} has no backup")
            self.drills.append(args["tenant"])
            return {"changed": False, "backup": str(len(kept) - 1), "rto_s": 33.4, "rpo_s": 53.0}
        held, name = self.servers[self.server(host, args)], args["database"]
        if name in held and 0 < int(args.get("fencing_number") or 0) < held[name].home.get("number", 0):
            raise RefusedError(f"{name} is home {held[name].home['number']}")
        if name in held and args.get("overwrite") != "replace":
            raise RefusedError(f"{name} is there already")
        if name in held and not self.elsewhere_complete(name, held[name]):
            self.note_harm(f"the only copy of what users of {name} wrote is replaced")
        data = list(self.backups[args["tenant"]][int(args["backup"])])
        held[name] = Copy(data, open=args.get("access") != "blocked")
        if name in self.given_up:
            self.accepted[name] = data
        told = {"counts": {"rows": len(data)}, "files_left_out": []}
        return {"changed": True, **self.chosen(args), **told}

    def is_refused(self, tenant: str, args: Mapping[str, Any]) -> bool:
        """Whether the repository of a tenant lacks a backup that is known, and that was not accepted."""
        known = int(args.get("known_backups", {}).get(tenant, 0))
        return tenant in self.rolled_back and known > 0 and args.get("rolled_back") != "accept"

    def chosen(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The backup that a restore would take."""
        kept = self.backups.get(args["tenant"], [])
        fit = [number for number in range(len(kept)) if snapshot(number) <= (args.get("at") or snapshot(len(kept)))]
        number = max(fit, default=-1) if args["backup"] == "latest" else int(args["backup"])
        if not 0 <= number < len(kept):
            raise RefusedError(f"tenant {args['tenant']} has no backup {args['backup']}")
        return {"backup": str(number), "snapshot_time": snapshot(number), "rpo_s": 53.0}

    def odoo_backup_info(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module odoo_backup_info."""
        return {
            "changed": False,
            "backups": [self._newest(tenant, str(args.get("at") or "")) for tenant in args["tenants"]],
        }

    def _newest(self, tenant: str, at: str) -> dict[str, Any]:
        fit = [number for number in range(len(self.backups.get(tenant, []))) if not at or snapshot(number) <= at]
        if not fit:
            held = len(self.backups.get(tenant, []))
            return {"tenant": tenant, "backup": "", "backups": held, "error": "there is no backup in the bucket backup"}
        held = len(self.backups[tenant])
        found = {"backup": str(fit[-1]), "backups": held, "snapshot_time": snapshot(fit[-1]), "age_s": 53.0}
        return {"tenant": tenant, **found, "error": ""}

    def elsewhere_complete(self, name: str, copy: Copy) -> bool:
        """Whether another database of the tenant, or a backup of one that is given up, holds all that this one does."""
        others = [
            other.data
            for copies in self.servers.values()
            for place, other in copies.items()
            if other is not copy and place.split("__")[0] == name
        ]
        kept = self.backups.get(name, []) if name in self.given_up else []
        return any(set(copy.data) <= set(data) for data in (*others, *kept))

    def backup_policy(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module backup_policy."""
        refused = [one["tenant"] for one in args["policies"] if self.is_refused(one["tenant"], args)]
        said = {"failed": True, "msg": f"tenant {refused[0]}: its repository was rolled back"} if refused else {}
        return {"changed": False, **said}

    def odoo_backup_copy(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module odoo_backup_copy."""
        refused = [one for one in args["tenants"] if self.is_refused(one, args)]
        failures = [{"tenant": one, "error": "its repository was rolled back"} for one in refused]
        said = {"failed": True, "msg": failures[0]["error"]} if failures else {}
        amounts = {"objects_sent": 2, "bytes_sent": 2048, "bytes_read": 1024, "backups": 1, "restorable": 1}
        copies = [{"tenant": one, "ok": True, **amounts} for one in args["tenants"] if one not in refused]
        return {"changed": True, "copies": copies, "failures": failures, **said}

    def backup_compliance(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module backup_compliance."""
        due = [one for one in args["tenants"] if self.due is None or one in self.due]
        return {"changed": False, "drills_due": due, "compliance": []}

    def certificate_info(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module certificate_info, of what servers show."""
        shown = [{"served": [host], "fingerprint_sha256": str(self.served[host])}] if host in self.served else []
        return {"certificates": shown, "unknown": []}

    def look(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module stat, of the file that a server has since it was set up."""
        return {"stat": {"exists": True}}

    def account(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module group."""
        return {}

    def reach(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module ping."""
        return {"ping": "pong"}

    def connect(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module wait_for_connection, which says of a host that is off that it failed."""
        off = {"failed": True, "msg": f"timed out waiting for {host}"}
        return off if host in self.gone else {}

    def fetch(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module uri: the login page, from the node itself."""
        copy = self.servers[self.nodes[host].server].get(str(args["headers"]["Host"]).partition(".")[0])
        good = self.nodes[host].running and copy is not None and copy.open
        return {"status": 200 if good else 503, "failed": not good, "msg": "HTTP Error 503"}

    def traefik_proof(self, host: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Module traefik_proof: the login page, by the edge itself."""
        answers = [{"url": url, **self._page(host, url), **_PLACE} for url in args["urls"]]
        said = "; ".join(one["fault"] for one in answers if one["fault"])
        return {"answers": answers, **({"failed": True, "msg": said} if said else {})}

    def _page(self, edge: str, url: str) -> dict[str, Any]:
        tenant = str(urlsplit(url).hostname).partition(".")[0]
        served = any(tenant_of(route) == tenant and route["mode"] == "serve" for route in self.routes[edge])
        return {"fault": "" if served and self._reached(tenant) else f"{url} answers 503"}

    def server(self, host: str, args: Mapping[str, Any]) -> str:
        """The server that a module works on: `localhost` is the host's own."""
        given = str(args.get("login_host", "localhost"))
        # the certificate of a server may be for a longer name
        found = host if given == "localhost" else given.removesuffix(".example.com")
        if found in self.gone:
            raise RefusedError(f"{host} cannot connect to PostgreSQL on {found}")
        return found


def snapshot(number: int) -> str:
    """The moment that a backup shows."""
    return f"2026-11-22T10:30:{number:02d}.000000Z"


def watched(edge: str) -> str:
    """The directory that Traefik watches on an edge: another one on each."""
    return f"/etc/traefik/{edge}"


def tenant_of(route: Mapping[str, Any]) -> str:
    """The tenant of a route."""
    return str(route["name"]).rpartition("-public")[0] or str(route["name"])


def undrained(route: Mapping[str, Any]) -> list[str]:
    """The nodes of a route that take users."""
    return [str(urlsplit(one["url"]).hostname) for one in route["servers"] if not one["drained"]]


def _is_as_expected(copy: Copy, expected: Mapping[str, Any] | None) -> bool:
    """Whether a database has the home number that it has to have, and is open if it has to be."""
    if not expected:
        return True
    return expected["home"] == copy.home.get("number", 0) and (copy.open or expected["access"] == "blocked")


def _facts(copy: Copy | None) -> dict[str, Any]:
    if copy is None:
        return {"exists": False}
    held = sorted(copy.data)
    return {
        "exists": True,
        "access": "open" if copy.open else "blocked",
        "home": copy.home,
        "fingerprint": {"hash": str(held), "tables": {"ir_config_parameter": {"rows": len(held)}}},
        "filestore": {"files": len(held), "missing": [], "corrupt": []},
    }


@contextmanager
def opened(path: Path) -> Iterator[World]:
    """The world in a file, for one step; others wait."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        world = read(path)
        try:
            yield world
        finally:
            write(path, world)


def read(path: Path) -> World:
    """The world in a file."""
    told = json.loads(path.read_text(encoding="utf-8"))
    kinds: dict[str, Callable[..., Any]] = {"nodes": Node, "caches": Cache}
    for name, kind in kinds.items():
        told[name] = {one: kind(**values) for one, values in told[name].items()}
    told["servers"] = {
        server: {name: Copy(**values) for name, values in copies.items()} for server, copies in told["servers"].items()
    }
    return World(**told)


def write(path: Path, world: World) -> None:
    """Keep the world, in one piece whoever is killed."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(world)), encoding="utf-8")
    partial.replace(path)
