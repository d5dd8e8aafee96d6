# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All certificates of a host, read from files and from the wire, and what is due and wrong with them."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ansible_collections.gantry.odoo.plugins.filter.certificate_places import (
    certificate_directories,
    certificate_places,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate import plan_places, read_scan, report_scan
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.modules import certificate_info
from tests.lab.issued import Issued, authority, issue, store
from tests.lab.state import ROOT as TREE
from tests.unit.project.test_examples import tasks

NOW = datetime.now(timezone.utc).replace(microsecond=0)
ROOT, MIDDLE = authority(NOW)
DOMAIN = "erp.harbour.example"
GOOD = issue(DOMAIN, NOW, MIDDLE, names=[DOMAIN])
# texts that others write are shown on a terminal
HOSTILE = "\x1b[2Jerp\u202e"
RULES = TREE / "extensions/prometheus/gantry_certificate_rules.yml"


@pytest.fixture
def trust(tmp_path: Path) -> str:
    """The file of the trusted authority."""
    path = tmp_path / "ca.pem"
    path.write_bytes(ROOT.certificate)
    return str(path)


def gather(trust: str, **given: Any) -> dict[str, Any]:
    """What the module returns."""
    options: dict[str, Any] = {name: spec.get("default") for name, spec in certificate_info.OPTIONS.items()}
    for kind in ("files", "endpoints"):
        spec = certificate_info.OPTIONS[kind]["options"]
        given[kind] = [
            {name: one.get(name, suboption.get("default")) for name, suboption in spec.items()}
            for one in given.get(kind, [])
        ]
    return dict(certificate_info.work(Call({**options, "authorities": trust, "timeout": 5, **given})).facts)


def pair(directory: Path, one: Issued, name: str = "one", key: bytes | None = None) -> dict[str, str]:
    """A pair in two files, as the option takes it."""
    (directory / f"{name}.crt").write_bytes(one.chain)
    (directory / f"{name}.key").write_bytes(one.key() if key is None else key)
    return {"path": str(directory / f"{name}.crt"), "key": str(directory / f"{name}.key")}


def kinds(one: dict[str, Any]) -> list[tuple[str, str]]:
    """Kind and severity of what is wrong."""
    return [(finding["kind"], finding["severity"]) for finding in one["findings"]]


def test_a_good_certificate_is_described_and_not_due(tmp_path: Path, trust: str) -> None:
    (one,) = gather(trust, files=[pair(tmp_path, GOOD)])["certificates"]
    assert (one["name"], one["names"], one["issuer"]) == ("one", [DOMAIN], "Harbour Issuing")
    assert (one["key_fits"], one["chain"], one["authority"]) == (True, "trusted", "Harbour Root")
    assert (round(one["days_left"]), round(one["share_left"], 2)) == (80, 0.89)
    assert (one["due"], one["findings"]) == ("", [])
    assert datetime.fromisoformat(one["not_after"]) == NOW + timedelta(days=80)


def test_what_is_wrong_is_said_by_kind(tmp_path: Path, trust: str) -> None:
    ends, ended = authority(NOW, days=20)[1], authority(NOW, days=-1)[1]
    leaf = Issued(GOOD.name, GOOD.signer, GOOD.certificate, GOOD.certificate)
    stranger = issue("Stranger", NOW, is_authority=True)
    forged = issue(DOMAIN, NOW, GOOD, names=[DOMAIN])
    cases: dict[str, tuple[Issued, list[tuple[str, str]], str]] = {
        "expired": (issue("a", NOW, MIDDLE, days=(90, -1)), [("expired", "critical")], "it has expired"),
        "early": (issue("a", NOW, MIDDLE, days=(-1, 90)), [("early", "critical")], "it is not valid yet"),
        "alone": (leaf, [("chain", "critical")], ""),
        "stranger": (issue("a", NOW, stranger), [("chain", "critical")], ""),
        "forged": (forged, [("chain", "critical")], ""),
        "due": (issue("a", NOW, MIDDLE, days=(70, 20)), [], "it has less than 33 % of its lifetime left"),
    }
    files = [pair(tmp_path, one, name) for name, (one, _kinds, _due) in cases.items()]
    found = gather(trust, files=files)["certificates"]
    assert {one["name"]: (kinds(one), one["due"]) for one in found} == {
        name: (wrong, due) for name, (_one, wrong, due) in cases.items()
    }
    root = {"short": ends, "over": ended}
    for name, middle in root.items():
        (tmp_path / f"{name}.pem").write_bytes(middle.certificate)
        given = {**pair(tmp_path, issue("a", NOW, middle), name), "authorities": str(tmp_path / f"{name}.pem")}
        (one,) = gather(trust, files=[given])["certificates"]
        severity = "critical" if name == "over" else "warning"
        assert ("authority", severity) in kinds(one)
        assert "its authority" in one["findings"][-1]["sentence"]


