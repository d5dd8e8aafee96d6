# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that the guides show are what the modules take."""

from __future__ import annotations

import re
import textwrap

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.gantry.odoo.plugins.module_utils._change.options import STORE
from tests.unit.project.tree import ROOT

_BLOCK = re.compile(r"^\.\. code-block:: yaml\n\n((?:    .*\n|\n)+)", re.MULTILINE)


def test_the_change_stores_of_the_estate_guide_are_what_the_modules_take() -> None:
    guide = (ROOT / "docs/docsite/rst/estate_guide.rst").read_text(encoding="utf-8")
    shown = [yaml.safe_load(textwrap.dedent(block)) for block in _BLOCK.findall(guide)]
    stores = [variables for variables in shown if "change_store" in variables]
    assert [sorted(one["change_store"]) for one in stores] == [["postgresql"], ["s3"]]
    for one in stores:
        found = ArgumentSpecValidator({"change_store": STORE}).validate(one)
        assert not found.error_messages
