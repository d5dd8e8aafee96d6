# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches on a bad day: the real plays, ledger and leases, with the work on hosts and edges noted instead of done.

A host is lost by a refused SSH connection, in the middle of a real step. What a host does is a line in a file.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration import ansible, change_store
from tests.lab.state import ROOT
from tests.lab.wait import until

NODES = ("app1", "app2", "app3")
CACHES = ("cache1", "cache2", "cache3")
_DEAD = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
_NOTE = {
    "delegate_to": "localhost",
    "vars": {"ansible_connection": "local", "ansible_become": False},
    "changed_when": True,
}
_STEP = "{{ inventory_hostname ~ ' ' ~ odoo_entry ~ ' ' ~ odoo_release | default('') }}"
_GONE = "true"
_UNTIL_KEPT = (
    "(for i in $(seq 300); do ls outbox/*/*.json && break; sleep 0.1; done; rm store && mv away store)"
    " > /dev/null 2>&1 &"
)
_ODOO = [
    {
        "name": "note the step",
        "ansible.builtin.shell": (
            "echo {{ inventory_hostname }} {{ odoo_entry }} {{ odoo_release | default('') }} >> {{ sim }}"
        ),
        **_NOTE,
    },
    {
        "name": "lose the store, in one step for good, in another until an event is kept",
        "ansible.builtin.shell": ("cd {{ sim | dirname }} && mv store away && touch store && {{ away[step] }}"),
        **_NOTE,
        "vars": {**_NOTE["vars"], "step": _STEP},
        "when": "step in away",
    },
    {
        "name": "reach the host",
        "ansible.builtin.command": "true",
        "vars": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
        "when": "(inventory_hostname ~ ' ' ~ odoo_entry) in lost",
    },
    {
        "name": "do the step",
        "ansible.builtin.fail": {"msg": "no space left on device"},
        "when": "(inventory_hostname ~ ' ' ~ odoo_entry ~ ' ' ~ odoo_release | default('')) in failing",
    },
    {
        "name": "publish the release",
        "ansible.builtin.set_fact": {
            "odoo_running_release": (
                "{{ odoo_release if odoo_entry == 'activate' else odoo_running_release | default(before) }}"
            )
        },
    },
]
_PRECHECK = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"name": "inputs", "ansible.builtin.include_tasks": "tasks/inputs.yml"},
            {
                "name": "estate",
                "ansible.builtin.set_fact": {
                    "estate": {
                        "groups": {
                            "app": {"hosts": "{{ groups['app'] }}", "serving": "{{ groups['app'] }}", "subjects": []}
                        },
                        "group_of": dict.fromkeys(NODES, "app"),
                        "certificates": [],
                    }
                },
            },
        ],
    }
]


_ROLES = ("redis", "certificate", "traefik")


def _noted(tasks: Any) -> Any:
    """The same plays or tasks, with the roles that act on hosts noted instead of done."""
    if isinstance(tasks, list):
        return [_noted(one) for one in tasks]
    if not isinstance(tasks, dict):
        return tasks
    role = tasks.get("ansible.builtin.include_role", {})
    name = role.get("name", "").removeprefix("gantry.odoo.")
    if name not in _ROLES:
        return {key: _noted(value) for key, value in tasks.items()}
    kept = {key: value for key, value in tasks.items() if key in ("name", "when")}
    entry = {"odoo_entry": f"{name} {role.get('tasks_from', 'main')}"}
    return {**kept, "ansible.builtin.include_tasks": "{{ playbook_dir }}/tasks/odoo.yml", "vars": entry}


