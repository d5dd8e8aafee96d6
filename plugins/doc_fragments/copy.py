# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second repository of backups."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  copy:
    description:
      - A second repository with a copy of the backups, in a bucket or a directory. The keys of O(repository) open it.
    type: dict
    suboptions:
      bucket:
        description:
          - Name of the bucket. It has to exist.
          - Exactly one of O(copy.bucket) and O(copy.directory) is required.
        type: str
      directory:
        description:
          - Path on the target of a directory for the copy, such as a mounted file system. It has to exist.
        type: path
      endpoint_url:
        description:
          - As O(repository.endpoint_url).
        type: str
      region:
        description:
          - As O(repository.region).
        type: str
        default: us-east-1
      prefix:
        description:
          - As O(repository.prefix).
        type: str
        default: ""
      access_key:
        description:
          - As O(repository.access_key).
        type: str
      secret_key:
        description:
          - Secret key of O(copy.access_key).
        type: str
      ca_bundle:
        description:
          - As O(repository.ca_bundle).
        type: path
      records_bucket:
        description:
          - As O(repository.records_bucket).
        type: str
"""
