# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worlds for a test, on one copy of the collection a session."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration import ansible
from tests.integration.orchestration.rig import Rig, copy_collection, make


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the copy of the collection is."""
    return copy_collection(tmp_path_factory.mktemp("collection"))


@pytest.fixture(scope="session")
def server(collection: Path) -> ansible.Server:
    """The process that runs playbooks of the copy."""
    return ansible.Server(collection)


@pytest.fixture(scope="session")
def converged(tmp_path_factory: pytest.TempPathFactory, collection: Path, server: ansible.Server) -> Path:
    """An estate on which gantry.odoo.site has run."""
    return _converged(make(tmp_path_factory.mktemp("converged"), collection, server))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, collection: Path, server: ansible.Server) -> Path:
    """The same with one cache, which takes a fifth less time in each run."""
    rig = make(tmp_path_factory.mktemp("small"), collection, server)
    rig.change(caches={"cache1": rig.world.caches["cache1"]})
    return _converged(rig)


def _converged(rig: Rig) -> Path:
    rig.play("site").expect_success()
    assert rig.world.harm == []
    rig.change(step=0, log=[], reads=[])
    return rig.path


@pytest.fixture
def fresh(tmp_path: Path, converged: Path, collection: Path, server: ansible.Server) -> Callable[[], Rig]:
    """Makes an estate that was converged, another one each time."""
    numbers = itertools.count()

    def made() -> Rig:
        return Rig(converged, collection, server).copy(tmp_path / str(next(numbers)))

    return made


@pytest.fixture
def rig(fresh: Callable[[], Rig]) -> Rig:
    """An estate that was converged."""
    return fresh()
