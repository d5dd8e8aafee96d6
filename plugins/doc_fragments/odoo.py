# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that tell a module how Odoo is configured and started."""

from __future__ import annotations


class ModuleDocFragment:
    """The instance of Odoo. A module overrides the defaults of the two timeouts where it has its own."""

    DOCUMENTATION = r"""
options:
  config:
    description:
      - Path of the instance's C(odoo.conf). It names the owner of databases, the data directory and the addons path.
    type: path
  odoo_command:
    description:
      - Command that starts Odoo on this host, with its first arguments.
      - Where it starts a container by C(docker run), it needs C(--rm), C(--entrypoint) and an image with C(python3). In
        the container, the configuration, O(ca_cert) and the data directory are at the same paths, and the variables
        C(PGSSLROOTCERT) and C(PGOPTIONS) are passed on. The code of addons is read in the image. The container ends
        with the module, also where the module or the engine's client is killed.
      - Any other command ends with the module too, with all that it has started on this host. Commands that start Odoo
        where nothing can end it are refused, such as C(docker exec), C(docker run --detach), C(podman), C(kubectl),
        C(ssh) and C(sudo). A script of your own must not start a container.
    type: list
    elements: str
    default: [odoo]
  odoo_user:
    description:
      - Account to run O(odoo_command) as.
    type: str
    default: odoo
  write_user:
    description:
      - Role that writes in databases. Triggers and functions of a tenant run when its tables are written, and have the
        rights of this role only. It has C(LOGIN) and no other right, owns nothing and is a member of no role.
        O(login_user) is a member of it. The playbook C(gantry.odoo.site) makes one on every server of the estate.
      - It needs no password. The module gives it a random one, and the tables that it writes, for as long as it writes.
        So the server has to accept a login by C(scram-sha-256) from this host.
      - One run at a time uses it. The others wait for O(lock_timeout).
    type: str
    default: gantry_write
  timeout:
    description:
      - Seconds after which the call fails. A running Odoo is ended.
    type: int
    default: 1800
  lock_timeout:
    description:
      - Seconds to wait for the end of another run on one of the databases.
    type: int
    default: 60
"""
