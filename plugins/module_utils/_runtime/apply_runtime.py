# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface to what runs the Odoo processes of a host. docs/adr/0016-one-runtime-interface.md gives the reasons."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._runtime import read_health
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Instance, Key, Layout, Process


@dataclass(frozen=True)
class Runtime(ABC):
    """What runs the processes of a host's instances. Every method ends by its deadline; none decides what is needed.

    The processes of a call are handled at once, and a method returns when the runtime has done it. What a process runs
    is read from the process itself, never from the declaration that it was started by.
    """

    layout: Layout

    @abstractmethod
    def read(self, instances: Sequence[Instance], deadline: Deadline) -> dict[Key, Process]:
        """Every process that the instances could have, whether it is wanted or not."""

    @abstractmethod
    def refresh(self, deadline: Deadline) -> None:
        """Read declarations of processes that were changed on disk; called once before processes are started."""

    @abstractmethod
    def enable(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Have the processes start with the host, without starting them."""

    @abstractmethod
    def disable(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Keep stopped processes from starting with the host."""

    @abstractmethod
    def start(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Start the processes as they are declared now."""

    @abstractmethod
    def stop(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """End the processes in order, after the requests and jobs that they serve."""

    @abstractmethod
    def restart(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Stop the processes, then start them as they are declared now."""

    @abstractmethod
    def command(self) -> tuple[tuple[str, ...], str]:
        """The command that runs Odoo once with the arguments that follow it, and the account to run it as."""

    def health(self, instance: Instance, address: str, deadline: Deadline) -> str | None:
        """The first health check of an instance that fails, None where it is healthy."""
        for question in read_health.questions(address, instance.http_port, instance.websocket_port):
            seen = read_health.gap(question, deadline.remaining)
            if seen:
                return seen
        return None
