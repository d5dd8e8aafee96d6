# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
{
    "name": "Lab banner",
    "version": "19.0.1.0.1",
    "summary": "Tells over HTTP which release of the addons answers",
    "author": "Gantry contributors",
    "license": "GPL-3",
    "category": "Technical",
    "depends": ["web"],
    "installable": True,
}
