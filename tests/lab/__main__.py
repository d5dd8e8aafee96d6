# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's commands: `python -m tests.lab up|down|status|images|export`."""

from __future__ import annotations

import argparse
import sys

import yaml
from docker.errors import APIError

from tests.lab import images
from tests.lab.errors import LabError
from tests.lab.hosts import Lab
from tests.lab.progress import say
from tests.lab.spec import CATALOGUE, DEMO
from tests.lab.state import write


def main() -> int:
    """Run one command; errors are one sentence on standard error and exit code 1."""
    arguments = _parse()
    lab = Lab(arguments.lab, arguments.subnet)
    names = arguments.hosts.split(",") if arguments.hosts else None
    if arguments.force and arguments.verb != "down":
        print("lab: --force is for down alone", file=sys.stderr)
        return 2
    try:
        if arguments.verb == "down":
            down(lab, names, force=arguments.force)
        else:
            VERBS[arguments.verb](lab, names)
    except (LabError, APIError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def up(lab: Lab, names: list[str] | None) -> None:
    """Bring up the hosts, and the archives that a container host is given."""
    if names is None or "box1" in names:
        # Before the hosts, so that all images are built in one go.
        export(lab, names)
    lab.up(names)


def down(lab: Lab, names: list[str] | None, *, force: bool = False) -> None:
    """Remove the lab."""
    if names:
        raise LabError("down removes a whole lab: leave --hosts out")
    lab.down(force=force)
    say("lab", f"{lab.name} is gone")


def status(lab: Lab, names: list[str] | None) -> None:
    """Print one line a host; an absent host is said to be absent."""
    seen = {row["name"]: row for row in lab.status()}
    for name in names or dict.fromkeys([*CATALOGUE, *seen]):
        row = seen.get(name, {"address": lab.address(name), "image": "-", "state": "absent"})
        print(f"{name:<8} {row['address']:<15} {row['image']:<32} {row['state']}")


def build(lab: Lab, names: list[str] | None) -> None:
    """Build the images that the hosts need, and print their tags."""
    hosts = [CATALOGUE[name] for name in names] if names else list(CATALOGUE.values())
    wanted = {host.image for host in hosts} | (set() if names else set(images.EXPORTED))
    for name, full in sorted(images.ensure(lab.client, wanted).items()):
        print(f"{name:<10} {full}")


def export(lab: Lab, names: list[str] | None) -> None:
    """Save the container images as archives and write down where they are."""
    hosts = [CATALOGUE[name] for name in names or CATALOGUE if name in CATALOGUE]
    tags = images.ensure(lab.client, {host.image for host in hosts} | set(images.EXPORTED))
    exported = {name: {"tag": tags[name], "archive": str(images.export(lab.client, name))} for name in images.EXPORTED}
    write(lab.state.images, yaml.safe_dump({"lab_images": exported}))


VERBS = {"up": up, "down": down, "status": status, "images": build, "export": export}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    parser.add_argument("verb", choices=sorted(VERBS))
    parser.add_argument("--lab", default=DEMO, help="name of the lab (default: %(default)s)")
    parser.add_argument("--subnet", default="", help="its network, for a lab whose name is not a known one")
    parser.add_argument("--hosts", default="", help="comma-separated names (default: all)")
    parser.add_argument("--force", action="store_true", help="down: also a lab of another checkout that no run uses")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
