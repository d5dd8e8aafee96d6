# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server a drill is given, how it is configured and confined, and what it is refused for. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import Space
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_scratch import (
    PORT,
    PROGRAMS,
    SUPERUSER,
    Account,
    Place,
    Roles,
    Scratch,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import TRANSACTION_TIMEOUT, origin
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError

# what the server sees empty: sockets of other services, files of other accounts, memory shared with others
HIDDEN = ("/run", "/tmp", "/dev/shm")  # noqa: S108  # nothing is written there
# a path of a socket has 107 bytes at most, and this is what a directory leaves for its name
LONGEST_PATH = 64
LEAST_MEMORY_MB = 512
# what an empty cluster takes, in bytes
EMPTY = 128 * 2**20
# The first process of a process namespace, which ends with it. Mounts are its own as well: of the directory of all
# servers it sees its own part. A change of the account takes the signal away that --kill-child has set.
_SCRIPT = f"""set -e
for place in {" ".join(HIDDEN)}; do mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$place"; done
mkdir /run/own
mount --bind "$6" /run/own
mount -t tmpfs -o nosuid,nodev,mode=711 tmpfs "${{6%/*}}"
mkdir "$6"
mount --bind /run/own "$6"
rights="--clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all"
own="setpriv --reuid=$1 --regid=$2 $rights --pdeathsig=KILL --"
$own "$3/initdb" --pgdata="$4" --username={SUPERUSER} --encoding=UTF8 --locale=C --auth=reject --no-sync > /dev/null
exec $own "$3/postgres" --config-file="$5"
"""
_NAMESPACES = ("--mount", "--net", "--ipc", "--pid", "--mount-proc", "--fork", "--kill-child")
_PLACE = re.compile(r"drill-[0-9a-f]{12}")
_CONTROL = re.compile(r"^\s*(trusted|superuser)\s*=\s*'?(\w+)'?", re.MULTILINE)


def check_scratch(scratch: Scratch, odoo_user: str) -> None:
    """Raise InputError for a server that cannot be meant."""
    path = PurePosixPath(scratch.directory)
    hidden = [place for place in HIDDEN if PurePosixPath(place) in (path, *path.parents)]
    if hidden:
        raise InputError(f"scratch_directory: the server does not see what is in {hidden[0]}; give another directory")
    plain = path.is_absolute() and len(path.parts) > 1 and ".." not in path.parts
    if not plain or len(scratch.directory.encode()) > LONGEST_PATH:
        raise InputError(
            f"scratch_directory: {scratch.directory} is no path from the root of at most {LONGEST_PATH} bytes"
        )
    if scratch.user in ("root", "postgres", odoo_user):
        raise InputError(
            f"scratch_user: {scratch.user} has rights of its own on this host, which a dump must not get; give an "
            "account that has none"
        )
    if scratch.memory_mb < LEAST_MEMORY_MB:
        raise InputError(
            f"scratch_memory_mb: {scratch.memory_mb} is not enough for a server; give {LEAST_MEMORY_MB} or more"
        )


def is_place(name: str) -> bool:
    """Whether a directory has the name of a server's own."""
    return bool(_PLACE.fullmatch(name))


def place_of(scratch: Scratch, database: str) -> Place:
    """The place of the server for a drill that restores `database`; the next drill of it finds what one has left."""
    return Place(f"{scratch.directory}/drill-{hashlib.sha256(database.encode()).hexdigest()[:12]}")


def choose_version(installed: Iterable[int], client: int, manifest: Manifest) -> int:
    """The major version of the server: the oldest that takes the dump. Raises StateError where none does.

    installed: those whose programs the host has. client: that of pg_restore.
    """
    dumped = manifest.database.server_version // 10000
    there = sorted(installed)
    fit = [version for version in there if version >= dumped]
    if not fit:
        has = f"those of {' and '.join(map(str, there))}" if there else "none"
        raise StateError(
            f"backup {origin(manifest)} comes from PostgreSQL {dumped}, and this host has no server programs of "
            f"{dumped} or newer, but {has}; install postgresql-{dumped} for a drill at a scratch server, or give "
            "scratch: false"
        )
    spoken = [version for version in fit if version >= TRANSACTION_TIMEOUT or client < TRANSACTION_TIMEOUT]
    return (spoken or fit)[0]


def is_trusted(control: str) -> bool:
    """Whether an owner of a database may create the extension with this control file."""
    said = {name: value.lower() in ("true", "on", "yes", "1") for name, value in _CONTROL.findall(control)}
    return said.get("trusted", False) or not said.get("superuser", True)


def refuse_full_scratch(space: Space, manifest: Manifest) -> None:
    """Raise StateError where not even an empty cluster and the dump have room."""
    needed = EMPTY + manifest.dump.size
    if needed > space.free:
        raise StateError(
            f"backup {origin(manifest)} needs more than {needed} bytes in {space.path} for the scratch server, and "
            f"{space.free} are free; make room, or give another scratch_directory"
        )


def configuration(place: Place, roles: Roles, memory_mb: int, account: str) -> dict[str, str]:
    """The files of the server, by path. account: the one that the module runs as, by name."""
    hba, ident = f"{place.path}/pg_hba.conf", f"{place.path}/pg_ident.conf"
    settings: Mapping[str, Any] = {
        "data_directory": place.data,
        "hba_file": hba,
        "ident_file": ident,
        "listen_addresses": "",
        "unix_socket_directories": place.socket,
        "port": PORT,
        "max_connections": 50,
        "max_locks_per_transaction": 256,
        "shared_buffers": f"{memory_mb // 4}MB",
        "password_encryption": "scram-sha-256",
        "authentication_timeout": "10s",
        # it is thrown away, also after a crash
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "max_logical_replication_workers": 0,
        "restart_after_crash": "off",
        # code in a dump would fill the disk by its warnings
        "log_min_messages": "fatal",
    }
    login = _name(roles.login)
    rules = [
        f"local all {SUPERUSER} peer map=gantry",
        f"local all {login} peer map=gantry",
        *(f"local all {_name(lent)} scram-sha-256" for lent in (roles.restore, roles.write)),
        # the owner, which is Odoo: who passes the door may log in as it
        "local all all trust",
    ]
    names = [f"gantry {_name(account)} {SUPERUSER}", f"gantry {_name(account)} {login}"]
    return {
        place.config: "".join(f"{name} = {_value(value)}\n" for name, value in settings.items()),
        hba: "".join(f"{line}\n" for line in rules),
        ident: "".join(f"{line}\n" for line in names),
    }


def _value(value: Any) -> str:
    escaped = str(value).replace("'", "''")
    return f"'{escaped}'"


def _name(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def confined(place: Place, account: Account, version: int) -> tuple[str, ...]:
    """The command that makes the cluster and runs its server, with no network, no process and no socket but its own."""
    arguments = (str(account.uid), str(account.gid), f"{PROGRAMS}/{version}/bin", place.data, place.config, place.path)
    return ("unshare", *_NAMESPACES, "--", "/bin/sh", "-c", _SCRIPT, "sh", *arguments)


def limited(command: Sequence[str], memory_mb: int, database: str) -> tuple[str, ...]:
    """The same command in a scope of systemd, which gives it little beside the services of the host."""
    limits = {
        "MemoryMax": f"{memory_mb}M",
        "MemorySwapMax": "0",
        "TasksMax": "256",
        "CPUWeight": "20",
        "IOWeight": "20",
    }
    options = [f"--property={name}={value}" for name, value in limits.items()]
    said = f"--description=PostgreSQL for the restore drill {database}"
    return ("systemd-run", "--scope", "--quiet", "--collect", said, *options, "--", *command)


def odoo_options(place: Place, owner: str) -> tuple[str, ...]:
    """The options by which Odoo finds the server.

    The password is none: a server that a dump has taken over could ask for the one in odoo.conf.
    """
    return (
        f"--db_host={place.socket}",
        f"--db_port={PORT}",
        f"--db_user={owner}",
        "--db_password=none",
        "--db_sslmode=disable",
    )
