"""One case: one of everything that a night can meet in a company, and a company that closes; and what has to be true in the end."""

import gzip
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tests.integration.retention_enforcement.world import PROPERTY, now
from tests.prove.harness.verdict import Verdict
from tests.prove.retention.worker import KEY
from tests.prove.retention.world import COMPANIES, World

HOME, CLOSING = COMPANIES
DAY: Final = timedelta(days=1)
RECORDING: Final = b"[1]"
SHA256: Final = hashlib.sha256(RECORDING).hexdigest()
SESSIONS: Final = """
SELECT 'session ' || s.session_id AS name, concat_ws(' ', s.retention_status, CASE WHEN s.closed_at IS NULL THEN 'open' END) AS seen
FROM econsent.sessions AS s WHERE strpos(s.session_id, %(mark)s) > 0 ORDER BY s.session_id
"""
CERTIFICATES: Final = """
SELECT 'certificate ' || c.certificate_id AS name,
  CASE WHEN c.pii_erased_at IS NOT NULL AND c.status IN ('expired', 'deleted') THEN 'over' ELSE c.status END
  || coalesce(' ' || c.consumer_name, '') AS seen
FROM econsent.certificates AS c WHERE strpos(c.certificate_id, %(mark)s) > 0 ORDER BY c.certificate_id
"""
"""A certificate of which everything is gone becomes ``deleted`` in the same night or in the next one: both are ``over`` here."""
OBJECTS: Final = """
SELECT 'object ' || stored.object_key AS name,
  concat_ws(' ', stored.backend, stored.state, stored.mark_rule, CASE WHEN stored.held_at IS NOT NULL THEN 'held' END,
    CASE WHEN stored.refusal IS NOT NULL THEN 'refused' END) AS seen
FROM econsent.storage_objects AS stored WHERE strpos(stored.object_key, %(mark)s) > 0 ORDER BY stored.storage_object_id
"""
TOMBSTONES: Final = """
SELECT 'tombstone ' || t.object_key AS name, t.rule AS seen, t.log_no, t.leaf_sha256 FROM econsent.tombstones AS t
WHERE strpos(t.object_key, %(mark)s) > 0 ORDER BY t.log_no
"""
OTHERS: Final = """
SELECT 'usage' AS name, u.session_id AS seen FROM econsent.retention_usage_items AS u WHERE strpos(u.session_id, %(mark)s) > 0
UNION ALL SELECT 'link', status FROM econsent.claim_tokens WHERE token_sha256 = %(token)s
UNION ALL SELECT 'request', concat_ws(' ', status, email) FROM econsent.deletion_requests WHERE request_id = %(request)s
UNION ALL SELECT 'mail', message_id FROM econsent.mail_outbox WHERE message_id = 'deletion:' || %(request)s
UNION ALL SELECT 'suppression', kind FROM econsent.suppressions WHERE hmac_sha256 = %(email)s
UNION ALL SELECT 'company', concat_ws(' ', company_id, status, name) FROM econsent.companies WHERE company_id = ANY(%(companies)s)
UNION ALL SELECT 'sealed', object_key FROM econsent.sealed_files WHERE strpos(object_key, %(mark)s) > 0
UNION ALL SELECT 'audit', action FROM econsent.audit_log
  WHERE audit_id > %(audited)s
    AND (strpos(details ->> 'certificate_id', %(mark)s) > 0 OR details -> 'certificate_pk' = to_jsonb(%(theirs)s))
ORDER BY 1, 2
"""
LAST_AUDIT: Final = "SELECT coalesce(max(audit_id), 0) AS audit_id FROM econsent.audit_log"

