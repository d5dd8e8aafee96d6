# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runbook "restore one tenant in the night" on real servers, as its users see it."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration import change_store
from tests.lab.browser import Browser, Site

from .conftest import Estate
from .test_site import changes, login_pages, psql

TENANT = "north"
FILESTORE = f"/var/lib/odoo/shared/filestore/{TENANT}"


class Clerk:
    """A user of the tenant who works with its settings and documents, by the interface that a browser uses."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def ask(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """The result of a method of a model."""
        called = {"model": model, "method": method, "args": list(args), "kwargs": kwargs}
        return self._browser.call(f"/web/dataset/call_kw/{model}/{method}", called)

    @property
    def setting(self) -> str:
        """A setting that each process of Odoo remembers once it has read it."""
        return str(self.ask("ir.config_parameter", "get_param", "gantry.night"))

    @setting.setter
    def setting(self, value: str) -> None:
        self.ask("ir.config_parameter", "set_param", "gantry.night", value)

    def file(self, content: str) -> None:
        """Add a document that lies in the filestore."""
        datas = base64.b64encode(content.encode() * 1000).decode()
        self.ask("ir.attachment", "create", [{"name": f"{content}.txt", "datas": datas, "res_model": "res.partner"}])

    @property
    def documents(self) -> dict[str, str]:
        """The documents and how each begins, read through Odoo."""
        found = self.ask("ir.attachment", "search_read", [["name", "=like", "%.txt"]], ["name", "datas"])
        return {one["name"]: base64.b64decode(one["datas"]).decode()[:5] for one in found}


@contextmanager
def clerk(estate: Estate) -> Iterator[Clerk]:
    """Somebody who has logged in as a person does."""
    context = ssl.create_default_context(cafile=str(estate.lab.state.acme_root))
    browser = Browser(Site(f"https://{TENANT}.lab.example", estate.edges, context), timeout=60)
    try:
        browser.login("admin", estate.lab.state.secret(f"admin_{TENANT}"))
        yield Clerk(browser)
    finally:
        browser.close()


def seen(estate: Estate) -> tuple[str, dict[str, str]]:
    """The setting and the documents, for each process of Odoo that may answer."""
    answers = set()
    for _time in range(6):
        with clerk(estate) as user:
            answers.add((user.setting, tuple(sorted(user.documents.items()))))
    ((setting, documents),) = answers
    return setting, dict(documents)


@pytest.mark.deep
def test_a_tenant_goes_back_to_its_backup_and_forward_again(estate: Estate) -> None:
    with clerk(estate) as user:
        before = user.documents
        user.setting = "first"
        user.file("first")
    estate.play("backup", {"tenant": TENANT}).expect_success()
    with clerk(estate) as user:
        user.setting = "later"
        user.file("later")
    first = {**before, "first.txt": "first"}
    later = {**first, "later.txt": "later"}
    assert seen(estate) == ("later", later)

    estate.play("restore", {"tenant": TENANT}, check=True).expect_success()
    assert seen(estate) == ("later", later)
    estate.play("restore", {"tenant": TENANT}).expect_success()

    assert seen(estate) == ("first", first)
    login_pages(estate)
    assert changes(estate.play("site", check=True).expect_success()) == []

    (proven,) = [
        line["facts"]
        for line in change_store.entries(estate.store)
        if line["event"] == "proven" and "way_back" in line["facts"]
    ]
    assert proven["rto_s"] > 0
    _called, _found, play = proven["way_back"].partition(" gantry.odoo.")
    playbook, *words = play.split(" -e ")
    estate.play(playbook, dict(word.split("=") for word in words)).expect_success()
    assert seen(estate) == ("later", later)

    # gone altogether, as after a DROP DATABASE at night
    estate.play("backup", {"tenant": TENANT}).expect_success()
    psql(estate, f"DROP DATABASE {TENANT} WITH (FORCE)")
    estate.hosts["app1"].run(["rm", "-r", FILESTORE])
    estate.play("restore", {"tenant": TENANT}).expect_success()
    assert seen(estate) == ("later", later)
    assert changes(estate.play("site", check=True).expect_success()) == []
