# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""odoo.conf, filestores, passwords and what differs between versions of Odoo."""

from __future__ import annotations

import errno
import hashlib
import os
from datetime import datetime, timezone
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_code import visible
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore import apply_move
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_move import move
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import (
    filestore_path,
    is_remote,
    is_store_fname,
    recycled_path,
)
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import blobs, check_filestore
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import model_password
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Desired
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_config import parse_config
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_config import read_config
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.versions import signal_caches
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import connection as postgres
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.versions import (
    demo_arguments,
    series_of,
    series_of_release,
)

CONF = """
[options]
; a comment
db_host = db1
db_port = False
db_user = odoo_harbour
db_password = p%ss;word
data_dir = /var/lib/odoo/harbour
addons_path = /opt/odoo/current/addons, /usr/lib/python3/dist-packages/odoo/addons
"""


def test_odoo_conf_is_read_as_odoo_reads_it() -> None:
    config = parse_config(CONF, "harbour.conf")
    assert (config.db_host, config.db_port, config.db_user) == ("db1", 5432, "odoo_harbour")
    assert config.db_password == "p%ss;word"
    assert config.addons_path == ("/opt/odoo/current/addons", "/usr/lib/python3/dist-packages/odoo/addons")
    assert "p%ss" not in repr(config)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data_dir = /x", r"not a configuration of Odoo: .*; give the path of .* a line \[options\]"),
        ("[queue_job]\nchannels = root:2", r"no \[options\] section; give the path of"),
        ("[options]\ndata_dir = /x\0y", "a NUL character; give the path of"),
        ("[options]\ndb_user = odoo", "does not set data_dir"),
        ("[options]\ndata_dir = /x\ndb_port = many", "db_port to 'many'"),
        ("[options]\ndata_dir = /x\ndb_port = 5432\u00b2", "db_port to "),
    ],
)
def test_a_wrong_odoo_conf_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        parse_config(text, "harbour.conf")
    assert "\n" not in str(caught.value)


def test_an_odoo_conf_that_is_not_there_is_told() -> None:
    with pytest.raises(InputError, match=r"/nowhere/odoo\.conf cannot be read"):
        read_config("/nowhere/odoo.conf", "odoo")


def test_addons_are_looked_for_only_where_odoo_s_own_can_be_seen(tmp_path: Path) -> None:
    for addon in ("base", "project"):
        (tmp_path / addon).mkdir()
        (tmp_path / addon / "__manifest__.py").write_text("{}")
    config = parse_config(f"[options]\ndata_dir = /x\naddons_path = {tmp_path}", "odoo.conf")
    assert sorted(visible(config.addons_path) or ()) == ["base", "project"]
    (tmp_path / "base" / "__manifest__.py").unlink()
    assert visible(config.addons_path) is None
    assert visible(["/nowhere"]) is None


@pytest.mark.parametrize(
    ("text", "series"),
    [
        ("version_info = (19, 0, 0, FINAL, 0, '')", "19.0"),
        ("# a release\nversion_info = ('saas~18', 2, 0, FINAL, 0, '')\n", "saas~18.2"),
        ("nothing", ""),
    ],
)
def test_the_series_of_odoo_s_code(text: str, series: str) -> None:
    assert series_of_release(text) == series


def test_a_filestore_is_found_and_checked(tmp_path: Path) -> None:
    good, torn = hashlib.sha1(b"good").hexdigest(), hashlib.sha1(b"whole").hexdigest()
    store = Path(filestore_path(str(tmp_path), "harbour"))
    for name, content in ((good, b"good"), (torn, b"who")):
        (store / name[:2]).mkdir(parents=True, exist_ok=True)
        (store / name[:2] / name).write_bytes(content)
    (store / "checklist").mkdir()
    gone = f"ab/ab{'0' * 38}"
    names = [f"{name[:2]}/{name}" for name in (good, torn)]
    assert check_filestore(str(store), [*names, gone], verify_content=True) == {
        "files": 3,
        "bytes": 7,
        "missing": [gone],
        "corrupt": [names[1]],
        "orphans": {"files": 0, "bytes": 0, "spooled": 0},
        "disk_bytes": 7,
    }
    assert check_filestore(str(store), names, verify_content=False)["corrupt"] == []
    assert dict(blobs(str(store))) == {names[0]: 4, names[1]: 3}
    assert dict(blobs(str(tmp_path / "nowhere"))) == {}


def test_only_odoo_s_own_names_of_files_are_taken() -> None:
    assert is_store_fname(f"ab/ab{'0' * 38}")
    assert not is_store_fname(f"ab/cd{'0' * 38}")
    assert not is_store_fname("../../etc/passwd")
    assert not is_store_fname("s3://bucket/ab/abcd")
    assert is_remote("s3://bucket/ab/abcd")
    assert not is_remote(f"ab/ab{'0' * 38}")


