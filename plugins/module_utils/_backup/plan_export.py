# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an archive of a database is to be written."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_export import Archive
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step


def plan(path: str, database: str, uuid: str, there: Archive | None, *, force: bool) -> list[Step]:
    """The steps. there: the archive at the path, None without one. Raises RefusedError for one of another database."""
    if there is None:
        return [Step("write_archive", path, "there is none")]
    if (there.database, there.uuid) != (database, uuid):
        raise RefusedError(
            f"{path} is an archive of database {there.database} with the uuid {there.uuid or 'none'}, and that of "
            f"{database} is {uuid or 'none'}; name another file, or remove this one"
        )
    return [Step("write_archive", path, "force is set")] if force else []
