#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_compliance
short_description: Verify backups against their policies
version_added: 0.1.0
description:
  - Compares the backups of each tenant with the policy that M(gantry.odoo.backup_policy) has recorded beside them.
  - Judges what is observed, by the clock of the store. A question that was not asked or not answered is V(unknown), and
    does not count as good.
  - Lists the objects of each tenant once, and looks whether all that the newest backups need are there with
    their sizes. Where one is not, the manifests of all backups are read. M(gantry.odoo.odoo_backup_check) alone reads
    objects, and RV(compliance[].last_full_check) says when it has read all of them.
  - Looks for backups that have collapsed or grown, that are dated wrongly, or whose manifests are lost or forged.
  - Counts a second repository, O(copy), where M(gantry.odoo.odoo_backup_copy) has compared it lately.
  - Chooses the tenants whose restore drill is due today, so that the drills of a tier spread evenly over its interval.
  - Writes metrics for Prometheus, with the label C(repository), which tells estates apart.
    C(extensions/prometheus/gantry_backup_rules.yml) has alerts for them.
  - Changes nothing in the repository.
author:
  - Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.repository
  - gantry.odoo.known_backups
  - gantry.odoo.copy
  - gantry.odoo.attributes
options:
  tenants:
    description: The tenants that are to have backups. One without any is not compliant.
    type: list
    elements: str
    required: true
  manifests:
    description:
      - The number of newest backups of each tenant whose manifests are opened. Each costs one request.
      - Their rows are compared, and that they can be opened proves that they are authentic.
    type: int
    default: 5
  metrics_path:
    description:
      - Path of a file for the metrics, such as V(/var/lib/prometheus/node-exporter/gantry_backup.prom). Its directory
        has to exist. The file is replaced in one step.
      - Each run renews the time of the observation in it, which alone is no change. Without a path, RV(metrics) has
        them.
    type: path
  enforce:
    description: Fail where a part of a policy is not proven. The metrics are written before.
    type: bool
    default: false
seealso:
  - module: gantry.odoo.backup_policy
  - module: gantry.odoo.backup_report
  - module: gantry.odoo.odoo_restore
"""

EXAMPLES = r"""
- name: Write the state of all backups for the node exporter
  gantry.odoo.backup_compliance:
    repository: "{{ backup_repository }}"
    tenants: [harbour, north]
    metrics_path: /var/lib/prometheus/node-exporter/gantry_backup.prom

- name: Count the second repository as well
  gantry.odoo.backup_compliance:
    repository: "{{ backup_repository }}"
    copy: "{{ backup_copy_repository }}"
    tenants: [harbour, north]

- name: Fail where a backup does not comply
  gantry.odoo.backup_compliance:
    repository: "{{ backup_repository }}"
    tenants: [harbour]
    enforce: true
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode, in order.
  returned: always
  type: list
  elements: dict
  contains:
    action: {description: The action., type: str}
    target: {description: Name of its object., type: str}
    why: {description: The reason., type: str}
