#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell what databases of Odoo hold."""

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_database_info
short_description: Tell what databases of Odoo hold
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Reads the databases of Odoo on a server, all or some, in one call. Changes nothing.
  - A fingerprint tells whether two databases hold the same. It is computed inside PostgreSQL from one snapshot, does
    not depend on the order of rows, and leaves no table out; so compare databases that nobody writes to, such as
    fenced ones.
extends_documentation_fragment:
  - gantry.odoo.postgresql
attributes:
  check_mode:
    description: Can run in check mode, and only reads.
    support: full
  diff_mode:
    description: Has nothing to compare.
    support: none
options:
  names:
    description:
      - Databases to tell of. When empty, all databases of Odoo on the server.
    type: list
    elements: str
    default: []
  gather:
    description:
      - What to tell. V(summary) is always part of it.
      - V(filestore) looks for each file that the database refers to, and needs O(config) or O(data_dir) on this host.
    type: list
    elements: str
    choices: [summary, modules, filestore, fingerprint]
    default: [summary]
  config:
    description:
      - Path of the instance's C(odoo.conf), which names the data directory.
    type: path
  data_dir:
    description:
      - Data directory of the instance, where there is no O(config).
    type: path
  verify_content:
    description:
      - Whether V(filestore) reads each file and compares it with its SHA-1, or only looks whether it is there.
    type: bool
    default: true
  timeout:
    description:
      - Seconds that one statement may take on the server.
    type: int
    default: 600
seealso:
  - module: gantry.odoo.odoo_database
"""

EXAMPLES = r"""
- name: All databases of Odoo, asked on the database host as its superuser
  gantry.odoo.odoo_database_info:
    login_host: /run/postgresql
    login_user: postgres
  become: true
  become_user: postgres

- name: Prove what harbour holds before it is moved
  gantry.odoo.odoo_database_info:
    login_host: db1.example.com
    login_user: gantry
    login_password: "{{ vault_postgresql_password }}"
    ca_cert: /etc/odoo/postgresql-ca.pem
    config: /etc/odoo/harbour.conf
    names: [harbour]
    gather: [summary, filestore, fingerprint]
"""

RETURN = r"""
databases:
  description: Facts by name of the database.
  returned: success
  type: dict
  contains:
    exists:
      description: Whether the database exists. If not, nothing else is told.
      type: bool
    owner:
      description: Role that owns the database.
      type: str
    open:
      description: Whether its owner may connect. V(false) for a fenced database.
      type: bool
    size_bytes:
      description: Size on the server's disk, in bytes.
      type: int
    odoo:
      description: Whether it is a database of Odoo. If not, nothing below is told.
      type: bool
    odoo_version:
      description: Series of Odoo that made or last upgraded it.
      type: str
      sample: "19.0"
    pending:
      description: Addons that wait for being installed, upgraded or removed.
      type: list
      elements: str
    uuid:
      description: Identity of the database, which a move keeps and a copy does not.
      type: str
    neutralized:
      description: Whether it was made harmless for tests.
      type: bool
    base_url:
      description: Address of the database for its users.
      type: str
    modules:
      description: Versions of the installed addons by name. Told when O(gather) has V(modules).
      type: dict
    filestore:
      description: The files that the database refers to. Told when O(gather) has V(filestore).
      type: dict
      contains:
        files:
          description: Number of different files.
          type: int
        bytes:
          description: Size of those that are there, in bytes.
          type: int
        missing:
          description: Names of those that are not there.
          type: list
          elements: str
        corrupt:
          description: Names of those whose content is not what the name tells. Empty unless O(verify_content).
          type: list
          elements: str
    fingerprint:
      description: Hashes of the content. Told when O(gather) has V(fingerprint).
      type: dict
      contains:
        tables:
          description: By table, its number of C(rows) and their C(hash).
          type: dict
        sequences:
          description: Their C(count), and the C(hash) of their last values.
          type: dict
        hash:
          description: Hash of all tables and sequences.
          type: str
unreadable:
  description:
    - Databases that the login may not read, so that it cannot be told whether they are Odoo's. Empty with O(names).
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.config import read_config
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.facts import Gather, gather
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.postgres import (
    argument_spec,
    login_from,
    require_psycopg2,
)


def module_spec() -> dict[str, dict[str, Any]]:
    """All options of the module."""
    return {
        "names": {"type": "list", "elements": "str", "default": []},
        "gather": {
            "type": "list",
            "elements": "str",
            "choices": ["summary", "modules", "filestore", "fingerprint"],
            "default": ["summary"],
        },
        "config": {"type": "path"},
        "data_dir": {"type": "path"},
        "verify_content": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 600},
        **argument_spec(),
    }


def told(params: dict[str, Any]) -> dict[str, Any]:
    """The module's return value."""
    wanted = params["gather"]
    data_dir = params["data_dir"] or (read_config(params["config"]).data_dir if params["config"] else "")
    if "filestore" in wanted and not data_dir:
        raise InputError("gather: filestore needs config or data_dir, to know where the files are")
    what = Gather(
        modules="modules" in wanted,
        filestore="filestore" in wanted,
        fingerprint="fingerprint" in wanted,
        verify_content=params["verify_content"],
    )
    return {"changed": False, **gather(login_from(params), params["names"], what, data_dir, params["timeout"])}


def main() -> None:
    module = AnsibleModule(
        argument_spec=module_spec(),
        mutually_exclusive=[("config", "data_dir")],
        supports_check_mode=True,
    )
    require_psycopg2(module)
    try:
        module.exit_json(**told(module.params))
    except GantryError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
