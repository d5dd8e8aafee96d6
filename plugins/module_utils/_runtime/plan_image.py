# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan how a host gets the image of its containers. Pure."""

from __future__ import annotations

import re

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]*(@sha256:[0-9a-f]{64})?")


class Load(Step):
    """Load the image from an archive."""


class Pull(Step):
    """Pull the image by its digest."""


def image_name(text: str) -> str:
    """The text, when it can name one image. Raises InputError."""
    if not _NAME.fullmatch(text) or ":" not in text.rpartition("/")[2]:
        raise InputError(
            f"name: {text!r} does not name one image; give it with its tag or its digest, such as odoo:19.0-1"
        )
    return text


def plan_image(name: str, found: str, archive: bool) -> tuple[Step, ...]:
    """The steps that bring an image. found: its id on the host. archive: whether the caller gives one.

    Raises StateError where nothing says what to bring.
    """
    if found:
        return ()
    if archive:
        return (Load("load", name, "it is not on this host"),)
    if "@sha256:" in name:
        return (Pull("pull", name, "it is not on this host"),)
    raise StateError(
        f"the image {name} is not on this host, and no archive is given; give the archive to load it from, "
        "or name the image by its digest, so that it can be pulled"
    )
