# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be meant is told in one sentence by the playbooks' precheck, and no host has been changed then."""

from __future__ import annotations

import base64
import copy
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.integration.ansible import PlaybookRun
from tests.lab.hosts import Lab
from tests.lab.state import ROOT

Inventory = dict[str, Any]
RELEASES = ROOT / "tests/lab/releases"
RELEASE = min(one.name for one in RELEASES.iterdir() if one.is_dir())
KEY = {"name": "lab", "secret": base64.b64encode(b"l" * 32).decode()}


def estate() -> Inventory:
    """A declared estate whose hosts are this machine: the precheck only reads, and these tests end in it."""

    def hosts(*names: str, **variables: Any) -> dict[str, Any]:
        return {"hosts": {name: {} for name in names}, "vars": variables}

    runs = {"odoo_database_server": "db1"}
    return {
        "all": {
            "vars": {
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
                "ansible_become": False,
                "odoo_runtime_groups": ["app"],
                "odoo_tenants": [
                    {"name": name, "runtime": {"group": "app"}, "routes": [{"host": f"{name}.lab.example"}]}
                    for name in ("north", "south")
                ],
                "odoo_release": RELEASE,
                "odoo_release_source": str(RELEASES),
                "backup_repository": {"bucket": "none", "endpoint_url": "https://127.0.0.1:1", "keys": [KEY]},
            },
            "children": {
                "edge": hosts("edge1"),
                "cache": hosts("cache1"),
                "database": hosts("db1"),
                "app": hosts("app1", odoo_runtime="systemd", **runs),
            },
        }
    }


def refused(run: PlaybookRun) -> str:
    """The one sentence that a run failed with, after it is sure that the run changed nothing."""
    run.expect_failure()
    assert run.changed == 0
    assert len(set(run.errors)) == 1, run.errors
    return run.errors[0]


def without(group: str) -> Callable[[Inventory], None]:
    """An inventory that lacks a group."""
    return lambda inventory: inventory["all"]["children"].pop(group)


def tenants(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[Inventory], None]:
    """An inventory whose tenants are changed."""
    return lambda inventory: change(inventory["all"]["vars"]["odoo_tenants"])


def source(path: str) -> Callable[[Inventory], None]:
    """An inventory with a release source."""
    return lambda inventory: inventory["all"]["vars"].update(odoo_release_source=path)


@pytest.mark.parametrize(
    ("spoil", "playbook", "variables", "sentence"),
    [
        (
            tenants(lambda listed: listed[1].update(routes=[{"host": "north.lab.example"}], tenancy="dedicated")),
            "site",
            {},
            "tenants north and south both claim the host north.lab.example",
        ),
        (
            tenants(lambda listed: listed[0].update(runtime={"group": "vacant"})),
            "site",
            {},
            "tenant north runs on group vacant, which is not in the inventory",
        ),
        (
            source("/nowhere/releases"),
            "site",
            {},
            "odoo_release_source of app1 is /nowhere/releases, which is no directory of this controller; name",
        ),
        (
            source("{{ nobody_has_set_this }}/releases"),
            "site",
            {},
            "odoo_release_source of app1 cannot be read: 'nobody_has_set_this' is undefined; name a directory",
        ),
        (without("edge"), "site", {}, "the inventory has no hosts in edge"),
        (without("cache"), "site", {}, "the inventory has no hosts in cache"),
        (without("app"), "site", {}, "group app, which is not in the inventory"),
        (lambda inventory: None, "backup", {"tenant": "west"}, "tenant west is not declared in odoo_tenants"),
        (lambda inventory: None, "migrate", {"tenant": "north"}, "gantry.odoo.migrate: destination is required"),
        (lambda inventory: None, "patch", {}, "gantry.odoo.patch: patch_release is required"),
        (
            lambda inventory: None,
            "patch",
            {"patch_release": "2026.11.2", "patch_group": "app", "change_class": "urgent"},
            "patch_group is now called patch_odoo_group; set patch_odoo_group instead; change_class must be one of",
        ),
        (
            lambda inventory: None,
            "patch_redis",
            {"patch_redis_group": "caches"},
            "patch_redis_group is caches, which has no hosts in the inventory",
        ),
        (
            tenants(lambda listed: listed[0]["routes"][0].update(allow="10.0.0.1/8", audience="internal")),
            "site",
            {},
            "odoo_tenants[0].routes[0].allow has '10.0.0.1/8', which is not a network in CIDR form",
        ),
        (
            tenants(lambda listed: listed[0].update(routes=listed[0]["routes"] * 2)),
            "site",
            {},
            "routes north-public and north-public-1 of owner gantry both answer for north.lab.example",
        ),
        (
            tenants(lambda listed: listed[0]["routes"][0].update(allow="10.0.0.0/8", audience="internal")),
            "site",
            {},
            "and a public CA publishes each name or cannot validate it; declare an authority for them in",
        ),
        (
            lambda inventory: None,
            "restore",
            {"tenant": "north", "restore_time": "2026-11-22", "estate_drained": [], "backup_repository": {}},
            "gantry.odoo.restore: estate_drained is set by the playbook itself, and an extra variable would act in its "
            "place; take it away; restore_time is no input; there are restore_accept_older, restore_at, restore_backup",
        ),
        (
            lambda inventory: inventory["all"]["vars"].update(change_store=None),
            "precheck",
            {},
            "change_store is set and empty",
        ),
        (
            lambda inventory: inventory["all"]["vars"].update(change_store={"directory": ""}),
            "precheck",
            {},
            "store.directory: the path is empty; give an absolute one",
        ),
        (
            lambda inventory: inventory["all"]["children"].update(patch_redis_primaries={"hosts": {"cache1": {}}}),
            "patch_redis",
            {},
            "the inventory has patch_redis_primaries before the playbook makes a group of that name",
        ),
    ],
    ids=[
        "two tenants with one host",
        "empty group",
        "no release source",
        "a release source beside an inventory that is no file",
        "no edge",
        "no cache",
        "no runtime group",
        "unknown tenant",
        "no destination",
        "no release",
        "a former name, and a class that is not known",
        "a group of Redis hosts that is not there",
        "a network with host bits",
        "one host twice for one audience",
        "an internal name for a public CA",
        "variables that are no inputs",
        "an empty store",
        "a store in no directory",
        "a group like those of playbooks",
    ],
)
def test_a_declaration_that_cannot_be_meant(
    run_playbook: Callable[..., PlaybookRun],
    spoil: Callable[[Inventory], None],
    playbook: str,
    variables: dict[str, Any],
    sentence: str,
) -> None:
    inventory = copy.deepcopy(estate())
    spoil(inventory)
    assert sentence in refused(run_playbook(f"gantry.odoo.{playbook}", inventory, variables))


