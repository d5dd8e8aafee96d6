# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report says first what is wrong with a ledger, runs nothing that a ledger holds, and is open to nobody else."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.gantry.odoo.plugins.action import change_audit
from ansible_collections.gantry.odoo.plugins.module_utils._audit import apply_audit, apply_report
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_seen import Seen, remember
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import Entry, seal
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log
from tests.bench.ledger import Body, History, entry, sealed, write

NOW = datetime.now(timezone.utc)
# What the page is made of. Anything else came from a ledger.
TAGS = {
    "a", "article", "bdi", "body", "caption", "dd", "defs", "desc", "div", "dl", "dt", "figcaption", "figure", "footer",
    "h1", "h2", "h3", "head", "header", "html", "li", "main", "meta", "nav", "p", "pattern", "rect", "section", "span",
    "strong", "style", "svg", "table", "tbody", "td", "text", "th", "thead", "title", "tr", "ul",
}  # fmt: skip
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</style><style>*{display:none}</style>",
    "{{ 7 * 7 }}{% raw %}",
    "</title></section></main>",
    "\u202egnp.exe\u0000\x1b[31m",
)


class Page(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts += [data] if data.strip() else []


class Audited:
    """A ledger on disk with its witness, and the report on it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.store, self.witness, self.report = (place / name for name in ("store", "witness", "report"))
        self.declared: dict[str, Any] = {
            "directory": str(self.store),
            "witness": {"directory": str(self.witness)},
            "outbox": str(place / "outbox"),
        }

    def audit(self, check: bool = False, **given: Any) -> dict[str, Any]:
        """The result of the module."""
        args = {"store": self.declared, "directory": str(self.report), **given}
        task = mock.Mock(args=args, check_mode=check, async_val=0, action="gantry.odoo.example", environment=[])
        templar = mock.Mock()
        templar.template.side_effect = lambda value, **_rest: value
        shell = (task, mock.MagicMock(), mock.Mock(), mock.Mock(), templar, mock.Mock())
        result: dict[str, Any] = change_audit.ActionModule(*shell).run(None, {})
        return result

    @property
    def page(self) -> str:
        return (self.report / "report.html").read_text(encoding="utf-8")

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.report / "report.json").read_text(encoding="utf-8"))
        return found

    def path(self, number: int) -> Path:
        """The file of an entry."""
        return self.store / Log(Directory(str(self.store)), "ledger").key(number)

    def body(self, number: int) -> Body:
        found: Body = json.loads(self.path(number).read_text(encoding="utf-8"))
        return found

    def put(self, one: Entry) -> None:
        """Write an entry by hand, without the witness."""
        self.path(one.sequence).parent.mkdir(parents=True, exist_ok=True)
        self.path(one.sequence).write_text(json.dumps(one.as_record()), encoding="utf-8")

    def entry(self, number: int) -> Entry:
        body = self.body(number)
        previous, digest = body.pop("previous"), body.pop("hash")
        return Entry(number, previous, digest, body)


COUNT = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    history = History(("harbour", "mill", "quarry"), NOW, timedelta(days=20))
    write(sealed(history.bodies(COUNT)), place / "store", place / "witness")
    return place


@pytest.fixture
def ledger(made: Path, tmp_path: Path) -> Audited:
    for name in ("store", "witness"):
        shutil.copytree(made / name, tmp_path / name)
    return Audited(tmp_path)


def fault(ledger: Audited, kind: str, number: int, **given: Any) -> dict[str, Any]:
    """Audit a ledger that has to be found wrong: the document, with the fault, which page and result name too."""
    result = ledger.audit(**given)
    assert result["failed"] is True
    assert result["verified"] is False
    document = ledger.document
    assert document["verified"] is False
    found = [one for one in document["verification"]["faults"] if (one["kind"], one["first"]) == (kind, number)]
    assert len(found) == 1, document["verification"]["faults"]
    said = found[0]["sentence"]
    assert said in result["findings"]
    assert result["msg"].startswith(f"the ledger in the directory {ledger.store} does not verify: ")
    assert result["screen"][0].startswith("THE LEDGER DOES NOT VERIFY: ")
    texts = Page(ledger.page).texts
    assert said in texts
    # first and loudly: before anything else that the page has to say
    verdict = texts.index("✕ The ledger does not verify")
    assert verdict < texts.index("What to look at first")
    assert texts[0].startswith("✕ The ledger does not verify - Audit of changes")
    return {**document, "said": said}


def test_a_sound_ledger_is_reported(ledger: Audited) -> None:
    result = ledger.audit(tenants=[{"name": "harbour", "tier": 1}])
    assert (result.get("failed"), result["verified"], result["findings"], result["sequence"]) == (None, True, [], COUNT)
    document, page = ledger.document, ledger.page
    assert document["verification"]["hash"] == result["hash"] == ledger.body(COUNT)["hash"]
    assert document["verification"]["witness"]["newest"]["sequence"] == COUNT
    assert sum(document["summary"]["events"].values()) == COUNT
    data = (ledger.report / "report.json").read_bytes()
    assert result["report"]["json_sha256"] == hashlib.sha256(data).hexdigest()
    assert f"SHA-256 {result['report']['json_sha256']}" in page
    assert result["report"]["html_sha256"] == hashlib.sha256(page.encode()).hexdigest()
    assert "✓ The ledger verifies" in page
    numbers = [number for change in document["changes"] for number in range(change["first"], change["last"] + 1)]
    assert set(numbers) == set(range(1, COUNT + 1))


def test_one_altered_byte_is_named(ledger: Audited) -> None:
    text = ledger.path(7).read_text(encoding="utf-8")
    assert '"requester"' in text
    ledger.path(7).write_text(re.sub(r'"requester":"(.)', '"requester":"X', text), encoding="utf-8")
    found = fault(ledger, "altered", 7)
    assert found["said"] == "entry 7 was altered: its content is not the one that it was sealed with"
    assert found["verification"]["sound"] == COUNT - 1
    assert len(found["changes"]) > 5, "what can be told apart is shown"


@pytest.mark.parametrize("left", [b"", b"{", b"[]", b"\xff\xfe"])
def test_an_entry_that_is_damaged_is_named(ledger: Audited, left: bytes) -> None:
    ledger.path(8).write_bytes(left)
    fault(ledger, "altered", 8)


def test_an_entry_that_is_no_file_is_named(ledger: Audited) -> None:
    ledger.path(8).unlink()
    ledger.path(8).symlink_to("/etc/hostname")
    fault(ledger, "unreadable", 8)


def test_an_entry_that_was_removed_is_named(ledger: Audited) -> None:
    ledger.path(9).unlink()
    found = fault(ledger, "missing", 9)
    assert found["verification"]["fault_count"] == 1


def test_a_tail_that_was_cut_off_is_named(ledger: Audited) -> None:
    for number in range(COUNT - 4, COUNT + 1):
        ledger.path(number).unlink()
    found = fault(ledger, "cut_off", COUNT - 4)
    assert f"entries {COUNT - 4} to {COUNT} were cut off or lost" in found["said"]


def test_a_ledger_that_was_emptied_is_named(ledger: Audited) -> None:
    shutil.rmtree(ledger.store)
    fault(ledger, "cut_off", 1)


def test_a_forged_entry_at_the_end_is_named_and_proves_nothing(ledger: Audited) -> None:
    change = {"id": "restore_drill-999", "kind": "restore_drill", "requester": "mara"}
    forged = entry(NOW, change, "drill", tenants=[{"tenant": "forged", "ok": True, "error": ""}])
    ledger.put(seal(forged, ledger.entry(COUNT)))
    found = fault(ledger, "unwitnessed", COUNT + 1)
    assert not [one for one in found["evidence"] if one["tenant"] == "forged"]
    assert found["unsound_evidence"] == 1


def test_a_forged_entry_in_the_middle_is_named(ledger: Audited) -> None:
    body = {**ledger.entry(10).body, "facts": {"covers": ["nothing"]}}
    ledger.put(seal(body, ledger.entry(9)))
    found = fault(ledger, "rewritten", 10)
    # the entry behind it is the one that was written, which the witness knows
    assert found["verification"]["fault_count"] == 1
    assert found["said"] == "entry 10 is not the one that the witness knows: it was written anew or replaced"


def test_without_a_witness_the_place_of_a_forged_entry_is_named(ledger: Audited) -> None:
    del ledger.declared["witness"]
    ledger.put(seal({**ledger.entry(10).body, "facts": {}}, ledger.entry(9)))
    fault(ledger, "unlinked", 11)


def test_a_ledger_that_was_written_anew_is_named(ledger: Audited) -> None:
    last = ledger.entry(19)
    for number in range(20, COUNT + 1):
        body = dict(ledger.entry(number).body)
        last = seal({**body, "facts": {**body["facts"], "forged": 1}}, last)
        ledger.put(last)
    found = fault(ledger, "rewritten", 20)
    assert found["verification"]["fault_count"] == COUNT - 19 + 1
    assert found["verification"]["sound"] == 19


def test_a_stray_of_a_high_number_does_not_hold_the_audit_up(ledger: Audited) -> None:
    ledger.put(Entry(900_000, "0" * 64, "0" * 64, {"event": "stray"}))
    found = fault(ledger, "missing", COUNT + 1)
    assert len(found["changes"]) > 5


def test_a_witness_that_does_not_answer_is_said_first(ledger: Audited) -> None:
    shutil.move(ledger.witness, f"{ledger.witness}.away")
    ledger.witness.write_text("", encoding="utf-8")
    found = fault(ledger, "witness_unknown", 0)
    assert "so that a cut or forged ledger is not found" in found["said"]


def test_a_ledger_without_a_witness_says_what_is_not_shown(ledger: Audited) -> None:
    del ledger.declared["witness"]
    for number in range(COUNT - 4, COUNT + 1):
        ledger.path(number).unlink()
    assert ledger.audit()["verified"] is True
    assert "! The chain verifies, and no witness confirms it" in Page(ledger.page).texts
    assert "The ledger has no witness." in ledger.page


def test_what_this_controller_has_seen_is_a_witness_too(ledger: Audited) -> None:
    del ledger.declared["witness"]
    (ledger.store / "identity").write_text("one", encoding="utf-8")
    remember(ledger.declared, Seen("one", {"ledger": COUNT}))
    assert ledger.audit()["verified"] is True
    ledger.path(COUNT).unlink()
    assert "this controller has seen entry 60" in fault(ledger, "cut_off", COUNT)["said"]
    (ledger.store / "identity").write_text("other", encoding="utf-8")
    fault(ledger, "another_store", 0)


def test_an_account_that_may_only_read_the_store_can_audit_it(ledger: Audited) -> None:
    before = sorted(path for path in ledger.store.rglob("*"))
    with mock.patch.object(Directory, "now", side_effect=UnreachableError("the store is read-only")):
        assert ledger.audit()["verified"] is True
    assert "Ages count by the clock of this controller" in ledger.page
    assert sorted(path for path in ledger.store.rglob("*")) == before


def test_a_store_that_does_not_answer_is_no_report(ledger: Audited) -> None:
    shutil.rmtree(ledger.store)
    ledger.store.write_text("", encoding="utf-8")
    result = ledger.audit()
    assert result["failed"] is True
    assert "verified" not in result
    assert list(ledger.report.iterdir()) == []


def hostile_bodies() -> list[Body]:
    """A ledger whose every text is hostile."""
    bodies = []
    for number, text in enumerate(HOSTILE):
        change = {
            "id": f"{text}-{number}",
            "kind": text,
            "requester": text,
            "class": "emergency" if number % 2 else text,
            "reason": text,
            "approver": text,
        }
        facts = {"covers": [text], "tenant": text, "resumes": text, "way": text, "witness_away": text}
        bodies += [
            entry(NOW, change, "opened", **facts),
            entry(
                NOW, change, "gate", denials=[text], overridden=[text], score={text: text, "parts": [{"name": text}]}
            ),
            entry(NOW, change, "approved", by=text, how=text, text=text),
            entry(NOW, change, "backup", tenants=[{"tenant": text, "ok": False, "error": text}]),
            entry(NOW, {**change, "kind": "patch"}, "proven", part=text, host=text, release_after=text, why=text),
            entry(NOW, change, "broken", by=text, reason=text, lease=text),
            entry(NOW, change, text),
            entry(NOW, change, "unfinished", parts={text: text}, lost=text),
        ]
    return bodies


@pytest.fixture
def hostile(tmp_path: Path) -> Audited:
    found = Audited(tmp_path)
    del found.declared["witness"]
    last = None
    for body in hostile_bodies():
        last = seal(body, last)
        found.put(last)
    # half of a character has no hash
    found.put(Entry(last.sequence + 1, last.hash, "0" * 64, {"event": "\ud800", "change": {"id": "\ud800"}}))
    return found


def test_nothing_that_a_ledger_holds_is_run_or_loaded(hostile: Audited, tmp_path: Path) -> None:
    scan = {
        "hosts": [
            {
                "host": HOSTILE[0],
                "answered": True,
                "certificates": [{"name": HOSTILE[1], "findings": [{"sentence": HOSTILE[2]}]}],
            }
        ]
    }
    (tmp_path / "scan.json").write_text(json.dumps(scan), encoding="utf-8")
    result = hostile.audit(
        tenants=[{"name": one, "tier": one} for one in HOSTILE[:4]],
        compliance=[
            {"tenant": HOSTILE[0], "compliant": False, "parts": [{"state": "violated", "sentence": HOSTILE[1]}]}
        ],
        compliance_unknown=HOSTILE[2],
        certificates_path=str(tmp_path / "scan.json"),
        calendars=[{"name": HOSTILE[1], "kind": HOSTILE[0], "concerns": "estate", "source": "/x"}],
    )
    assert len(result["findings"]) == 1
    page = Page(hostile.page)
    assert page.open == []
    assert page.tags <= TAGS
    names = {name for name, _value in page.attributes}
    assert not {name for name in names if name.startswith("on") or name in ("style", "src", "srcset", "action", "data")}
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    for text in (HOSTILE[0], HOSTILE[3], HOSTILE[4]):
        assert any(text in one for one in page.texts)
    assert "49" not in [one.strip() for one in page.texts]
    everything = hostile.page
    assert not [one for one in everything if one != "\n" and not one.isprintable()]
    assert len(hostile.document["changes"]) == len(HOSTILE)


def test_the_policy_of_the_page_allows_its_own_style_alone(ledger: Audited) -> None:
    ledger.audit()
    page = ledger.page
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.findall(r"https?://|@import|url\((?!#)", page)
    assert "<script" not in page


def test_the_page_is_accessible_without_its_style(ledger: Audited) -> None:
    ledger.audit()
    page = ledger.page
    assert '<html lang="en">' in page
    assert page.count("<table") == page.count("<caption>") > 10
    assert page.count('role="img"') == page.count("<desc ") >= 1
    identifiers = re.findall(r' id="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))
    named = {one for found in re.findall(r'aria-labelledby="([^"]+)"', page) for one in found.split()}
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert named | targets <= set(identifiers)


def test_the_report_is_for_the_account_alone(ledger: Audited) -> None:
    os.umask(0o022)
    ledger.audit()
    assert oct(ledger.report.stat().st_mode & 0o777) == "0o700"
    files = {path.name: oct(path.stat().st_mode & 0o777) for path in ledger.report.iterdir()}
    assert files == {"report.html": "0o600", "report.json": "0o600"}


def test_a_directory_that_is_open_to_others_is_refused(ledger: Audited) -> None:
    ledger.report.mkdir(mode=0o755)
    result = ledger.audit()
    assert result["failed"] is True
    assert "is open to others (mode 0755)" in result["msg"]
    assert list(ledger.report.iterdir()) == []


def test_a_report_is_replaced_at_once_or_not_at_all(ledger: Audited) -> None:
    ledger.audit()
    before = {path.name: path.read_bytes() for path in ledger.report.iterdir()}

    def full(*_given: Any) -> None:
        raise OSError(28, "No space left on device")

    with mock.patch.object(apply_report.os, "fsync", full):
        assert ledger.audit()["failed"] is True
    assert {path.name: path.read_bytes() for path in ledger.report.iterdir()} == before


def test_check_mode_verifies_and_writes_nothing(ledger: Audited) -> None:
    result = ledger.audit(check=True)
    assert (result["verified"], result["report"]) == (True, {})
    ledger.path(7).unlink()
    assert ledger.audit(check=True)["failed"] is True
    assert not ledger.report.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"since": "yesterday"}, "since: yesterday is no time; give a date such as 2026-11-01"),
        ({"before": "2026-11-01T10:00:00"}, "before: 2026-11-01T10:00:00 is no time"),
        ({"since": "2026-11-02", "before": "2026-11-01"}, "since: 2026-11-02 is no time before 2026-11-01"),
        ({"directory": "here"}, "directory: here is a relative path; give an absolute one"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(ledger: Audited, given: dict[str, str], said: str) -> None:
    assert said in ledger.audit(**given)["msg"]


def test_filters_leave_the_verification_as_it_is(ledger: Audited) -> None:
    ledger.path(3).unlink()
    since = (NOW - timedelta(days=1)).date().isoformat()
    found = fault(ledger, "missing", 3, tenant="harbour", since=since)["filters"]
    assert (found["tenant"], found["since"][:10], found["until"]) == ("harbour", since, None)
    assert not [one for one in ledger.document["changes"] if set(one.get("tenants", ())) - {"harbour"}]


def test_the_ledger_is_read_once(ledger: Audited) -> None:
    with mock.patch.object(apply_audit, "again") as again:
        ledger.audit()
    again.assert_not_called()


def test_the_playbook_fails_for_a_ledger_that_does_not_verify_and_reports_it(ledger: Audited) -> None:
    ledger.path(7).unlink()
    variables = {
        "change_store": ledger.declared,
        "odoo_tenants": [{"name": "harbour", "tier": 1, "runtime": {"group": "app"}}],
        # one that cannot be asked is no reason to say nothing of the ledger
        "backup_repository": {"directory": str(ledger.place / "none"), "keys": []},
    }
    inventory = ledger.place / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"app1": {}}, "vars": variables}}), encoding="utf-8")
    command = [Path(sys.executable).with_name("ansible-playbook"), "-i", inventory, "gantry.odoo.audit"]
    done = subprocess.run(
        [*command, "-e", f"audit_directory={ledger.report}", "-e", "tenant=harbour"],
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        cwd=ledger.place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "THE LEDGER DOES NOT VERIFY" in done.stdout
    assert ledger.document["filters"]["tenant"] == "harbour"
    assert "the list is empty; give the key" in ledger.document["repository"]["why"]
