# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of odoo_export: shows its progress."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.plugin_utils.progress import ProgressAction


class ActionModule(ProgressAction):
    """Action behind gantry.odoo.odoo_export."""
