# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that show certificates of their hosts: which, what keeps them from it, and what a run made of them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.gantry.odoo.plugins.filter.certificate_servers import (
    certificate_server_faults,
    certificate_servers,
    left_servers,
    renewed_servers,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate import plan_servers
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_certificate import PAIR
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_host import NODE, PLACES
from tests.lab.state import ROOT

STORE = "/etc/gantry/certificates"
GROUPS = {"edge": ["edge1"], "estate_postgresql": ["db1", "db2"], "cache": ["cache1"]}
RUNNERS = {
    "app": {"database_server": "db1", "database_host": "db1.example.com"},
    "box": {"database_server": "db2", "database_host": "db2"},
}
AUTHORITY = {
    "certificate_internal_host": "ca1",
    "certificate_internal_authorities": [{"name": "servers", "zones": ["example.com"]}],
}
DATABASE = {
    **AUTHORITY,
    "certificate_requests": [{"name": "db1", "domains": ["db1.example.com"], "issuer": "internal"}],
    "postgresql_cert_file": f"{STORE}/db1/current/certificate.pem",
    "postgresql_key_file": f"{STORE}/db1/current/key.pem",
    "postgresql_ca_file": "/etc/gantry/trust/authorities.pem",
}
CACHE = {
    **AUTHORITY,
    "certificate_group": "redis",
    "certificate_requests": [{"name": "redis", "domains": ["cache1.example.com"], "issuer": "internal"}],
    "redis_nodes": [{"host": "cache1.example.com"}],
    "ansible_host": "cache1.example.com",
    "redis_tls": True,
    "redis_tls_certificate": f"{STORE}/redis/current/certificate.pem",
    "redis_tls_key": f"{STORE}/redis/current/key.pem",
    "redis_tls_ca": "/etc/gantry/trust/authorities.pem",
}
HOSTS: dict[str, dict[str, Any]] = {"db1": DATABASE, "db2": {}, "cache1": CACHE, "edge1": {}, "app1": {}}


def faults(groups: dict[str, list[str]] | None = None, **hosts: dict[str, Any]) -> list[str]:
    """The faults where hosts have other variables."""
    changed = {name: {**HOSTS[name], **values} for name, values in hosts.items()}
    return certificate_server_faults({**HOSTS, **changed}, {**GROUPS, **(groups or {})}, RUNNERS)


def test_a_server_is_one_that_shows_what_its_host_requests() -> None:
    cache, database = certificate_servers(HOSTS, GROUPS, RUNNERS)
    assert database == {
        "host": "db1",
        "names": ["db1"],
        "group": "",
        "takers": [
            {
                "role": "postgresql",
                "made": "/etc/postgresql/17/main/pair.pem",
                "endpoints": [{"host": "127.0.0.1", "port": 5432, "protocol": "postgresql"}],
            }
        ],
    }
    assert cache["takers"] == [
        {
            "role": "redis",
            "made": "/etc/redis/redis-gantry.conf",
            "endpoints": [{"host": "cache1.example.com", "port": 6379}],
        }
    ]
    # its packages are not there yet when the key is written
    assert cache["group"] == "redis"
    assert faults() == []


@pytest.mark.parametrize(
    "file", ["", "/etc/ssl/db1.pem", f"{STORE}/../certificates2/db1/current/certificate.pem", STORE]
)
def test_a_server_that_shows_another_pair_takes_none(file: str) -> None:
    # the first pair is signed while the server shows its own
    (_cache, database) = certificate_servers(
        {**HOSTS, "db1": {**DATABASE, "postgresql_cert_file": file}}, GROUPS, RUNNERS
    )
    assert database["takers"] == []


def test_a_host_with_both_servers_and_other_directories_has_both() -> None:
    both = {
        **CACHE,
        "certificate_dir": "/srv/pairs/",
        "certificate_requests": [{"name": "all", "domains": ["cache1.example.com"], "issuer": "internal"}],
        "postgresql_cert_file": "/srv/pairs/all/current/certificate.pem",
        "redis_tls_certificate": "/srv/pairs/all/current/certificate.pem",
    }
    groups = {**GROUPS, "estate_postgresql": ["db2"], "cache": ["db2"]}
    (server,) = certificate_servers({**HOSTS, "db2": both}, groups, RUNNERS)
    assert [one["role"] for one in server["takers"]] == ["postgresql", "redis"]


