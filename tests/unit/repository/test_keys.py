# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Master keys and data keys: who opens a repository, and what a rotation leaves readable."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_keys import KeyLog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    make_repository,
    open_repository,
    rotate,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import reading_all
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import (
    MasterKey,
    keys_for,
    parse_secret,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import MANIFEST, ManifestName
from tests.unit.backup.rotting import MASTER as ROTTING
from tests.unit.backup.rotting import rotting_in

OLD, NEW = MasterKey("estate-2025", b"o" * 32), MasterKey("estate-2026", b"n" * 32)
PAYROLL = MasterKey("payroll", b"p" * 32, tenant="harbour")


@pytest.fixture
def store(tmp_path: Path) -> Directory:
    """A directory for repositories."""
    return Directory(str(tmp_path))


def stores(store: Directory) -> Stores:
    """The store, for contents and for records."""
    return Stores(store, store, "backups")


def opened(store: Directory, *masters: MasterKey, tenant: str = "harbour") -> Repository:
    """The repository of a tenant, which is there."""
    repository = open_repository(stores(store), tenant, masters)
    assert repository is not None
    return repository


def test_a_repository_is_made_once_and_opened_by_its_key(store: Directory) -> None:
    assert open_repository(stores(store), "harbour", [OLD]) is None
    made = make_repository(stores(store), "harbour", [OLD])
    assert make_repository(stores(store), "harbour", [OLD]).keys == made.keys
    assert opened(store, NEW, OLD).keys == made.keys
    other = make_repository(stores(store), "north", [OLD])
    assert other.keys.keys != made.keys.keys


def test_another_key_of_the_name_and_a_name_that_is_not_given_are_told_apart(store: Directory) -> None:
    make_repository(stores(store), "harbour", [OLD])
    with pytest.raises(StateError, match=r"wrapped by the key 'estate-2025', which is not in repository.keys"):
        opened(store, NEW)
    with pytest.raises(StateError, match=r"\(key 'estate-2025' of repository.keys\) is damaged or forged"):
        opened(store, MasterKey("estate-2025", b"x" * 32))


def test_wrapped_keys_of_another_tenant_are_refused(store: Directory) -> None:
    make_repository(stores(store), "harbour", [OLD])
    make_repository(stores(store), "north", [OLD])
    (key,) = store.objects("backups/north/keys/")
    stolen = store.get(key)
    assert stolen is not None
    store.put(key.replace("north", "harbour"), stolen)
    with pytest.raises(StateError, match="forged, or lies in another object's place"):
        opened(store, OLD)


def test_a_rotation_shuts_the_old_key_out_and_keeps_all_contents_readable(store: Directory) -> None:
    made = make_repository(stores(store), "harbour", [OLD])
    before = made.keys.seal("file", "x", b"content")
    rotated = rotate(opened(store, NEW, OLD), [NEW, OLD])
    assert rotated.keys.open("file", "x", before, "x") == b"content"
    assert sorted(rotated.keys.keys) == [1, 2]
    assert opened(store, NEW).keys == rotated.keys
    with pytest.raises(StateError, match="which is not in"):
        opened(store, OLD)
    after = rotated.keys.seal("file", "x", b"content")
    with pytest.raises(StateError, match="sealed with the data key 2"):
        made.keys.open("file", "x", after, "x")
    assert rotate(opened(store, NEW), [NEW]).keys == rotated.keys
    assert KeyLog(rotated.records).read().number == 2


def test_a_tenants_own_key_goes_before_that_of_all() -> None:
    assert keys_for("harbour", [OLD, PAYROLL]) == [PAYROLL, OLD]
    assert keys_for("north", [OLD, PAYROLL]) == [OLD]
    with pytest.raises(InputError, match=r"repository.keys: none of them is for tenant north"):
        keys_for("north", [PAYROLL])


@pytest.mark.parametrize("text", ["", "secret", "c2hvcnQ=", base64.b64encode(b"x" * 33).decode(), "ä"])
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_secret("repository.keys", text)
    assert str(raised.value).startswith("repository.keys: it is not a key of 32 bytes in base64")
    assert not text or text not in str(raised.value)


def test_a_key_is_read_with_its_line_end_and_never_shown() -> None:
    secret = parse_secret("repository.keys", base64.b64encode(b"s" * 32).decode() + "\n")
    assert secret == b"s" * 32
    assert "ssss" not in repr(MasterKey("estate", secret))


@pytest.mark.parametrize("left", ["manifests/7", "data/7/0", "catalog/999999/997"])
def test_no_new_keys_are_made_beside_what_they_cannot_open(store: Directory, left: str) -> None:
    made = make_repository(stores(store), "harbour", [OLD])
    made.store.put(left, b"sealed")
    (key,) = made.records.names("keys/", 9)
    record = made.records.get(key) or b""
    made.records.delete([key])
    for work in (open_repository, make_repository):
        with pytest.raises(StateError, match=f"nothing is below keys/, and {left} is there; without them") as caught:
            work(stores(store), "harbour", [OLD])
        assert "copy the newest record of keys/ back from its second repository" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert made.records.names("keys/", 9) == []
    made.records.put(key, record)
    assert opened(store, OLD).keys == made.keys


def test_keys_that_cannot_be_read_are_one_sentence_that_says_what_to_do(store: Directory) -> None:
    made = make_repository(stores(store), "harbour", [OLD])
    (key,) = made.records.names("keys/", 9)
    record = made.records.get(key) or b""
    for damaged in (b"{", record.replace(b'"wrapped":"', b'"wrapped":"AAAA')):
        made.records.put(key, damaged)
        with pytest.raises(StateError, match=r"second repository, which can still be read, or .* versions") as caught:
            make_repository(stores(store), "harbour", [OLD])
        assert "\n" not in str(caught.value)
    assert made.records.names("keys/", 9) == [key]


def test_older_keys_get_no_new_one_of_a_number_that_is_in_use(store: Directory) -> None:
    make_repository(stores(store), "harbour", [OLD])
    rotated = rotate(opened(store, NEW, OLD), [NEW, OLD])
    name = ManifestName(7)
    rotated.store.put(name.key, rotated.keys.seal(MANIFEST, name.key, b"{}"))
    rotated.store.put("data/7/0", b"its dump")
    # by who has no key
    rotated.store.put(ManifestName(8).key, b"G1" + (9).to_bytes(2, "big") + bytes(200))
    rotated.records.delete(rotated.records.names("keys/", 1))
    with pytest.raises(
        StateError, match=r"manifests/7 .* sealed with the data key 2, which its wrapped data keys lack"
    ):
        rotate(opened(store, NEW, OLD), [NEW, OLD])
    assert KeyLog(rotated.records).read().number == 1


def test_an_object_that_is_no_backup_does_not_stop_a_rotation(store: Directory) -> None:
    made = make_repository(stores(store), "harbour", [OLD])
    made.store.put(ManifestName(8).key, b"G1" + (9).to_bytes(2, "big") + bytes(200))
    assert rotate(opened(store, NEW, OLD), [NEW, OLD]).wrapped_by == NEW.name


@pytest.mark.parametrize("content", [b"x", b"{}"])
@pytest.mark.parametrize("log", ["keys", "catalog", "leases", "reads"])
def test_a_stray_first_record_is_to_be_removed(tmp_path: Path, log: str, content: bytes) -> None:
    tenant = rotting_in(tmp_path)
    tenant.backup()
    repository = tenant.repository
    with reading_all(repository, repository.catalog.read().entries, "check", 5):
        pass
    former = repository.records.names(f"{log}/", 1)[0]
    repository.records.put(f"{log}/000000/000", content)

    def read() -> object:
        inner = repository.store.inner
        opened = open_repository(Stores(inner, inner), "harbour", (ROTTING,))
        assert opened is not None
        return {"catalog": opened.catalog, "leases": opened.leases, "reads": opened.readers}[log].read()

    with pytest.raises(StateError) as raised:
        read()
    said = f"; it does not follow on {former}, the record before it, so see who put it there, and remove it"
    assert str(raised.value).endswith(said)
    assert "copy the newest record" not in str(raised.value)
    # a record that is damaged in its place is no stray
    repository.records.delete([f"{log}/000000/000"])
    repository.records.put(former, content)
    with pytest.raises(StateError) as raised:
        read()
    assert "does not follow" not in str(raised.value)
