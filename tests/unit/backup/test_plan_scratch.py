# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server a drill is given, and how that is configured and confined."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import Space
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_scratch import Account, Place, Roles, Scratch
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_scratch import (
    EMPTY,
    check_scratch,
    choose_version,
    configuration,
    confined,
    is_place,
    is_trusted,
    limited,
    odoo_options,
    place_of,
    refuse_full_scratch,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from tests.unit.backup.build import MANIFEST

SCRATCH = Scratch("/var/lib/gantry-drill", "gantry-drill", 1024)
PLACE = Place("/var/lib/gantry-drill/0123456789ab")
ROLES = Roles("gantry", "odoo_harbour", "gantry_restore", "gantry_write", superuser=False)


def of_version(version: int) -> Manifest:
    return replace(MANIFEST, database=replace(MANIFEST.database, server_version=version * 10000 + 5))


@pytest.mark.parametrize(
    ("installed", "dumped", "client", "chosen"),
    [
        ([17], 17, 17, 17),
        ([18, 16, 15], 15, 16, 15),
        ([18, 16, 15], 16, 18, 18),
        # the sentence for a pg_restore that speaks to none of them is that of every server
        ([15, 16], 15, 17, 15),
        ([18], 17, 17, 18),
    ],
)
def test_the_oldest_server_that_takes_the_dump_is_chosen(
    installed: list[int], dumped: int, client: int, chosen: int
) -> None:
    assert choose_version(installed, client, of_version(dumped)) == chosen


@pytest.mark.parametrize(("installed", "has"), [([], "none"), ([15, 13], "those of 13 and 15")])
def test_a_host_without_the_programs_is_told_which(installed: list[int], has: str) -> None:
    with pytest.raises(StateError) as raised:
        choose_version(installed, 17, MANIFEST)
    assert str(raised.value) == (
        "backup harbour/20261122T103000Z comes from PostgreSQL 17, and this host has no server programs of 17 or "
        f"newer, but {has}; install postgresql-17 for a drill at a scratch server, or give scratch: false"
    )


@pytest.mark.parametrize(
    ("control", "trusted"),
    [
        ("# plain\nrelocatable = true\n", False),
        ("superuser = true\ntrusted = true\n", True),
        ("superuser = false", True),
        ("  trusted='on' # said so\nsuperuser = true", True),
        ("trusted = false\nsuperuser = true", False),
        ("comment = 'trusted = true'\n", False),
    ],
)
def test_who_may_create_an_extension_is_read_in_its_control_file(control: str, trusted: bool) -> None:
    assert is_trusted(control) is trusted


@pytest.mark.parametrize(
    ("scratch", "sentence"),
    [
        (replace(SCRATCH, directory="/run/drill"), "scratch_directory: the server does not see what is in /run"),
        (replace(SCRATCH, directory="/tmp"), "scratch_directory: the server does not see what is in /tmp"),
        (replace(SCRATCH, directory="drill"), "scratch_directory: drill is no path"),
        (replace(SCRATCH, directory="/"), "scratch_directory: / is no path"),
        (replace(SCRATCH, directory="/srv/../run"), "scratch_directory: /srv/../run is no path"),
        (replace(SCRATCH, directory="/" + "ä" * 35), "of at most 64 bytes"),
        (replace(SCRATCH, user="postgres"), "scratch_user: postgres has rights of its own"),
        (replace(SCRATCH, user="odoo"), "scratch_user: odoo has rights of its own"),
        (replace(SCRATCH, memory_mb=100), "scratch_memory_mb: 100 is not enough"),
    ],
)
def test_a_server_that_cannot_be_meant_is_refused(scratch: Scratch, sentence: str) -> None:
    with pytest.raises(InputError) as raised:
        check_scratch(scratch, "odoo")
    assert sentence in str(raised.value)


def test_each_database_has_one_place_and_its_socket_has_a_path_that_the_kernel_takes() -> None:
    check_scratch(SCRATCH, "odoo")
    place = place_of(replace(SCRATCH, directory="/" + "d" * 63), "harbour_drill")
    assert place != place_of(SCRATCH, "north_drill")
    assert is_place(place.path.rpartition("/")[2])
    # a directory of another, also one that is named by a digest
    assert not is_place("lost+found")
    assert not is_place("3f2a9c81d0be")
    assert len(f"{place.socket}/.s.PGSQL.5432") <= 107
    assert place.above == "/" + "d" * 63


def test_nothing_but_a_socket_lets_in_and_the_dump_logs_in_by_password() -> None:
    odd = Roles('gan"try', "odoo_harbour", "gantry_restore", "gantry_write", superuser=False)
    files = configuration(Place("/var/lib/it's/0123456789ab"), odd, 1024, "root")
    settings = dict(line.split(" = ") for line in files["/var/lib/it's/0123456789ab/postgresql.conf"].splitlines())
    assert settings["listen_addresses"] == "''"
    assert settings["unix_socket_directories"] == "'/var/lib/it''s/0123456789ab/door/s'"
    assert (settings["shared_buffers"], settings["fsync"]) == ("'256MB'", "'off'")
    assert files["/var/lib/it's/0123456789ab/pg_hba.conf"].splitlines() == [
        "local all gantry_scratch peer map=gantry",
        'local all "gan""try" peer map=gantry',
        'local all "gantry_restore" scram-sha-256',
        'local all "gantry_write" scram-sha-256',
        "local all all trust",
    ]
    assert files["/var/lib/it's/0123456789ab/pg_ident.conf"].splitlines() == [
        'gantry "root" gantry_scratch',
        'gantry "root" "gan""try"',
    ]


def test_the_server_has_nothing_in_common_with_others() -> None:
    command = confined(PLACE, Account(990, 991), 17)
    script = command[command.index("-c") + 1]
    options = command[1 : command.index("--")]
    assert {"--net", "--pid", "--ipc", "--mount", "--kill-child"} <= set(options)
    assert command[-6:] == ("990", "991", "/usr/lib/postgresql/17/bin", PLACE.data, PLACE.config, PLACE.path)
    assert "--clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all" in script
    # the kernel has forgotten it when the account has changed
    assert script.index("--reuid") < script.index("--pdeathsig=KILL")
    # nothing that a name could become part of
    assert PLACE.path not in script


def test_its_limits_are_those_of_one_scope() -> None:
    command = limited(["python3", "watch"], 1024, "harbour_drill")
    assert command[:2] == ("systemd-run", "--scope")
    assert "--property=MemoryMax=1024M" in command
    assert command[-3:] == ("--", "python3", "watch")


def test_odoo_is_given_no_password_that_a_server_could_ask_for() -> None:
    assert odoo_options(PLACE, "odoo_harbour") == (
        f"--db_host={PLACE.socket}",
        "--db_port=5432",
        "--db_user=odoo_harbour",
        "--db_password=none",
        "--db_sslmode=disable",
    )


def test_room_for_a_cluster_and_the_dump_is_asked_for() -> None:
    refuse_full_scratch(Space("/srv", EMPTY + 1000, 4096), MANIFEST)
    with pytest.raises(StateError, match=r"needs more than \d+ bytes in /srv for the scratch server, and 5 are free"):
        refuse_full_scratch(Space("/srv", 5, 4096), MANIFEST)
