# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where backups are kept."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  repository:
    description:
      - Where the backups are, in a bucket of an S3 server or in a directory, and the keys that encrypt them.
    type: dict
    required: true
    suboptions:
      bucket:
        description:
          - Name of the bucket. It has to exist.
          - Exactly one of O(repository.bucket) and O(repository.directory) is required.
        type: str
      directory:
        description:
          - Path on the target of a directory for the backups, such as a mounted file system. It has to exist.
        type: path
      endpoint_url:
        description:
          - URL of the S3 server. Its TLS certificate is verified. Not needed for Amazon's own.
        type: str
      region:
        description:
          - Region that requests are signed for.
        type: str
        default: us-east-1
      prefix:
        description:
          - Path in the bucket or in the directory below which each tenant has a directory.
        type: str
        default: ""
      access_key:
        description:
          - Access key. Without it, the credentials of the target's environment or instance are used. It is never shown.
        type: str
      secret_key:
        description:
          - Secret key of O(repository.access_key).
        type: str
      ca_bundle:
        description:
          - Path on the target of the PEM file with the authorities that the server's certificate is verified against.
          - By default the trust store of the operating system.
        type: path
      records_bucket:
        description:
          - Name of another bucket for leases, catalogs and wrapped keys, which have to be created exactly once. By
            default O(repository.bucket).
          - Needed where the bucket keeps versions of its objects and the server does not refuse a second object of one
            key then, as RADOS. This bucket keeps no versions.
        type: str
      keys:
        description:
          - The keys that encrypt the backups. The first one for a tenant wraps the keys of a new repository, and any of
            them opens one.
          - Keep a copy of each apart from the backups. Without its key, a backup cannot be read.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description:
              - Name of the key, by which a repository says which one opens it.
            type: str
            required: true
          secret:
            description:
              - The key, 32 random bytes in base64, as C(openssl rand -base64 32) makes them. It is never shown.
              - Exactly one of O(repository.keys[].secret) and O(repository.keys[].file) is required.
            type: str
          file:
            description:
              - Path on the target of a file with the key. Only its owner has rights on the file.
            type: path
          tenant:
            description:
              - The only tenant that the key is for, before the keys of all. By default the key is for all tenants.
            type: str
            default: ""
requirements:
  - boto3 >= 1.26, for a bucket
  - PyNaCl >= 1.5
  - zstandard >= 0.17
"""

    # For modules that ask the repository only where a task needs it.
    OPTIONAL: str = DOCUMENTATION.partition("requirements:")[0].replace(
        "    required: true\n    suboptions:\n      bucket:", "    suboptions:\n      bucket:"
    )
