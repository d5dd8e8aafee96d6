# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions of changes, run without a playbook on one change store."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible import constants, context

from ansible_collections.gantry.odoo.plugins.action import change_open
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory


class Actions:
    """Runs actions on one change store."""

    def __init__(self, path: Path) -> None:
        self.declared = {"directory": str(path / "store"), "outbox": str(path / "outbox")}

    def __call__(self, action: Any, *, check: bool = False, **args: Any) -> dict[str, Any]:
        """The result of an action."""
        task = mock.Mock(
            args={"store": self.declared, **args}, check_mode=check, async_val=0, action="example", environment=[]
        )
        templar = mock.Mock()
        templar.template.side_effect = lambda value, **_rest: value
        given = (task, mock.MagicMock(), mock.Mock(), mock.Mock(), templar, mock.Mock())
        result: dict[str, Any] = action.ActionModule(*given).run(None, {})
        return result

    def open(self, kind: str = "patch_redis", *, requester: str = "mara", **args: Any) -> dict[str, Any]:
        """The result of change_open."""
        return self(change_open, kind=kind, requester=requester, **args)

    def entries(self, event: str = "") -> list[dict[str, Any]]:
        """The bodies of the ledger's entries, of one event or of all."""
        found = [dict(one.body) for one in Ledger(Directory(self.declared["directory"])).entries()]
        return [one for one in found if event in ("", one["event"])]


@pytest.fixture
def act(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Actions:
    monkeypatch.setattr(change_open.lease_keeper, "start", mock.Mock())
    monkeypatch.setattr(context, "CLIARGS", {"inventory": ["hosts"]})
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(run))
    return Actions(tmp_path)