def test_an_authority_that_was_made_just_before_is_no_finding(tmp_path: Path, trust: str) -> None:
    root = issue("PostgreSQL", NOW, days=(10, 80 - 0.001), is_authority=True)
    (tmp_path / "own.pem").write_bytes(root.certificate)
    given = {
        **pair(tmp_path, issue("db1", NOW, Issued(root.name, root.signer, b""))),
        "authorities": str(tmp_path / "own.pem"),
    }
    (one,) = gather(trust, files=[given])["certificates"]
    assert (one["chain"], one["findings"]) == ("trusted", [])


def test_a_pair_that_no_server_could_load_is_named_with_what_it_is(tmp_path: Path, trust: str) -> None:
    other = issue("other", NOW, MIDDLE)
    (tmp_path / "empty.crt").write_text("nothing")
    os.mkfifo(tmp_path / "pipe.crt")
    files = [
        pair(tmp_path, GOOD, "swapped", other.key()),
        {"path": str(tmp_path / "empty.crt")},
        {"path": str(tmp_path / "gone.crt")},
        {"path": str(tmp_path / "pipe.crt")},
        {"path": "/dev/zero"},
    ]
    swapped, *others = gather(trust, files=files)["certificates"]
    assert (swapped["key_fits"], swapped["names"], kinds(swapped)) == (False, [DOMAIN], [("file", "critical")])
    sentences = [one["findings"][0]["sentence"].removeprefix(f"{tmp_path}/") for one in others]
    assert sentences == [
        "empty.crt holds no certificate",
        "gone.crt cannot be read (No such file or directory)",
        "pipe.crt holds no certificate",
        "/dev/zero is larger than 1024 KiB, so that it is not read",
    ]
    assert all(one["days_left"] is None for one in others)


def test_hostile_texts_reach_no_terminal(tmp_path: Path, trust: str) -> None:
    hostile = issue(HOSTILE, NOW, issue(HOSTILE, NOW, is_authority=True), names=["a" * 300 + ".example"])
    answer = gather(trust, files=[pair(tmp_path, hostile)])
    assert answer["certificates"][0]["subject"] == "[2Jerp"
    assert len(answer["certificates"][0]["names"][0]) <= 253
    answer |= {"time": NOW.isoformat()}
    lines = report_scan.screen([report_scan.host("edge1", answer)])
    assert all(line.isprintable() and len(line) <= 80 for line in lines)


def test_requests_are_due_by_the_policy_of_their_orders(tmp_path: Path, trust: str) -> None:
    directory = tmp_path / "store"
    old = issue("old", NOW, MIDDLE, names=["old.example"], days=(70, 20))
    store(
        directory,
        {"good": (GOOD, [DOMAIN]), "old": (old, ["old.example"]), "left": (old, []), "changed": (GOOD, [DOMAIN])},
    )
    refused = {
        "why": "no such name",
        "tries": 2,
        "tried": NOW.isoformat(),
        "until": (NOW + timedelta(hours=2)).isoformat(),
    }
    (directory / "none").mkdir()
    (directory / "none" / "refused.json").write_text(json.dumps({**refused, "domains": ["none.example"]}))
    requests = {"good": DOMAIN, "old": "old.example", "changed": "new.example", "none": "none.example"}
    given = [{"name": name, "domains": [domain]} for name, domain in requests.items()]
    found = gather(trust, path=str(directory), certificates=given)["certificates"]
    by_name = {one["name"]: one for one in found}
    # of two requests with one certificate, the one with other domains is due
    assert {name: one["due"] for name, one in by_name.items()} == {
        "good": "",
        "changed": "the domains have changed",
        "old": "it has less than 33 % of its lifetime left",
        "none": "there is none yet",
    }
    assert kinds(by_name["none"]) == [("file", "critical"), ("refused", "warning")]
    assert "refused, 2 in a row (no such name)" in by_name["none"]["findings"][1]["sentence"]
    given = [one for one in given if one["name"] == "changed"]
    found = gather(trust, path=str(directory), certificates=given)["certificates"]
    by_name = {one["name"]: one for one in found}
    assert by_name["changed"]["due"] == "the domains have changed"
    assert (by_name["left"]["wanted"], by_name["left"]["due"], by_name["left"]["findings"]) == (False, "", [])