@dataclass
class Estate:
    """Three nodes and an edge, all of them this machine."""

    path: Path
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What was done, in its order; a render of the routes with those that are drained."""
        file = self.path / "notes"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def forget(self) -> None:
        """Begin with empty notes."""
        (self.path / "notes").unlink(missing_ok=True)

    @property
    def store(self) -> Path:
        return self.path / "store"

    def events(self) -> list[str]:
        """The events of the ledger, with the part that they speak of."""
        return [
            " ".join([entry["event"], *([entry["facts"]["part"]] if "part" in entry["facts"] else [])])
            for entry in change_store.entries(self.store)
        ]

    def play(
        self,
        name: str,
        *,
        lost: tuple[str, ...] = (),
        failing: tuple[str, ...] = (),
        away: dict[str, str] | None = None,
        **extra: Any,
    ) -> Any:
        """Run a playbook.

        lost: hosts and steps at which they are lost. failing, away: hosts, steps and releases at which a host fails,
        and at which the change store is lost, with a command that may bring it back.
        """
        inventory = {
            "all": {
                "vars": {
                    "ansible_connection": "local",
                    "ansible_become": False,
                    "ansible_ssh_common_args": "-o ConnectTimeout=2",
                    "change_store": {"directory": str(self.store), "outbox": str(self.path / "outbox")},
                    "sim": str(self.path / "notes"),
                    "before": "r1",
                    "lost": list(lost),
                    "failing": list(failing),
                    "away": away or {},
                    "certificate_results": [],
                    "redis_info": {
                        "faults": [],
                        "refused": None,
                        "nodes": [
                            {"host": node, "role": "replica" if node != "cache1" else "primary", "version": "8"}
                            for node in CACHES
                        ],
                    },
                    "redis_successor": "cache2",
                    "redis_restart_needed": True,
                },
                "children": {
                    "app": {"hosts": {node: {} for node in NODES}},
                    "cache": {"hosts": {node: {"redis_is_primary": node == "cache1"} for node in CACHES}},
                    "edge": {"hosts": {edge: _DEAD if edge in lost else {} for edge in ("edge1", "edge2")}},
                },
            }
        }
        return ansible.run_playbook(self.path / f"playbooks/{name}.yml", inventory, extra)

    def patch(self, **options: Any) -> Any:
        """Run gantry.odoo.patch to release r2."""
        return self.play("patch", patch_release="r2", **options)


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """The playbooks of the collection, without what they do on hosts and edges."""
    shutil.copytree(ROOT / "playbooks", tmp_path / "playbooks")
    for file in (tmp_path / "playbooks").rglob("*.yml"):
        if file.parent.name != "inputs":
            noted = _noted(yaml.safe_load(file.read_text(encoding="utf-8")))
            file.write_text(yaml.safe_dump(noted, sort_keys=False), encoding="utf-8")
    (tmp_path / "playbooks/tasks/prove_certificates.yml").write_text("[]", encoding="utf-8")
    (tmp_path / "playbooks/precheck.yml").write_text(yaml.safe_dump(_PRECHECK), encoding="utf-8")
    (tmp_path / "playbooks/tasks/odoo.yml").write_text(yaml.safe_dump(_ODOO), encoding="utf-8")
    gather, resolve, _edges = yaml.safe_load((ROOT / "playbooks/tasks/routes.yml").read_text(encoding="utf-8"))
    note = {
        "name": "note the routes",
        "ansible.builtin.shell": "echo routes without {{ estate_drained | sort | join(' ') or 'none' }} >> {{ sim }}",
        **_NOTE,
    }
    note["vars"] = {**_NOTE["vars"], **resolve["vars"]}  # type: ignore[dict-item]
    (tmp_path / "playbooks/tasks/routes.yml").write_text(yaml.safe_dump([gather, note]), encoding="utf-8")
    return Estate(tmp_path)


def acted(estate: Estate) -> list[str]:
    """The notes from the first drain on: what was staged before changed nobody."""
    first = next((place for place, note in enumerate(estate.notes) if note.startswith("routes")), len(estate.notes))
    return estate.notes[first:]


def resumed(estate: Estate, staged: str) -> list[str]:
    """The notes of a resumed patch, without what reads: the release that each host that serves is proven at first."""
    return [
        note for note in estate.notes if not note.endswith((" facts", f" prove {staged}")) and " release " not in note
    ]


def one(node: str, release: str, *, out: tuple[str, ...] = ()) -> list[str]:
    """The notes of a node that is changed and proven, while others are out."""
    drained, others = " ".join(sorted({node, *out})), " ".join(sorted(out)) or "none"
    return [
        f"routes without {drained}",
        f"{node} stop {release}",
        f"{node} activate {release}",
        f"{node} prove {release}",
        f"routes without {others}",
    ]


def test_a_patch_changes_one_node_after_the_other(estate: Estate) -> None:
    estate.patch().expect_success()
    assert acted(estate) == [*one("app1", "r2"), *one("app2", "r2"), *one("app3", "r2")]
    assert estate.events() == [
        "opened",
        *(f"{event} {node}" for node in NODES for event in ("begun", "proven")),
        "closed",
    ]
    assert change_store.held(estate.store) == []


def test_a_node_that_is_lost_stops_all_others_and_stays_drained_until_it_is_proven(estate: Estate) -> None:
    run = estate.patch(lost=("app1 stop",))
    run.expect_failure()
    assert acted(estate) == ["routes without app1", "app1 stop r2"]
    assert estate.events() == ["opened", "begun app1", "unfinished"]
    assert (
        "patch-1 is not done: app1 left and is not proven to serve; app2 is untouched; app3 is untouched; run "
        in (run.errors[-1])
    )
    # nothing else begins, and says what to run
    (refused,) = estate.patch().expect_failure().errors
    assert refused.startswith("app1 left and is not proven to serve since ")
    assert refused.endswith("run gantry.odoo.resume -e change=patch-1 -e way=finish, or -e way=undo")
    estate.forget()
    # still lost: red again, and nobody else is touched
    estate.play("resume", change="patch-1", way="finish", lost=("app1 release",)).expect_failure()
    assert [note for note in resumed(estate, "r1") if "app2" in note or "app3" in note] == []
    estate.forget()
    interrupted = next(part["change"] for part in parts(estate))
    estate.play("resume", change=interrupted, way="finish").expect_success()
    assert resumed(estate, "r1") == [*one("app1", "r2"), *one("app2", "r2"), *one("app3", "r2")]
    assert parts(estate) == []


def test_a_node_that_fails_on_the_way_back_too_stays_drained(estate: Estate) -> None:
    run = estate.patch(failing=("app2 prove r2", "app2 activate r1"))
    run.expect_failure()
    # the way back fails as well: the node is left drained
    assert acted(estate) == [
        *one("app1", "r2"),
        *one("app2", "r2")[:-1],
        "routes without app2",
        "app2 activate r1",
    ]
    assert estate.events()[-2:] == ["failed app2", "unfinished"]
    assert (
        "app1 is done and proven; app2 failed and is not proven to serve (do the step: no space left" in run.errors[-1]
    )
    estate.forget()
    estate.play("resume", change="patch-1", way="undo").expect_success()
    # those that serve are proven before one is taken away, at the release that the estate of this test names
    notes = resumed(estate, "none")
    assert [*notes[:5], *sorted(notes[5:7]), *notes[7:]] == [
        *one("app2", "r1"),
        "app1 prove r1",
        "app3 prove r1",
        *one("app1", "r1"),
    ]
    assert parts(estate) == []


def test_a_node_that_was_put_back_serves_and_stops_the_others(estate: Estate) -> None:
    run = estate.patch(failing=("app2 stop r2",))
    run.expect_failure()
    assert acted(estate) == [
        *one("app1", "r2"),
        "routes without app2",
        "app2 stop r2",
        "routes without app2",
        "app2 activate r1",
        "app2 prove r1",
        "routes without none",
    ]
    assert (
        "app2 was put back as it was and serves (do the step: no space left on device); app3 is untouched"
        in (run.errors[-1])
    )
    assert "or gantry.odoo.patch with the same inputs to begin again" in run.errors[-1]
    estate.patch().expect_success()
    assert parts(estate) == []


def test_service_does_not_wait_for_the_store_and_what_happened_is_recorded_once(estate: Estate) -> None:
    run = estate.patch(away={"app1 prove r2": _UNTIL_KEPT, "app2 prove r2": _GONE})
    (sentence,) = run.expect_failure().errors
    # both nodes take users again, the second one without the store; the third is not begun
    assert acted(estate) == [*one("app1", "r2"), *one("app2", "r2")]
    assert sentence.startswith("patch-1 is not closed, as the change store could not be used: the directory ")
    assert "; what is not recorded yet (1) is kept in " in sentence
    assert sentence.endswith("run gantry.odoo.resume -e change=patch-1 -e way=finish on the same controller")
    estate.store.unlink()
    estate.store.with_name("away").rename(estate.store)
    # the program that renews the lease lives on for that
    until(lambda: None if not change_store.held(estate.store) else "held", "the end of the lease", 20)
    estate.forget()
    estate.play("resume", change="patch-1", way="finish").expect_success()
    assert resumed(estate, "r1") == one("app3", "r2")
    assert estate.events() == [
        "opened",
        *(f"{event} {node}" for node in ("app1", "app2") for event in ("begun", "proven")),
        "opened",
        "begun app3",
        "proven app3",
        "closed",
    ]
    late = [entry["facts"]["part"] for entry in change_store.entries(estate.store) if entry.get("late")]
    assert late == ["app1", "app2"]
    assert list((estate.path / "outbox").rglob("*.json")) == []


def test_a_cache_that_is_lost_stops_the_others_and_is_resumed_one_way(estate: Estate) -> None:
    estate.play("patch_redis", lost=("cache3 redis restart",)).expect_failure()
    assert [note.strip() for note in estate.notes if "facts" not in note] == [
        "cache2 redis upgrade",
        "cache2 redis restart",
        "cache3 redis upgrade",
        "cache3 redis restart",
    ]
    closed = change_store.entries(estate.store)[-1]
    assert closed["facts"]["parts"] == {"cache2": "proven", "cache3": "begun", "cache1": "planned"}
    (refused,) = set(estate.play("resume", change="patch_redis-1", way="undo").expect_failure().errors)
    assert refused.startswith("patch_redis-1 cannot be undone: ")
    assert "cache3: a program of Redis that was upgraded does not go back to the one before; finish the" in refused
    estate.forget()
    estate.play("resume", change="patch_redis-1", way="finish").expect_success()
    assert [note.strip() for note in estate.notes] == [
        "cache3 redis upgrade",
        "cache3 redis restart",
        "cache1 redis upgrade",
        "cache1 redis failover",
        "cache1 redis restart",
    ]
    assert estate.events()[-5:] == ["proven cache3", "begun cache1", "switched", "proven cache1", "closed"]
    assert parts(estate) == []


def test_an_edge_that_is_off_or_an_order_that_is_refused_hides_no_other(estate: Estate) -> None:
    run = estate.play("renew_certificates", lost=("edge1",))
    run.expect_failure()
    assert [note.strip() for note in estate.notes] == ["edge2 certificate main", "edge2 traefik certificates"]
    assert "edge1 is untouched; edge2 is done and proven; run " in run.errors[-1]
    estate.forget()
    # it stops no other change
    run = estate.play("renew_certificates", failing=("edge1 certificate main ",))
    run.expect_failure()
    assert [note.strip() for note in estate.notes] == ["edge1 certificate main"]
    assert "edge1 was put back as it was and serves (do the step: no space left on device); edge2 is " in run.errors[-1]
    estate.forget()
    interrupted = parts(estate)[0]["change"]
    estate.play("resume", change=interrupted, way="finish").expect_success()
    assert len(estate.notes) == 4
    assert parts(estate) == []


def parts(estate: Estate) -> list[dict[str, Any]]:
    return change_store.parts(estate.store)
