# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What redis_topology_info tells of a topology that is healthy, broken, disputed or only partly there."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.gantry.odoo.plugins.filter.redis_new_faults import redis_new_faults
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._redis import model_faults
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_answers import node_from
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    AddressBook,
    Health,
    History,
    PlannedFailover,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_overview import look_over

from .build import CONFIG, ONE, OTHER, S_ONE, THREE, TWO, desired, healthy, node, replicated, watching, with_nodes

# As redis-py returns it; the times are seconds since 1970.
INFO = {
    "role": "slave",
    "master_host": "10.0.0.1",
    "master_port": 6379,
    "master_link_status": "down",
    "master_link_down_since_seconds": 12,
    "master_replid": "a" * 40,
    "master_replid2": "0" * 40,
    "master_repl_offset": 850,
    "slave_repl_offset": 850,
    "second_repl_offset": -1,
    "used_memory": 192,
    "maxmemory": 256,
    "mem_fragmentation_ratio": 1.5,
    "aof_enabled": 1,
    "aof_last_write_status": "err",
    "rdb_last_save_time": 1_000,
    "server_time_usec": 1_060_500_000,
}


def told(topology, wish, left=None):
    return look_over(wish, topology.nodes, topology.sentinels, left)


def test_a_whole_topology_has_no_fault_and_no_next_step():
    facts = told(healthy(TWO), desired())
    assert facts["primary"] == {"host": TWO.host, "port": TWO.port}
    assert (facts["faults"], facts["next_steps"], facts["refused"], facts["unfinished_failover"]) == (
        [],
        [],
        None,
        None,
    )
    assert [item["role"] for item in facts["nodes"]] == ["replica", "primary", "replica"]
    assert {item["primary"] for item in facts["sentinels"]} == {str(TWO)}


def test_health_is_read_from_info():
    behind = node_from(TWO, INFO, CONFIG, AddressBook({}, (ONE, TWO)), ("", ""))
    facts = told(with_nodes(healthy(ONE), replace(behind, config_file="/etc/redis.conf")), desired())["nodes"][1]
    assert (facts["link_up"], facts["link_down_s"], facts["lag_bytes"]) == (False, 12, 50)
    assert (facts["memory_pressure"], facts["rdb_age_s"], facts["fragmentation"]) == (0.75, 60, 1.5)
    assert (facts["aof"], facts["aof_ok"], facts["rdb_ok"]) == (True, False, True)
    assert not behind.persisted


def test_a_node_that_does_not_answer_hides_nothing_of_the_others():
    topology = healthy(ONE)
    silent = UnreachableError("10.0.0.3:6379 cannot be reached: Connection refused; check that it runs")
    facts = look_over(desired(), [*topology.nodes[:2], silent], topology.sentinels, None)
    assert facts["nodes"][2] == {"host": "10.0.0.3", "port": 6379, "answers": False, "error": str(silent)}
    assert facts["nodes"][1]["answers"]
    assert facts["faults"][0] == str(silent)
    assert facts["refused"] == str(silent)
    assert facts["primary"] == {"host": "10.0.0.1", "port": 6379}


def test_a_split_brain_is_told_with_the_words_of_the_refusal():
    rival = node(TWO, keys=7, history=History(OTHER, 950))
    facts = told(with_nodes(replace(healthy(ONE), sentinels=()), rival), replicated())
    assert facts["refused"].startswith("split brain:")
    assert facts["next_steps"] == []


def test_two_masters_without_followers_leave_open_who_rules():
    rivals = [node(item, keys=1, history=History(item.host * 4, 5)) for item in (ONE, TWO)]
    facts = told(with_nodes(replace(healthy(ONE), sentinels=(), nodes=healthy(ONE).nodes[:2]), *rivals), replicated())
    assert facts["primary"] is None
    assert "no single node is the primary" in facts["faults"]


def test_a_failover_that_was_cut_off_is_a_fault():
    facts = told(healthy(TWO), desired(), PlannedFailover(ONE, TWO))
    assert facts["faults"] == ["a failover from 10.0.0.1:6379 to 10.0.0.2:6379 was cut off"]
    assert facts["unfinished_failover"]["target"] == {"host": TWO.host, "port": TWO.port}


def test_no_limit_is_no_pressure():
    unlimited = replace(healthy(ONE).nodes[0], health=Health(used_bytes=5, max_bytes=0))
    assert told(with_nodes(healthy(ONE), unlimited), desired())["nodes"][0]["memory_pressure"] is None


# As the certificates of all hosts have expired: no process is read, and no node is known as the primary.
EXPIRED = tuple(
    UnreachableError(f"{one} cannot be reached: certificate has expired; check that it runs") for one in "abc"
)
FIRST_HOST = {"own_nodes": [{"host": ONE.host, "port": 6379}], "own_sentinels": [{"host": ONE.host, "port": 26379}]}


def details(nodes, sentinels=None):
    return look_over(desired(), nodes, sentinels or healthy(ONE).sentinels, None)


def since(after, before):
    return redis_new_faults(after, before, FIRST_HOST)


def test_what_could_not_be_seen_before_is_not_new_once_a_process_is_reached():
    one, *others = healthy(ONE).nodes
    before = details(EXPIRED, EXPIRED)
    # the first host is read again, and its Sentinel finds none of the others yet
    alone = watching(S_ONE, ONE, TWO, THREE, quorum_ok=False, quorum_words="NOQUORUM 1 usable")
    after = details([replace(one, health=Health(aof_ok=False)), *EXPIRED[1:]], [alone, *EXPIRED[1:]])
    assert len(after["faults"]) == 6
    assert since(after, before) == []
    # the second one is read, and others know it no more than before
    later = details([one, others[0], EXPIRED[2]], [watching(S_ONE, ONE), *EXPIRED[1:]])
    assert since(later, after) == []


def test_the_same_kind_of_fault_is_not_new_in_other_words():
    gone = UnreachableError("10.0.0.3:6379 cannot be reached: Connection refused; check that it runs")
    nodes = healthy(ONE).nodes[:2]
    assert since(details([*nodes, gone]), details([*nodes, EXPIRED[2]])) == []


def test_a_fault_that_would_have_been_seen_is_new():
    one, two, three = healthy(ONE).nodes
    before = details([one, two, EXPIRED[2]])
    after = details([one, replace(two, link_up=False), EXPIRED[2]])
    assert since(after, before) == [f"{TWO} has no link to {ONE}"]
    assert since(details([one, EXPIRED[1], EXPIRED[2]]), before) == [str(EXPIRED[1])]
    # a worse one of the same process
    assert since(details([one, replace(two, follows=THREE), three]), after) == [f"{TWO} follows {THREE}, not {ONE}"]
    assert since({"msg": "no\nanswer"}, before) == ["no answer"]


def test_the_host_itself_has_to_be_reached_whatever_was_before():
    nodes = healthy(ONE).nodes
    before = details([EXPIRED[0], *nodes[1:]], [EXPIRED[0], *healthy(ONE).sentinels[1:]])
    assert since(before, before) == [str(EXPIRED[0])] * 2


def test_each_kind_of_fault_has_its_place_in_the_order():
    kinds = [value for name, value in vars(model_faults).items() if name.isupper() and isinstance(value, str)]
    assert sorted(kinds) == sorted(model_faults.ORDER)