def test_the_advice_of_the_issuer_counts_as_it_was_recorded(tmp_path: Path, trust: str) -> None:
    directory = tmp_path / "store"
    store(directory, {"good": (GOOD, [DOMAIN])})
    asked = {"path": str(directory), "certificates": [{"name": "good", "domains": [DOMAIN]}]}
    (one,) = gather(trust, **asked)["certificates"]
    moment = (NOW - timedelta(hours=1)).isoformat()
    advice = {"serial": one["serial"], "start": moment, "end": moment, "url": ""}
    (directory / "good" / "advice.json").write_text(json.dumps(advice))
    (one,) = gather(trust, **asked)["certificates"]
    assert one["due"].startswith("the ACME server advises to renew it from ")
    (directory / "good" / "advice.json").write_text(json.dumps({**advice, "serial": "1"}))
    (one,) = gather(trust, **asked)["certificates"]
    assert one["due"] == ""


@contextmanager
def serving(directory: Path, one: Issued, *, first: bytes = b"") -> Iterator[int]:
    """A server of one certificate, which answers `first` to what comes before TLS."""
    (directory / "served.pem").write_bytes(one.chain + one.key())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "served.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    plain, _address = listener.accept()
                except OSError:
                    return
                try:
                    if first:
                        plain.recv(8)
                        plain.sendall(first)
                    context.wrap_socket(plain, server_side=True).close()
                except OSError:
                    plain.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_what_is_served_is_compared_with_the_file(tmp_path: Path, trust: str) -> None:
    held = pair(tmp_path, GOOD)
    newer = issue(DOMAIN, NOW, MIDDLE, names=["*.harbour.example"])
    with serving(tmp_path, GOOD) as port:
        at = {"host": "127.0.0.1", "port": port, "file": held["path"]}
        right, named = [{**at, "server_name": DOMAIN}], [{**at, "server_name": "north.example"}]
        (one,) = gather(trust, files=[held], endpoints=right)["certificates"]
        assert (one["served"], one["findings"]) == ([f"127.0.0.1:{port} ({DOMAIN})"], [])
        (one,) = gather(trust, files=[held], endpoints=named)["certificates"]
        assert kinds(one) == [("name", "critical")]
    with serving(tmp_path, newer) as port:
        at = {"host": "127.0.0.1", "port": port, "server_name": DOMAIN, "file": held["path"]}
        first, second = gather(trust, files=[held], endpoints=[at])["certificates"]
        assert (first["served"], kinds(first)) == ([], [("served", "critical")])
        # Python before 3.13 reads no more than the first certificate
        assert (second["files"], second["findings"]) == ([], [])


