# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which extensions are created before a dump is restored, by whom and in which order."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Extensions
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_extensions import (
    entries_without,
    in_order,
    is_for_all,
    privileged,
    publications,
    without_superusers,
)

SCHEMAS = {"pg_trgm": "public", "dblink": "extensions", "unaccent": "public"}
CONTENTS = [
    "7; 2615 16400 SCHEMA - extensions owner",
    "2; 3079 16401 EXTENSION - dblink ",
    "4300; 0 0 COMMENT - EXTENSION dblink ",
    "3; 3079 16402 EXTENSION - pg_trgm ",
    "200; 1259 16500 TABLE public dblink owner",
]


def test_the_owner_creates_what_it_may() -> None:
    trusted = Extensions(SCHEMAS, trusted=frozenset({"pg_trgm", "unaccent"}))
    assert privileged(trusted) == {"dblink": "extensions"}
    # only a superuser may alter a function of an extension, so it has to be the extension's owner
    altered = Extensions(SCHEMAS, trusted=frozenset(SCHEMAS), immutable_unaccent=True)
    assert privileged(altered) == {"unaccent": "public"}


def test_what_exists_is_not_restored_again() -> None:
    assert entries_without(CONTENTS, ["dblink"], ["extensions"]) == [CONTENTS[3], CONTENTS[4]]
    assert entries_without(CONTENTS, ["dblink"], []) == [CONTENTS[0], CONTENTS[3], CONTENTS[4]]


def test_what_an_extension_requires_is_created_before_it() -> None:
    contents = [f"{number}; 3079 {number} EXTENSION - {name} " for number, name in enumerate(("plperl", "hstore"))]
    contents.append("3; 3079 3 EXTENSION - hstore_plperl ")
    schemas = dict.fromkeys(("hstore", "hstore_plperl", "plperl"), "public")
    assert in_order(Extensions(schemas), [*contents, "4; 0 0 COMMENT - EXTENSION plperl "]) == [
        "plperl",
        "hstore",
        "hstore_plperl",
    ]


def test_what_only_a_superuser_makes_is_left_out_with_what_is_said_of_it() -> None:
    for_all, one = "5; 6104 39532 PUBLICATION - x all boss", "6; 6104 39533 PUBLICATION - one boss"
    kept = [
        one,
        "7; 6106 39533 PUBLICATION TABLE public one res_partner boss",
        "8; 0 0 COMMENT - PUBLICATION one boss",
        "9; 2620 39600 TRIGGER public res_partner EVENT TRIGGER - x boss",
        "10; 0 0 COMMENT public TRIGGER res_partner x_event boss",
    ]
    gone = [
        for_all,
        "12; 3466 39536 EVENT TRIGGER - Odd Ev boss",
        "13; 6237 39534 PUBLICATION TABLES IN SCHEMA public schemas public boss",
        "14; 6100 39535 SUBSCRIPTION - far boss",
    ]
    said = ['15; 0 0 COMMENT - PUBLICATION "x all" boss', '16; 0 0 SECURITY LABEL - EVENT TRIGGER "Odd Ev" boss']
    assert publications([*kept, *gone]) == [one, for_all]
    left = [
        "PUBLICATION x all",
        "EVENT TRIGGER Odd Ev",
        "PUBLICATION TABLES IN SCHEMA schemas public",
        "SUBSCRIPTION far",
    ]
    assert without_superusers([*kept, *gone, *said], [for_all]) == (kept, left)
    assert is_for_all("-- Name: x\nCREATE PUBLICATION x FOR ALL TABLES WITH (publish = 'insert');")
    assert not is_for_all("-- Name: x FOR ALL \nCREATE PUBLICATION x WITH (publish = 'insert');")
