# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An update runs for exactly what changed, says why, and counts as done only when the database says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import Code, Found, Module, Wish, digests_of
from ansible_collections.gantry.odoo.plugins.module_utils._addons.plan import Plan, plan, unproven
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError

CODE = {
    "base": Code("base", "19.0.1.3", "b0"),
    "uom": Code("uom", "19.0.1.0", "c0", ("base",)),
    "stock": Code("stock", "19.0.1.1", "d0", ("uom",)),
    "old": Code("old", "19.0.1.0", "e0", ("base",), installable=False),
    "torn": Code("torn", "19.0.1.0", "f0", ("nowhere",)),
}
IN_USE = {name: Module(name, "installed", CODE[name].version) for name in ("base", "uom")}
KNOWN = Found(IN_USE, {name: CODE[name].digest for name in IN_USE})
WISH = Wish("harbour", frozenset({"base", "uom"}))


def with_state(name: str, state: str, version: str = "") -> Found:
    return replace(KNOWN, modules={**IN_USE, name: Module(name, state, version or CODE[name].version)})


def reasons(found: Found, wish: Wish, code: dict[str, Code] | None = None) -> dict[str, str]:
    return {f"{step.action} {step.target}": step.why for step in plan(found, wish, code or CODE).steps}


def test_nothing_to_do_starts_no_odoo() -> None:
    planned = plan(KNOWN, WISH, CODE)
    assert planned == Plan()
    assert not planned.starts_odoo


@pytest.mark.parametrize(
    ("found", "wish", "expected"),
    [
        (KNOWN, replace(WISH, installed=frozenset({"stock"})), {"install harbour: stock": "not installed"}),
        (KNOWN, replace(WISH, upgraded=frozenset({"uom"})), {"upgrade harbour: uom": "it was asked for"}),
        (
            KNOWN,
            replace(WISH, installed=frozenset(), absent=frozenset({"uom"})),
            {"remove harbour: uom": "to be absent"},
        ),
        (
            replace(KNOWN, digests={"base": "b0", "uom": "before"}),
            WISH,
            {"upgrade harbour: uom": "its code has changed"},
        ),
        (replace(KNOWN, digests={"base": "b0"}), WISH, {"upgrade harbour: uom": "no update of it was ever recorded"}),
        (replace(KNOWN, digests={"base": "b0"}), replace(WISH, trust=True), {}),
        (replace(KNOWN, digests={}), replace(WISH, changed=False), {}),
        (
            with_state("uom", "installed", "19.0.0.9"),
            WISH,
            {"upgrade harbour: uom": "version 19.0.0.9 is to become 19.0.1.0"},
        ),
        (
            with_state("uom", "to upgrade"),
            WISH,
            {"upgrade harbour: uom": "an update that did not end left it 'to upgrade'"},
        ),
        (
            with_state("stock", "to install"),
            WISH,
            {"install harbour: stock": "an update that did not end left it 'to install'"},
        ),
        (
            with_state("uom", "to remove"),
            WISH,
            {"remove harbour: uom": "an update that did not end left it 'to remove'"},
        ),
    ],
)
def test_each_difference_has_its_reason(found: Found, wish: Wish, expected: dict[str, str]) -> None:
    assert reasons(found, wish) == expected


