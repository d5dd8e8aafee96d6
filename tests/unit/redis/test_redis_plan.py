# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan contains, what input it refuses, and what is not whole after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_topology import sentinel_commands
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Access, Client
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_request import read_request
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_settings import (
    PURPOSES,
    alike,
    contradictions,
    in_question,
    spelling_questions,
    spellings_from,
    wanted,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    AddressBook,
    Endpoint,
    Health,
    Peer,
    new_topology,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import Watch, make_plan, wanted_settings
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_faults import faults
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_topology import topology_facts

from .build import (
    ONE,
    PARAMETERS,
    S_ONE,
    S_THREE,
    S_TWO,
    THREE,
    TWO,
    desired,
    fresh,
    healthy,
    node,
    params,
    watching,
    with_nodes,
    with_sentinels,
)

GIB = 1024**3


def actions(plan) -> list[tuple[str, str]]:
    return [(step.action, step.target) for step in plan.steps]


def test_a_bootstrap_configures_then_attaches_then_watches():
    plan = make_plan(fresh(), desired())
    assert actions(plan) == [
        ("configure", "10.0.0.1:6379"),
        ("configure", "10.0.0.2:6379"),
        ("configure", "10.0.0.3:6379"),
        ("follow", "10.0.0.2:6379"),
        ("follow", "10.0.0.3:6379"),
        ("monitor", "10.0.0.1:26379"),
        ("monitor", "10.0.0.2:26379"),
        ("monitor", "10.0.0.3:26379"),
    ]


@pytest.mark.parametrize("purpose", list(PURPOSES))
@pytest.mark.parametrize("topology", [fresh(), healthy(TWO)])
def test_planning_on_what_a_plan_leads_to_finds_nothing(purpose, topology):
    wish = desired(purpose=purpose)
    after = make_plan(topology, wish).after
    assert make_plan(after, wish).steps == ()


@pytest.mark.parametrize("done", range(1, 6))
def test_a_run_that_was_cut_off_is_finished_by_the_next(done):
    wish = desired(primary="10.0.0.2")
    before = fresh()
    after = make_plan(before, wish).after
    mixed = [*after.nodes, *after.sentinels][:done]
    topology = with_sentinels(with_nodes(before, *mixed[:3]), *mixed[3:])
    plan = make_plan(topology, wish)
    assert plan.after == after
    assert make_plan(plan.after, wish).steps == ()


def test_one_setting_changed_by_hand_is_the_only_step():
    wish = desired()
    topology = healthy(ONE, wish)
    changed = replace(topology.nodes[1], config={**topology.nodes[1].config, "maxmemory-policy": "noeviction"})
    (step,) = make_plan(with_nodes(topology, changed), wish).steps
    assert (step.action, step.target) == ("configure", "10.0.0.2:6379")
    assert step.why == "maxmemory-policy 'noeviction' -> 'allkeys-lru'"


def test_one_sentinel_parameter_changed_by_hand_is_the_only_step():
    topology = with_sentinels(healthy(ONE), watching(S_TWO, ONE, TWO, THREE, parameters={**PARAMETERS, "quorum": 1}))
    (step,) = make_plan(topology, desired()).steps
    assert (step.action, step.target, step.why) == ("tune", "10.0.0.2:26379", "quorum 1 -> 2")


def test_a_sentinel_that_is_locked_out_gets_the_password_again():
    topology = with_sentinels(
        healthy(ONE), watching(S_TWO, ONE, flags=frozenset({"primary", "s_down", "disconnected"}))
    )
    (step,) = make_plan(topology, desired()).steps
    client = Client(Access(sentinel=("", "hunter2")), AddressBook({}, ()))
    assert sentinel_commands(client, desired(), step) == [
        ("SENTINEL", "SET", "main", "auth-user", "", "auth-pass", "hunter2")
    ]


def test_a_sentinel_is_given_the_credentials_before_its_parameters():
    step = Watch("monitor", str(S_ONE), "", S_ONE, ONE, True, True, tuple(PARAMETERS.items()))
    client = Client(Access(sentinel=("gantry", "hunter2")), AddressBook({}, ()))
    monitor, settings = sentinel_commands(client, desired(), step)
    assert monitor == ("SENTINEL", "MONITOR", "main", "10.0.0.1", "6379", "2")
    assert settings[3:7] == ("auth-user", "gantry", "auth-pass", "hunter2")
    assert settings[7:9] == ("quorum", "2")


@pytest.mark.parametrize("text", ["Cache2", "cache2:6379", "10.0.0.2", "::ffff:10.0.0.2", "[::ffff:10.0.0.2]:6379"])
@pytest.mark.parametrize("declared", ["10.0.0.2", "cache2.example"])
def test_primary_and_resolve_are_found_by_name_and_by_address(text, declared):
    known = {"cache2": ("10.0.0.2", "fd00::2"), "cache2.example": ("10.0.0.2",)}
    nodes = [{"host": host, "port": 6379} for host in ("10.0.0.1", declared, "10.0.0.3")]
    found = read_request(params(nodes=nodes, primary=text, resolve=text), lambda host: known.get(host, ()))
    assert found.primary == found.resolve == Endpoint(declared, 6379)


def test_maxmemory_is_a_share_of_the_smallest_node():
    topology = with_nodes(fresh(), node(TWO, memory_bytes=2 * GIB))
    settings = wanted_settings(topology, desired(settings={}, memory_share=0.5))
    assert settings["maxmemory"] == str(GIB)
    assert "maxmemory" not in wanted_settings(topology, desired(settings={}, memory_share=0.0))
    assert wanted_settings(topology, desired(settings={"maxmemory": "1mb"}, memory_share=0.5))["maxmemory"] == "1048576"


def test_nodes_that_are_not_there_yet_are_planned_as_new():
    plan = make_plan(new_topology(desired()), desired(settings={}))
    assert len(plan.steps) == 8


def test_a_node_without_a_configuration_file_is_refused_before_any_step():
    topology = with_nodes(fresh(), node(TWO, config_file=""))
    with pytest.raises(StateError, match=r"10\.0\.0\.2:6379 runs without a configuration file"):
        make_plan(topology, desired())


def test_a_setting_that_the_server_does_not_know_is_refused():
    with pytest.raises(InputError, match=r"settings.maxmemry is not a setting of Redis 8.0.2 on 10\.0\.0\.1:6379"):
        make_plan(fresh(), desired(settings={"maxmemry": "1mb"}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"primary": "cache9"}, r"primary 'cache9' is no node; the nodes are 10\.0\.0\.1:6379"),
        ({"resolve": "10.0.0.1:1"}, "resolve '10.0.0.1:1' is no node"),
        ({"sentinels": [{"host": "a", "port": 1}, {"host": "b", "port": 1}]}, "odd number of at least 3, not 2"),
        ({"sentinels": []}, "odd number of at least 3, not 0"),
        ({"quorum": 4}, "quorum must be from 1 to the number of Sentinels, 3, not 4"),
        ({"quorum": 0}, "quorum must be from 1"),
        ({"purpose": "archive"}, "purpose 'archive' is unknown; it is one of cache, session, queue, ratelimit"),
        ({"nodes": [{"host": "a", "port": 1}, {"host": "A ", "port": 1}]}, "nodes names a:1 twice"),
        ({"nodes": []}, "nodes is empty"),
        ({"nodes": [{"host": "a", "port": 0}, {"host": "b", "port": 1}]}, "a port from 1 to 65535"),
        ({"mode": "standalone", "sentinels": []}, "mode standalone takes one node, not 3"),
        ({"mode": "replicated"}, "sentinels are named and mode is replicated"),
        ({"mode": "replicated", "sentinels": [], "quorum": 2}, "quorum is set without sentinels"),
        (
            {"sentinels": [{"host": f"10.0.0.{n}", "port": 6379} for n in (1, 2, 3)]},
            "named as a node and as a Sentinel",
        ),
        ({"settings": {"requirepass": "x"}}, "settings.requirepass is refused: it belongs to the option password"),
        ({"settings": {"slaveof": "a 1"}}, "settings.slaveof is refused"),
        ({"settings": {"save": ["3600 1"]}}, "settings.save must be one value"),
        ({"settings": {"maxmemory": "much"}}, "settings.maxmemory must be a size such as 256mb"),
        ({"sentinel_settings": {"auth-pass": "x"}}, "sentinel_settings.auth-pass is unknown"),
        ({"sentinel_settings": {"parallel-syncs": "many"}}, "sentinel_settings.parallel-syncs must be a whole number"),
        ({"settings": {}, "memory_share": 1.5}, "memory_share must be from 0"),
        ({"password": "two words"}, "password holds a blank, a quote"),
        ({"password": "it's"}, "password holds a blank, a quote"),
        ({"username": 'a"b'}, "username holds a blank, a quote"),
    ],
)
def test_bad_input_is_one_sentence(changes, words):
    with pytest.raises(InputError, match=words) as caught:
        desired(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("purpose", "settings", "words"),
    [
        ("cache", {"maxmemory-policy": "noeviction"}, "refuses writes"),
        ("cache", {"maxmemory-policy": "NOEVICTION"}, "refuses writes"),
        ("session", {"appendonly": False}, "logs every user out"),
        ("queue", {"maxmemory-policy": "allkeys-lru"}, "refuse jobs, not drop them"),
        ("queue", {"min-replicas-to-write": 0}, "lost later"),
        ("ratelimit", {"maxmemory-policy": "noeviction"}, "refuses every request"),
    ],
)
def test_a_choice_against_the_purpose_warns(purpose, settings, words):
    (warning,) = contradictions(purpose, wanted(purpose, 3, settings))
    assert words in warning


