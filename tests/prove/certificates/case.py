"""One case: a few certificates of its own in a shared database and bucket, and what has to be true of them in the end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from demo.insert import insert_certificate_rows, insert_visits
from demo.tenants import Property, tenant
from demo.visits import Visit, make_sessionless, make_visit
from econsent_jobs.core.statements import statement
from tests.prove.certificates.world import World, now
from tests.prove.harness.verdict import Verdict

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "session": ("attestation", "certificate", "dom"),
    "meta": ("attestation", "certificate"),
    "sms": ("attestation", "certificate"),
    "voice": ("attestation", "certificate"),
}
EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "session": ("consent.granted", "session.certificate.created"),
    "meta": ("consent.granted", "meta.certificate.created"),
    "sms": ("consent.granted",),
    "voice": ("consent.granted",),
}
STATE: Final = """
SELECT certificate.certificate_pk, certificate.company_id, certificate.source, certificate.status, certificate.error_class,
  certificate.last_error, certificate.certificate_id, certificate.session_id,
  certificate.issued_at, certificate.retain_until, certificate.finalized_at,
  (SELECT count(*) FROM econsent.attestations AS a
    WHERE a.company_id = certificate.company_id AND a.certificate_pk = certificate.certificate_pk) AS attestations,
  ARRAY(SELECT e.event_type FROM econsent.webhook_events AS e
    WHERE e.company_id = certificate.company_id AND e.subject_id = certificate.certificate_id ORDER BY 1) AS events,
  ARRAY(SELECT l.action FROM econsent.audit_log AS l WHERE l.company_id = certificate.company_id
    AND (l.details ->> 'certificate_id' = certificate.certificate_id
      OR (l.details ->> 'certificate_pk')::bigint = certificate.certificate_pk) ORDER BY 1) AS audit,
  ARRAY(SELECT s.kind FROM econsent.storage_objects AS s
    WHERE s.company_id = certificate.company_id AND s.certificate_pk = certificate.certificate_pk ORDER BY 1) AS kinds,
  (SELECT count(*) FROM econsent.search_outbox AS o
    WHERE o.company_id = certificate.company_id AND o.doc_key = certificate.certificate_pk::text) AS searchable,
  (SELECT count(*) FROM econsent.certificate_queue AS q
    WHERE q.company_id = certificate.company_id AND q.certificate_pk = certificate.certificate_pk) AS queued,
  (SELECT count(*) FROM econsent.sealed_documents AS d
    WHERE d.company_id = certificate.company_id AND d.certificate_pk = certificate.certificate_pk) AS sealed
FROM econsent.certificates AS certificate
WHERE certificate.company_id = ANY(%(companies)s) AND certificate.certificate_pk = ANY(%(pks)s)
ORDER BY certificate.certificate_pk
"""
SESSIONS: Final = """
SELECT session.session_id, session.retention_status, session.closed_at IS NOT NULL AS closed,
  (SELECT count(*) FROM econsent.retention_usage_items AS u
    WHERE u.company_id = session.company_id AND u.session_id = session.session_id) AS units,
  (SELECT count(*) FROM econsent.video_conversions AS v
    WHERE v.company_id = session.company_id AND v.session_id = session.session_id) AS videos
FROM econsent.sessions AS session
WHERE session.company_id = ANY(%(companies)s) AND session.session_id = ANY(%(sessions)s)
ORDER BY session.session_id
"""
SEALED: Final = """
SELECT certificate.certificate_pk, certificate.certificate_id, certificate.entropy, certificate.signature, certificate.signature_key_id,
  certificate.retain_until, certificate.issued_at, certificate.consent_hash
FROM econsent.certificates AS certificate
WHERE certificate.company_id = ANY(%(companies)s) AND certificate.certificate_pk = ANY(%(pks)s)
  AND certificate.status IN ('processing', 'finalized')
