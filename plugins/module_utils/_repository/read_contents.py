# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the contents of a repository: all at once, or in a directory no more than is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Nested
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository, stored_sizes
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    DataName,
    data_name,
    data_prefix,
)


@dataclass(frozen=True)
class Contents(Mapping[DataName, int]):
    """The size in bytes of each object with contents, of which those of one run are listed when one is asked for.

    runs: the numbers of those of which anything may be there, as the directories are called.
    """

    repository: Repository
    runs: frozenset[str]
    listed: dict[int, Mapping[DataName, int]] = field(default_factory=dict)

    def __getitem__(self, name: DataName) -> int:
        return self._of(name.number)[name]

    def __iter__(self) -> Iterator[DataName]:
        first = (data_name(f"data/{run}/0") for run in self.runs)
        return (name for one in first if one for name in self._of(one.number))

    def __len__(self) -> int:
        return sum(1 for _name in self)

    def _of(self, number: int) -> Mapping[DataName, int]:
        if number not in self.listed:
            self.listed[number] = stored_sizes(self.repository, data_prefix(number))
        return self.listed[number]


def contents_of(stores: Stores, repository: Repository) -> Mapping[DataName, int]:
    """What is there. A bucket lists a thousand objects by each request, and a directory one directory."""
    if not isinstance(stores.contents, Nested):
        return stored_sizes(repository)
    return Contents(repository, frozenset(stores.contents.directories(f"{repository.store.root}data/")))


def without_contents(entries: Iterable[Entry], stored: Mapping[DataName, int]) -> list[Entry]:
    """The backups of which nothing is there that they have written. An empty directory counts as something."""
    runs = stored.runs if isinstance(stored, Contents) else {str(name.number) for name in stored}
    return [one for one in entries if str(one.number) not in runs]
