# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's images: made from Debian packages, named by the content of what they are made from, made once."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, ImageNotFound

from tests.lab import machine
from tests.lab.content import digest, tree_parts
from tests.lab.errors import LabError
from tests.lab.progress import say
from tests.lab.state import IMAGES_DIR, locked, shared

CONTEXTS = Path(__file__).parent / "context"
REPOSITORY = "gantry-lab"
LABEL = "gantry.lab.image"
SUITE = "trixie"
BUILDERS = 2
UNFINISHED = "building-"
BASE_PACKAGES = ("ca-certificates", "python3", "tzdata")
BASE_DPKG_OPTIONS = (
    # A lab that loses power is built again: fsync buys nothing and costs half of each install.
    "force-unsafe-io",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
BASE_APT_OPTIONS = (
    'Acquire::Languages "none";',
    'Acquire::GzipIndexes "true";',
    'APT::Install-Recommends "false";',
    'DPkg::Lock::Timeout "120";',
)


@dataclass(frozen=True)
class Image:
    """One image: its name, the image below it (None for a base), and the build context that makes the difference.

    suite: of Debian, that a base is made from.
    """

    name: str
    below: str | None
    context: str
    suite: str = SUITE


CATALOGUE = {
    image.name: image
    for image in (
        Image("base", None, ""),
        Image("odoo", "base", "odoo"),
        Image("vm", "base", "vm"),
        Image("odoo-vm", "odoo", "vm"),
        Image("app", "odoo-vm", "app"),
        Image("box", "vm", "box"),
        Image("postgres", "base", "postgres"),
        Image("redis", "base", "redis"),
        Image("acme", "base", "acme"),
        Image("s3", "base", "s3"),
        Image("sanity", "base", "sanity"),
        Image("promtool", "base", "promtool"),
        Image("chromium", "base", "chromium"),
        # An older estate: the Odoo, PostgreSQL and Python that Debian 11 has.
        Image("base11", None, "", suite="bullseye"),
        Image("vm11", "base11", "vm"),
        Image("app14", "vm11", "app14"),
    )
}
# What a container host is given, as a file, since no registry of images is needed.
EXPORTED = ("odoo", "postgres")


def tag(name: str) -> str:
    """The full name of image `name` as it is made from today's inputs."""
    return f"{REPOSITORY}/{name}:{_digest(name)}"


def known(name: str) -> Image:
    """The image called `name`."""
    if name not in CATALOGUE:
        raise LabError(f"there is no image '{name}'; the lab knows {', '.join(sorted(CATALOGUE))}")
    return CATALOGUE[name]


def ensure(client: docker.DockerClient, names: Iterable[str]) -> dict[str, str]:
    """Build what is missing of `names` and the images below them; return the tag of each of `names`."""
    wanted = list(names)
    if _missing(client, wanted):
        with locked(shared("images.lock"), "another run builds the lab's images"):
            # Again, since the other run may have built them meanwhile.
            _build_all(client, _missing(client, wanted))
        _remove_superseded(client)
    return {name: tag(name) for name in wanted}


def export(client: docker.DockerClient, name: str) -> Path:
    """Save image `name` as an archive that `docker load` reads, unless it is there already; return its path."""
    full = ensure(client, [name])[name]
    archive = IMAGES_DIR / f"{full.split('/')[-1].replace(':', '-')}.tar"
    with locked(IMAGES_DIR / f"{name}.lock", f"another run saves image {name}"):
        if not archive.exists():
            unfinished = archive.with_suffix(".part")
            with unfinished.open("wb") as stream:
                for chunk in client.images.get(full).save(named=full):
                    stream.write(chunk)
            unfinished.rename(archive)
            say(name, f"image: saved as {archive.name}, {archive.stat().st_size / 2**20:.0f} MiB")
        for other in IMAGES_DIR.glob(f"{name}-*.tar"):
            if other != archive:
                other.unlink()
    return archive


@cache
def _digest(name: str) -> str:
    image = known(name)
    if image.below is None:
        command = [part.encode() for part in _mmdebstrap(Path("base.tar"), image.suite, mode="any")]
        return digest(command + [path.read_bytes() for path in machine.authorities()])
    return digest([_digest(image.below).encode(), *tree_parts(CONTEXTS / image.context)])


def _missing(client: docker.DockerClient, names: Iterable[str]) -> list[Image]:
    """What must be built for `names`; what lies below an image that exists is not needed."""
    missing: dict[str, Image] = {}
    for name in names:
        if not _exists(client, tag(name)):
            image = CATALOGUE[name]
            missing.update({below.name: below for below in _missing(client, [image.below] if image.below else [])})
            missing[name] = image
    return list(missing.values())


def _exists(client: docker.DockerClient, full: str) -> bool:
    try:
        client.images.get(full)
    except ImageNotFound:
        return False
    return True


def _build_all(client: docker.DockerClient, images: list[Image]) -> None:
    """Build `images`, in an order where each comes after the one below it, some at a time."""
    IMAGES_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in IMAGES_DIR.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left)
    started: dict[str, Future[None]] = {}
    places = threading.Semaphore(BUILDERS)

    def build(image: Image) -> None:
        if image.below in started:
            started[image.below].result()
        with places:
            say(image.name, "image: building")
            if image.below is None:
                _bootstrap_base(client, image)
            else:
                _build_layer(client, image)
            say(image.name, f"image: built, {client.images.get(tag(image.name)).attrs['Size'] / 2**20:.0f} MiB")

    with ThreadPoolExecutor(len(images) or 1) as pool:
        for image in images:
            started[image.name] = pool.submit(build, image)
    for future in started.values():
        future.result()


