# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addons on disk: what the manifests say, and a digest that changes with what an update reads and nothing else."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_code as code
from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_files
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError


def addon(path: Path, name: str, manifest: str = "{'name': 'x', 'version': '1.2', 'depends': ['base']}") -> Path:
    directory = path / name
    (directory / "static").mkdir(parents=True)
    (directory / "__manifest__.py").write_text(manifest)
    (directory / "models.py").write_text("A = 1\n")
    (directory / "static" / "logo.svg").write_text("<svg/>")
    return directory


def test_an_addon_and_what_it_depends_on(tmp_path: Path) -> None:
    addon(tmp_path, "base", "{'name': 'Base', 'version': '1.3'}")
    addon(tmp_path, "uom")
    addon(tmp_path, "stock", "{'name': 'Stock', 'version': '19.0.2.0', 'depends': ['uom'], 'installable': False}")
    found = code.read(code.listing([str(tmp_path)]), ["stock", "nowhere"], "19.0")
    assert sorted(found) == ["base", "stock", "uom"]
    assert (found["stock"].version, found["uom"].version, found["base"].depends) == ("19.0.2.0", "19.0.1.2", ())
    assert not found["stock"].installable


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "1",
        "{",
        "{[]: 1}",
        "{'depends': 5}",
        "{'depends': 'base'}",
        "{'depends': [['base']]}",
        "{'auto_install': 'web'}",
        "{'auto_install': [1]}",
        "{'a': " + "(" * 5000,
        "{'a': " + "-" * 100000 + "1}",
    ],
)
def test_a_manifest_that_is_none_is_one_sentence(tmp_path: Path, manifest: str) -> None:
    addon(tmp_path, "base", "{'name': 'Base', 'version': '1.3'}")
    addon(tmp_path, "uom", manifest)
    with pytest.raises(StateError, match=r"uom/__manifest__.py .*; repair it"):
        code.read(code.listing([str(tmp_path)]), ["uom"], "19.0")


def test_the_first_directory_of_the_path_wins(tmp_path: Path) -> None:
    addon(tmp_path / "a", "uom", "{'version': '2.0'}")
    addon(tmp_path / "b", "uom", "{'version': '1.0'}")
    assert (
        code.read(code.listing([str(tmp_path / "a"), str(tmp_path / "b")]), ["uom"], "19.0")["uom"].version
        == "19.0.2.0"
    )


def test_a_digest_changes_with_code_and_not_with_assets_or_caches(tmp_path: Path) -> None:
    directory = addon(tmp_path, "uom")
    before = read_files.digest(str(directory))
    (directory / "static" / "logo.svg").write_text("<svg></svg>")
    (directory / "__pycache__").mkdir()
    (directory / "__pycache__" / "models.cpython-313.pyc").write_bytes(b"x")
    assert read_files.digest(str(directory)) == before
    (directory / "models.py").write_text("A = 2\n")
    changed = read_files.digest(str(directory))
    assert changed != before
    (directory / "models.py").rename(directory / "model.py")
    assert read_files.digest(str(directory)) not in (before, changed)


def test_a_name_that_is_not_utf_8_counts_as_its_bytes(tmp_path: Path) -> None:
    directory = addon(tmp_path, "uom")
    before = read_files.digest(str(directory))
    for name in (b"caf\xe9.xml", b"caf\xe8.xml"):
        Path(os.fsdecode(os.fsencode(directory) + b"/" + name)).write_text("<odoo/>")
        assert read_files.digest(str(directory)) != before
        before = read_files.digest(str(directory))


@pytest.mark.parametrize("manifest", ["{'name': ", "[1]", "open('/etc/passwd')"])
def test_a_manifest_that_is_none(tmp_path: Path, manifest: str) -> None:
    addon(tmp_path, "uom", manifest)
    with pytest.raises(StateError, match=r"the manifest .*uom/__manifest__\.py"):
        code.read(code.listing([str(tmp_path)]), ["uom"], "19.0")


@pytest.mark.parametrize(
    ("version", "stored"),
    [("1.0", "19.0.1.0"), ("19.0.1.0", "19.0.1.0"), ("19.0", "19.0.19.0"), ("190.1", "19.0.190.1")],
)
def test_a_version_has_the_series_in_front_once(version: str, stored: str) -> None:
    assert code.adapt(version, "19.0") == stored