def test_a_chain_that_is_served_without_its_intermediate_is_named(
    tmp_path: Path, trust: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = pair(tmp_path, GOOD)
    monkeypatch.setattr(read_scan, "WHOLE_CHAIN", list)
    for sent, wrong in (
        ([GOOD, MIDDLE], []),
        ([GOOD], [("chain", "critical")]),
        ([GOOD, ROOT], [("chain", "critical")]),
    ):
        ders = [ssl.PEM_cert_to_DER_cert(one.certificate.decode()) for one in sent]
        monkeypatch.setattr(read_scan, "_shown", lambda *_asked, ders=ders: ders)
        (one,) = gather(trust, files=[held], endpoints=[{"host": "edge1", "port": 443}])["certificates"]
        assert (one["served"], one["chain"], kinds(one)) == (["edge1:443"], "trusted", wrong)


def test_a_trusted_intermediate_makes_nothing_trusted_that_it_has_not_issued(
    trust: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_scan, "WHOLE_CHAIN", list)
    false = issue(DOMAIN, NOW, authority(NOW)[1], names=[DOMAIN])
    ders = [ssl.PEM_cert_to_DER_cert(one.certificate.decode()) for one in (false, MIDDLE)]
    monkeypatch.setattr(read_scan, "_shown", lambda *_asked: ders)
    (one,) = gather(trust, endpoints=[{"host": "edge1", "port": 443}])["certificates"]
    assert (one["chain"], kinds(one)) == ("untrusted", [("chain", "critical")])


def test_a_server_that_sends_what_is_no_certificate_is_not_known(trust: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_scan, "_shown", lambda *_asked: [b"\x30\x80" * 500])
    answer = gather(trust, endpoints=[{"host": "edge1", "port": 443}])
    assert answer["certificates"] == []
    assert answer["unknown"][0]["why"].startswith("has a certificate that cannot be read (")


def test_an_endpoint_that_does_not_answer_is_not_known(tmp_path: Path, trust: str) -> None:
    with serving(tmp_path, GOOD, first=b"S") as good, serving(tmp_path, GOOD, first=b"N") as plain:
        endpoints = [
            {"host": "127.0.0.1", "port": good, "protocol": "postgresql"},
            {"host": "127.0.0.1", "port": plain, "protocol": "postgresql"},
            {"host": "127.0.0.1", "port": 1},
            {"host": "127.0.0.1", "port": good, "server_name": "." * 300},
        ]
        answer = gather(trust, endpoints=endpoints)
    assert [one["served"] for one in answer["certificates"]] == [[f"127.0.0.1:{good}"]]
    whys = [one["why"] for one in answer["unknown"]]
    assert whys[0] == "answers without TLS"
    assert "Connection refused" in whys[1]
    assert whys[2].startswith("serves no certificate (")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"certificates": [{"name": "a", "domains": ["a.example"]}]}, "certificates needs path"),
        ({"time": "now"}, "time: now is no time in ISO 8601"),
        ({"endpoints": [{"host": "a", "port": 0}]}, "port 0 of a is none"),
        ({"renew_share": 33.0}, "between 0 and 1"),
        ({"authorities": "/no/ca.pem", "files": [{"path": "one.crt"}]}, "authorities: /no/ca.pem cannot be read"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, trust: str, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    pair(tmp_path, GOOD)
    with pytest.raises(InputError, match=sentence):
        gather(trust, **given)


def test_the_clock_of_the_controller_judges(tmp_path: Path, trust: str) -> None:
    given = [pair(tmp_path, GOOD)]
    answer = gather(trust, files=given, time=(NOW - timedelta(days=80)).isoformat())
    assert answer["clock"].startswith("its clock is 80 days")
    assert kinds(answer["certificates"][0]) == [("early", "critical")]
    # NOW is older than the tolerance at the end of a slow run of all tests
    assert gather(trust, files=given, time=datetime.now(timezone.utc).isoformat())["clock"] == ""
    assert gather(trust, files=given)["clock_ahead_s"] is None


def test_nothing_needs_the_library_but_what_reads(trust: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_info, "HAS_CRYPTOGRAPHY", False)
    with pytest.raises(GantryError, match="cryptography is not on this host"):
        gather(trust)


def listed(directory: Path, authorities: dict[str, tuple[float, float]]) -> str:
    """A file of empty lists of revoked certificates, with the days since and until which each is valid."""
    lists = [
        x509.CertificateRevocationListBuilder(
            issuer_name=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} issuing")]),
            last_update=NOW - timedelta(days=since),
            next_update=NOW + timedelta(days=until),
        ).sign(MIDDLE.signer, hashes.SHA256())
        for name, (since, until) in authorities.items()
    ]
    path = directory / "revoked.pem"
    path.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in lists))
    return str(path)


