# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of hosts and images agrees with itself."""

from __future__ import annotations

import pytest

from tests.lab import images
from tests.lab.archive import File, pack, unpack
from tests.lab.errors import LabError
from tests.lab.spec import CATALOGUE, SUBNETS, VM_IMAGES, WORKERS, HostSpec, address, lab_of_tests


def suite_of(name: str) -> str:
    """The Debian below an image."""
    image = images.known(name)
    return image.suite if image.below is None else suite_of(image.below)


def test_each_host_has_an_address_of_its_own_and_an_image_that_exists() -> None:
    octets = [host.octet for host in CATALOGUE.values()]

    assert len(set(octets)) == len(octets)
    assert {host.image for host in CATALOGUE.values()} <= set(images.CATALOGUE)
    assert len(set(SUBNETS.values())) == len(SUBNETS)
    assert address("172.30.77.0/24", 21) == "172.30.77.21"


@pytest.mark.parametrize("given", [{}, {"GANTRY_TEST_LAB": ""}, {"GANTRY_TEST_LAB": "gantry-test-14"}])
def test_every_part_of_the_tests_has_a_lab_with_a_subnet(given: dict[str, str]) -> None:
    names = {lab_of_tests(given, part) for part in ("", "molecule", "site", *WORKERS)}

    assert len(names) == 3 + len(WORKERS)
    assert names <= set(SUBNETS)


def test_what_boots_systemd_is_an_image_on_one_debian() -> None:
    assert set(images.CATALOGUE) >= VM_IMAGES
    assert HostSpec("legacy1", 100, "app14").is_vm
    assert not CATALOGUE["s3"].is_vm
    assert {name: suite_of(name) for name in ("box", "app14")} == {"box": "trixie", "app14": "bullseye"}


def test_the_older_debian_is_built_only_for_who_asks() -> None:
    used = {host.image for host in CATALOGUE.values()} | set(images.EXPORTED)

    assert {suite_of(name) for name in used} == {"trixie"}


def test_each_base_has_a_tag_of_its_own_suite() -> None:
    bases = [image.name for image in images.CATALOGUE.values() if image.below is None]

    assert len({images.tag(name).split(":")[1] for name in bases}) == len(bases)


def test_each_image_stands_on_one_that_comes_before_it() -> None:
    names = list(images.CATALOGUE)

    for image in images.CATALOGUE.values():
        assert image.below is None or names.index(image.below) < names.index(image.name)


def test_an_unknown_image_is_named_with_those_that_are_known() -> None:
    with pytest.raises(LabError, match="no image 'wm'; the lab knows acme, app"):
        images.known("wm")


def test_a_packed_file_is_unpacked_as_it_was() -> None:
    assert unpack([pack([File("/etc/x", b"content", 0o600)])]) == b"content"