def test_no_pair_is_ordered_that_clients_would_refuse() -> None:
    assert faults(
        db1={"certificate_requests": [{"name": "db1", "domains": ["db.example.com"], "issuer": "internal"}]}
    ) == [
        "db1: clients connect to PostgreSQL by db1.example.com, which certificate db1 (db.example.com) is not for; add "
        "the name to its domains, or have estate_database_host and postgresql_tls_names name one of them"
    ]
    assert faults(cache1={"redis_nodes": [{"host": "10.20.0.41"}], "ansible_host": "10.20.0.41"}) == [
        "cache1: clients connect to Redis by 10.20.0.41, which certificate redis (cache1.example.com) is not for; have "
        "redis_nodes name one of them"
    ]
    (words,) = faults(db1={"certificate_internal_authorities": [{"name": "servers", "zones": ["internal.example"]}]})
    assert words.startswith(
        "db1: certificate db1: db1.example.com is in no zone of servers (internal.example); declare"
    )
    other = {"postgresql_cert_file": f"{STORE}/db9/current/certificate.pem"}
    other["postgresql_key_file"] = f"{STORE}/db9/current/key.pem"
    assert faults(db1=other) == [
        "db1: PostgreSQL is to show certificate db9, which certificate_requests does not list; add it, or name another "
        "one"
    ]
    assert faults(db1={"postgresql_tls_names": ["db1.example.com", "db"]}) == [
        "db1: clients connect to PostgreSQL by db, which certificate db1 (db1.example.com) is not for; add the name to "
        "its domains, or have estate_database_host and postgresql_tls_names name one of them"
    ]


def test_a_server_reads_the_two_files_of_one_pair() -> None:
    pair = f"{STORE}/db1/current/certificate.pem and {STORE}/db1/current/key.pem"
    assert faults(db1={"postgresql_cert_file": f"{STORE}/db1/certificate.pem"}) == [
        f"db1: PostgreSQL is to read {STORE}/db1/certificate.pem with certificate db1, whose pair is {pair}; name "
        "these two"
    ]
    (words,) = faults(db1={"postgresql_key_file": f"{STORE}/db2/current/key.pem"})
    assert words.startswith(f"db1: PostgreSQL is to read {STORE}/db2/current/key.pem with certificate db1, whose pair ")
    (words,) = faults(cache1={"redis_tls_key": ""})
    assert words.startswith("cache1: Redis is to read none with certificate redis, whose pair is ")


def test_variables_that_a_role_would_refuse_are_named_with_their_host() -> None:
    internal = {"name": "db1", "domains": ["db1.example.com"], "issuer": "internal"}
    shown = {
        "certificate_requests[0].name is required; set it": {"domains": ["db1.example.com"]},
        "certificate_requests[0].domains is required; set it": {"name": "db1"},
        "certificate_requests[0].issuer must be one of acme, internal, given, not 'inhouse'": {
            **internal,
            "issuer": "inhouse",
        },
        "certificate db1 takes DNS names of two labels or more, not 10.20.0.31": {**internal, "domains": "10.20.0.31"},
    }
    for sentence, request in shown.items():
        assert faults(db1={"certificate_requests": [request]}) == [f"db1: {sentence}"]
    assert faults(db1={"certificate_requests": "db1"})[0].startswith("db1: certificate_requests[0] must be a mapping")
    (words,) = faults(db1={"postgresql_port": "abc"})
    assert words == "db1: postgresql_port must be a whole number, not 'abc'"
    (words,) = faults(cache1={"redis_port": "abc"})
    assert words == "cache1: redis_port must be a whole number, not 'abc'"
    (words,) = faults(cache1={"redis_nodes": ["cache1.example.com"]})
    assert words == "cache1: redis_nodes[0] must be a mapping, not 'cache1.example.com'"


def test_a_server_is_validated_by_records_alone() -> None:
    ordered = {"name": "db1", "domains": ["db1.example.com"]}
    asked = {"certificate_acme_directory": "https://acme.example/dir", "certificate_requests": [ordered]}
    assert faults(db1=asked) == [
        "db1: db1 is to be validated by http-01, which only an edge answers; set its challenge to dns-01, or the "
        "issuer internal or given"
    ]