@pytest.mark.parametrize("purpose", list(PURPOSES))
@pytest.mark.parametrize("nodes", [1, 3])
def test_no_preset_contradicts_its_purpose(purpose, nodes):
    assert contradictions(purpose, wanted(purpose, nodes, {})) == []


def test_only_more_than_one_node_guards_its_writes():
    assert "min-replicas-to-write" not in wanted("queue", 1, {})
    assert wanted("queue", 2, {})["min-replicas-to-write"] == "1"
    assert wanted("cache", 2, {})["min-replicas-to-write"] == "0"


def test_only_settings_with_another_text_are_in_question_and_none_that_would_do_something():
    seen = {"loglevel": "notice", "maxmemory": "1048576", "appendonly": "no", "tls-ciphers": "a", "hz": "10"}
    asked = {"loglevel": "NOTICE", "maxmemory": "1048576", "appendonly": "yes", "tls-ciphers": "b", "hz": "10"}
    assert in_question(seen, asked) == {"loglevel": "NOTICE"}
    assert spelling_questions(seen, {"loglevel": "NOTICE"}) == [
        ("CONFIG", "SET", "loglevel", "NOTICE"),
        ("CONFIG", "GET", "loglevel"),
        ("CONFIG", "SET", "loglevel", "notice"),
    ]


