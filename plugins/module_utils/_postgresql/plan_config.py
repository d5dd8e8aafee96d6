# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the settings of a PostgreSQL server, and who may reach it. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import is_address

_NAME = re.compile(r"[a-z_][a-z0-9_.]*")


def tuned(memory_mb: int, processors: int) -> dict[str, Any]:
    """The settings for a server of Odoo with so much memory.

    A quarter of the memory is the server's own cache; a statement may use work_mem several times, and Odoo has many
    short ones.
    """
    return {
        "max_connections": 200,
        "shared_buffers": f"{max(128, memory_mb // 4)}MB",
        "effective_cache_size": f"{max(256, memory_mb * 3 // 4)}MB",
        "work_mem": f"{max(4, min(64, memory_mb // 256))}MB",
        "maintenance_work_mem": f"{max(64, min(2048, memory_mb // 16))}MB",
        "max_wal_size": f"{max(1024, min(8192, memory_mb // 2))}MB",
        "min_wal_size": "256MB",
        "wal_compression": "lz4",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": 0.9,
        "random_page_cost": 1.1,
        "effective_io_concurrency": 200,
        "max_worker_processes": max(8, processors),
        "max_parallel_workers": max(2, processors),
        "max_parallel_workers_per_gather": max(1, min(4, processors // 2)),
        "jit": False,
        "autovacuum_vacuum_scale_factor": 0.05,
        "autovacuum_analyze_scale_factor": 0.02,
        "idle_in_transaction_session_timeout": "15min",
        "tcp_keepalives_idle": 60,
        "tcp_keepalives_interval": 10,
        "tcp_keepalives_count": 6,
        "log_min_duration_statement": "1s",
        "log_lock_waits": True,
        "log_temp_files": "10MB",
        "log_line_prefix": "%m [%p] %q%u@%d %a ",
        "track_io_timing": True,
        "shared_preload_libraries": "pg_stat_statements",
    }


def verify_settings(settings: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
    """Raise InputError for settings that the role answers for, and for those that would break the file."""
    taken = sorted(set(settings) & set(fixed))
    if taken:
        raise InputError(
            f"postgresql_settings may not hold {', '.join(taken)}: the role sets that from a variable of its own"
        )
    odd = [str(name) for name in settings if not _NAME.fullmatch(str(name))]
    broken = [str(name) for name, value in settings.items() if "\n" in str(value)]
    if odd or broken:
        raise InputError(
            "postgresql_settings takes names such as work_mem with a value of one line each, "
            f"not {', '.join(odd + broken)}"
        )


def config(settings: Mapping[str, Any], memory_mb: int, processors: int, fixed: Mapping[str, Any]) -> str:
    """The lines of the settings. settings: over the tuned ones. fixed: those that win over both. Raises InputError."""
    verify_settings(settings, fixed)
    merged = {**tuned(memory_mb, processors), **settings, **fixed}
    return "".join(f"{name} = '{_value(merged[name])}'\n" for name in sorted(merged))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value).replace("'", "''")


def verify_networks(networks: Sequence[Any]) -> list[str]:
    """The networks, when each is one in CIDR notation. Raises InputError."""
    odd = [str(network) for network in networks if not _is_network(str(network))]
    if odd:
        raise InputError(
            f"postgresql_allowed_networks takes networks in CIDR notation such as 10.20.0.0/16, not {', '.join(odd)}"
        )
    return [str(network) for network in networks]


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return text.rpartition("/")[2].isdigit() and "/" in text


def alternative_names(names: Sequence[str]) -> list[str]:
    """The names and addresses of a certificate as its extension spells them, names first."""
    addresses = [name for name in names if is_address(name)]
    return [*(f"DNS:{name}" for name in names if name not in addresses), *(f"IP:{name}" for name in addresses)]
