# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that approves needs an inventory, a change store and the key of the person, and no host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_approvals import Approvals
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import Asked
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_inventory import read_inventory
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from tests.integration import change_store
from tests.lab.state import ROOT


def test_a_change_is_shown_and_approved_without_a_host(tmp_path: Path) -> None:
    key, store = tmp_path / "id_ed25519", tmp_path / "store"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    tom = {"name": "tom", "may": ["approve"], "keys": [{"key": Path(f"{key}.pub").read_text(encoding="utf-8")}]}
    variables = {
        "change_store": {"directory": str(store), "outbox": str(tmp_path / "outbox")},
        "change_identities": [{"name": "mara", "logins": ["mara"], "may": ["request"]}, tom],
    }
    hosts = tmp_path / "hosts.yml"
    hosts.write_text(yaml.safe_dump({"all": {"hosts": {"app1": {}}, "vars": variables}}), encoding="utf-8")
    approvals, inventory = Approvals(Directory(str(store))), read_inventory([str(hosts)])
    asked = Asked(
        "mara", "patch", "normal", "the release of November", inventory, {"classes": "0" * 64}, {"release": "2026.11"}
    )
    approvals.ask(asked, approvals.objects.now(), Deadline(20))

    argv = [Path(sys.executable).with_name("ansible-playbook"), "-i", hosts, "gantry.odoo.approve"]
    inputs = ["-e", f"approve_digest={asked.digest}", "-e", f"approve_key={key}"]
    env = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    done = subprocess.run([*argv, *inputs], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  release: 2026.11" in done.stdout
    assert "tom has approved request 1; its requester runs the change again" in done.stdout
    (entry,) = change_store.entries(store)
    assert (entry["event"], entry["facts"]["by"], entry["facts"]["digest"]) == ("approved", "tom", asked.digest)