def _mmdebstrap(target: Path, suite: str, mode: str) -> list[str]:
    mirrors = machine.mirrors()
    command = ["mmdebstrap", f"--mode={mode}", "--variant=minbase", "--format=tar"]
    command += [f"--include={','.join(BASE_PACKAGES)}"]
    command += [f"--aptopt={option}" for option in (*BASE_APT_OPTIONS, *machine.apt_options())]
    command += [f"--dpkgopt={option}" for option in BASE_DPKG_OPTIONS]
    for authority in machine.authorities():
        command += [f"--customize-hook=upload {authority} /usr/local/share/ca-certificates/{authority.name}"]
    command += ['--customize-hook=chroot "$1" update-ca-certificates', suite, str(target)]
    if mirrors.main:
        command += [f"deb {mirrors.main} {suite} main", f"deb {mirrors.main} {suite}-updates main"]
    if mirrors.security:
        command += [f"deb {mirrors.security} {suite}-security main"]
    return command


def _bootstrap_base(client: docker.DockerClient, image: Image) -> None:
    full = tag(image.name)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=IMAGES_DIR) as directory:
        archive = Path(directory) / "base.tar"
        mode = "root" if os.geteuid() == 0 else "unshare"
        done = subprocess.run(_mmdebstrap(archive, image.suite, mode), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError(
                f"image {image.name} could not be built: mmdebstrap ended with {done.returncode}, {_tail(done.stderr)}"
            )
        repository, tag_alone = full.split(":")
        with archive.open("rb") as stream:
            client.api.import_image_from_data(
                stream, repository=repository, tag=tag_alone, changes=[f"LABEL {LABEL}={image.name}"]
            )


def _build_layer(client: docker.DockerClient, image: Image) -> None:
    try:
        client.images.build(
            path=str(CONTEXTS / image.context),
            tag=tag(image.name),
            buildargs={"BASE": tag(image.below or "")},
            labels={LABEL: image.name},
            rm=True,
            forcerm=True,
        )
    except BuildError as error:
        log = "".join(str(line.get("stream") or line.get("error") or "") for line in error.build_log)
        written = IMAGES_DIR / f"{image.name}.log"
        written.write_text(log, encoding="utf-8")
        raise LabError(f"image {image.name} could not be built: {_tail(log)}; all of it is in {written}") from error


def _remove_superseded(client: docker.DockerClient) -> None:
    """Remove tags of earlier inputs, where no container and no other image uses them.

    Those of the last day stay, since the inputs of another checkout may be what they are made from.
    """
    current = {tag(name) for name in CATALOGUE}
    yesterday = (datetime.now(timezone.utc) - timedelta(days=1)).isoformat()
    for image in client.images.list(filters={"label": LABEL}):
        if image.attrs["Created"] > yesterday:
            continue
        for full in image.tags:
            if full.startswith(f"{REPOSITORY}/") and full not in current:
                _remove_if_unused(client, full)


def _remove_if_unused(client: docker.DockerClient, full: str) -> None:
    if client.containers.list(all=True, filters={"ancestor": full}):
        return
    try:
        client.images.remove(full)
    except APIError as error:
        if error.status_code not in (404, 409):
            raise
        return
    say("images", f"removed {full}, made from earlier inputs")


def _tail(text: str, lines: int = 4) -> str:
    return " | ".join(line.strip() for line in text.strip().splitlines()[-lines:] if line.strip())
