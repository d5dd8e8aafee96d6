# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a PostgreSQL server for one drill, and removes it in every outcome."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import Survey
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_scratch import (
    PORT,
    SUPERUSER,
    Account,
    Place,
    Roles,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import privileged_extensions
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_scratch import (
    configuration,
    confined,
    is_place,
    limited,
    odoo_options,
    place_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_restore import Order
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_scratch import read_account
from ansible_collections.gantry.odoo.plugins.module_utils._core.command import environment, said_in
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import lock_file
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    connect,
    explaining,
    sql,
)
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_guarded import WATCH

_SYSTEMD = "/run/systemd/system"
_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")
# seconds: for a server to answer, for its processes to end, for another run that makes or removes a directory
_START_S = 120.0
_END_S = 15.0
_LOCK_S = 60.0


@contextmanager
def at_its_server(order: Order, seen: Survey) -> Iterator[Order]:
    """The order as it is to be carried out: where it asks for a scratch server, at one that is there for the block."""
    if order.scratch is None:
        yield order
        return
    scratch, odoo, name = order.scratch, order.odoo, order.wish.database
    account = read_account(scratch.user)
    special = bool(privileged_extensions(seen.server, seen.manifest))
    roles = Roles(order.build.login.user, order.owner, order.restore_user, order.write_user, special)
    with claimed(place_of(scratch, name), order.lock_s) as (place, lock):
        # an engine gives a container what is behind the door
        _make_directories(place, account, 0 if odoo.container else odoo.group)
        _write(configuration(place, roles, scratch.memory_mb, pwd.getpwuid(os.geteuid()).pw_name))
        command = (sys.executable, "-u", "-c", WATCH, *_WITH_PARENT, *confined(place, account, seen.server.version))
        if os.path.isdir(_SYSTEMD):
            command = limited(command, scratch.memory_mb, name)
        with _running(command, lock) as ended:
            superuser = Login(place.socket, SUPERUSER, PORT, ssl_mode="disable")
            _wait_for(superuser, ended)
            _make_roles(superuser, roles)
            build = replace(order.build, login=replace(superuser, user=roles.login))
            try:
                yield replace(order, build=build, odoo=odoo.at_server(odoo_options(place, roles.owner), place.socket))
            except GantryError as error:
                why = ended()
                if why is None:
                    raise
                raise StateError(
                    f"{error}; the scratch server had ended ({why}), as it does where scratch_memory_mb is not enough"
                ) from error


@contextmanager
def claimed(place: Place, seconds: float) -> Iterator[tuple[Place, int]]:
    """An empty directory and its lock, which the server holds as well; the directory is removed when the block ends.

    What drills have left that were killed is removed. seconds: to wait for another drill of the same database.
    """
    _require_own(place.above)
    lock = Deadline(seconds).wait(lambda: _claim(place), f"the end of another drill, which has {place.path},")
    try:
        yield place, lock
    except BaseException:
        # the error says more than what cannot be removed, which the next drill removes
        shutil.rmtree(place.path, ignore_errors=True)
        raise
    else:
        shutil.rmtree(place.path)
    finally:
        os.close(lock)


def _require_own(directory: str) -> None:
    """Make the directory of all servers, in which only root may write."""
    os.makedirs(directory, 0o711, exist_ok=True)
    found = os.stat(directory)
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise StateError(
            f"scratch_directory: others than root may write in {directory}; chown and chmod it, or give another"
        )


def _claim(place: Place) -> int | None:
    """The lock of the new directory; None while another drill has the directory."""
    above = os.open(place.above, os.O_RDONLY | os.O_DIRECTORY)
    try:
        lock_file(above, Deadline(_LOCK_S), f"the end of another run that makes a server in {place.above}")
        for name in filter(is_place, os.listdir(place.above)):
            _remove_left(f"{place.above}/{name}")
        if os.path.lexists(place.path):
            return None
        os.mkdir(place.path, 0o711)
        return _locked(place.path)
    finally:
        os.close(above)


def _remove_left(path: str) -> None:
    """Remove the directory of a server whose drill is gone, and with it all of its processes."""
    lock = _locked(path)
    if lock is not None:
        shutil.rmtree(path)
        os.close(lock)


def _locked(path: str) -> int | None:
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _make_directories(place: Place, account: Account, door: int) -> None:
    """Make what the server writes in. door: the group that reaches its socket."""
    for path, mode, group in (
        (place.data, 0o700, account.gid),
        (place.door, 0o710, door),
        (place.socket, 0o711, account.gid),
    ):
        os.mkdir(path, mode)
        os.chown(path, account.uid, group)


def _write(files: Mapping[str, str]) -> None:
    for path, text in files.items():
        with open(path, "x", encoding="utf-8") as stream:
            stream.write(text)


@contextmanager
def _running(command: Sequence[str], lock: int) -> Iterator[Callable[[], str | None]]:
    """Run the server for the block; it ends with this process as well.

    The function returns why the server has ended, None while it runs. lock: held until all of its processes are gone.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function  # it goes on beside the module
            list(command),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            env=environment(None),
            cwd="/",
            pass_fds=(lock,),
            start_new_session=True,
        )

        def ended() -> str | None:
            if process.poll() is None:
                return None
            return f"exit code {process.returncode}, {said_in(said) or 'without a word'}"

        try:
            # one that could not start says why when it is waited for
            with suppress(BrokenPipeError):
                if process.stdin is not None:
                    process.stdin.write(b"0\n")
            yield ended
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(login: Login, ended: Callable[[], str | None]) -> None:
    """Wait until the server answers."""

    def answers() -> bool | None:
        why = ended()
        if why is not None:
            raise StateError(f"the scratch server in {login.host} did not start: {why}")
        try:
            connect(login).close()
        except UnreachableError:
            return None
        return True

    Deadline(_START_S).wait(answers, f"the start of the scratch server in {login.host}")


def _make_roles(login: Login, roles: Roles) -> None:
    """Make the roles that the restore uses, as they are on a live server."""
    operator, *others = (sql.Identifier(one) for one in (roles.login, roles.owner, roles.restore, roles.write))
    power = sql.SQL("SUPERUSER" if roles.superuser else "CREATEDB")
    with explaining("making the roles", login), closing(connect(login)) as connection, connection.cursor() as cursor:
        for other in others:
            cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(other))
        cursor.execute(sql.SQL("CREATE ROLE {} LOGIN {}").format(operator, power))
        cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.SQL(", ").join(others), operator))
