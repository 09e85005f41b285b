"""One case: one of everything that a night can meet in a company, and a company that closes; and what has to be true in the end."""

import gzip
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tests.integration.retention_enforcement.world import PROPERTY, now
from tests.integration.retention_enforcement.world import World as Platform
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the things of one case are called. ``mark`` stands in each name. ``consent_at``: the consent of what runs on."""

    mark: str
    consent_at: datetime

    def session(self, name: str) -> str:
        return f"{self.mark}-{name}"

    def certificate(self, name: str) -> str:
        return f"EC-{self.mark}-{name}"

    def key(self, name: str) -> str:
        """Where the evidence of that name lies in the archive."""
        return f"{HOME}/{PROPERTY}/2020/01/01/{self.mark}/certificates/{name}.json"

    def file(self, name: str, *, company: str = HOME) -> str:
        """Where a session's recording lies on the shared file system."""
        return f"{company}/{PROPERTY}/{self.session(name)}.json"

    @property
    def archived(self) -> str:
        """Where a night locks the recording of the session that fell silent."""
        return f"{HOME}/{PROPERTY}/{self.consent_at:%Y/%m/%d}/{self.session('silent')}/recordings/{SHA256}.json.gz"

    @property
    def email(self) -> str:
        return f"{self.mark}@example.com"

    @property
    def token(self) -> str:
        return hashlib.sha256(self.mark.encode()).hexdigest()


def make_case(world: World, *, number: int) -> Case:
    """Insert the case. What earlier ones left is gone, once they were looked at."""
    if world.examined:
        world.wipe()
    platform, names = world.platform, Names(mark=f"case{number:06d}", consent_at=now() - 40 * DAY)
    settings = {"auto_retention_enabled": True, "auto_retention_mode": "certificates", "object_lock_years": 7}
    platform.update("retention_settings", company_id=HOME, set_=settings | {"changed_at": now() - 900 * DAY})
    closing = {"status": "closing", "closing_at": now() - 31 * DAY, "name": "Company that closes"}
    platform.update("companies", company_id=CLOSING, set_=closing)
    audited = world.one(LAST_AUDIT)["audit_id"]
    add_sessions(platform, names)
    theirs = add_evidence(platform, names)
    link = {"company_id": HOME, "certificate_pk": theirs, "created_at": now() - 91 * DAY, "expires_at": now() - DAY}
    platform.insert("claim_tokens", token_sha256=names.token, **link)
    asked = {"kind": "consumer", "company_id": HOME, "email": names.email}
    request = platform.insert("deletion_requests", returning="request_id", **asked)
    return Case(
        number=number,
        names={
            "mark": names.mark,
            "token": names.token,
            "request": request,
            "email": hmac.new(KEY, names.email.encode(), hashlib.sha256).hexdigest(),
            "companies": list(COMPANIES),
            "audited": audited,
            "theirs": theirs,
        },
        expected=end_of(names, request=request),
        archived=names.archived,
    )


def add_sessions(platform: Platform, names: Names) -> None:
    """One that fell silent, a retained one that nobody looks at, one past its window, one marked eight days ago, and the leaver's last."""
    silent, idle, gone = names.session("silent"), names.session("idle"), names.session("gone")
    platform.session(silent, closed_at=None, recording_sha256=None, recording_bytes=None)
    platform.certificate(silent, certificate_id=names.certificate("silent"), consent_at=names.consent_at)
    platform.session(idle, retention_status="retained", retained_at=now() - 31 * DAY, rrweb_to_video_status="completed")
    copy = {"kind": "recording", "session_id": idle, "body": gzip.compress(RECORDING, mtime=0), "retain_until": now() + 900 * DAY}
    platform.object(object_key=names.key("idle"), **copy)
    platform.session(names.session("over"), started_at=now() - 91 * DAY)
    platform.session(gone, started_at=now() - 99 * DAY, retention_status="expired")
    file = {"company_id": HOME, "session_id": gone, "kind": "recording", "backend": "efs", "tier": 1, "object_key": names.file("gone")}
    platform.insert("storage_objects", **file, bytes=len(RECORDING), sha256=SHA256, **marked(days=8))
    platform.session(names.session("last"), company_id=CLOSING)


def add_evidence(platform: Platform, names: Names) -> int:
    """Certificates whose time has ended, each with its object. Returns the number of the one whose person asked to be forgotten."""
    numbers: dict[str, int] = {}
    for name, days, columns in (
        ("ends", 1, {}),
        ("ended", 8, marked(days=8)),
        ("held", 8, marked(days=8)),
        ("locked", 8, marked(days=8) | {"lock_until": now() + 2 * DAY}),
        ("theirs", 2, marked(days=2)),
    ):
        status = "expired" if columns else "finalized"
        of_them = {"certificate_id": names.certificate(name), "consumer_email": names.email if name == "theirs" else None}
        numbers[name] = platform.expired_certificate(days=days, status=status, **of_them)
        platform.object(certificate_pk=numbers[name], object_key=names.key(name), **columns)
    platform.hold("certificate", names.certificate("held"), company_id=HOME)
    return numbers["theirs"]


def marked(*, days: int) -> dict[str, Any]:
    """The columns of an object that was marked so many days ago."""
    at = now() - days * DAY
    mark = {"state": "expired", "expired_at": at, "mark_rule": "default", "marked_by": "expire_certificates"}
    return {**mark, "purge_after": at + 7 * DAY}


def end_of(names: Names, *, request: int) -> State:
    """What there is after the night."""
    last = names.file("last", company=CLOSING)
    return {
        **{f"session {names.session(name)}": ["retained"] for name in ("silent", "idle")},
        **{f"session {names.session(name)}": ["expired"] for name in ("over", "gone", "last")},
        f"certificate {names.certificate('silent')}": ["finalized A Person"],
        **{f"certificate {names.certificate(name)}": ["expired A Person"] for name in ("ends", "held", "locked")},
        **{f"certificate {names.certificate(name)}": ["over"] for name in ("ended", "theirs")},
        f"object {names.archived}": ["s3 stored"],
        f"object {names.key('idle')}": ["s3 stored"],
        f"object {names.file('idle')}": ["efs deleted default"],
        f"object {names.file('over')}": ["efs expired default"],
        f"object {names.file('gone')}": ["efs deleted default"],
        f"object {last}": ["efs deleted erasure_request"],
        f"object {names.key('ends')}": ["s3 expired default"],
        f"object {names.key('ended')}": ["s3 deleted default"],
        f"object {names.key('held')}": ["s3 stored held"],
        f"object {names.key('locked')}": ["s3 expired default refused"],
        f"object {names.key('theirs')}": ["s3 deleted erasure_request"],
        **{f"tombstone {key}": ["default"] for key in (names.file("idle"), names.file("gone"), names.key("ended"))},
        **{f"tombstone {key}": ["erasure_request"] for key in (names.key("theirs"), last)},
        "usage": [names.session("silent")],
        "link": ["expired"],
        "request": ["completed"],
        "mail": [f"deletion:{request}"],
        "suppression": ["email"],
        "company": [f"{HOME} active Company {HOME}", f"{CLOSING} closed Closed account"],
        "audit": ["certificate.claim_expired", "certificate.expired"],
        "versions": sorted([names.archived, *(names.key(name) for name in ("idle", "ends", "held", "locked"))]),
        "files": sorted([names.file("silent"), names.file("over")]),
    }


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
