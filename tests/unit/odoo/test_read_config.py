# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An odoo.conf on disk, and the processes that were started with it."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import model_password
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_config import read_config, read_instance
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_processes import read_processes

HOME = pwd.getpwnam("daemon").pw_dir


def written(directory: Path, *lines: str) -> str:
    """The path of an odoo.conf with these lines."""
    path = directory / "odoo.conf"
    path.write_text("\n".join(("[options]", *lines)))
    return str(path)


@pytest.mark.parametrize(
    ("data_dir", "expected"),
    [
        ("/srv/odoo/", "/srv/odoo"),
        ("~/zz", f"{HOME}/zz"),
        ("~", HOME),
        ("~daemon/zz", f"{HOME}/zz"),
        ("$HOME/zz", f"{HOME}/zz"),
        ("${HOME}/$USER", f"{HOME}/daemon"),
        ("/srv/a$", "/srv/a$"),
    ],
)
def test_paths_are_expanded_for_odoo_s_user(tmp_path: Path, data_dir: str, expected: str) -> None:
    config = read_config(written(tmp_path, f"data_dir = {data_dir}", f"addons_path = {data_dir}, /b"), "daemon")
    assert (config.data_dir, config.addons_path) == (expected, (expected, "/b"))


@pytest.mark.parametrize(
    ("data_dir", "words"),
    [
        ("$DATA/zz", "only the running Odoo knows DATA"),
        ("~nobody-here/zz", "the home directory of nobody-here"),
        ("zz", "begins in the directory that Odoo is started in"),
    ],
)
def test_a_path_that_only_odoo_knows_is_refused(tmp_path: Path, data_dir: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_config(written(tmp_path, f"data_dir = {data_dir}"), "daemon")


def test_a_hash_of_the_default_is_the_default(tmp_path: Path) -> None:
    for password, kind in (("admin", "default"), ("another", "hash")):
        stored = model_password.hashed(password, b"0123456789abcdef", 1000)
        instance = read_instance(written(tmp_path, "data_dir = /x", f"admin_passwd = {stored}"), warn=print)
        assert [one.master_password for one in instance.in_force(True)] == [kind]


def running(proc: Path, pid: int, argv: str, environ: str = "", cwd: str = "/") -> None:
    """A process below `proc` as the kernel shows it."""
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "cwd").symlink_to(cwd)
    for name, words in (("cmdline", argv), ("environ", environ)):
        (proc / str(pid) / name).write_bytes(b"".join(word.encode() + b"\0" for word in words.split()))


def test_processes_are_found_by_their_configuration(tmp_path: Path) -> None:
    def process(pid: int, argv: str, environ: str = "") -> None:
        running(tmp_path, pid, argv, environ)

    process(7, "/usr/bin/python3 /usr/bin/odoo --config=/etc/a.conf --no-http", "ODOO_LIST_DB=1 HOME=/")
    process(8, "/usr/bin/python3 /usr/bin/odoo --config=/etc/a.conf --no-http", "ODOO_LIST_DB=1 HOME=/")
    process(9, "odoo -d north", "ODOO_RC=/etc/a.conf")
    process(10, "odoo -c /etc/b.conf", "ODOO_RC=/etc/a.conf")
    process(11, "cat --config=/etc/a.conf")
    (tmp_path / "self").mkdir()
    warned: list[str] = []
    found = read_processes("/etc/a.conf", warned.append, str(tmp_path))
    assert [(one.pid, one.options, one.environment) for one in found] == [
        (7, {"http_enable": "False"}, {"list_db": "1"}),
        (9, {"db_name": "north"}, {}),
    ]
    assert warned == []


@pytest.mark.parametrize(
    ("argv", "environ", "cwd"),
    [
        ("odoo -c /etc//odoo/../odoo/a.conf", "", "/"),
        ("odoo -c a.conf", "", "/etc/odoo"),
        ("odoo --config=odoo/a.conf", "", "/etc"),
        ("odoo --conf=/etc/odoo/a.conf", "", "/"),
        ("odoo --c /etc/odoo/a.conf", "", "/"),
        ("odoo -sc/etc/odoo/a.conf", "", "/"),
        ("odoo -c ~/a.conf", "HOME=/etc/odoo", "/"),
        ("odoo", "ODOO_RC=a.conf OPENERP_SERVER=/etc/odoo/b.conf", "/etc/odoo"),
        ("odoo", "ODOO_RC= OPENERP_SERVER=/etc/odoo/a.conf", "/"),
        ("python3 -X dev -W ignore /usr/bin/odoo -c /etc/odoo/a.conf", "", "/"),
        ("/opt/venv/bin/python3.11 -OBX dev -Wignore -u odoo-bin server -c /etc/odoo/a.conf", "", "/"),
        ("python3 -Im odoo -c /etc/odoo/a.conf", "", "/"),
        ("openerp-server -c /etc/odoo/a.conf", "", "/"),
    ],
)
def test_a_process_is_found_however_it_names_its_configuration(
    tmp_path: Path, argv: str, environ: str, cwd: str
) -> None:
    running(tmp_path, 7, f"{argv} --no-xmlrpc", environ, cwd)
    (found,) = read_processes("/etc/odoo/a.conf", print, str(tmp_path))
    assert (found.pid, found.options) == (7, {"http_enable": "False"})
    assert read_processes("/etc/odoo/b.conf", print, str(tmp_path)) == []


def test_a_process_is_found_by_a_link_and_by_the_file_that_odoo_looks_for_at_home(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / ".odoorc").write_text("")
    (tmp_path / "link.conf").symlink_to(tmp_path / ".odoorc")
    running(tmp_path / "proc", 7, f"odoo -c {tmp_path}/link.conf")
    running(tmp_path / "proc", 8, "odoo -d north", f"HOME={tmp_path}")
    found = read_processes(f"{tmp_path}/.odoorc", print, str(tmp_path / "proc"))
    assert [one.pid for one in found] == [7, 8]


@pytest.mark.parametrize(
    "argv", ["", "python3", "python3 -c odoo", "python3 -m http.server odoo", "python3 -X", "vi odoo", "sh -c odoo"]
)
def test_what_is_no_odoo_is_left_out(tmp_path: Path, argv: str) -> None:
    running(tmp_path, 7, f"{argv} -c /etc/odoo/a.conf")
    assert read_processes("/etc/odoo/a.conf", print, str(tmp_path)) == []
