# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies in the bucket: keys, manifests, indexes, and which files no backup refers to."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_layout import layout_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import (
    index_bytes,
    manifest_bytes,
    parse_index,
    parse_manifest,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import choose, fresh_enough
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_retention import garbage
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Stored
from tests.unit.backup.build import MANIFEST, blob

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
A, B, C = blob("a"), blob("b"), blob("c")


def test_keys_lie_below_the_prefix() -> None:
    layout = layout_of("/estate/", "harbour")
    assert layout.root == "estate/harbour/"
    assert layout.blob(A) == f"estate/harbour/filestore/{A}"
    assert layout.store_fname(layout.blob(A)) == A
    assert layout.manifest("20261122T120000Z") == "estate/harbour/backups/20261122T120000Z/manifest.json"
    assert layout.split(layout.manifest("20261122T120000Z")) == ("20261122T120000Z", "manifest.json")
    assert layout.split("estate/harbour/backups/notes.txt") is None
    assert layout_of("", "harbour").root == "harbour/"


@pytest.mark.parametrize("name", ["", "Harbour", "a/b", "..", "-x", "a b"])
def test_a_tenant_cannot_leave_its_directory(name: str) -> None:
    with pytest.raises(InputError, match="tenant"):
        layout_of("", name)


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert parse_manifest(manifest_bytes(MANIFEST), "here") == MANIFEST


@pytest.mark.parametrize("damage", [{"format": 2}, {"dump": {}}, {"snapshot_time": "yesterday"}, {"database": None}])
def test_a_manifest_that_cannot_be_vouched_for_is_refused(damage: dict[str, Any]) -> None:
    document = {**json.loads(manifest_bytes(MANIFEST)), **damage}
    with pytest.raises(StateError, match="here"):
        parse_manifest(json.dumps(document).encode(), "here")
    with pytest.raises(StateError, match="here"):
        parse_manifest(b"not json", "here")


@given(st.dictionaries(st.text().map(blob), st.integers(0, 2**40)))
def test_an_index_is_read_as_it_was_written(files: dict[str, int]) -> None:
    assert parse_index(index_bytes(files), "here") == files


def test_an_index_cannot_reach_out_of_the_filestore() -> None:
    with pytest.raises(StateError, match="passwd"):
        parse_index(index_bytes({"../../etc/passwd": 1}), "here")


def test_only_old_unreferenced_objects_are_garbage() -> None:
    day = timedelta(days=1)
    objects = {A: Stored(1, NOW - 2 * day), B: Stored(1, NOW - 2 * day), C: Stored(1, NOW - day / 2)}
    assert garbage(objects, {A}, NOW, 86400) == [B]
    assert garbage({A: Stored(1, NOW + day)}, (), NOW, 0) == []
    assert garbage(objects, (), NOW, 0) == sorted([A, B, C])


@given(
    st.dictionaries(st.text(max_size=3).map(blob), st.integers(-100, 100), max_size=20),
    st.sets(st.text(max_size=3).map(blob), max_size=10),
    st.integers(0, 50),
)
def test_garbage_is_never_referenced_young_or_from_the_future(
    ages: dict[str, int], marked: set[str], grace: int
) -> None:
    objects = {name: Stored(1, NOW - timedelta(seconds=age)) for name, age in ages.items()}
    doomed = garbage(objects, marked, NOW, grace)
    assert not marked & set(doomed)
    assert all(ages[name] > grace and ages[name] > 0 for name in doomed)


def test_only_files_that_the_bucket_lacks_are_sent() -> None:
    found = choose([A, B, C], {A: 1, B: 2, blob("x"): 9}, {A: 1, B: 1})
    assert found.send == (B,)
    assert found.missing == (C,)
    assert found.orphans == 1


def test_a_name_that_is_not_content_addressed_is_missing() -> None:
    assert choose(["s3://elsewhere/a"], {"s3://elsewhere/a": 1}, {}).missing == ("s3://elsewhere/a",)


def test_a_young_backup_suffices_but_not_one_from_the_future() -> None:
    complete = ["20261122T110000Z", "20301122T110000Z"]
    assert fresh_enough(complete, 7200, NOW) == "20261122T110000Z"
    assert fresh_enough(complete, 3600, NOW) is None
    assert fresh_enough(complete, 0, NOW) is None
    assert fresh_enough([], 7200, NOW) is None
