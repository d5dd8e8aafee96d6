# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface to what runs the services of a host. docs/adr/0016-one-runtime-interface.md gives the reasons."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._service.model import Service, State


class Manager(ABC):
    """What runs services. Every method ends by its deadline; none decides what is needed."""

    @abstractmethod
    def read(self, services: Sequence[Service], deadline: Deadline) -> dict[str, State]:
        """The services as the host runs them, by name."""

    @abstractmethod
    def refresh(self, deadline: Deadline) -> None:
        """Read declarations that were changed on disk; called once before services are started."""

    @abstractmethod
    def enable(self, service: Service, deadline: Deadline) -> None:
        """Have a service start with the host, without starting it."""

    @abstractmethod
    def start(self, service: Service, deadline: Deadline) -> None:
        """Start a service as it is declared now."""

    @abstractmethod
    def restart(self, service: Service, deadline: Deadline) -> None:
        """Stop a service in order, then start it as it is declared now."""
