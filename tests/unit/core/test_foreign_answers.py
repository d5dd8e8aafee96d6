# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other programs answer is read completely, or refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar
from unittest import mock

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_database import digests
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.options_files import items_from
from ansible_collections.gantry.odoo.plugins.module_utils._core.systemd import shown
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_served import MARK, served_from
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_templates import _kind
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_access import Record, parted, recorded
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_config import plan_options
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.read_health import Question, gap
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.versions import demo_arguments
from ansible_collections.gantry.odoo.plugins.module_utils._service.docker import inspected
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api

CONTAINER = {
    "Name": "/a",
    "Image": "sha256:1",
    "State": {"Pid": 1, "Running": True},
    "Config": {"Labels": None},
    "HostConfig": {"RestartPolicy": {"Name": "always"}},
}


def test_systemd_says_every_property_of_every_unit() -> None:
    assert shown("Id=a\nText=b=c\n\nId=d\nText=", ["a", "d"], ["Id", "Text"]) == [
        {"Id": "a", "Text": "b=c"},
        {"Id": "d", "Text": ""},
    ]


@pytest.mark.parametrize("answer", ["", "Id=a", "Id=a\n\nId=b", "no words", "Id=a\nText=b\n\n\nId=c"])
def test_an_answer_of_systemd_that_lacks_something_is_one_sentence(answer: str) -> None:
    with pytest.raises(StateError, match="see whether this host runs systemd 247"):
        shown(answer, ["a"], ["Id", "Text"])


def test_an_answer_of_another_engine_is_one_sentence() -> None:
    assert list(inspected(json.dumps([CONTAINER]))) == ["a"]
    for lacking in CONTAINER:
        with pytest.raises(StateError, match="see which engine"):
            inspected(json.dumps([{key: value for key, value in CONTAINER.items() if key != lacking}]))
    for answer in ("", "{}x", "[1]", "[[]]", "1", '[{"Name": null}]'):
        with pytest.raises(StateError, match="see which engine"):
            inspected(answer)


@pytest.mark.parametrize("owner", ["99999999999", "4294967295", "9" * 5000])
def test_a_number_that_is_no_account_is_refused(owner: str) -> None:
    item = {"path": "/a", "mode": "0644", "content": "", "secret": None, "once": False, "owner": "root", "group": None}
    for key in ("owner", "group"):
        with pytest.raises(InputError, match="give a name, or a number up to 4294967294"):
            items_from([{**item, key: owner}])
    assert items_from([{**item, "owner": "8069"}])[0].owner == "8069"


def test_numbers_of_another_script_or_without_end_are_none() -> None:
    assert demo_arguments(True, "Odoo Server \u00b2") == []
    with pytest.raises(InputError, match="not a number of seconds"):
        plan_options("a", {}, {"limit_time_real": float("inf")}, 150)


class Stranger(BaseHTTPRequestHandler):
    """Answers every request with the same words."""

    words: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        """Answer."""
        self.wfile.write(self.words)

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "words",
    [
        b"SSH-2.0\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{",
        *(b"HTTP/1.1 200 OK\r\n\r\n" + body for body in (b"\xff", b"1", b"[1]", b'["a"]', b'"a"', b'{"routers": [1]}')),
        b'HTTP/1.1 200 OK\r\n\r\n{"routers": {"a": 1}}',
    ],
)
def test_what_is_no_traefik_and_no_odoo_is_one_sentence(url: str, words: bytes) -> None:
    with mock.patch.object(Stranger, "words", words):
        api = Api(url, 5)
        for ask in (api.raw, api.entry_points, api.certificates):
            with pytest.raises(GantryError, match="correct api_url"):
                ask()
        assert gap(Question(url, "status", "web process"), 5)


DEEP = "[" * 100_000


def test_what_a_tenant_has_nested_too_deep_is_no_answer() -> None:
    """A tenant's role can comment on its database and write its parameters, and its code prints into Odoo's log."""

    class Cursor:
        """A cursor that has read one row."""

        def execute(self, *_asked: object) -> None:
            """Ask."""

        def fetchone(self) -> tuple[str]:
            """The row."""
            return (DEEP,)

    assert parted(recorded("mine", Record((), "gantry")).partition("{")[0] + DEEP) == ("mine", None)
    assert _kind(DEEP) == ""
    assert digests(Cursor()) == {}
    for line in (DEEP, "[]", "{}", '{"health": 1}'):
        with pytest.raises(StateError, match="Odoo printed"):
            served_from(f"{MARK}{line}", "harbour")
