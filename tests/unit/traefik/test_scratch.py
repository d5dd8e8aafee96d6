# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a scratch Traefik, and what keeps one from being asked."""

from __future__ import annotations

import os

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_scratch import ask, own_folder

NO_TRAEFIK = ["/nonexistent/traefik"]


def test_documents_that_cannot_be_laid_out_are_told_from_a_traefik_that_does_not_start() -> None:
    with pytest.raises(StateError, match=r"the documents cannot be laid out in .* File name too long"):
        ask(NO_TRAEFIK, {f"{'n' * 300}.yml": b""}, {}, Deadline(5))
    with pytest.raises(StateError, match=r"/nonexistent/traefik could not be started: .* No such file"):
        ask(NO_TRAEFIK, {"own.yml": b""}, {}, Deadline(5))


def test_what_fails_beside_the_folder_keeps_its_name_and_the_folder_goes() -> None:
    with pytest.raises(ConnectionResetError, match="by peer"), own_folder() as folder:
        raise ConnectionResetError("by peer")
    assert not os.path.exists(folder)