def test_translations_count_by_language(tmp_path: Path) -> None:
    directory = addon(tmp_path, "uom")
    (directory / "i18n").mkdir()
    (directory / "i18n" / "fr.po").write_text("one")
    (directory / "i18n" / "de.po").write_text("eins")

    def read() -> tuple[str, dict[str, str]]:
        found = code.read(code.listing([str(tmp_path)]), ["uom"], "19.0", ["en_US", "fr_BE"])["uom"]
        return found.digest, dict(found.translations)

    before = read()
    assert list(before[1]) == ["fr_BE"]
    (directory / "i18n" / "de.po").write_text("zwei")
    assert read() == before
    (directory / "i18n" / "fr_BE.po").write_text("deux")
    assert read()[0] == before[0]
    assert read()[1] != before[1]


def test_what_odoo_installs_by_itself_is_found(tmp_path: Path) -> None:
    addon(tmp_path, "base", "{'name': 'Base'}")
    for name in ("sale", "stock"):
        addon(tmp_path, name)
    addon(tmp_path, "sale_stock", "{'depends': ['sale', 'stock'], 'auto_install': True}")
    addon(tmp_path, "sale_stock_more", "{'depends': ['sale_stock'], 'auto_install': ['stock']}")
    addon(tmp_path, "never", "{'depends': ['sale'], 'auto_install': False}")
    addon(tmp_path, "l10n_fr", "{'depends': ['sale'], 'auto_install': True, 'countries': ['fr']}")
    listed = code.listing([str(tmp_path)])
    assert sorted(code.with_automatic(listed, ["sale"])) == ["base", "sale"]
    assert sorted(code.with_automatic(listed, ["stock"])) == ["base", "sale", "sale_stock", "sale_stock_more", "stock"]


def test_odoo_finds_its_own_addons_beside_those_of_a_checkout(tmp_path: Path) -> None:
    addon(tmp_path / "addons", "uom")
    addon(tmp_path / "odoo" / "addons", "base", "{'name': 'Base'}")
    assert code.search_path([str(tmp_path / "addons")]) == (str(tmp_path / "addons"), str(tmp_path / "odoo" / "addons"))
    with pytest.raises(InputError, match="holds the addon base"):
        code.search_path([str(tmp_path / "odoo" / "addons" / "base")])


def test_a_line_of_odoo_itself_is_another_build(tmp_path: Path) -> None:
    addon(tmp_path / "addons", "base", "{'name': 'Base'}")
    (tmp_path / "release.py").write_text("version_info = (19, 0, 0, FINAL, 0, '')")
    (tmp_path / "orm").mkdir()
    (tmp_path / "orm" / "models.py").write_text("A = 1")
    listed = code.listing([str(tmp_path / "addons")])
    before = code.digest_of_framework(listed)
    assert code.series(listed) == "19.0"
    (tmp_path / "addons" / "base" / "models.py").write_text("B = 1")
    assert code.digest_of_framework(listed) == before
    for path in (tmp_path / "release.py", tmp_path / "orm" / "models.py"):
        path.write_text(path.read_text() + "\n")
        assert code.digest_of_framework(listed) != before
        before = code.digest_of_framework(listed)


def test_what_odoo_lists_as_languages_is_known(tmp_path: Path) -> None:
    base = addon(tmp_path, "base", "{'name': 'Base'}")
    assert code.languages(code.listing([str(tmp_path)])) == frozenset()
    (base / "data").mkdir()
    (base / "data" / "res.lang.csv").write_text('"id","name","code"\n"x","A","sr@Cyrl"\n"y","B, C","fr_FR"\n')
    assert code.languages(code.listing([str(tmp_path)])) == {"sr@Cyrl", "fr_FR"}