State = Mapping[str, Sequence[str]]
"""What is there, by what it is about: a list, so that what is there twice shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What must not change any more: the log's leaves, and the versions of locked recordings."""

    leaves: Mapping[int, str]
    locked: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``names``: what queries ask for; ``mark`` stands in each key. ``expected``: the end. ``archived``: what a night locks."""

    number: int
    names: Mapping[str, Any]
    expected: State
    archived: str


def make_case(world: World, *, number: int) -> Case:
    """Insert the case. What earlier ones left is gone, once they were looked at."""
    if world.examined:
        world.wipe()
    platform, mark = world.platform, f"case{number:06d}"
    settings = {
        "auto_retention_enabled": True,
        "auto_retention_mode": "certificates",
        "object_lock_years": 7,
        "changed_at": now() - 900 * DAY,
    }
    platform.update("retention_settings", company_id=HOME, set_=settings)
    closing = {"status": "closing", "closing_at": now() - 31 * DAY, "name": "Company that closes"}
    platform.update("companies", company_id=CLOSING, set_=closing)
    audited = world.one(LAST_AUDIT)["audit_id"]
    consent_at = now() - 40 * DAY
    silent, idle, over, gone, last = (f"{mark}-{name}" for name in ("silent", "idle", "over", "gone", "last"))
    ends, ended, held, locked, theirs = (f"EC-{mark}-{name}" for name in ("ends", "ended", "held", "locked", "theirs"))
    marked_at = now() - 8 * DAY
    marked = {"state": "expired", "expired_at": marked_at, "mark_rule": "default", "purge_after": marked_at + 7 * DAY}
    marked |= {"marked_by": "expire_certificates"}

    def key(name: str) -> str:
        return f"{HOME}/{PROPERTY}/2020/01/01/{mark}/certificates/{name}.json"

    def evidence(name: str, *, days: int = 8, status: str = "expired", email: str | None = None, **columns: Any) -> int:
        """A certificate whose time has ended, with its object. Returns the certificate's number."""
        pk = platform.expired_certificate(days=days, status=status, certificate_id=name, consumer_email=email)
        platform.object(certificate_pk=pk, object_key=key(name), **columns)
        return pk

    platform.session(silent, closed_at=None, recording_sha256=None, recording_bytes=None)
    platform.certificate(silent, certificate_id=f"EC-{silent}", consent_at=consent_at)
    platform.session(idle, retention_status="retained", retained_at=now() - 31 * DAY, rrweb_to_video_status="completed")
    copy = {"kind": "recording", "session_id": idle, "body": gzip.compress(RECORDING, mtime=0), "retain_until": now() + 900 * DAY}
    platform.object(object_key=key(idle), **copy)
    platform.session(over, started_at=now() - 91 * DAY)
    platform.session(gone, started_at=now() - 99 * DAY, retention_status="expired")
    file = {"company_id": HOME, "session_id": gone, "kind": "recording", "backend": "efs", "tier": 1, "object_key": efs_key(gone)}
    platform.insert("storage_objects", **file, bytes=len(RECORDING), sha256=SHA256, **marked)
    evidence(ends, days=1, status="finalized")
    evidence(ended, **marked)
    evidence(held, **marked)
    evidence(locked, lock_until=now() + 2 * DAY, **marked)
    platform.hold("certificate", held, company_id=HOME)
    email, token = f"{mark}@example.com", hashlib.sha256(mark.encode()).hexdigest()
    pk = evidence(theirs, days=2, email=email, **marked | {"expired_at": now() - 2 * DAY, "purge_after": now() + 5 * DAY})
    link = {"company_id": HOME, "certificate_pk": pk, "created_at": now() - 91 * DAY, "expires_at": now() - DAY}
    platform.insert("claim_tokens", token_sha256=token, **link)
    request = platform.insert("deletion_requests", returning="request_id", kind="consumer", company_id=HOME, email=email)
    platform.session(last, company_id=CLOSING)

    archived = f"{HOME}/{PROPERTY}/{consent_at:%Y/%m/%d}/{silent}/recordings/{SHA256}.json.gz"
    end = {
        f"session {silent}": ["retained"],
        f"session {idle}": ["retained"],
        f"session {over}": ["expired"],
        f"session {gone}": ["expired"],
        f"session {last}": ["expired"],
        f"certificate EC-{silent}": ["finalized A Person"],
        f"certificate {ends}": ["expired A Person"],
        f"certificate {ended}": ["over"],
        f"certificate {held}": ["expired A Person"],
        f"certificate {locked}": ["expired A Person"],
        f"certificate {theirs}": ["over"],
        f"object {archived}": ["s3 stored"],
        f"object {key(idle)}": ["s3 stored"],
        f"object {efs_key(idle)}": ["efs deleted default"],
        f"object {efs_key(over)}": ["efs expired default"],
        f"object {efs_key(gone)}": ["efs deleted default"],
        f"object {key(ends)}": ["s3 expired default"],
        f"object {key(ended)}": ["s3 deleted default"],
        f"object {key(held)}": ["s3 stored held"],
        f"object {key(locked)}": ["s3 expired default refused"],
        f"object {key(theirs)}": ["s3 deleted erasure_request"],
        f"object {efs_key(last, company=CLOSING)}": ["efs deleted erasure_request"],
        f"tombstone {efs_key(idle)}": ["default"],
        f"tombstone {efs_key(gone)}": ["default"],
        f"tombstone {key(ended)}": ["default"],
        f"tombstone {key(theirs)}": ["erasure_request"],
        f"tombstone {efs_key(last, company=CLOSING)}": ["erasure_request"],
        "usage": [silent],
        "link": ["expired"],
        "request": ["completed"],
        "mail": [f"deletion:{request}"],
        "suppression": ["email"],
        "company": [f"{HOME} active Company {HOME}", f"{CLOSING} closed Closed account"],
        "audit": ["certificate.claim_expired", "certificate.expired"],
        "versions": sorted([archived, key(idle), key(ends), key(held), key(locked)]),
        "files": sorted([efs_key(silent), efs_key(over)]),
    }
    names = {
        "mark": mark,
        "token": token,
        "request": request,
        "email": hmac.new(KEY, email.encode(), hashlib.sha256).hexdigest(),
        "companies": list(COMPANIES),
        "audited": audited,
        "theirs": pk,
    }
    return Case(number=number, names=names, expected=end, archived=archived)


