# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a change of the module's own password: the first ones of a plan and the last ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Union

from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_passwords import Accepted, Rotation
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Endpoint, Node, Sentinel

Server = Union[Node, Sentinel]


@dataclass(frozen=True)
class PasswordStep(Step):
    """Something done to the module's own user on one server. accepted: what that accepts now.

    sentinel: whether the server is a Sentinel. save: whether it is a node that keeps its users in an ACL file.
    """

    rotation: Rotation = Rotation("", "", ())
    server: Endpoint = Endpoint("", 0)
    accepted: Accepted = Accepted()
    sentinel: bool = False
    save: bool = False


@dataclass(frozen=True)
class AddPassword(PasswordStep):
    """Let the server accept the new password beside the former one."""


@dataclass(frozen=True)
class RemovePassword(PasswordStep):
    """Let the server accept the former passwords no more."""


def add_steps(servers: Iterable[Server], rotation: Rotation | None) -> list[Step]:
    """What servers lack to accept the new password."""
    if rotation is None:
        return []
    why = f"accept the new password of the user {rotation.user} beside the former one"
    return [
        AddPassword("add_password", str(one.endpoint), why, rotation, one.endpoint, one.accepted, *_kind(one))
        for one in servers
        if one.accepted is not None and not one.accepted.new
    ]


def remove_steps(servers: Iterable[Server], rotation: Rotation | None) -> list[Step]:
    """What servers still accept of former passwords, once nodes and Sentinels log in with the new one."""
    if rotation is None or rotation.keep:
        return []
    why = f"the former password of the user {rotation.user} is replaced"
    return [
        RemovePassword("remove_password", str(one.endpoint), why, rotation, one.endpoint, one.accepted, *_kind(one))
        for one in servers
        if one.accepted is not None and one.accepted.former
    ]


def accepted_after(seen: Accepted | None, rotation: Rotation | None) -> Accepted | None:
    """What a server accepts once the steps are done."""
    if seen is None or rotation is None:
        return None
    return Accepted(True, seen.former if rotation.keep else (), seen.others)


def _kind(server: Server) -> tuple[bool, bool]:
    """Whether a server is a Sentinel, and whether it is a node with an ACL file."""
    return isinstance(server, Sentinel), isinstance(server, Node) and bool(server.config.get("aclfile"))
