# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a backup back: under a temporary name, proven, and only then in place."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_blobs, read_repository, read_restored
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_bucket import Bucket
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest, moment_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_layout import Layout
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import (
    Server,
    Target,
    Wish,
    entries,
    is_restored,
    mark,
    privileged_extensions,
    recovered,
    recovery,
    refuse_code,
    refuse_server,
    restoration,
    swapped,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.revive import Odoo
from ansible_collections.gantry.odoo.plugins.module_utils._backup.target import Place
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._filestore import paths as files
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_access import block_database, open_database
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools

PIECE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Order:
    """Everything that a restore needs to know.

    jobs: connections of pg_restore at the same time. series: of the instance's code, empty where it cannot be seen.
    """

    bucket: Bucket
    layout: Layout
    place: Place
    odoo: Odoo
    wish: Wish
    owner: str
    jobs: int
    client: int
    deadline: Deadline
    series: str = ""


@dataclass(frozen=True)
class Survey:
    """What stands before a restore. files: all of the backup; fetch: those not at the target; sizes in bytes."""

    target: Target
    server: Server
    manifest: Manifest
    files: Mapping[str, int]
    fetch: Mapping[str, int]
    steps: list[Step]


@dataclass
class Timings:
    """Seconds that each part took; parts that run at the same time overlap."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Measure the block as `part`."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[part] = round(time.monotonic() - started, 3)


def choose(bucket: Bucket, layout: Layout, wanted: str) -> Manifest:
    """The manifest of the backup that was asked for: `latest`, or an identifier."""
    if wanted != "latest":
        moment_of(wanted)
        return read_repository.read_manifest(bucket, layout, wanted)
    complete, _leftovers = read_repository.backups(bucket, layout)
    if not complete:
        raise StateError(f"tenant {layout.tenant} has no complete backup in the {bucket.settings.where}; take one")
    return read_repository.read_manifest(bucket, layout, complete[-1])


def survey(order: Order, manifest: Manifest) -> Survey:
    """Compare backup and target; raises before anything is touched when the restore cannot or may not be done."""
    place, wish = order.place, order.wish
    target = place.read()
    undo = recovery(target, place.database)
    clean = recovered(target)
    index = read_repository.read_index(order.bucket, order.layout, manifest)
    # a finished swap takes the new filestore away; until then what it holds need not be fetched again
    held = dict(files.blobs(place.files(place.new))) if clean.new_files else {}
    fetch = {name: size for name, size in index.items() if held.get(name) != size}
    server = place.server(order.owner)
    if not wish.prefetch:
        refuse_code(order.series, manifest)
        refuse_server(server, order.client, manifest)
    return Survey(target, server, manifest, index, fetch, undo + restoration(clean, wish, manifest, fetch))


def recover(order: Order, target: Target) -> None:
    """Finish or undo what an interrupted restore left."""
    place = order.place
    actions: dict[str, Callable[[], None]] = {
        "finish_filestore": place.finish_filestore,
        "call_off_swap": lambda: place.call_off_swap(target.note.origin if target.note else ""),
        "forget": place.forget,
        "reopen": lambda: open_database(place.login, place.database),
        "drop_new": place.drop_new,
        "drop_old": place.drop_old,
        "remove_old_files": place.remove_old_files,
    }
    for step in recovery(target, place.database):
        actions[step.action]()


def restore(order: Order, seen: Survey, timings: Timings) -> bool:
    """Carry out the plan of a survey; whether a database was restored."""
    recover(order, seen.target)
    if order.wish.prefetch:
        fetch_files(order, seen, timings)
        return False
    if is_restored(recovered(seen.target), order.wish, seen.manifest):
        settle_access(order, recovered(seen.target))
        return False
    try:
        build(order, seen, timings)
        if order.wish.drill:
            return True
        with timings.of("swap_s"):
            order.place.swap(mark(seen.manifest, order.wish), recovered(seen.target))
    finally:
        tidy(order)
    return True


def tidy(order: Order) -> None:
    """Remove the database in the making; its files spare the next run the way, but a drill leaves none.

    A swap that happened and was interrupted is the next run's to finish.
    """
    if swapped(order.place.read()):
        return
    order.place.drop_new()
    order.place.forget()
    if order.wish.drill:
        order.place.remove_new_files()


def build(order: Order, seen: Survey, timings: Timings) -> None:
    """The database and its filestore under the temporary name, proven."""
    place, wish, manifest = order.place, order.wish, seen.manifest
    place.make_new_files(place.owner_of_files())
    place.announce(mark(manifest, wish))
    place.create(order.owner, manifest.database.locale)
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(fetch_files, order, seen, timings)
        restore_database(order, seen, timings)
        fetching.result()
    place.prune_new_files(seen.files)
    if wish.verify:
        with timings.of("verify_s"):
            read_restored.prove(place.login, place.new, place.files(place.new), manifest, order.deadline)
    if wish.neutralize:
        with timings.of("neutralize_s"):
            order.odoo.neutralize(place.new, order.deadline)
            read_restored.neutralized(place.login, place.new)
    if wish.load_registry:
        with timings.of("load_registry_s"):
            order.odoo.load_registry(place.new, order.deadline)
    if wish.fenced and not wish.drill:
        block_database(place.login, place.new)


def fetch_files(order: Order, seen: Survey, timings: Timings) -> int:
    """Bring the files that the target lacks; the number of bytes."""
    owner = order.place.owner_of_files()
    order.place.make_new_files(owner)
    with timings.of("fetch_files_s"):
        return apply_blobs.download(
            order.bucket, order.layout, order.place.files(order.place.new), seen.fetch, owner, order.deadline
        )


def restore_database(order: Order, seen: Survey, timings: Timings) -> None:
    """Bring the dump, prove it, and restore it into the temporary database."""
    place, manifest = order.place, seen.manifest
    special = privileged_extensions(seen.server, manifest)
    made = {name: schema for name, schema in manifest.database.extensions.items() if name in special}
    # without a name, the file is gone with the process however that ends
    with tempfile.TemporaryFile(dir=place.data_dir) as archive:
        with timings.of("fetch_dump_s"):
            fetch_dump(order, manifest, archive)
        with timings.of("restore_s"):
            contents = pgtools.contents(archive.fileno(), order.deadline)
            place.extend(order.owner, made, manifest.database.unaccent_immutable)
            pgtools.restore(
                place.login,
                place.new,
                archive.fileno(),
                entries(contents, made),
                order.owner,
                order.jobs,
                order.deadline,
            )
            place.analyze()


def fetch_dump(order: Order, manifest: Manifest, archive: IO[bytes]) -> None:
    """Write the dump to an open file. Raises StateError when it is not the one that the manifest vouches for."""
    key = order.layout.dump(manifest.backup_id)
    digest = hashlib.sha256()
    for piece in order.bucket.pieces(key, PIECE_BYTES):
        digest.update(piece)
        archive.write(piece)
    archive.flush()
    if digest.hexdigest() != manifest.dump.sha256:
        raise StateError(
            f"{key} in the {order.bucket.settings.where} is damaged: its SHA-256 is not the manifest's; "
            "use another backup"
        )


def settle_access(order: Order, target: Target) -> None:
    """Fence or open a database that was restored before."""
    if target.fenced == order.wish.fenced:
        return
    if order.wish.fenced:
        block_database(order.place.login, order.place.database)
    else:
        open_database(order.place.login, order.place.database)


def check_wish(wish: Wish) -> None:
    """Raises InputError for wishes that contradict one another."""
    if wish.load_registry and not wish.neutralize:
        raise InputError("load_registry: a copy that is loaded could send mail; give neutralize: true as well")
    if wish.prefetch and (wish.drill or wish.replace):
        raise InputError("prefetch: only files are brought, so there is nothing to replace or to drill")
    if wish.drill and not wish.verify:
        raise InputError("verify: a drill that verifies nothing proves nothing; leave verify true")
