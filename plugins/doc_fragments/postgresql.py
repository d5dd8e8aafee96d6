# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module reaches PostgreSQL."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  login_host:
    description:
      - Host of the PostgreSQL server, or the directory of its unix socket, such as V(/run/postgresql).
    type: str
    required: true
  login_port:
    description:
      - Port of the PostgreSQL server.
    type: int
    default: 5432
  login_user:
    description:
      - Role to log in as. It needs C(CREATEDB) where databases are made, and membership in the roles that own them. Do
        not use a superuser where tenants execute SQL of their own.
    type: str
    required: true
  login_password:
    description:
      - Password of O(login_user). Not needed where the server trusts the account by another means, such as peer.
    type: str
  login_db:
    description:
      - Maintenance database to connect to first.
    type: str
    default: postgres
  ssl_mode:
    description:
      - How far TLS is demanded and verified, as in libpq. Connections over a unix socket do not use TLS.
    type: str
    default: verify-full
    choices: [disable, allow, prefer, require, verify-ca, verify-full]
  ca_cert:
    description:
      - Path on the target of the PEM file with the certificates that the server's certificate is verified against.
      - V(system) means the trust store of the operating system, where libpq is 16 or newer.
    type: path
  connect_timeout:
    description:
      - Seconds to wait for a connection.
    type: int
    default: 5
requirements:
  - psycopg2 >= 2.8
notes:
  - Passwords are neither logged nor returned, and never part of a command line.
"""
