# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Odoo answered when it was tried whether a database serves its users."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError, excerpt

MARK = "gantry-served: "


@dataclass(frozen=True)
class Served:
    """health, page: status codes of the health check, 0 where this Odoo has none, and of the login page.

    form: whether that page has a login form. user: the one that was tried, empty where there is none. login: whether
    Odoo let the user in; `web` is then the status code of the first request as that user. files: how many attachments
    were there to choose from. file: name in the filestore of the one that was read and has its checksum.
    """

    health: int
    page: int
    form: bool
    user: str
    login: bool
    web: int
    files: int
    file: str

    def require(self, database: str) -> None:
        """Raises StateError with everything that a user would miss."""
        faults = [
            *([f"/web/health answers with status {self.health}"] if self.health not in (0, 200) else []),
            *([f"/web/login answers with status {self.page}"] if self.page != 200 else []),
            *(["/web/login shows no login form"] if self.page == 200 and not self.form else []),
            *(["it has no active internal user"] if not self.user else []),
            *([f"user {self.user} is not let in with the right password"] if self.user and not self.login else []),
            *(
                [f"a request of user {self.user} is answered with status {self.web}"]
                if self.login and self.web != 200
                else []
            ),
            *(
                [f"none of {self.files} attachments that were tried can be read with its content"]
                if self.files and not self.file
                else []
            ),
        ]
        if faults:
            raise StateError(
                f"database {database} does not serve its users: {'; '.join(faults)}; see whether its original does, "
                "repair that, and take a new backup"
            )


def served_from(said: str, database: str) -> Served:
    """What the script printed among the lines of Odoo's log. Raises StateError where it printed nothing."""
    for line in said.splitlines():
        if line.startswith(MARK):
            try:
                return Served(**json.loads(line.removeprefix(MARK)))
            except BAD_VALUES as error:
                raise StateError(f"Odoo printed {excerpt(line)!r} of database {database}; look at its log") from error
    raise StateError(f"Odoo ended without having tried database {database}; look at its log")