compliance:
  description: Each tenant, in the order of O(tenants).
  returned: always
  type: list
  elements: dict
  contains:
    tenant: {description: Name of the tenant., type: str}
    tier: {description: Tier in the recorded policy; null without one., type: int}
    compliant: {description: Whether every part that the policy requires is proven., type: bool}
    score: {description: "Number of the rules 3-2-1-1-0 that are proven, V(0) to V(5).", type: int}
    rules:
      description: V(ok), V(violated) or V(unknown) for each of the five rules.
      type: dict
      sample: {three_copies: unknown, two_media: ok, one_offsite: unknown, one_immutable: violated, zero_errors: ok}
    parts:
      description:
        - The parts V(policy), V(rpo), V(retention), V(drill), V(rto), V(immutability), V(copies), V(region) and
          V(integrity).
        - Where the policy has locks, V(immutability) asks for those of the newest backup, of the oldest one, and of the
          oldest one since M(gantry.odoo.backup_policy) has extended locks.
      type: list
      elements: dict
      contains:
        name: {description: Name of the part., type: str}
        state: {description: "V(ok), V(violated), V(unknown) or V(not_required).", type: str}
        sentence: {description: The observation., type: str}
        remedy: {description: The action to take; empty where the part is kept., type: str}
    findings:
      description: Backups that need a look.
      type: list
      elements: dict
      contains:
        kind:
          description:
            - V(collapsed) or V(grown) against the median of the backups before it, V(future) or V(misdated) by its
              times, V(rewritten) by the store's, V(lost) without a manifest or objects,
              V(unsealed) where it is damaged or forged,
              V(rolled_back) where the repository lacks the backup that O(known_backups) names.
              V(unlisted) where backups that are to be kept have manifests and are not in the catalog, though no expiry
              has removed them.
          type: str
        severity: {description: V(critical) or V(warning)., type: str}
        backup: {description: Identifier of the backup; empty for all of the tenant., type: str}
        sentence: {description: The observation., type: str}
        remedy: {description: The action to take., type: str}
    backup: {description: Identifier of the newest backup that counts; empty without one., type: str}
    last_success: {description: Moment from which its age counts., type: str}
    age_s: {description: Its age in seconds by the store's clock; null without one., type: float}
    age: {description: "Its age for people, such as V(3 h 20 min); empty without one.", type: str}
    rpo_s: {description: RPO of the policy in seconds; null without one., type: int}
    drill_age_s: {description: "Age of RV(compliance[].last_proven_drill) in seconds; null without one.", type: float}
    drill_interval_s: {description: Seconds between drills by the policy; null without one., type: int}
    copies:
      description: Number of copies that are proven, the database among them, and of those that the policy asks for.
      type: dict
      sample: {proven: 2, required: 3}
    immutability: {description: That of the policy; empty without one., type: str}
    locked_until: {description: Moment until which the newest backup is locked; empty without a lock., type: str}
    backups: {description: Number of backups that are kept., type: int}
    expired: {description: Number of backups that are marked to be removed., type: int}
    holds: {description: Number of legal holds that stand., type: int}
    last_drill:
      description: The last restore drill; null without one.
      type: dict
      sample: {begun: "2026-11-22T10:30:00.000000Z", ok: true, backup: 20261122T103000Z, rto_s: 31.2, rpo_s: 840.0}
    last_full_check:
      description:
        - Moment at which M(gantry.odoo.odoo_backup_check) had read the whole repository for the last time, at once or
          in parts. Empty where it never has.
      type: str
    last_proven_drill: {description: The last restore drill that proved a backup; null without one., type: dict}
drills_due:
  description: The tenants whose restore drill is due today.
  returned: always
  type: list
  elements: str
metrics:
  description: The metrics in the text form of Prometheus.
  returned: where O(metrics_path) is not given
  type: str
"""

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_drills import due_today
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_compliance import read_second, read_store
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_judgements import Fleet, read_judgements
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_compliance import entry, failure
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_metrics import render, without_time
from ansible_collections.gantry.odoo.plugins.module_utils._core import apply_metrics
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._repository import options
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import require_libraries

OPTIONS: dict[str, Any] = {
    **options.argument_spec(),
    **options.known_spec(accepts=False),
    "copy": options.COPY,
    "tenants": {"type": "list", "elements": "str", "required": True},
    "manifests": {"type": "int", "default": 5},
    "metrics_path": {"type": "path"},
    "enforce": {"type": "bool", "default": False},
}


def work(call: Call) -> Outcome:
    """Read, judge, report."""
    require_libraries()
    call.warn_empty("tenants")
    tenants = options.tenants_from(call.params["tenants"])
    manifests, path = call.params["manifests"], call.params["metrics_path"]
    if manifests < 1:
        raise InputError(f"manifests: {manifests} is not a number of backups; give 1 or more")
    if path:
        apply_metrics.check_path(path)
    known = options.known_from(call.params["known_backups"])
    location = options.location_from(call.params["repository"])
    copy = options.copy_from(call.params["copy"], location) if call.params["copy"] else None
    stores = open_stores(location)
    store, copies, second = read_store(stores), None, None
    if copy is not None:
        copies, second = read_second(copy, store.now)
    judged = read_judgements(Fleet(stores, store, location.keys, manifests, known, copies, second), tenants)
    facts: dict[str, Any] = {
        "compliance": [entry(one, store.now) for one in judged],
        "drills_due": due_today(judged, store.now),
    }
    complaint = failure(facts["compliance"]) if call.params["enforce"] else ""
    where = ", ".join(filter(None, (stores.contents.where, stores.prefix)))
    text = render(judged, store.now, where)
    if not path:
        return Outcome([], facts={**facts, "metrics": text}, failure=complaint)
    return publish(call, path, text, facts, complaint)


def publish(call: Call, path: str, text: str, facts: dict[str, Any], complaint: str) -> Outcome:
    """Write the metrics. The time of the observation alone is no change."""
    before, after = without_time(apply_metrics.read_metrics(path)), without_time(text)
    steps = [Step("write_metrics", path, "the metrics differ")] if before != after else []
    if not call.check_mode:
        apply_metrics.write_metrics(path, text)
    return Outcome(steps, {"metrics": before}, {"metrics": after}, facts, complaint)


def main() -> None:
    run(OPTIONS, work)


if __name__ == "__main__":
    main()
