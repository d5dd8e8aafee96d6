# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an archive is written, and what it says of itself."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_export import Archive, archive_from, manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_export import plan
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError
from tests.unit.backup.build import MANIFEST

FACTS = MANIFEST.database
OURS = Archive(FACTS.name, FACTS.uuid)


def test_an_archive_is_written_once_and_again_only_by_force() -> None:
    assert [step.action for step in plan("/a.zip", FACTS.name, FACTS.uuid, None, force=False)] == ["write_archive"]
    assert plan("/a.zip", FACTS.name, FACTS.uuid, OURS, force=False) == []
    assert [step.why for step in plan("/a.zip", FACTS.name, FACTS.uuid, OURS, force=True)] == ["force is set"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("other", [replace(OURS, database="north"), replace(OURS, uuid="")])
def test_an_archive_of_another_database_is_never_overwritten(other: Archive, force: bool) -> None:
    with pytest.raises(
        RefusedError, match=r"/a\.zip is an archive of database .* name another file, or remove this one"
    ):
        plan("/a.zip", FACTS.name, FACTS.uuid, other, force=force)


def test_what_is_written_is_what_is_read() -> None:
    assert archive_from(manifest(FACTS), "/a.zip") == OURS
    between = json.loads(manifest(replace(FACTS, odoo_version="saas~18.1")))
    assert (between["version"], between["version_info"][:2]) == ("saas~18.1", [18, 1])


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"db_name": "harbour"}', b"\xff"])
def test_a_manifest_of_something_else_is_one_sentence(data: bytes) -> None:
    with pytest.raises(StateError, match=r"/a\.zip has a manifest that this module did not write"):
        archive_from(data, "/a.zip")