ORDER BY certificate.certificate_pk
"""
OBJECTS: Final = """
SELECT stored.object_key, stored.version_id, stored.sha256, stored.certificate_pk
FROM econsent.storage_objects AS stored
WHERE stored.company_id = ANY(%(companies)s) AND stored.certificate_pk = ANY(%(pks)s)
"""
SEALED_BYTES: Final = """
SELECT document.object_key, document.sha256 FROM econsent.sealed_documents AS document
WHERE document.company_id = ANY(%(companies)s) AND document.certificate_pk = ANY(%(pks)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What stood sealed at some moment: it must be what is stored in the end, whatever changed in between."""

    certificates: Mapping[int, Mapping[str, Any]]
    documents: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``good`` certificates must end finalised, ``bad`` ones failed with class ``data``. ``sites`` are its own property of each company."""

    number: int
    began_at: datetime
    sites: Mapping[str, str]
    good: tuple[int, ...]
    bad: tuple[int, ...]
    sessions: tuple[str, ...]

    @property
    def names(self) -> dict[str, Any]:
        return {"companies": list(self.sites), "pks": [*self.good, *self.bad], "sessions": list(self.sessions)}

    def sealing(self, world: World) -> Sealing:
        return Sealing(
            certificates={row["certificate_pk"]: row for row in world.rows(SEALED, **self.names)},
            documents={row["object_key"]: row["sha256"] for row in world.rows(SEALED_BYTES, **self.names)},
        )

    def open_items(self, world: World) -> int:
        return world.one(
            "SELECT count(*) AS n FROM econsent.certificate_queue WHERE company_id = ANY(%(companies)s) AND certificate_pk = ANY(%(pks)s)",
            **self.names,
        )["n"]


def make_case(world: World, *, number: int) -> Case:
    """Insert the case: two submissions of a closed session whose company retains, a session that ended without being closed, a lead
    without a session, and a report that nothing can be made of.
    """
    began_at = now()
    ended_at = (began_at - timedelta(minutes=50)).replace(microsecond=0)
    sites = {company: f"{company}-p{number}" for company in ("demo-01", "demo-02")}
    for company, site in sites.items():
        world.database.execute(
            statement("demo", "insert_property"),
            {"company_id": company, "property_id": site, "name": "A case", "origin": f"https://{site}.example.com", "uid": f"uid-{site}"}
            | {"session_expiration": "90 days", "certificate_expiration": "5 years"},
        )
    twice = visit(world, "demo-02", sites, number=number, label=f"c{number}a", ended_at=ended_at, submissions=2, closed=True)
    silent = visit(world, "demo-01", sites, number=number, label=f"c{number}b", ended_at=ended_at, submissions=1, closed=False)
    spoilt = visit(world, "demo-01", sites, number=number, label=f"c{number}c", ended_at=ended_at, submissions=1, closed=True)
    spoilt = replace(spoilt, certificates=(replace(spoilt.certificates[0], capture='{"consents": "TEXT"}'),))
    lead = make_sessionless(at(sites, "demo-01"), "meta", seed=1, number=number, consent_at=ended_at, label="c")
    with world.database.transaction():
        good = insert_visits(world.database, [twice, silent], durable=False)
        good += insert_certificate_rows(world.database, [lead])
        bad = insert_visits(world.database, [spoilt], durable=False)
    return Case(
        number=number,
        began_at=began_at,
        sites=sites,
        good=tuple(sorted(good)),
        bad=tuple(bad),
        sessions=tuple(sorted(each.session.session_id for each in (twice, silent, spoilt))),
    )


def at(sites: Mapping[str, str], company: str) -> Any:
    """The demo company as if the case's site were its only one."""
    site = Property(
        property_id=sites[company],
        name="A case",
        origin=f"https://{sites[company]}.example.com",
        session_expiration="90 days",
        certificate_expiration="5 years",
    )
    return replace(tenant(company), properties=(site,))


def visit(
    world: World, company: str, sites: Mapping[str, str], *, number: int, label: str, ended_at: datetime, submissions: int, closed: bool
) -> Visit:
    return make_visit(
        at(sites, company),
        efs_base=world.efs,
        seed=1,
        number=number,
        ended_at=ended_at,
        label=label,
        closed=closed,
        source="form10",
        submissions=submissions,
    )


def examine(world: World, case: Case, sealings: Sequence[Sealing], *, thorough: bool = True) -> Verdict:
    """Compare the end state with that of a run without faults: every certificate once, with all that follows from it, once.

    ``thorough`` lets the verifier look at each certificate too; otherwise the caller runs it over all cases together.
    """
    verdict = Verdict()
    for row in world.rows(STATE, **case.names):
        add_certificate(verdict, row, good=row["certificate_pk"] in case.good)
    for row in world.rows(SESSIONS, **case.names):
        add_session(verdict, row, retains=row["session_id"].startswith("demo-02"))
    stored = world.rows(OBJECTS, **case.names)
    add_sealings(verdict, sealings, Sealing(certificates=case.sealing(world).certificates, documents=documents_of(stored)))
    add_objects(verdict, stored, list(versions(world, case)))
    return verdict + verified(world, since=case.began_at) if thorough else verdict


def verified(world: World, *, since: datetime | None = None) -> Verdict:
    """What the verifier finds, with its own code, in what came since, or in all."""
    report = world.verify(since=since)
    return Verdict(wrong=report.found, sentences=[str(finding) for finding in report.findings[:5]])


def add_certificate(verdict: Verdict, row: Mapping[str, Any], *, good: bool) -> None:
    name = f"certificate {row['certificate_pk']}"
    if not good:
        expected = ("failed", "data", ["certificate.failed"], 0, 0)
        found = (row["status"], row["error_class"], row["audit"], row["queued"], row["sealed"])
        if found != expected:
            verdict.wrong += 1
            verdict.sentences.append(f"{name}, which is bad, ended as {found} instead of {expected}")
        return
    if (row["status"], row["attestations"], row["queued"], row["sealed"]) != ("finalized", 1, 0, 0):
        verdict.lost += 1
        verdict.sentences.append(
            f"{name} ended as {row['status']} ({row['error_class']}: {row['last_error']}), {row['attestations']} attestations,"
            f" {row['queued']} in the queue, {row['sealed']} sealed"
        )
        return
    for what, expected, found in (
        ("events", list(EVENTS[row["source"]]), row["events"]),
        ("audit entries", ["certificate.generated"], row["audit"]),
        ("storage rows", list(KINDS[row["source"]]), row["kinds"]),
        ("search outbox rows", ["one"], ["one"] * row["searchable"]),
    ):
        if found != expected:
            verdict.lost += any(found.count(each) < expected.count(each) for each in expected)
            verdict.duplicated += any(found.count(each) > expected.count(each) for each in found)
            verdict.sentences.append(f"{name} has the {what} {found} instead of {expected}")


def add_session(verdict: Verdict, row: Mapping[str, Any], *, retains: bool) -> None:
    """A session that its company retains is retained once, and paid for once; ``closed`` must hold for all by then."""
    expected = ("retained", 1, 1, True) if retains else ("unretained", 0, 0, True)
    found = (row["retention_status"], row["units"], row["videos"], row["closed"])
    if found != expected:
        verdict.duplicated += row["units"] > expected[1]
        verdict.lost += row["units"] <= expected[1]
        verdict.sentences.append(f"session {row['session_id']} is {found} instead of {expected}")


def documents_of(stored: list[dict[str, Any]]) -> dict[str, str]:
    return {row["object_key"]: row["sha256"] for row in stored}


def add_sealings(verdict: Verdict, sealings: Sequence[Sealing], end: Sealing) -> None:
    for sealing in sealings:
        changed = [pk for pk, row in sealing.certificates.items() if end.certificates.get(pk) != row]
        resealed = [key for key, sha256 in sealing.documents.items() if end.documents.get(key) != sha256]
        verdict.wrong += len(changed) + len(resealed)
        verdict.sentences += [f"certificate {pk} was sealed as one thing and finalised as another" for pk in changed]
        verdict.sentences += [f"{key} was sealed, and other bytes, or none, are recorded" for key in resealed]


def versions(world: World, case: Case) -> Iterator[tuple[str, str]]:
    """Yield key and version of everything under the case's own prefixes; a delete marker has the version ``deleted``."""
    for company, site in case.sites.items():
        for page in world.client.get_paginator("list_object_versions").paginate(Bucket=world.bucket, Prefix=f"{company}/{site}/"):
            yield from ((found["Key"], found["VersionId"]) for found in page.get("Versions", []))
            yield from ((found["Key"], "deleted") for found in page.get("DeleteMarkers", []))


def add_objects(verdict: Verdict, stored: list[dict[str, Any]], found: list[tuple[str, str]]) -> None:
    """Each row has its version, each version its row, and each key one version."""
    recorded = {(row["object_key"], row["version_id"]) for row in stored}
    for key, group in groupby(sorted(found), key=lambda each: each[0]):
        if (count := len(list(group))) > 1:
            verdict.duplicated += 1
            verdict.sentences.append(f"{key} has {count} versions")
    missing, orphans = recorded - set(found), set(found) - recorded
    verdict.lost += len(missing)
    verdict.wrong += len(orphans)
    verdict.sentences += [f"{key} is recorded and not in the archive" for key, _ in sorted(missing)]
    verdict.sentences += [f"{key} is in the archive and not recorded" for key, _ in sorted(orphans)]
