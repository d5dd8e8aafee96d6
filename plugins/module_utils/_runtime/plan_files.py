# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the directories and files of a host's instances, as host_files takes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Layout

_HEADER = "# Managed by gantry.odoo.odoo.\n"
_PACKAGED = "/usr/lib/python3/dist-packages/odoo/addons,/usr/lib/python3/dist-packages/addons"
File = dict[str, Any]


def own_options(
    layout: Layout, instance: Mapping[str, Any], database: tuple[str, int], http_interface: str
) -> dict[str, Any]:
    """The options of odoo.conf that the role sets itself. database: host and port of the server."""
    return {
        "addons_path": f"{layout.current}/addons,{_PACKAGED}",
        "data_dir": layout.data(instance["name"]),
        # without a master password the database manager is disabled
        "admin_passwd": "",
        "list_db": False,
        "proxy_mode": True,
        "dbfilter": instance["db_filter"],
        "db_host": database[0],
        "db_port": database[1],
        "db_user": instance["db_user"],
        "db_password": instance["db_password"],
        "db_sslmode": "verify-full",
        "http_interface": http_interface,
        "http_port": instance.get("http_port", 8069),
        "gevent_port": instance.get("websocket_port", 8072),
        "workers": instance.get("workers", 2),
        # scheduled actions run in a process of their own
        "max_cron_threads": 0,
    }


def plan_instance_files(layout: Layout, uid: int, authority: str, texts: Mapping[str, str]) -> list[File]:
    """The items of a host. authority: PEM text. texts: the options of each instance, as lines of odoo.conf."""
    owner = str(uid)
    return [
        {"path": layout.root, "mode": "0755"},
        {"path": layout.releases, "mode": "0755"},
        {"path": layout.config_dir, "mode": "0755"},
        {"path": layout.data_dir, "owner": owner, "mode": "0755"},
        *({"path": layout.data(name), "owner": owner, "mode": "0750"} for name in texts),
        {"path": layout.ca_path, "content": f"{authority.strip()}\n", "mode": "0644"},
        *(
            {"path": layout.config(name), "secret": f"{_HEADER}[options]\n{text}", "group": owner, "mode": "0640"}
            for name, text in texts.items()
        ),
    ]


def plan_cron_files(layout: Layout, instances: Sequence[Mapping[str, Any]]) -> list[File]:
    """The environment files that name the databases which the cron process of each instance visits."""
    return [
        {
            "path": layout.cron(instance["name"]),
            "content": (
                f"{_HEADER}GANTRY_CRON_DATABASES={','.join(instance.get('databases') or [])}\n"
                f"GANTRY_CRON_THREADS={instance.get('cron_threads', 1)}\n"
            ),
            "mode": "0644",
        }
        for instance in instances
    ]
