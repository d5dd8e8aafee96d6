# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addons on disk: what the manifests say, and a digest that changes with what an update reads and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._addons import code
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError


def addon(path: Path, name: str, manifest: str = "{'name': 'x', 'version': '1.2', 'depends': ['base']}") -> Path:
    directory = path / name
    (directory / "static").mkdir(parents=True)
    (directory / "__manifest__.py").write_text(manifest)
    (directory / "models.py").write_text("A = 1\n")
    (directory / "static" / "logo.svg").write_text("<svg/>")
    return directory


def test_an_addon_and_what_it_depends_on(tmp_path: Path) -> None:
    addon(tmp_path, "base", "{'name': 'Base', 'version': '1.3'}")
    addon(tmp_path, "uom")
    addon(tmp_path, "stock", "{'name': 'Stock', 'version': '19.0.2.0', 'depends': ['uom'], 'installable': False}")
    found = code.read([str(tmp_path)], ["stock", "nowhere"], "19.0")
    assert sorted(found) == ["base", "stock", "uom"]
    assert (found["stock"].version, found["uom"].version, found["base"].depends) == ("19.0.2.0", "19.0.1.2", ())
    assert not found["stock"].installable


def test_the_first_directory_of_the_path_wins(tmp_path: Path) -> None:
    addon(tmp_path / "a", "uom", "{'version': '2.0'}")
    addon(tmp_path / "b", "uom", "{'version': '1.0'}")
    assert code.read([str(tmp_path / "a"), str(tmp_path / "b")], ["uom"], "19.0")["uom"].version == "19.0.2.0"


def test_a_digest_changes_with_code_and_not_with_assets_or_caches(tmp_path: Path) -> None:
    directory = addon(tmp_path, "uom")
    before = code.digest(str(directory))
    (directory / "static" / "logo.svg").write_text("<svg></svg>")
    (directory / "__pycache__").mkdir()
    (directory / "__pycache__" / "models.cpython-313.pyc").write_bytes(b"x")
    assert code.digest(str(directory)) == before
    (directory / "models.py").write_text("A = 2\n")
    changed = code.digest(str(directory))
    assert changed != before
    (directory / "models.py").rename(directory / "model.py")
    assert code.digest(str(directory)) not in (before, changed)


@pytest.mark.parametrize("manifest", ["{'name': ", "[1]", "open('/etc/passwd')"])
def test_a_manifest_that_is_none(tmp_path: Path, manifest: str) -> None:
    addon(tmp_path, "uom", manifest)
    with pytest.raises(StateError, match=r"the manifest .*uom/__manifest__\.py"):
        code.read([str(tmp_path)], ["uom"], "19.0")


@pytest.mark.parametrize(
    ("version", "stored"), [("1.0", "19.0.1.0"), ("19.0.1.0", "19.0.1.0"), ("19.0", "19.0"), ("190.1", "19.0.190.1")]
)
def test_a_version_has_the_series_in_front_once(version: str, stored: str) -> None:
    assert code.adapt(version, "19.0") == stored
