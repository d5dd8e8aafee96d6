# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the option that names the change store."""

from __future__ import annotations


class ModuleDocFragment:
    """Where leases and the ledger are."""

    DOCUMENTATION = r"""
options:
  store:
    description:
      - The change store, which holds the leases and the ledger of the estate. Give one of the three kinds.
      - Every controller of the estate has to name the same store, or two of them may work at one thing.
    type: dict
    required: true
    suboptions:
      directory:
        description:
          - Path of a directory on the controller. It is created at the first use, for its owner alone.
          - Enough where one controller manages the estate, or where the directory is on a file system that all share.
        type: path
      outbox:
        description:
          - Path of a directory on the controller, created at the first use, for its owner alone. Events of a change are
            kept here until the change store has taken them, so that restoring service does not wait for the store.
          - The identity of the store and the number of the newest lease that the controller has seen are kept here too.
            A store that was emptied, is not mounted, or is another one counts as one that does not answer.
        type: path
        default: ~/.gantry/outbox
      witness:
        description:
          - A second place, which keeps the hash of each entry of the ledger. A ledger that was cut off, emptied or
            rewritten is found by it, and no change begins. Give one of the three kinds, best on another server and
            under another account, which needs no right but to read and to create.
          - The same for every controller. Without it, only what a controller has seen itself is found.
        type: dict
        suboptions:
          directory:
            description: Path of a directory on the controller, as O(store.directory).
            type: path
          postgresql:
            description: A database of PostgreSQL, as O(store.postgresql).
            type: dict
            suboptions:
              host:
                description: Host of the server, or the directory of its unix socket.
                type: str
                required: true
              port:
                description: Port of the server.
                type: int
                default: 5432
              user:
                description: The login. It may read the table, insert into it and delete from it, or create it.
                type: str
                required: true
              password:
                description: Password of the login. It is never shown.
                type: str
              dbname:
                description: Name of the database. It has to exist.
                type: str
                default: gantry
              ssl_mode:
                description: How far TLS is required and the server's certificate verified, in the words of libpq.
                type: str
                choices: [disable, allow, prefer, require, verify-ca, verify-full]
                default: verify-full
              ca_cert:
                description: Path of the PEM file with the authorities for the server's certificate.
                type: path
          s3:
            description: A bucket of an S3 server, as O(store.s3).
            type: dict
            suboptions:
              endpoint_url:
                description: URL of the S3 server. Its TLS certificate is verified. Not needed for Amazon's own.
                type: str
              bucket:
                description: Name of the bucket. It has to exist.
                type: str
                required: true
              region:
                description: Region that requests are signed for.
                type: str
                default: us-east-1
              prefix:
                description: Path in the bucket below which the witness lies.
                type: str
                default: ""
              access_key:
                description: Access key. Without it, the credentials of the controller's environment are used.
                type: str
              secret_key:
                description: Secret key of O(store.witness.s3.access_key).
                type: str
              ca_bundle:
                description:
                  - Path of the PEM file with the authorities that the server's certificate is verified against.
                  - By default the trust store of the operating system.
                type: path
      postgresql:
        description:
          - A database of PostgreSQL for the change store alone. A table is created in it at the first use, where it has
            none yet.
        type: dict
        suboptions:
          host:
            description: Host of the server, or the directory of its unix socket.
            type: str
            required: true
          port:
            description: Port of the server.
            type: int
            default: 5432
          user:
            description: The login. It may read the table, insert into it and delete from it, or create it.
            type: str
            required: true
          password:
            description: Password of the login. It is never shown.
            type: str
          dbname:
            description: Name of the database. It has to exist.
            type: str
            default: gantry
          ssl_mode:
            description: How far TLS is required and the server's certificate verified, in the words of libpq.
            type: str
            choices: [disable, allow, prefer, require, verify-ca, verify-full]
            default: verify-full
          ca_cert:
            description: Path of the PEM file with the authorities that the server's certificate is verified against.
            type: path
      s3:
        description:
          - A bucket of an S3 server that honors conditional writes (C(If-None-Match)). Another one is refused.
          - It must not keep versions of its objects where Ceph serves it, since Ceph ignores the condition then.
        type: dict
        suboptions:
          endpoint_url:
            description: URL of the S3 server. Its TLS certificate is verified. Not needed for Amazon's own.
            type: str
          bucket:
            description: Name of the bucket. It has to exist.
            type: str
            required: true
          region:
            description: Region that requests are signed for.
            type: str
            default: us-east-1
          prefix:
            description: Path in the bucket below which the change store lies.
            type: str
            default: ""
          access_key:
            description: Access key. Without it, the credentials of the controller's environment are used.
            type: str
          secret_key:
            description: Secret key of O(store.s3.access_key).
            type: str
          ca_bundle:
            description:
              - Path of the PEM file with the authorities that the server's certificate is verified against.
              - By default the trust store of the operating system.
            type: path
"""
