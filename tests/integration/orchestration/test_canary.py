# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release meets a canary first, then all hosts, or goes back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.orchestration import world as worlds
from tests.integration.orchestration.rig import TENANTS, Rig
from tests.integration.orchestration.test_bad_nights import acted, left, lose
from tests.integration.orchestration.test_moves import parts
from tests.integration.orchestration.world import Node

CANARY: dict[str, Any] = {
    "odoo_canary": "{{ inventory_hostname == 'app2' }}",
    "odoo_tenants": [
        {**one, "sticky": True, "canary": {"percent": 10, "header": {"name": "X-Canary", "value": "next"}}}
        for one in TENANTS
    ],
}


def running(rig: Rig) -> dict[str, str]:
    return {name: node.release for name, node in rig.world.nodes.items() if node.group == "app"}


@pytest.fixture
def patched(rig: Rig) -> Rig:
    """An estate whose hosts run the first patch of a release."""
    with worlds.opened(rig.file) as world:
        for node in world.nodes.values():
            node.release = "1.1"
    return rig


def test_a_release_goes_to_the_canary_alone(patched: Rig) -> None:
    patched.play("patch", patch_release="1.2", patch_hosts=["app2"], **CANARY).expect_success()
    assert running(patched) == {"app1": "1.1", "app2": "1.2"}
    assert not [one for one in acted(patched) if one.startswith("app1")]
    (route, *_others) = patched.world.routes["edge1"]
    assert (route["canary"]["servers"], route["canary"]["percent"]) == ([route["servers"][1]["url"]], 10)
    assert (patched.world.harm, parts(patched)) == ([], {})


@pytest.mark.deep
def test_a_canary_is_promoted_by_a_patch_of_all_hosts(patched: Rig) -> None:
    refused = patched.play("patch", patch_release="2.1", patch_hosts=["app2"], **CANARY).expect_failure()
    assert "app2 is a canary of app and would serve with 2.1, and app1 with 1.1" in refused.errors[0]
    refused = patched.play("patch", patch_release="1.2", patch_hosts=["app2"]).expect_failure()
    assert "no canaries would serve at once with different releases (app1 with 1.1, app2 with 1.2)" in refused.errors[0]
    refused = patched.play("patch", patch_release="1.2", patch_hosts=["box1"], **CANARY).expect_failure()
    assert "patch_hosts has box1, which app has not; choose among app1, app2" in refused.errors[0]
    patched.play("patch", patch_release="1.2", patch_hosts=["app2"], **CANARY).expect_success()
    patched.play("site", **CANARY).expect_success()
    patched.play("patch", patch_release="1.2", **CANARY).expect_success()
    patched.play("site").expect_success()
    assert running(patched) == {"app1": "1.2", "app2": "1.2"}
    assert "canary" not in patched.world.routes["edge1"][0]
    assert (patched.world.harm, parts(patched)) == ([], {})


@pytest.mark.deep
def test_a_canary_is_judged_where_the_first_host_is_of_another_group(patched: Rig) -> None:
    with worlds.opened(patched.file) as world:
        world.nodes = {"aaa1": Node("aaa", "db1"), **world.nodes}
        world.nodes["app2"].release = "2.1"
    refused = patched.play("site", odoo_runtime_groups=["aaa", "app", "box"], **CANARY).expect_failure()
    assert "app2 is a canary of app and would serve with 2.1, and app1 with 1.1" in refused.errors[0]


@pytest.mark.deep
def test_a_canary_is_aborted_without_downtime_though_its_release_does_not_run(patched: Rig) -> None:
    with worlds.opened(patched.file) as world:
        world.nodes["app2"].release = "1.2"
        world.nodes["app2"].running = False
    drained = {**CANARY, "odoo_drained": "{{ inventory_hostname == 'app2' }}"}
    patched.play("patch", patch_release="1.1", patch_hosts=["app2"], **drained).expect_success()
    assert running(patched) == {"app1": "1.1", "app2": "1.1"}
    (route, *_others) = patched.world.routes["edge1"]
    assert [server["drained"] for server in route["servers"]] == [False, True]
    assert (patched.world.harm, parts(patched)) == ([], {})


@pytest.mark.deep
@pytest.mark.parametrize("way", ["finish", "undo"])
def test_a_canary_that_was_interrupted_is_resumed_alone(patched: Rig, way: str) -> None:
    lose(patched, "app2 odoo stop", "cut after", "patch", patch_release="1.2", patch_hosts=["app2"], **CANARY)
    patched.play("resume", change=left(patched), way=way, **CANARY).expect_success()
    assert running(patched) == {"app1": "1.1", "app2": "1.2" if way == "finish" else "1.1"}
    assert (patched.world.harm, parts(patched)) == ([], {})
