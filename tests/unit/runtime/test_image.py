# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host gets an image, decided without an engine."""

from __future__ import annotations

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_image import Load, Pull, image_name, plan_image

DIGEST = "images.example/odoo@sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("name", "found", "archive", "expected"),
    [
        ("odoo:19", "sha256:1", True, ()),
        ("odoo:19", "sha256:1", False, ()),
        ("odoo:19", "", True, (Load("load", "odoo:19", "it is not on this host"),)),
        (DIGEST, "", False, (Pull("pull", DIGEST, "it is not on this host"),)),
    ],
)
def test_image_is_brought_where_it_is_missing(name: str, found: str, archive: bool, expected: tuple) -> None:
    assert plan_image(name, found, archive) == expected


def test_tag_is_never_pulled() -> None:
    with pytest.raises(StateError, match="archive"):
        plan_image("odoo:19", "", False)


@pytest.mark.parametrize("name", ["odoo:19", "images.example:5000/a/odoo:19", DIGEST])
def test_names_of_one_image(name: str) -> None:
    assert image_name(name) == name


@pytest.mark.parametrize("name", ["", "odoo", "images.example:5000/odoo", "odoo:19 --all", "-x:1", "odoo@sha256:12"])
def test_names_that_could_be_many(name: str) -> None:
    with pytest.raises(InputError, match="one image"):
        image_name(name)