def test_a_list_of_revoked_certificates_that_is_due_has_expired_or_is_missing_is_named(
    tmp_path: Path, trust: str
) -> None:
    path = listed(tmp_path, {"new": (1, 29), "old": (20, 10), "dead": (31, -1)})
    names = ["new", "old", "dead", "lost"]
    answer = gather(trust, lists=[{"path": path, "authorities": names}], time=NOW.isoformat())
    assert [one["days_left"] for one in answer["lists"]] == [29, 10, -1, None]
    assert [bool(one["due"]) for one in answer["lists"]] == [False, True, False, False]
    hosts = [report_scan.host("app1", answer)]
    lines = report_scan.screen(hosts)
    assert lines[0] == "Certificates of 1 host: 2 wrong, 1 due, 1 in order"
    text = "".join("".join(lines).split())
    for said in (
        f"dead (list) on app1: the list in {path} has expired since",
        f"lost (list) on app1: {path} has no list of lost; gantry.odoo.renew_certificates writes a new one",
        f"old (list) on app1: its list in {path} is valid until",
    ):
        assert "".join(said.split()) in text
    assert "wrong: lost (list) on app1, dead (list) on app1" in report_scan.failure(hosts, enforce=True) or (
        "wrong: dead (list) on app1, lost (list) on app1" in report_scan.failure(hosts, enforce=True)
    )
    metrics = report_scan.metrics(hosts)
    assert 'list_expected{host="app1",authority="lost"} 1' in metrics
    moment = (NOW + timedelta(days=10)).timestamp()
    assert f'list_next_update_timestamp_seconds{{host="app1",authority="old"}} {moment:.0f}\n' in metrics
    assert 'update_timestamp_seconds{host="app1",authority="lost"}' not in metrics


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read (No such file"),
        (b"", "has no list of new"),
        (b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "has a list that cannot be read"),
    ],
)
def test_a_file_without_lists_that_can_be_read_is_wrong(
    tmp_path: Path, trust: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / "revoked.pem"
    if content is not None:
        path.write_bytes(content)
    (one,) = gather(trust, lists=[{"path": str(path), "authorities": ["new"]}])["lists"]
    assert said in one["findings"][0]["sentence"]


def estate(tmp_path: Path, trust: str) -> list[report_scan.Host]:
    """Two edges with the same certificates, a cache with a wrong one, and a host that is off."""
    files = [pair(tmp_path, GOOD, "harbour")]
    files.append(pair(tmp_path, issue("north.example", NOW, MIDDLE, names=["north.example"], days=(70, 20)), "north"))
    lists = [{"path": listed(tmp_path, {"new": (1, 29)}), "authorities": ["new"]}]
    endpoints = [{"host": "127.0.0.1", "port": 1}]
    answer = gather(trust, files=files, lists=lists, endpoints=endpoints, time=NOW.isoformat())
    swapped = gather(trust, files=[pair(tmp_path, GOOD, "redis", MIDDLE.key())], time=NOW.isoformat())
    hosts = {"edge1": answer, "edge2": answer, "cache1": swapped, "cache2": {"unreachable": True, "msg": "timed out"}}
    return [report_scan.host(name, one) for name, one in hosts.items()] + [report_scan.host("db1", None)]


def test_the_screen_has_a_row_for_each_certificate_and_names_what_is_not_known(tmp_path: Path, trust: str) -> None:
    lines = report_scan.screen(estate(tmp_path, trust))
    assert lines[0] == "Certificates of 5 hosts: 1 wrong, 1 due, 2 in order, some unknown"
    assert all(len(line) <= 80 for line in lines)
    rows = [line.split() for line in lines[3:7]]
    assert [(row[0], row[-1]) for row in rows] == [
        ("redis", "wrong"),
        ("north", "due"),
        ("new", "ok"),
        ("harbour", "ok"),
    ]
    text = "\n".join(lines)
    for part in ("What is wrong", "What is due", "What is not known", "cache2: timed out", "db1: was not asked"):
        assert part in text


def test_the_run_fails_for_what_is_not_known_and_by_choice_for_what_is_wrong(tmp_path: Path, trust: str) -> None:
    hosts = estate(tmp_path, trust)
    said = report_scan.failure(hosts, enforce=False)
    unknown = "cache2, db1, 127.0.0.1:1 on edge1, 127.0.0.1:1 on edge2"
    assert said == f"certificates are not known: {unknown}; the table names the reasons"
    assert "; wrong: redis on cache1; the" in report_scan.failure(hosts, enforce=True)
    assert report_scan.failure([], enforce=True) == ""


def test_the_screen_is_cut_where_an_estate_has_a_thousand(tmp_path: Path, trust: str) -> None:
    answer = gather(trust, files=[pair(tmp_path, GOOD)])
    (one,) = answer["certificates"]
    wrong = [{"kind": "chain", "severity": "critical", "sentence": "its chain is broken"}]
    many = [
        {**one, "name": f"t{number}", "fingerprint_sha256": str(number), "findings": wrong} for number in range(1000)
    ]
    unknown = [{"place": f"127.0.0.1:443 (t{number})", "why": "refused"} for number in range(1000)]
    hosts = [report_scan.host("edge1", {**answer, "certificates": many, "unknown": unknown})]
    lines = report_scan.screen(hosts)
    assert len(lines) < 100
    assert sum("and 960 more" in line for line in lines) == 2
    assert len(report_scan.failure(hosts, enforce=True)) < 400


def test_metrics_have_each_name_once_and_leave_out_what_is_not_known(tmp_path: Path, trust: str) -> None:
    text = report_scan.metrics(estate(tmp_path, trust))
    lines = text.splitlines()
    names = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(names) == len(set(names))
    label = f'host="edge1",certificate="{tmp_path}/harbour.crt"'
    assert (
        f"gantry_odoo_certificate_not_after_timestamp_seconds{{{label}}} {(NOW + timedelta(days=80)).timestamp():.0f}"
        in lines
    )
    assert 'gantry_odoo_certificate_host_expected{host="cache2"} 1' in lines
    assert not [line for line in lines if line.startswith("gantry_odoo_certificate_observed") and "cache2" in line]


def test_rules_name_metrics_that_are_written(tmp_path: Path, trust: str) -> None:
    written = report_scan.metrics(estate(tmp_path, trust))
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    words = {word for rule in rules for word in _names(rule["expr"])} - {rule.get("record") for rule in rules}
    assert words
    assert not [word for word in words if f"# TYPE {word} gauge" not in written]


def _names(expression: str) -> list[str]:
    return [
        word
        for word in "".join(one if one.isalnum() or one in "_:" else " " for one in expression).split()
        if word.startswith(report_scan.PREFIX)
    ]


def test_the_places_of_an_estate() -> None:
    hosts: dict[str, dict[str, Any]] = {
        "edge1": {"certificate_internal_ca": True, "certificate_renew_share": 0.5},
        "cache1": {
            "redis_tls": "true",
            "redis_nodes": [{"host": "10.0.0.1"}, {"host": "10.0.0.2"}, {"host": "10.0.0.3"}],
            "ansible_host": "10.0.0.1",
            **{f"redis_tls_{name}": f"/etc/redis-pems/{name}.pem" for name in ("certificate", "key", "ca")},
        },
        "cache4": {"redis_tls": False},
        "db1": {"postgresql_listen_addresses": ["localhost"], "postgresql_version": 16},
        "proxy": {"certificate_further": {"endpoints": [{"host": "proxy", "port": 443}]}},
    }
    requests = [{"name": "harbour", "domains": [DOMAIN]}]
    found = certificate_places(hosts, {"edge": ["edge1"], "estate_postgresql": ["db1"]}, requests)
    assert list(found) == ["cache1", "db1", "edge1", "proxy"]
    assert (found["edge1"]["authorities"], found["edge1"]["renew_share"]) == ("", 0.5)
    assert "internal_authorities" not in found["edge1"]
    # no key goes to the host
    internal = [{"name": "internal", "zones": ["harbour.example"], "root_key": "secret"}]
    edge = certificate_places({"edge1": {"certificate_internal_authorities": internal}}, {"edge": ["edge1"]}, requests)
    assert edge["edge1"]["internal_authorities"] == [{"name": "internal", "zones": ["harbour.example"]}]
    # each host has the list, those without a certificate as well
    everywhere = certificate_places({"app1": {"certificate_internal_authorities": internal}}, {}, requests)
    assert everywhere == {"app1": {"lists": [{"path": "/etc/gantry/trust/revoked.pem", "authorities": ["internal"]}]}}
    assert found["edge1"]["endpoints"][0]["file"] == "/etc/gantry/certificates/harbour/current/certificate.pem"
    assert [one["port"] for one in found["cache1"]["endpoints"]] == [6379, 26379]
    assert found["db1"]["endpoints"][0]["host"] == "localhost"
    assert found["db1"]["files"][0]["path"] == "/etc/postgresql/16/main/server.crt"


def test_a_pair_that_postgresql_was_given_is_where_it_is_taken_from() -> None:
    given = {f"postgresql_{name}_file": f"/pems/{name}.pem" for name in ("cert", "key", "ca")}
    found = plan_places.postgresql(given)
    assert found["files"] == [
        {"name": "postgresql", "path": "/pems/cert.pem", "key": "/pems/key.pem", "authorities": "/pems/ca.pem"}
    ]
    (endpoint,) = found["endpoints"]
    assert (endpoint["file"], endpoint["authorities"]) == ("/pems/cert.pem", "/pems/ca.pem")


def test_a_server_that_listens_on_ipv6_alone_is_asked_there() -> None:
    (endpoint,) = plan_places.postgresql({"postgresql_listen_addresses": ["::"]})["endpoints"]
    assert endpoint["host"] == "::1"


def test_a_host_is_asked_in_its_own_directory() -> None:
    variables = {"ca1": {"certificate_dir": "/srv/pairs"}, "edge1": {}, "edge2": {"certificate_dir": "/srv/others"}}
    asked = certificate_directories(["edge1", "edge2", "edge3"], variables, "ca1", "/srv/pairs")
    own = {"edge1": plan_places.STORE, "edge2": "/srv/others", "edge3": plan_places.STORE}
    assert asked == {"ca1": "/srv/pairs", **own}
    # a call that is given one has it on all hosts
    assert {*certificate_directories(own, variables, "ca1", "/srv/given").values()} == {"/srv/given"}
    (directory,) = certificate_directories(["ca1"], {}, "ca1", "/srv/keys", "certificate_internal_dir").values()
    assert directory == "/srv/keys"


def test_no_task_on_another_host_takes_the_directory_of_its_own() -> None:
    files = {path: yaml.safe_load(path.read_text()) for path in (TREE / "roles/certificate/tasks").rglob("*.yml")}
    delegated = [(path, one) for path, content in files.items() for one in tasks(content) if "delegate_to" in one]
    own = re.compile(r"\bcertificate_(internal_)?dir\b|__certificate_account_key")
    assert delegated
    assert [(path.name, one["name"]) for path, one in delegated if own.search(yaml.safe_dump(one))] == []


def test_places_are_those_of_the_roles() -> None:
    def defaults(role: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((TREE / f"roles/{role}/defaults/main.yml").read_text())
        return found

    postgresql = yaml.safe_load((TREE / "roles/postgresql/vars/main.yml").read_text())
    directories = plan_places.DIRECTORIES
    assert {name: defaults("certificate")[name] for name in directories} == directories
    assert directories["certificate_dir"] == plan_places.STORE
    assert defaults("certificate")["certificate_trust_dir"] == plan_places.TRUST
    assert defaults("postgresql")["postgresql_version"] == plan_places.POSTGRESQL_VERSION
    assert defaults("postgresql")["postgresql_port"] == plan_places.POSTGRESQL_PORT
    assert (defaults("redis")["redis_port"], defaults("redis")["redis_sentinel_port"]) == (6379, 26379)
    days = [int(postgresql[f"__postgresql_tls_{name}"].strip("+d")) for name in ("margin", "lifetime")]
    assert days[0] / days[1] == plan_places.POSTGRESQL_SHARE