@pytest.mark.parametrize(
    ("name", "seen", "declared"),
    [
        ("appendonly", "yes", "YES"),
        ("oom-score-adj", "yes", "RELATIVE"),
        ("oom-score-adj-values", "0 200 800", "00  0200 800"),
        ("maxclients", "10000", "010000"),
        ("io-threads", "2", "02"),
        ("save", "900 1 300 10", "0900 1  300 010"),
        ("shutdown-on-sigterm", "nosave now", "NOW nosave"),
        ("tls-auth-clients", "optional", "OPTIONAL"),
        ("tls-replication", "yes", "Yes"),
        ("tls-session-cache-size", "5000", "05000"),
        ("loglevel", "notice", "NOTICE"),
        ("maxmemory-policy", "allkeys-lfu", "ALLKEYS-LFU"),
        ("stream-node-max-bytes", "8192", "8kb"),
        ("hz", "10", "010"),
        ("notify-keyspace-events", "AKE", "KEA"),
        ("client-output-buffer-limit", "normal 0 0 0 slave 256 64 60 pubsub 67108864 1 90", "pubsub 64mb 1 90"),
        ("client-output-buffer-limit", "normal 0 0 0 slave 256 64 60 pubsub 0 0 0", "replica 256 64 60"),
    ],
)
def test_one_value_in_two_spellings_is_no_difference(name, seen, declared):
    assert alike(name, seen, wanted("cache", 1, {name: declared})[name])


@pytest.mark.parametrize(
    ("name", "seen", "declared"),
    [
        ("proc-title-template", "{title}", "{TITLE}"),
        ("oom-score-adj", "absolute", "relative"),
        ("maxclients", "10000", "01000"),
        ("shutdown-on-sigterm", "nosave", "nosave now"),
        ("tls-ciphers", "a", "A"),
        ("stream-node-max-bytes", "8192", "9kb"),
        ("notify-keyspace-events", "KEg", "KEG"),
        ("client-output-buffer-limit", "normal 0 0 0 pubsub 64 1 90", "pubsub 64 1 91"),
    ],
)
def test_two_values_are_a_difference(name, seen, declared):
    assert not alike(name, seen, wanted("cache", 1, {name: declared})[name])


