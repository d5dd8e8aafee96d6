# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contents that were sealed by a former version: the published format does not change unseen."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import PARTIAL, from_body
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import DataKeys

KNOWN: dict[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="ascii"))
KEYS = DataKeys(KNOWN["tenant"], {int(number): base64.b64decode(key) for number, key in KNOWN["keys"].items()})


@pytest.mark.parametrize("vector", KNOWN["vectors"], ids=lambda vector: vector["name"])
def test_what_was_sealed_is_read(vector: dict[str, str]) -> None:
    sealed = base64.b64decode(vector["sealed"])
    content = KEYS.open(vector["kind"], vector["name"], sealed, "the vector")
    assert content == base64.b64decode(vector["content"])
    again = KEYS.seal(vector["kind"], vector["name"], content)
    assert (again[:4], len(again)) == (sealed[:4], len(sealed))


def test_a_catalog_of_a_former_version_is_read() -> None:
    (vector,) = [one for one in KNOWN["vectors"] if one["kind"] == "record"]
    body = json.loads(base64.b64decode(vector["content"]))
    catalog = from_body(3, body, "the vector")
    assert catalog.damaged == (DataName(1795734400, 1),)
    assert [one.manifest.key for one in catalog.entries] == ["manifests/1795734463-1795734500"]
    assert [one.restorable for one in catalog.entries] == [PARTIAL]
    # one that was written before there were holds, and a policy
    assert catalog.as_body() == {**body, "holds": [], "policy": None}
