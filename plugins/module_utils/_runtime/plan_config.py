# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the options of Odoo in an instance's configuration. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

# Odoo's own options that an administrator may override, for all instances or for one.
DEFAULTS: Mapping[str, Any] = {
    "limit_memory_soft": 2147483648,
    "limit_memory_hard": 2684354560,
    "limit_time_cpu": 60,
    "limit_time_real": 120,
    "limit_time_real_cron": 900,
    "db_maxconn": 16,
    "log_level": "info",
    # bus answers /websocket/health also where no database, or more than one, matches db_filter
    "server_wide_modules": "base,rpc,web,bus",
}

# Options that the role sets itself, from variables of its own.
RESERVED = (
    "addons_path",
    "admin_passwd",
    "data_dir",
    "db_host",
    "db_name",
    "db_password",
    "db_port",
    "db_sslmode",
    "db_user",
    "dbfilter",
    "gevent_port",
    "http_interface",
    "http_port",
    "list_db",
    "logfile",
    "max_cron_threads",
    "proxy_mode",
    "workers",
)


def plan_options(name: str, shared: Mapping[str, Any], own: Mapping[str, Any], stop_timeout: int) -> dict[str, Any]:
    """The options of an instance, by name in order: its own over those of all instances over the defaults.

    stop_timeout: seconds that requests get to end. Raises InputError.
    """
    given = {**shared, **own}
    taken = sorted(set(given) & set(RESERVED))
    if taken:
        raise InputError(
            f"odoo_options of {name}: {', '.join(taken)} cannot be set here; the role has a variable of its own for it"
        )
    broken = sorted(key for key, value in given.items() if "\n" in f"{key}{value}")
    if broken:
        raise InputError(
            f"odoo_options of {name}: {', '.join(map(repr, broken))} has a line break; give it on one line"
        )
    options = {**DEFAULTS, **given}
    try:
        limit = int(options["limit_time_real"])
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"odoo_options of {name}: limit_time_real is {options['limit_time_real']!r}, not a number of seconds"
        ) from error
    if limit > stop_timeout:
        raise InputError(
            f"odoo_options of {name}: limit_time_real is {limit} s, above odoo_stop_timeout ({stop_timeout} s), so a "
            "stop would cut requests off; lower the one or raise the other"
        )
    return dict(sorted(options.items()))