def test_a_setting_is_compared_in_the_spelling_of_the_node():
    asked = {"loglevel": "NOTICE", "hz": "20"}
    assert spellings_from(asked, ["OK", ["loglevel", "notice"], "OK", "OK", {"hz": "20"}, "OK"]) == {
        "loglevel": "notice",
        "hz": "20",
    }
    with pytest.raises(InputError, match=r"settings.loglevel 'NOTICE' is refused by Redis: argument"):
        spellings_from(asked, [ValueError("argument"), [], "OK"])
    config = {**healthy().nodes[0].config, "loglevel": "notice"}
    nodes = [replace(item, config=config, spelled={"loglevel": "notice"}) for item in healthy().nodes]
    same = with_nodes(healthy(), *nodes)
    settings = {"maxmemory": "256mb", "loglevel": "NOTICE"}
    assert make_plan(same, desired(settings=settings)).steps == ()
    other = with_nodes(same, replace(nodes[1], config={**config, "loglevel": "debug"}))
    assert actions(make_plan(other, desired(settings=settings))) == [("configure", "10.0.0.2:6379")]


def test_a_whole_topology_has_no_faults():
    assert faults(healthy(TWO), desired(), TWO) == []


def test_each_fault_is_named():
    good = healthy(ONE)
    broken = with_nodes(
        good, replace(good.nodes[1], link_up=False), replace(good.nodes[2], health=Health(aof_ok=False))
    )
    broken = with_sentinels(
        broken,
        watching(S_ONE, ONE, TWO, THREE, quorum_ok=False, quorum_words="NOQUORUM 1 usable"),
        watching(S_TWO, ONE, TWO, THREE, others=1),
        watching(S_THREE, ONE, TWO),
    )
    assert list(map(str, faults(broken, desired(), ONE))) == [
        "10.0.0.2:6379 has no link to 10.0.0.1:6379",
        "10.0.0.3:6379 could not write its data to disk",
        "Sentinel 10.0.0.1:26379 has no quorum: NOQUORUM 1 usable",
        "Sentinel 10.0.0.2:26379 knows 1 of 2 others",
        "Sentinel 10.0.0.3:26379 does not know the replica 10.0.0.3:6379",
    ]


def test_sentinels_that_are_gone_for_good_are_a_fault_and_forgotten_when_that_is_asked_for():
    dead, alive = Peer(Endpoint("10.0.0.9", 26379), lost=True), Peer(Endpoint("10.0.0.8", 26379))
    first = watching(S_ONE, ONE, TWO, THREE, others=4, peers=(Peer(S_TWO), Peer(S_THREE), alive, dead))
    topology = with_sentinels(healthy(ONE), first)
    (fault,) = faults(topology, desired(), ONE)
    assert str(fault).startswith(
        "Sentinel 10.0.0.1:26379 counts 10.0.0.9:26379, which is not declared and does not answer"
    )
    assert make_plan(topology, desired()).steps == ()
    plan = make_plan(topology, desired(forget_sentinels=True))
    assert actions(plan) == [("reset", "10.0.0.1:26379")]
    assert faults(plan.after, desired(), ONE) == []
    cut_off = with_sentinels(topology, watching(S_TWO, ONE, TWO, THREE, peers=(Peer(S_THREE, lost=True),)))
    with pytest.raises(StateError, match=r"10\.0\.0\.2:26379 cannot reach 10\.0\.0\.3:26379, which is declared"):
        make_plan(cut_off, desired(forget_sentinels=True))
    assert make_plan(healthy(ONE), desired(forget_sentinels=True)).steps == ()


def test_the_returned_topology_counts_lag_in_bytes():
    good = healthy(ONE)
    behind = replace(good.nodes[1], history=replace(good.nodes[1].history, offset=850), lag_s=1)
    facts = topology_facts(with_nodes(good, behind), ONE, "sentinel", "main")
    assert facts["primary"] == {"host": "10.0.0.1", "port": 6379}
    assert facts["replicas"][0]["lag_bytes"] == 50
    assert facts["quorum_ok"] is True
