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
      - The bucket of an S3 server that holds the backups, and who asks for it.
    type: dict
    required: true
    suboptions:
      endpoint_url:
        description:
          - URL of the S3 server. Its TLS certificate is verified. Not needed for Amazon's own.
        type: str
      bucket:
        description:
          - Name of the bucket. It has to exist.
        type: str
        required: true
      region:
        description:
          - Region that requests are signed for.
        type: str
        default: us-east-1
      prefix:
        description:
          - Path in the bucket below which each tenant has a directory.
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
requirements:
  - boto3 >= 1.26
"""

    # For modules that ask the bucket only where a task needs it.
    OPTIONAL: str = DOCUMENTATION.partition("requirements:")[0].replace(
        "    required: true\n    suboptions:", "    suboptions:"
    )
