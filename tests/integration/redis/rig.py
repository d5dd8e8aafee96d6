# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real redis-server and redis-sentinel processes on one lab host, each on its own port, read back with redis-cli."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.lab.hosts import Host
from tests.lab.wait import until

PASSWORD = "a\\b#c$d%e{f}ü"
LOOPBACK = "127.0.0.1"
ROOT = "/srv/redis-test"
# A killed process holds its port until the kernel has taken it away, and who starts the next one before fails.
_KILL = "kill -9 $1; n=0; while kill -0 $1 2>/dev/null; do n=$((n+1)); test $n -lt 1000 || exit 1; sleep 0.01; done"
MODULE = "gantry.odoo.redis_topology"
# The stages of a planned failover in their order, between any two of which a kill must do no harm.
STAGES = ",".join(
    f"_redis.apply_failover.{name}"
    for name in (
        *("persist_all", "await_moment", "open_journal", "fail_over", "settle", "persist_roles"),
        *("watch_primary", "follow_primary", "close_journal"),
    )
)

APP_PASSWORD = "app's secret"
# Users with least rights, as the options of the modules.
LOGINS = {
    "replication_username": "replication",
    "replication_password": "repl secret",
    "sentinel_username": "sentinel",
    "sentinel_password": "sentinels-secret",
    "users": [
        {
            "name": "app",
            "rules": ["~app:*", "&app:*", "+@read", "+@write", "+@connection", "-@dangerous"],
            "passwords": [APP_PASSWORD],
        }
    ],
}


def endpoints(*ports: int) -> list[dict[str, Any]]:
    """Ports of the host as the module's nodes or Sentinels."""
    return [{"host": LOOPBACK, "port": port} for port in ports]


def declared(nodes: tuple[int, ...], sentinels: tuple[int, ...], **changes: Any) -> dict[str, Any]:
    """Nodes for sessions, guarded by Sentinels, as the options of the modules."""
    return {
        "mode": "sentinel",
        "nodes": endpoints(*nodes),
        "sentinels": endpoints(*sentinels),
        "purpose": "session",
        "settings": {"maxmemory": "64mb"},
        "state_dir": f"{ROOT}/state",
        "password": PASSWORD,
        **changes,
    }


