# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which promises of a policy are proven by what is observed, and the score 3-2-1-1-0. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import (
    BUCKET,
    CRITICAL,
    NOT_REQUIRED,
    OK,
    UNKNOWN,
    VIOLATED,
    CopySeen,
    Evidence,
    Finding,
    Judgement,
    Part,
    StoreFacts,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_locks import Locks
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_anomalies import anomalies
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import latest_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import expired, kept_by
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_proof import (
    NO_BACKUP,
    NO_DRILL,
    said_of_backup,
    said_of_drill,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import CLOCK_SKEW
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry

# How long a backup may stand unmarked or unremoved until it is said that no expiry runs.
EXPIRY_S = 2 * 86400
PARTS = ("policy", "rpo", "retention", "drill", "rto", "immutability", "copies", "region", "integrity")
RULES = ("three_copies", "two_media", "one_offsite", "one_immutable", "zero_errors")
_NO_POLICY = "there is no policy that can be read, so it is not known what is promised"
_RECORD = "run gantry.odoo.backup_policy, which records it"


def judge_tenant(seen: Evidence, store: StoreFacts, second: StoreFacts | None = None) -> Judgement:
    """What follows from what is observed of one tenant. second: the store of the copy, None where none was asked."""
    findings = anomalies(seen, store.now)
    seen = _until_now(seen, store.now)
    latest = latest_of(sound(seen, findings), store.now)
    moment = moment_of(latest, seen) if latest else None
    parts = _parts(seen, (store, second), latest, moment, findings)
    by_name = {one.name: one for one in parts}
    return Judgement(
        tenant=seen.tenant,
        policy=seen.policy,
        parts=tuple(parts),
        findings=tuple(findings),
        rules=dict(_rules(store, seen, parts)),
        latest=latest,
        latest_moment=moment,
        opened=seen.opened.get(latest.name) if latest else None,
        drills=seen.drills,
        backups=sum(one.expired is None for one in seen.catalog.entries),
        expired=sum(one.expired is not None for one in seen.catalog.entries),
        holds=sum(not one.is_over(store.now) for one in seen.catalog.holds),
        proven_copies=_proven_copies(seen.policy, by_name.get("rpo"), latest, seen.copy, store.now),
        locked_until=seen.locked_until,
        copy=seen.copy,
        checked=seen.checked,
    )


def _until_now(seen: Evidence, now: datetime) -> Evidence:
    """The evidence without drills and a comparison of which the store's clock says that they are still to come."""
    latest, copy = now + CLOCK_SKEW, seen.copy
    if copy and copy.compared and copy.compared.moment > latest:
        dated = f"is dated {_minute(copy.compared.moment)}, after its store"
        copy = replace(copy, compared=None, fault=copy.fault or f"the last comparison of the second repository {dated}")
    if copy and copy.shows and copy.shows > latest:
        dated = f"is dated {_minute(copy.shows)}, after its store"
        copy = replace(copy, shows=None, fault=copy.fault or f"the newest backup in the second repository {dated}")
    return replace(seen, drills=tuple(one for one in seen.drills if one.begun <= latest), copy=copy)


def sound(seen: Evidence, findings: Iterable[Finding]) -> Catalog:
    """The catalog with those backups alone of which nothing says that they are lost, forged or dated wrongly."""
    doubtful = {one.backup for one in findings if one.kind in ("unsealed", "lost", "future")}
    if not doubtful:
        return seen.catalog
    return replace(seen.catalog, entries=tuple(one for one in seen.catalog.entries if one.name not in doubtful))


def moment_of(entry: Entry, seen: Evidence) -> datetime:
    """The moment from which a backup's age counts: the earliest of what PostgreSQL, its writer and the store say."""
    return min(entry.snapshot, entry.stored, seen.written.get(entry.number) or entry.stored)


def _parts(
    seen: Evidence,
    stores: tuple[StoreFacts, StoreFacts | None],
    latest: Entry | None,
    moment: datetime | None,
    findings: Sequence[Finding],
) -> list[Part]:
    store, second = stores
    integrity = _integrity(seen, latest, findings)
    policy = seen.policy
    if policy is None:
        rest = [Part(name, UNKNOWN, _NO_POLICY, _RECORD) for name in PARTS if name not in ("policy", "integrity")]
        return [Part("policy", VIOLATED, _NO_POLICY, _RECORD), *rest, integrity]
    rpo = _rpo(policy, moment, store.now)
    return [
        Part("policy", OK, f"the policy of tier {policy.tier} is recorded"),
        rpo,
        _retention(policy, seen.catalog, store.now),
        _drill(policy, seen, store.now),
        _rto(policy, seen),
        _immutability(policy, seen, store),
        _copies(policy, rpo, latest, seen.copy, store.now),
        _region(policy, store, second),
        integrity,
    ]


def _rpo(policy: Policy, moment: datetime | None, now: datetime) -> Part:
    remedy = "run gantry.odoo.backup, and see why the last one did not"
    if moment is None:
        return Part("rpo", VIOLATED, NO_BACKUP, remedy)
    age_s = (now - moment).total_seconds()
    sentence = f"{said_of_backup(age_s)}, and the RPO is {duration(policy.rpo_s)}"
    return Part("rpo", VIOLATED, sentence, remedy) if age_s > policy.rpo_s else Part("rpo", OK, sentence)


def _retention(policy: Policy, catalog: Catalog, now: datetime) -> Part:
    """Whether expiry is run: nothing stands that was to go two days ago, and goes today."""
    remedy = "run gantry.odoo.backup_policy with expire: true"
    then = now - timedelta(seconds=EXPIRY_S)
    unwanted = set(expired(kept_by(policy, catalog, now, catalog.holds)))
    late = [one.name for one in catalog.entries if one.name in unwanted and one.expired and one.expired < then]
    unmarked = {one.name for one in catalog.entries if one.name in unwanted and not one.expired and one.stored <= then}
    if unmarked:
        before = replace(catalog, entries=tuple(one for one in catalog.entries if one.stored <= then))
        late += [name for name in expired(kept_by(policy, before, then, catalog.holds)) if name in unmarked]
    if late:
        sentence = f"{len(late)} backups were to expire two days ago and are there still, such as {late[0]}"
        return Part("retention", VIOLATED, sentence, remedy)
    kept = len(catalog.entries) - len(unwanted)
    return Part("retention", OK, f"{kept} backups are kept, and {len(unwanted)} expire")


def _drill(policy: Policy, seen: Evidence, now: datetime) -> Part:
    remedy = f"run gantry.odoo.restore_drill -e tenant={seen.tenant}"
    good = next((one for one in seen.drills if one.ok), None)
    if seen.drills and not seen.drills[0].ok:
        sentence = f"the restore drill of {_minute(seen.drills[0].begun)} failed: {seen.drills[0].error}"
        return Part("drill", VIOLATED, sentence, remedy)
    if good is None:
        return Part("drill", VIOLATED, NO_DRILL, remedy)
    age_s = (now - good.begun).total_seconds()
    sentence = f"{said_of_drill(age_s)}, and one is due every {duration(policy.drill_interval_s)}"
    state = VIOLATED if age_s > policy.drill_interval_s else OK
    return Part("drill", state, sentence, remedy if state != OK else "")


def _rto(policy: Policy, seen: Evidence) -> Part:
    good = next((one for one in seen.drills if one.ok), None)
    if good is None:
        remedy = f"run gantry.odoo.restore_drill -e tenant={seen.tenant}"
        return Part("rto", UNKNOWN, "no restore drill has measured the RTO", remedy)
    sentence = f"the last restore drill that proved a backup took {duration(good.rto_s)}, and the RTO is "
    sentence += duration(policy.rto_s)
    if good.rto_s > policy.rto_s:
        return Part("rto", VIOLATED, sentence, "see its timings, and give the restore more jobs or faster disks")
    return Part("rto", OK, sentence)


def _immutability(policy: Policy, seen: Evidence, store: StoreFacts) -> Part:
    name, locked = "immutability", _is_locked(seen, store)
    if policy.immutability == "none":
        return Part(name, NOT_REQUIRED, "the policy asks for none")
    if locked and seen.locked_until is not None:
        sentence = f"the newest backup is locked until {_minute(seen.locked_until)}{_recorded(seen.locks)}"
        return _loose(seen, store) or Part(name, OK, sentence)
    if policy.immutability == "lock":
        remedy = "use a bucket with Object Lock and a default retention"
        if locked is None:
            return Part(name, UNKNOWN, f"it is not known whether the newest backup is locked{_why(store)}", remedy)
        return Part(name, VIOLATED, "the newest backup is not locked", remedy)
    remedy = "run gantry.odoo.backup_policy, which has the bucket keep versions"
    if store.kind != BUCKET:
        return Part(name, VIOLATED, "a directory keeps no versions", "use a bucket that keeps versions")
    if store.versioning is None:
        return Part(name, UNKNOWN, f"it is not known whether the bucket keeps versions{_why(store)}", remedy)
    if not store.versioning:
        return Part(name, VIOLATED, "the bucket keeps no versions", remedy)
    return Part(name, OK, "the bucket keeps versions")


def _loose(seen: Evidence, store: StoreFacts) -> Part | None:
    """What is wrong with the locks of older backups, None where they are locked."""
    remedy = "run gantry.odoo.backup_policy, and see why its last run did not extend the locks"
    if seen.locks is not None and seen.locks.until <= store.now:
        sentence = f"the locks of all backups were extended until {_minute(seen.locks.until)}, and not since"
        return Part("immutability", VIOLATED, sentence, remedy)
    for one in (each for each in seen.older_locks if each.answered and not (each.until and each.until > store.now)):
        return Part("immutability", VIOLATED, f"backup {one.backup} is not locked any more", remedy)
    for one in (each for each in seen.older_locks if not each.answered):
        sentence = f"it is not known whether backup {one.backup} is locked{_why(store)}"
        return Part("immutability", UNKNOWN, sentence, "see whether the store answers, and run again")
    return None


def _recorded(locks: Locks | None) -> str:
    """What the record proves beside, as a clause."""
    return f"; {len(locks.objects)} objects of all backups were locked until {_minute(locks.until)}" if locks else ""


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _is_locked(seen: Evidence, store: StoreFacts) -> bool | None:
    """Whether the newest backup cannot be removed now; None where that was not answered."""
    if not seen.lock_asked:
        return None
    return seen.locked_until is not None and seen.locked_until > store.now


def _proven_copies(
    policy: Policy | None, rpo: Part | None, latest: Entry | None, copy: CopySeen | None, now: datetime
) -> int:
    """How many copies are proven, the database among them."""
    second = policy is not None and copy is not None and not _fault_of_copy(policy, copy, now)
    # a backup that keeps the RPO proves that the database was there when it was taken
    return (latest is not None) + (rpo is not None and rpo.state == OK) + second


def _copies(policy: Policy, rpo: Part, latest: Entry | None, copy: CopySeen | None, now: datetime) -> Part:
    fault = _fault_of_copy(policy, copy, now) if copy else ""
    proven = _proven_copies(policy, rpo, latest, copy, now)
    as_of = ", the database among them as its newest backup found it" if rpo.state == OK else ""
    sentence = f"{proven} {'copy is' if proven == 1 else 'copies are'} proven{as_of}, and the policy asks for "
    sentence += str(policy.copies)
    # one that is named and does not count is missed on the day when it is needed, however few the policy asks for
    if proven >= policy.copies and not fault:
        return Part("copies", OK, sentence)
    if copy is None:
        remedy = "name a second repository; a copy that is not asked does not count"
        return Part("copies", UNKNOWN, f"{sentence}; no other repository was asked", remedy)
    remedy = "run gantry.odoo.backup_copy" if fault else rpo.remedy
    state = UNKNOWN if copy.unknown else VIOLATED
    return Part("copies", state, f"{sentence}; {fault}" if fault else sentence, remedy)


def _fault_of_copy(policy: Policy, copy: CopySeen, now: datetime) -> str:
    """Why the second repository does not count, as a clause; empty where it does."""
    limit = timedelta(seconds=policy.copy_rpo_s)
    if copy.unknown:
        return f"the second repository could not be asked ({copy.unknown})"
    if copy.fault:
        return copy.fault
    if copy.compared is None:
        return "the second repository was never compared"
    if not copy.compared.ok:
        return "the last comparison found damage in the second repository"
    if copy.shows is None:
        return "the second repository has lost the newest backup that was compared"
    if now - copy.compared.moment > limit:
        return f"the second repository was compared {_age(now - copy.compared.moment)} ago"
    if now - copy.shows > limit:
        return f"the newest backup in the second repository is {_age(now - copy.shows)} old"
    return ""


def _age(age: timedelta) -> str:
    return duration(age.total_seconds())


def _region(policy: Policy, store: StoreFacts, second: StoreFacts | None) -> Part:
    if not policy.regions:
        return Part("region", NOT_REQUIRED, "the policy allows every region")
    allowed = ", ".join(policy.regions)
    found = [("the backups", store), *([("the copies", second)] if second else [])]
    for what, one in found:
        if one.region is not None and one.region not in policy.regions:
            sentence = f"{what} lie in {one.region}, and the policy allows {allowed}"
            return Part("region", VIOLATED, sentence, "move the repository, or allow the region in the policy")
    for what, one in found:
        if one.region is None:
            sentence = f"the store of {what} did not say where it is{_why(one)}, and the policy allows {allowed}"
            return Part("region", UNKNOWN, sentence, "grant s3:GetBucketLocation, or ask the provider")
    return Part("region", OK, f"the backups lie in {' and '.join(sorted({str(one.region) for _what, one in found}))}")


def _integrity(seen: Evidence, latest: Entry | None, findings: Sequence[Finding]) -> Part:
    critical = [one for one in findings if one.severity == CRITICAL]
    if critical:
        more = f", and {len(critical) - 1} more" if len(critical) > 1 else ""
        return Part("integrity", VIOLATED, critical[0].sentence + more, critical[0].remedy)
    if latest is None or latest.name not in seen.opened:
        return Part("integrity", UNKNOWN, "no manifest of a newest backup was opened", "take a backup")
    return Part("integrity", OK, f"the catalog and {len(seen.opened)} manifests are authentic")


def _rules(store: StoreFacts, seen: Evidence, parts: Sequence[Part]) -> Iterable[tuple[str, str]]:
    """The five rules, each proven, violated, or unknown where nothing was asked that proves it."""
    state = {one.name: one.state for one in parts}
    yield "three_copies", OK if state["copies"] == OK and seen.policy and seen.policy.copies > 2 else UNKNOWN
    # the disk of the database server, and the object store
    yield "two_media", OK if store.kind == BUCKET and state["rpo"] == OK else UNKNOWN
    yield "one_offsite", state["region"] if state["region"] != NOT_REQUIRED else UNKNOWN
    locked = _is_locked(seen, store)
    yield "one_immutable", UNKNOWN if locked is None else OK if locked else VIOLATED
    errors = {state["drill"], state["integrity"]}
    yield "zero_errors", VIOLATED if VIOLATED in errors else UNKNOWN if UNKNOWN in errors else OK


def _why(store: StoreFacts) -> str:
    return f" ({store.unknown})" if store.unknown else ""
