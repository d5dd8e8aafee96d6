# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What waits for a restart, with the playbook that restarts it."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._estate.report_pending import (
    report_pending,
    report_releases,
)

NEWER = "its configuration was written after its start"


def test_each_process_is_named_with_its_host_its_reason_and_its_playbook() -> None:
    variables = {
        "app1": {
            "odoo_running_release": "2026.11.1",
            "odoo_pending": [
                {"instance": "shared", "what": "web process of shared", "why": NEWER},
                {"instance": "shared", "what": "cron process of shared", "why": NEWER},
            ],
        },
        "box1": {
            "odoo_running_release": "2026.11.2",
            "odoo_pending": [{"instance": "harbour", "what": "web process of harbour", "why": NEWER}],
            "postgresql_pending": [{"what": "PostgreSQL", "why": "the new max_connections needs a restart"}],
        },
        "cache1": {"redis_pending": [{"what": "redis-server@gantry", "why": "its program is newer"}]},
        "edge1": {"traefik_pending": []},
        "db1": {"postgresql_pending": None},
    }
    patch = "ansible-playbook gantry.odoo.patch -e patch_odoo_group="
    assert report_pending(sorted(variables), variables, {"app1": "app", "box1": "box"}) == [
        f"app1: web process of shared: {NEWER}; {patch}app -e patch_release=2026.11.1 restarts it",
        f"app1: cron process of shared: {NEWER}; {patch}app -e patch_release=2026.11.1 restarts it",
        "box1: PostgreSQL: the new max_connections needs a restart; "
        "ansible-playbook gantry.odoo.site -e site_restart_postgresql=true restarts it",
        f"box1: web process of harbour: {NEWER}; {patch}box -e patch_release=2026.11.2 restarts it",
        "cache1: redis-server@gantry: its program is newer; ansible-playbook gantry.odoo.patch_redis restarts it",
    ]


def test_a_group_whose_hosts_run_different_releases_is_named() -> None:
    group_of = {"app1": "app", "app2": "app", "app3": "app", "app4": "app", "box1": "box"}
    running = {"app1": "r1", "app2": "r2", "app3": "r1", "app4": None, "box1": "r1"}
    variables = {host: {"odoo_running_release": release} for host, release in running.items()}
    assert report_releases(variables, group_of) == [
        "hosts of app run different releases: r1 on app1 and app3, r2 on app2; ansible-playbook gantry.odoo.patch "
        "-e patch_odoo_group=app -e patch_release=RELEASE brings all of them to one"
    ]
    assert report_releases({**variables, "app2": {}}, group_of) == []