def quoted(text: str) -> str:
    """A value as a Redis configuration file takes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@dataclass(frozen=True)
class Rig:
    """The processes of one host. `start` writes their configuration files once; then they rewrite them themselves.

    server, sentinel: their programs. password: of all of them.
    """

    host: Host
    server: str = "redis-server"
    sentinel: str = "redis-sentinel"
    password: str = PASSWORD

    def install(self) -> None:
        """Install Redis without letting Debian's own instances start."""
        self.host.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", mode=0o755)
        packages = ["redis-server", "redis-sentinel", "redis-tools", "python3-redis", "openssl", "iptables"]
        command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
        self.host.run(command, env={"DEBIAN_FRONTEND": "noninteractive"})
        self.host.run(["rm", "/usr/sbin/policy-rc.d"])

    def start(self, *ports: int, sentinel: bool = False, lines: tuple[str, ...] = ()) -> None:
        """Start a process on each port, from the configuration that it left, or from a first one with more `lines`."""
        for port in ports:
            directory = f"{ROOT}/{port}"
            if self.host.attempt(["test", "-f", f"{directory}/redis.conf"])[0] != 0:
                first = [f"port {port}", f"bind {LOOPBACK}", f"dir {directory}", f"requirepass {quoted(self.password)}"]
                if not sentinel:
                    first += [f"masterauth {quoted(self.password)}", "repl-diskless-sync-delay 0"]
                self.host.run(["mkdir", "-p", directory])
                text = "\n".join([*first, *lines, ""])
                self.host.write(f"{directory}/redis.conf", text, mode=0o600)
            program = self.sentinel if sentinel else self.server
            options = ["--daemonize", "yes", "--logfile", f"{directory}/log", "--pidfile", f"{directory}/pid"]
            self.host.run([program, f"{directory}/redis.conf", *options])
        for port in ports:
            until(partial(self._unanswered, port), f"Redis on {port}", 15)

    def _unanswered(self, port: int) -> str | None:
        told = self.cli(port, "PING")
        if told == "PONG":
            return None
        return f"{told!r}; the end of its log is: {self.host.attempt(['tail', '-n', '3', f'{ROOT}/{port}/log'])[1]}"

    def small_disk(self, port: int, mebibytes: int) -> str:
        """Make a disk for the data of a process; where it is mounted."""
        disk = f"{ROOT}/{port}/disk"
        self.host.run(["mkdir", "-p", disk])
        self.host.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", disk])
        return disk

    def cut(self, port: int) -> None:
        """Take a process off the network; what it does by unix socket goes on."""
        for direction in ("--dport", "--sport"):
            self.host.run(["iptables", "-A", "INPUT", "-p", "tcp", direction, str(port), "-j", "DROP"])

    def join_up(self) -> None:
        """Let everybody on the network again."""
        self.host.run(["iptables", "-F", "INPUT"])

    def kill(self, port: int) -> None:
        """Kill -9, and wait until the kernel has taken the process away: its port is bound until then."""
        self.host.run(["sh", "-c", _KILL, "kill", self.info(port, "server")["process_id"]])

    def stop_all(self) -> None:
        """Kill every process of the rig and remove its data."""
        script = (
            f"for file in {ROOT}/*/pid; do pid=$(cat $file); "
            f"case $(cat /proc/$pid/comm) in redis-*|valkey-*) sh -c '{_KILL}' kill $pid;; esac; done; "
            f"for disk in {ROOT}/*/disk; do ! mountpoint --quiet $disk || umount --lazy $disk; done; rm -rf {ROOT}"
        )
        self.host.run(["sh", "-c", script])

    def cli(self, port: int, *words: str, arguments: tuple[str, ...] = (), password: str = "") -> str:
        """What redis-cli prints, whatever its exit code."""
        argv = ["redis-cli", *arguments, "-p", str(port), *words]
        _code, out, err = self.host.attempt(argv, env={"REDISCLI_AUTH": password or self.password})
        return (out or err).strip()

    def info(self, port: int, section: str) -> dict[str, str]:
        """One section of INFO."""
        told = self.cli(port, "INFO", section)
        assert told.startswith("# "), f"INFO {section} from {port} is {told!r}"
        return dict(line.split(":", 1) for line in told.splitlines() if ":" in line)

    def master_of(self, port: int) -> int | None:
        """The port of the node that this one follows, None for a master."""
        seen = self.info(port, "replication")
        return int(seen["master_port"]) if seen["role"] == "slave" else None

    def primary(self, ports: tuple[int, ...]) -> int:
        """The only one of the nodes that is a master."""
        (found,) = [port for port in ports if self.master_of(port) is None]
        return found

    def setting(self, port: int, name: str) -> str:
        """The value of a setting."""
        lines = self.cli(port, "CONFIG", "GET", name).splitlines()
        return lines[1] if len(lines) > 1 else ""

    def named_master(self, sentinel: int, name: str = "main") -> int | None:
        """The port that a Sentinel names as the master."""
        lines = self.cli(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name).splitlines()
        return int(lines[1]) if len(lines) == 2 else None

    def elected(self, sentinels: tuple[int, ...], old: int) -> int:
        """Wait until all Sentinels name one master other than `old`, and it says so itself; its port."""

        def named() -> str | None:
            names = {self.named_master(port) for port in sentinels}
            masters = [port for port in names if port not in (None, old) and self.master_of(port) is None]
            return None if len(names) == len(masters) == 1 else f"the Sentinels name {names}, of them master: {masters}"

        until(named, f"the election of another master than {old}", 30)
        return self.named_master(sentinels[0]) or 0
