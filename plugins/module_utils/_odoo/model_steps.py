# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps in the life cycle of a database, each with what its hand needs to know. `target` is the database's name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import Home


@dataclass(frozen=True)
class Make(Step):
    """Build the database under its temporary name; until it is completed, what has that name is ours to remove."""


@dataclass(frozen=True)
class Create(Make):
    """Make an empty database. own_extensions: those that Odoo uses belong to the login, not to the owner."""

    owner: str = ""
    own_extensions: bool = False


@dataclass(frozen=True)
class MakeFromTemplate(Make):
    """Make a copy of a template, with its files."""

    template: str = ""


@dataclass(frozen=True)
class Clone(Make):
    """Make a copy of another database. end_sessions: those on it may be ended. files: how its files are copied."""

    source: str = ""
    end_sessions: bool = False
    files: str = "auto"


@dataclass(frozen=True)
class Complete(Step):
    """End the building of a database: from then on it has its name."""


@dataclass(frozen=True)
class Publish(Complete):
    """Give a complete database its name. home: what it is from then on."""

    home: Home | None = None


@dataclass(frozen=True)
class Seal(Complete):
    """Make a template of a complete database. kind: as the model Template has it."""

    kind: str = ""


@dataclass(frozen=True)
class DropTemplate(Step):
    """Drop a template that nothing is made from any more."""

    template: str = ""


@dataclass(frozen=True)
class Discard(Step):
    """Remove leftovers of an interrupted run that was building the database."""


@dataclass(frozen=True)
class Rename(Step):
    """Rename a database with its filestore."""

    former: str = ""


@dataclass(frozen=True)
class MoveFilestore(Step):
    """Let the filestore follow a database that was renamed or published."""

    former: str = ""


@dataclass(frozen=True)
class RecycleFilestore(Step):
    """Put a filestore into the recycle directory."""


@dataclass(frozen=True)
class Drop(Step):
    """Drop a database."""


@dataclass(frozen=True)
class ContentStep(Step):
    """Change a database that is called `at` at that moment."""

    at: str = ""


@dataclass(frozen=True)
class Install(ContentStep):
    """Let Odoo install addons. language: to be loaded and set for users and companies, empty for none."""

    addons: tuple[str, ...] = ()
    language: str = ""
    demo: bool = False


@dataclass(frozen=True)
class Extend(ContentStep):
    """Create an extension of PostgreSQL."""

    extension: str = ""


@dataclass(frozen=True)
class WriteStep(ContentStep):
    """Write to tables of Odoo; the steps of the kind that follow one another are done in one session."""


@dataclass(frozen=True)
class RenewIdentity(WriteStep):
    """Make a copy another database. due_from_now: jobs that were due long ago are due now, as a template is old."""

    due_from_now: bool = False


@dataclass(frozen=True)
class Neutralize(WriteStep):
    """Make a copy harmless."""


@dataclass(frozen=True)
class SetParameter(WriteStep):
    """Set a configuration parameter."""

    key: str = ""
    value: str = field(default="", repr=False)


@dataclass(frozen=True)
class SetAdmin(WriteStep):
    """Set the administrator's login and password; what is empty stays."""

    login: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class ChangeOwner(ContentStep):
    """Give a database and all that its owner has in it to another role."""

    owner: str = ""


@dataclass(frozen=True)
class Block(ContentStep):
    """Let only the login connect. cron_timeout: seconds for running jobs to end; None to end them."""

    cron_timeout: float | None = None


@dataclass(frozen=True)
class Open(ContentStep):
    """Let the owner connect again. home: what the database is from then on."""

    home: Home | None = None


@dataclass(frozen=True)
class SetHome(ContentStep):
    """Record that the database is its tenant's home."""

    home: Home | None = None


def moved(steps: Iterable[Step]) -> tuple[str, ...]:
    """The databases whose filestores the steps rename or remove, under the names that these have before."""
    found: dict[str, None] = {}
    for step in steps:
        if isinstance(step, (Rename, MoveFilestore)):
            found[step.former] = None
        elif isinstance(step, RecycleFilestore):
            found[step.target] = None
        elif isinstance(step, Discard):
            found[unfinished(step.target)] = None
    return tuple(found)