def efs_key(session_id: str, *, company: str = HOME) -> str:
    return f"{company}/{PROPERTY}/{session_id}.json"


def observe(world: World, case: Case) -> State:
    """Everything that there is of the case, in the same words as its end."""
    seen: dict[str, list[str]] = {}
    for query in (SESSIONS, CERTIFICATES, OBJECTS, TOMBSTONES, OTHERS):
        for row in world.rows(query, **case.names):
            seen.setdefault(row["name"], []).append(row["seen"])
    mark = case.names["mark"]
    seen["versions"] = sorted(key for key, _ in versions(world, case))
    seen["files"] = sorted(str(path.relative_to(world.platform.efs)) for path in world.platform.efs.rglob("*") if mark in path.name)
    return seen


def versions(world: World, case: Case) -> list[tuple[str, str]]:
    """Every version, and every marker, whose key is of the case: under the prefixes at which its keys can lie."""
    mark, platform = case.names["mark"], world.platform
    day = case.archived.split(f"/{mark}")[0]
    found: list[tuple[str, str]] = []
    for prefix in (f"{HOME}/{PROPERTY}/2020/01/01/{mark}", f"{day}/{mark}"):
        listed = platform.client.list_object_versions(Bucket=platform.bucket, Prefix=prefix)
        assert not listed["IsTruncated"]
        found += [(line["Key"], line["VersionId"]) for line in listed.get("Versions", []) + listed.get("DeleteMarkers", [])]
    return found


def differences(world: World, case: Case) -> Verdict:
    """Compare what is there with the end: what is there too often, what is missing, and what is another."""
    verdict, seen = Verdict(), observe(world, case)
    for name in sorted(seen.keys() | case.expected.keys()):
        found, expected = list(seen.get(name, ())), list(case.expected.get(name, ()))
        if found == expected:
            continue
        verdict.sentences.append(f"{name}: {found} instead of {expected}")
        if len(found) > len(expected):
            verdict.duplicated += len(found) - len(expected)
        elif len(found) < len(expected):
            verdict.lost += len(expected) - len(found)
        else:
            verdict.wrong += 1
    return verdict


def snapshot(world: World, case: Case) -> Snapshot:
    leaves = {row["log_no"]: row["leaf_sha256"] for row in world.rows(TOMBSTONES, **case.names)}
    return Snapshot(leaves=leaves, locked=frozenset(pair for pair in versions(world, case) if pair[0] == case.archived))


def examine(world: World, case: Case, snapshots: Sequence[Snapshot], *, thorough: bool) -> Verdict:
    """Compare the end with that of a run without faults, and with what stood fixed before."""
    verdict, end = differences(world, case), snapshot(world, case)
    for before in snapshots:
        if not (before.leaves.items() <= end.leaves.items() and before.locked <= end.locked):
            verdict.wrong += 1
            verdict.sentences.append(f"what stood fixed is another now: {before} became {end}")
    world.examined = True
    return verdict + verified(world) if thorough else verdict


def verified(world: World, *, since: datetime | None = None) -> Verdict:
    """What the verifier finds, with its own code."""
    report = world.verify(since=since)
    return Verdict(wrong=report.found, sentences=[str(finding) for finding in report.findings[:5]])