@pytest.mark.parametrize(
    ("found", "wish", "error", "sentence"),
    [
        (KNOWN, replace(WISH, installed=frozenset({"nothing"})), InputError, "nothing is in no directory"),
        (KNOWN, replace(WISH, installed=frozenset({"torn"})), InputError, "nowhere, which torn depends on, is in no"),
        (KNOWN, replace(WISH, installed=frozenset({"old"})), InputError, "old says of itself that it is not"),
        (KNOWN, replace(WISH, absent=frozenset({"uom"})), InputError, "wanted and absent at once"),
        (KNOWN, Wish("harbour", absent=frozenset({"base"})), InputError, "base is Odoo itself"),
        (KNOWN, replace(WISH, upgraded=frozenset({"stock"})), InputError, "to be upgraded and is not installed"),
        (
            replace(KNOWN, modules={**IN_USE, "lost": Module("lost", "installed", "1")}),
            WISH,
            StateError,
            "runs lost, and the addons path holds no code for it",
        ),
        (with_state("uom", "installed", "19.0.1.10"), WISH, RefusedError, "Odoo cannot go back"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(found: Found, wish: Wish, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        plan(found, wish, CODE)


def test_an_older_version_may_be_let_through() -> None:
    wish = replace(WISH, downgrade=True)
    assert reasons(with_state("uom", "installed", "19.0.1.10"), wish) == {
        "upgrade harbour: uom": "version 19.0.1.10 is to become 19.0.1.0"
    }


def test_success_is_what_the_database_says() -> None:
    wish = replace(WISH, installed=frozenset({"stock"}))
    planned = plan(KNOWN, wish, CODE)
    done = with_state("stock", "installed")
    assert unproven(done, planned, wish, CODE) == []
    assert unproven(KNOWN, planned, wish, CODE) == ["stock is not installed"]
    assert unproven(with_state("stock", "to install"), planned, wish, CODE) == [
        "stock is 'to install'",
        "stock is not installed",
    ]
    assert unproven(with_state("stock", "installed", "19.0.1.0"), planned, wish, CODE) == [
        "stock is at version 19.0.1.0 and not at 19.0.1.1"
    ]
    removing = replace(WISH, installed=frozenset(), absent=frozenset({"uom"}))
    assert unproven(KNOWN, plan(KNOWN, removing, CODE), removing, CODE) == ["uom is still installed"]


STATES = st.sampled_from(["installed", "uninstalled", "to upgrade", "to install"])
VERSIONS = st.sampled_from(["19.0.0.1", "19.0.1.0"])


@given(
    states=st.dictionaries(st.sampled_from(["base", "uom", "stock"]), st.tuples(STATES, VERSIONS)),
    known=st.dictionaries(st.sampled_from(["base", "uom", "stock"]), st.sampled_from(["b0", "c0", "d0", "x"])),
    installed=st.frozensets(st.sampled_from(["base", "uom", "stock"])),
)
def test_after_a_proven_update_nothing_is_left_to_do(
    states: dict[str, tuple[str, str]], known: dict[str, str], installed: frozenset[str]
) -> None:
    found = Found({name: Module(name, *state) for name, state in states.items()}, known)
    wish = Wish("harbour", installed)
    planned = plan(found, wish, CODE)
    names = set(planned.install) | set(planned.upgrade)
    modules = {**found.modules, **{name: Module(name, "installed", CODE[name].version) for name in names}}
    done = Found({name: module for name, module in modules.items() if name not in planned.remove}, known)
    assert unproven(done, planned, wish, CODE) == []
    assert plan(replace(done, digests=digests_of(done.in_use, CODE)), wish, CODE) == Plan()


def test_translations_that_changed_are_a_reason_and_those_of_a_new_language_are_not() -> None:
    code = {**CODE, "uom": replace(CODE["uom"], translations={"fr_FR": "t1"})}
    assert reasons(KNOWN, WISH, code) == {}
    found = replace(KNOWN, digests={**KNOWN.digests, "uom@fr_FR": "t0"})
    assert reasons(found, WISH, code) == {"upgrade harbour: uom": "its translations have changed: fr_FR"}


def imported(state: str) -> Found:
    modules = {**IN_USE, "studio_customization": Module("studio_customization", state, "19.0.1.0")}
    return replace(KNOWN, modules=modules, imported=frozenset({"studio_customization"}))


def test_an_addon_that_lives_in_the_database_alone_needs_no_code() -> None:
    code = {**CODE, "crm": Code("crm", "19.0.1.0", "g0", ("studio_customization",))}
    assert reasons(imported("installed"), WISH) == {}
    assert reasons(imported("installed"), replace(WISH, installed=frozenset({"crm"})), code) == {
        "install harbour: crm": "not installed"
    }
    assert digests_of(imported("installed").in_use, CODE) == KNOWN.digests
    absent = replace(WISH, absent=frozenset({"studio_customization"}))
    assert reasons(imported("to upgrade"), absent) == {"remove harbour: studio_customization": "to be absent"}
    with pytest.raises(InputError, match="studio_customization was imported into the database"):
        plan(imported("installed"), replace(WISH, upgraded=frozenset({"studio_customization"})), CODE)


def test_an_imported_addon_that_waits_is_settled_without_odoo() -> None:
    planned = plan(imported("to upgrade"), WISH, CODE)
    assert [step.action for step in planned.steps] == ["settle"]
    assert not planned.starts_odoo
    assert unproven(imported("installed"), planned, WISH, CODE) == []
