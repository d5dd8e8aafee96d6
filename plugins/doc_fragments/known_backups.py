# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backups that are known from elsewhere."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  known_backups:
    description:
      - Number of the newest backup that is known of each tenant, by tenant, such as C(estate.known_backups) of
        M(gantry.odoo.estate_info), which the ledger proves. M(gantry.odoo.odoo_backup) returns it as C(number).
      - A repository that lacks this backup, and has not removed it by an expiry, was rolled back to an older state. Who
        can write into the store can do that without any key.
      - A tenant that is not named is not compared.
    type: dict
    default: {}
"""
