# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worlds of the orchestration tests, for the playbooks on a bad day."""

from __future__ import annotations

from tests.integration.orchestration.conftest import collection, converged, fresh, rig, server

__all__ = ["collection", "converged", "fresh", "rig", "server"]
