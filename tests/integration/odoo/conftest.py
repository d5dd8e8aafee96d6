# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host that the tests of databases share, and a short way to declare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.hosts import Lab

from .server import CONFIG, Server

Declare = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def server(lab: Lab) -> Server:
    """Odoo 19 and PostgreSQL 17 on one host, without any database at the beginning."""
    server = Server(lab.host("erp1", image="app"))
    server.prepare()
    return server


@pytest.fixture(scope="session")
def declare(server: Server, ansible_module: Callable[..., dict[str, Any]]) -> Declare:
    """`declare({"name": ...}, ..., check=, fails=)` declares databases; other options go to the module."""

    def call(*databases: dict[str, Any], check: bool = False, fails: bool = False, **options: Any) -> dict[str, Any]:
        args = {**server.login, "config": CONFIG, "databases": list(databases), **options}
        return ansible_module(server.host, "gantry.odoo.odoo_database", args, check=check, fails=fails)

    return call


@pytest.fixture(scope="session")
def info(server: Server, ansible_module: Callable[..., dict[str, Any]]) -> Declare:
    """`info("harbour", ..., gather=[...])` tells of databases."""

    def call(*names: str, fails: bool = False, **options: Any) -> dict[str, Any]:
        args = {**server.login, "config": CONFIG, "names": list(names), **options}
        return ansible_module(server.host, "gantry.odoo.odoo_database_info", args, fails=fails)

    return call