def test_the_program_answers_as_the_functions_do(tmp_path: Path) -> None:
    directory = addon(tmp_path, "uom")
    (directory / "i18n").mkdir()
    (directory / "i18n" / "fr.po").write_text("un")
    Path(os.fsdecode(os.fsencode(directory) + b"/caf\xe9.xml")).write_text("<odoo/>")
    questions: list[tuple[Any, ...]] = [
        ("listing", [str(tmp_path), "/nowhere"]),
        ("manifest_of", str(directory)),
        ("text", f"{directory}/models.py"),
        ("text", f"{directory}/nothing"),
        ("digest", str(directory)),
        ("digest_of_language", str(directory), "fr_BE"),
    ]
    os.mkfifo(tmp_path / "endless.csv")
    # as in an image: nothing but the text of the file, and no module of the collection
    command = ["python3", "-I", "-c", inspect.getsource(read_files)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        to, answers = reader.stdin, reader.stdout
        assert to
        assert answers

        def ask(question: str, *about: object) -> None:
            to.write(json.dumps({"ask": question, "about": about}) + "\n")
            to.flush()

        for one in questions:
            ask(*one)
        ask("text", str(tmp_path))
        said = [json.loads(answers.readline()) for _one in questions]
        assert [one["answer"] for one in said] == [read_files.ANSWERS[one](*about) for one, *about in questions]
        assert json.loads(answers.readline()) == {"error": "Is a directory", "path": str(tmp_path)}
        # it ends with the other side, also while it waits for a file
        ask("text", str(tmp_path / "endless.csv"))
        to.close()
        assert reader.wait(20) == 0


STRANGER = 61234


def plant(link: Path, target: object, maker: int = STRANGER) -> None:
    """A link that another account has made."""
    link.symlink_to(str(target))
    os.lchown(link, maker, maker)


def test_a_link_of_another_account_shows_no_file_of_root(tmp_path: Path) -> None:
    """Odoo's account may write into a directory of addons, such as the one of its data directory."""
    secret = tmp_path / "secret"
    secret.write_text("{'name': 'of root'}")
    inside = addon(tmp_path / "addons", "base", "{'name': 'Base', 'version': '1.3'}")
    evil = addon(tmp_path / "addons", "evil")
    for name, target in (("__manifest__.py", secret), ("models.py", secret)):
        (evil / name).unlink(missing_ok=True)
        plant(evil / name, target)
        with pytest.raises(
            StateError, match=rf"{name} cannot be read: account {STRANGER} made a link that leads to it"
        ):
            code.read(code.listing([str(tmp_path / "addons")]), ["evil"], "19.0")
        (evil / name).unlink()
        (evil / name).write_text("{'name': 'x', 'version': '1.2', 'depends': ['base']}")
    plant(tmp_path / "addons/whole", inside)
    with pytest.raises(StateError, match=f"whole/__manifest__.py cannot be read: account {STRANGER} made a link"):
        code.listing([str(tmp_path / "addons")])


def test_links_of_root_and_of_their_target_s_owner_are_followed(tmp_path: Path) -> None:
    addon(tmp_path / "addons", "base", "{'name': 'Base', 'version': '1.3'}")
    checkout = addon(tmp_path / "checkout", "stock")
    (tmp_path / "addons/stock").symlink_to("../checkout/./stock")
    listed = code.listing([str(tmp_path / "addons")])
    before = listed["stock"].digest
    (tmp_path / "addons/stock").unlink()
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, STRANGER, STRANGER)
    plant(tmp_path / "addons/stock", checkout)
    assert code.listing([str(tmp_path / "addons")])["stock"].digest == before


def test_what_is_no_file_or_has_no_end_is_one_sentence(tmp_path: Path) -> None:
    addon(tmp_path, "base", "{'name': 'Base', 'version': '1.3'}")
    strange = addon(tmp_path, "strange")
    listed = code.listing([str(tmp_path)])
    os.mkfifo(strange / "pipe.py")
    with pytest.raises(StateError, match=r"pipe.py cannot be read: it is no regular file"):
        _unused = listed["strange"].digest
    (strange / "pipe.py").unlink()
    (strange / "round.py").symlink_to("round.py")
    with pytest.raises(StateError, match=r"round.py cannot be read: Too many levels"):
        _unused = listed["strange"].digest
    with (strange / "__manifest__.py").open("r+b") as stream:
        stream.truncate(10**10)
    with pytest.raises(StateError, match=r"__manifest__.py cannot be read: it is larger than such a file can be"):
        code.listing([str(tmp_path)])
