# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that did not do what they were asked for."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_verify import parts_down, unsettled


def test_a_host_that_was_done_is_down_unless_it_was_verified_again() -> None:
    served = {"part_done": "r2", "part_serves": True}
    known = {"app1": served, "app2": {"part_done": "r2", "part_down": "Verify: 503"}, "app3": {"part_done": "r2"}}
    # one that the change was not done with is none of these
    known["app4"] = {"part_down": "Verify: 503"}
    assert parts_down(known) == {"app2": "Verify: 503", "app3": "app3 was lost"}
    assert parts_down({"app1": served, "edge1": {}}) == {}


def test_a_recovery_names_the_hosts_without_scheduled_jobs() -> None:
    known = {"app1": {"recover_settled": True}, "app2": {"recover_unsettled": "Run the instances: 503"}, "app3": {}}
    assert unsettled(["app1", "app2", "app3"], known) == [
        "scheduled jobs do not run on app2: Run the instances: 503",
        "scheduled jobs do not run on app3: app3 was lost",
    ]