def test_the_examples_of_the_roles_that_touch_no_host(run_playbook: Callable[..., PlaybookRun]) -> None:
    """They run as printed, and Ansible warns of nothing."""
    for role in ("estate", "change"):
        readme = (ROOT / f"roles/{role}/README.md").read_text(encoding="utf-8")
        # the first one; the others prepare hosts
        example = re.findall(r"^```yaml\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[0]
        run = run_playbook(yaml.safe_load(example), estate(), check=True, command_line=True).expect_success()
        assert "[WARNING]" not in run.stdout + run.stderr


def test_a_host_that_cannot_be_reached(run_playbook: Callable[..., PlaybookRun]) -> None:
    inventory = estate()
    # Port 1 of this machine answers at once that nobody is there.
    inventory["all"]["children"]["cache"]["hosts"]["cache1"] = {
        "ansible_connection": "ssh",
        "ansible_host": "127.0.0.1",
        "ansible_port": 1,
    }
    run = run_playbook("gantry.odoo.site", inventory).expect_failure()
    assert run.changed == 0
    # Ansible's own message comes first, and the precheck judges it.
    ansible_said, sentence = run.errors
    assert sentence.startswith("cache1 cannot be reached, so that nothing is begun: start it, or,")
    assert sentence.endswith(ansible_said)


def test_a_silent_postgresql_is_not_taken_for_an_empty_one(run_playbook: Callable[..., PlaybookRun]) -> None:
    sentence = refused(run_playbook("gantry.odoo.precheck", estate()))
    assert "PostgreSQL on db1 does not answer" in sentence


def test_a_bucket_that_is_not_there(run_playbook: Callable[..., PlaybookRun], lab: Lab) -> None:
    lab.host("s3")
    inventory = estate()
    inventory["all"]["vars"]["backup_repository"] = {
        "endpoint_url": f"https://{lab.address('s3')}:9000",
        "bucket": "no-such-bucket",
        "access_key": lab.state.secret("s3_access_key"),
        "secret_key": lab.state.secret("s3_secret_key"),
        "keys": [{"name": "lab", "secret": lab.state.sealing_key("backup_key")}],
        "ca_bundle": str(lab.state.ca),
    }
    assert "no-such-bucket" in refused(run_playbook("gantry.odoo.site", inventory))


def test_credentials_that_the_bucket_refuses(run_playbook: Callable[..., PlaybookRun], lab: Lab) -> None:
    lab.host("s3")
    inventory = estate()
    inventory["all"]["vars"]["backup_repository"] = {
        "endpoint_url": f"https://{lab.address('s3')}:9000",
        "bucket": "gantry-backup",
        "access_key": lab.state.secret("s3_access_key"),
        "secret_key": "not-the-secret",
        "keys": [{"name": "lab", "secret": lab.state.sealing_key("backup_key")}],
        "ca_bundle": str(lab.state.ca),
    }
    run = run_playbook("gantry.odoo.site", inventory)
    assert "gantry-backup" in refused(run)
    assert "not-the-secret" not in run.stdout + run.stderr