def test_what_cannot_be_ordered_or_kept_is_said_in_one_sentence() -> None:
    assert faults({"edge": ["db1"]}) == [
        f"db1 is an edge and requests certificates for its servers, and both would be kept in {STORE}; give the "
        "servers a host of their own, or take certificate_requests away"
    ]
    by_records = {"name": "db1", "domains": ["db1.example.com"], "challenge": "dns-01"}
    hook = {"certificate_dns_hook": "/inventory/tasks/records.yml"}
    assert faults(db1={"certificate_requests": [by_records], **hook}) == [
        "db1: db1 is to be ordered from an ACME server, and certificate_acme_directory is empty; set it, or the issuer "
        "internal or given"
    ]
    twice = [{"name": "db1", "domains": ["db1.example.com"], "issuer": "internal"}] * 2
    assert faults(db1={"certificate_requests": twice}) == [
        "db1: certificate db1 is asked for twice; name each certificate once"
    ]


def test_redis_has_to_read_its_key() -> None:
    assert faults(cache1={"certificate_group": "root"}) == [
        "cache1: Redis cannot read the key of certificate redis, as certificate_group is root; set it to 'redis'"
    ]
    in_container = {
        "redis_runtime": "docker",
        "certificate_group": "root",
        "redis_tls_mounts": [f"{STORE}/redis/current"],
    }
    assert faults(cache1=in_container) == [
        "cache1: Redis cannot read the key of certificate redis, as certificate_group is root; set it to '6379'",
        "cache1: the container of Redis would see certificate redis until its first renewal, which changes a link; add "
        f"{STORE} to redis_tls_mounts",
    ]
    (words,) = faults(cache1={"certificate_group": "postgres"})
    assert "as certificate_group is postgres; set it to 'redis'" in words
    assert faults(cache1={"certificate_group": "keyreaders"}) == []
    assert faults(cache1={"redis_nodes": [{"host": "10.20.0.41"}]}) == [
        "cache1: redis_nodes has none of its names (cache1, cache1.example.com), so that no Redis on it would show the "
        "certificate; spell the node as the inventory does"
    ]
    mounted = {**in_container, "certificate_group": 6379, "redis_tls_mounts": ["/etc/gantry/"]}
    assert faults(cache1=mounted) == []
    (words,) = faults(cache1={"redis_mode": "cluster"})
    assert words.startswith(
        "cache1: the nodes of a Redis Cluster need certificates that are good for clients too, and "
    )


def test_places_of_servers_are_those_of_their_roles() -> None:
    defaults = yaml.safe_load((ROOT / "roles/redis/defaults/main.yml").read_text(encoding="utf-8"))
    assert (PAIR, PLACES[NODE].config) == (plan_servers.PAIR, plan_servers.REDIS_CONFIG)
    assert defaults["redis_uid"] == plan_servers.REDIS_UID


def test_a_server_that_does_not_show_what_is_due_is_named_with_what_it_shows() -> None:
    servers = [{"host": name, "names": [name, "both"]} for name in ("db1", "db2", "cache1", "cache2")]
    facts: dict[str, dict[str, Any]] = {
        "db1": {"server_done": True},
        "db2": {},
        "cache1": {"server_failure": "no", "server_back": ""},
        "cache2": {"server_failure": "no", "server_back": "never"},
    }
    assert left_servers(servers, facts) == [
        "the servers on cache1 show the certificates that they had: no",
        "the servers on cache2 may show other certificates than those that are installed: no; on the way back: never",
        "db2 was off or lost, and its servers show the certificates that they had; start it",
    ]
    assert left_servers(servers, facts, ["both", "db1", "db2"])[2] == (
        "db2 was off or lost, and its servers show the certificates that they had; start it, and name db2, both in "
        "renew_revoke again, which is not revoked"
    )


def test_what_was_renewed_is_recorded_without_what_stayed() -> None:
    result = {"name": "db1", "serial_before": "A", "serial_after": "B", "renewed": True, "key": "/x/key.pem"}
    stayed = {"certificate_results": [{**result, "renewed": False}], "server_done": True}
    facts = {"db1": {"certificate_results": [result], "server_done": True}, "db2": stayed, "cache1": {}}
    assert renewed_servers([{"host": name} for name in facts], facts) == {
        "db1": [{"name": "db1", "serial_before": "A", "serial_after": "B"}]
    }
