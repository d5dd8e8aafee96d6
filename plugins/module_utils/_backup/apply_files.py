# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filestore of a restore: what is brought into it, what does not belong there, and the proof of what it holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from itertools import groupby
from typing import TypeVar

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import (
    Owner,
    made_directory,
    opened_below,
    opened_directory,
    remove_entry,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import sync_file_system
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import Count, uncounted
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import is_store_fname
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import held_sizes, opened_blob, sha1_of
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_bring import bring
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index, pieces_of, prefixes
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import absent, listed, read_shard

WORKERS = 4
# Files that lie so close together are fetched in one request, and no request is larger.
GAP_BYTES = 256 * 1024
REQUEST_BYTES = 16 * 1024 * 1024
SHOWN = 3

T = TypeVar("T")
R = TypeVar("R")


def fetch(
    repository: Repository,
    index: Index,
    filestore: str,
    owner: Owner,
    accept_missing: bool,
    deadline: Deadline,
    count: Count = uncounted,
) -> dict[str, str]:
    """Have the files of a backup on disk, each of them proven; why others are not. Raises StateError with damaged ones.

    accept_missing: leave damaged ones out instead. count: is told the files and bytes that were brought.
    """
    damaged: dict[str, str] = {}
    work = partial(bring, repository, filestore=filestore, owner=owner, count=count)
    for shard in index.shards.values():
        files = read_shard(repository, shard)
        lacking = absent(files, filestore, shard.prefix)
        # what an interrupted run has left may have lost its content with the power
        spoilt = damaged_files(filestore, files.keys() - lacking.keys(), deadline)
        lacking.update((name, files[name]) for name in spoilt)
        requests = pieces_of(lacking.items(), GAP_BYTES, REQUEST_BYTES)
        for done in each(work, requests, deadline, "fetching the filestore", repository.store.readers):
            damaged.update(done)
    # the database outlives a power cut, and its files have to as well
    with made_directory(filestore, owner) as directory:
        sync_file_system(directory)
    if damaged and not accept_missing:
        shown = ", ".join(sorted(damaged)[:SHOWN])
        raise StateError(
            f"{len(damaged)} files of the backup are damaged ({shown}): {next(iter(damaged.values()))}; "
            "check the backups and take a new one, which sends them again, or restore without them with "
            "missing_files: list"
        )
    return damaged


def prune(repository: Repository, index: Index, filestore: str) -> None:
    """Remove from a filestore in the making what the backup does not refer to, such as half a file, or a link."""
    with opened_directory(filestore) as top:
        with os.scandir(top) as entries:
            strange = [entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)]
        for name in strange:
            remove_entry(top, name)
        for prefix in prefixes(index.width):
            shard = index.shards.get(prefix)
            wanted = set(read_shard(repository, shard)) if shard else set()
            for name in sorted(listed(filestore, prefix) - wanted):
                with opened_below(top, name[:2]) as directory:
                    remove_entry(directory, name[3:])


def missing_files(filestore: str, names: Iterable[str], count: Count = uncounted) -> Iterator[str]:
    """The names, which come in the order of their bytes, that are of no file there. count: is told those looked for."""
    for folder, group in groupby(names, lambda name: name[:2]):
        wanted = list(group)
        held = held_sizes(filestore, folder) if is_store_fname(wanted[0]) else {}
        yield from (name for name in wanted if name not in held)
        count(len(wanted), 0)


def damaged_files(filestore: str, names: Iterable[str], deadline: Deadline) -> list[str]:
    """The names whose file is not there or does not have the SHA-1 that names it."""
    wanted = list(names)
    try:
        with opened_directory(filestore) as directory:
            intact = each(partial(_is_intact, directory), wanted, deadline, "proving the filestore")
    except FileNotFoundError:
        return wanted
    return [name for name, ok in zip(wanted, intact) if not ok]


def each(work: Callable[[T], R], items: Iterable[T], deadline: Deadline, what: str, workers: int = WORKERS) -> list[R]:
    """Do `work` for every item, several at a time; the first error ends it all."""
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work, item) for item in items]
        done, rest = wait(futures, timeout=deadline.remaining, return_when=FIRST_EXCEPTION)
        for future in rest:
            future.cancel()
        failed = next((future.exception() for future in done if future.exception() is not None), None)
        if failed is not None:
            raise failed
        if rest:
            raise DeadlineError(f"{what} was stopped after {deadline.seconds:g} s, its deadline")
    return [future.result() for future in futures]


def _is_intact(filestore: int, name: str) -> bool:
    if not is_store_fname(name):
        return False
    try:
        with opened_blob(filestore, name) as stream:
            return sha1_of(stream) == name[3:]
    except FileNotFoundError:
        return False