def test_a_directory_never_moves_onto_another(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert move(str(tmp_path / "nowhere"), str(tmp_path / "c")) is False
    with pytest.raises(StateError, match="something stands there"):
        move(str(tmp_path / "a"), str(tmp_path / "b"))
    assert move(str(tmp_path / "a"), str(tmp_path / "deep" / "c")) is True
    assert (tmp_path / "deep" / "c").is_dir()


def test_a_directory_that_cannot_be_renamed_is_copied_compared_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "ab").mkdir(parents=True)
    (tmp_path / "a" / "ab" / "caf\udce9").write_bytes(b"a plan")
    rename = os.rename

    def refuse(source: str, target: str, **directories: int) -> None:
        if source == "a":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target, **directories)

    synced: list[list[str]] = []
    monkeypatch.setattr(apply_move, "sync_file_system", lambda _copy: synced.append(sorted(os.listdir(tmp_path))))
    monkeypatch.setattr(os, "rename", refuse)
    assert move(str(tmp_path / "a"), str(tmp_path / "b")) is True
    # the original is there until the copy is on disk
    assert synced == [["a", "b.partial"]]
    assert sorted(os.listdir(tmp_path)) == ["b"]
    assert (tmp_path / "b" / "ab" / "caf\udce9").read_bytes() == b"a plan"


def test_recycled_filestores_are_dated_in_utc_and_stay_on_their_file_system() -> None:
    moment = datetime(2026, 11, 22, 10, 30, tzinfo=timezone.utc)
    assert recycled_path("/data", "harbour", moment) == "/data/filestore/.recycled/20261122T103000Z-harbour"


def test_a_password_is_known_again_and_another_is_not() -> None:
    stored = model_password.hashed("s3cret é", b"salt", rounds=1000)
    assert model_password.matches("s3cret é", stored)
    assert not model_password.matches("another", stored)
    assert model_password.hashed("s3cret é", b"tlas", rounds=1000) != stored


def test_a_hash_by_passlib_is_understood() -> None:
    stored = (
        "$pbkdf2-sha512$25000$MDEyMzQ1Njc4OWFiY2RlZg$"
        "4U2sRpWJR5izR0/5kaL.Syi1Ep7rqoXJz5V/6J6Ko4sz.N2AvO/NfZfv7VPI2I7FMZXUeIOdaNOf3LOGyDj/ow"
    )
    assert model_password.matches("harbour", stored)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "",
        "secret",
        "$2b$12$abc",
        "$pbkdf2-sha512$0$x$y",
        "$pbkdf2-sha512$1$x$y",
        "$pbkdf2-sha512$999999999$xx$yy",
    ],
)
def test_what_is_no_hash_never_matches(stored: str | None) -> None:
    assert not model_password.matches("secret", stored)


@pytest.mark.parametrize(
    ("version", "expected"),
    [("Odoo Server 19.0", ["--with-demo"]), ("Odoo Server saas~19.2", ["--with-demo"]), ("Odoo Server 14.0-2021", [])],
)
def test_demo_data_is_asked_for_as_the_version_wants(version: str, expected: list[str]) -> None:
    assert demo_arguments(True, version) == expected
    assert demo_arguments(False, "") == ["--without-demo=True"]


def test_the_series_is_read_from_base() -> None:
    assert series_of("19.0.1.3") == "19.0"


class Cursor:
    """Plays pg_class to the signals."""

    def __init__(self, kinds: dict[str, str]) -> None:
        self.kinds = kinds
        self.statements: list[str] = []

    def execute(self, statement: str, arguments: object = None) -> None:
        self.statements.append(statement if arguments is None else f"{statement} {arguments}")

    def fetchall(self) -> list[tuple[str, str]]:
        return list(self.kinds.items())


@pytest.mark.parametrize(
    ("kinds", "signals"),
    [
        ({"orm_signaling_default": "r", "orm_signaling_stable": "r"}, 2),
        ({"base_cache_signaling_default": "S", "base_cache_signaling_stable": "S"}, 2),
        ({"base_cache_signaling": "S"}, 1),
        ({}, 0),
    ],
)
def test_each_version_is_signalled_in_its_way(kinds: dict[str, str], signals: int) -> None:
    cursor = Cursor(kinds)
    assert signal_caches(cursor) == signals
    assert len(cursor.statements) == 1 + signals
    assert all(any(name in statement for statement in cursor.statements[1:]) for name in kinds)


def test_a_login_that_fails_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    login = postgres.Login(host=str(tmp_path), user="gantry", password="hunter2", port=5999)
    with pytest.raises(UnreachableError) as caught:
        postgres.connect(login)
    words = str(caught.value)
    assert f"{tmp_path}:5999 did not let gantry into database postgres" in words
    assert "hunter2" not in words + repr(login)
    assert "\n" not in words


def test_a_declared_password_is_in_no_representation() -> None:
    assert "hunter2" not in repr(Desired("harbour", admin_password="hunter2"))
