# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the collection's own files are refused before anything is read."""

from __future__ import annotations

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.modules.traefik_dynamic_file import work


@pytest.mark.parametrize(
    ("name", "module"), [("certificates", "traefik_certificates"), ("gantry-routes", "traefik_route")]
)
def test_a_file_of_another_module_is_refused(name: str, module: str) -> None:
    with pytest.raises(InputError, match=rf"name is {name}, a file that gantry\.odoo\.{module} writes"):
        work(Call({"name": name, "state": "absent"}))


def test_the_name_that_validation_needs_is_refused() -> None:
    with pytest.raises(InputError, match="name is gantry-sentinel, which the collection uses itself"):
        work(Call({"name": "gantry-sentinel", "state": "absent"}))
