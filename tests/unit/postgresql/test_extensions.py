# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which extensions are created before a dump is restored, by whom and in which order."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Extensions
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_extensions import (
    entries_without,
    in_order,
    privileged,
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
