"""Step 8: people who asked to be forgotten. Personal data goes now; what the law or a lock keeps is reported with its date.

1. Find the person's certificates, in one company or in all, and those of an earlier try.
2. Leave out what a hold covers: it stays, and the report says so.
3. Keep the opt-out enforceable by keyed hashes of phone and e-mail.
4. Erase rows, ask for the erasure of everything stored, mark it, and delete at once what nothing keeps.
5. Write the report and the confirmation mail, and forget who asked. A certificate that is being made waits for the next night.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from econsent_jobs.core.contacts import email_text, phone_text
from econsent_jobs.core.errors import ErrorClass, PermanentError
from econsent_jobs.core.logs import about
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.erasing import erase
from econsent_jobs.retention_enforcement.marking import mark
from econsent_jobs.retention_enforcement.model import Facts
from econsent_jobs.retention_enforcement.purging import purge
from econsent_jobs.retention_enforcement.rules.decision import UNFINISHED, decide
from econsent_jobs.retention_enforcement.rules.erasure import Report, report_body, report_subject
from econsent_jobs.retention_enforcement.steps.expire_certificates import register_pages
from econsent_jobs.retention_enforcement.store import AuditEntry, Row
from econsent_jobs.retention_enforcement.turn import Run, Turn, count


@dataclass(slots=True, kw_only=True)
class Person:
    """Whom a request is about, and what was found of them by company: certificate numbers."""

    phones: list[str]
    emails: list[str]
    source: str | None
    named: dict[str, list[int]] = field(default_factory=dict[str, list[int]])


def deletion_requests(run: Run) -> JobResult:
    result, after = JobResult(), 0
    while run.in_time():
        rows = run.tools.store.rows("find_requests", after=after, now=run.now, batch_size=run.batch_size)
        for row in rows:
            result += work_on(run, row["request_id"])
        if len(rows) < run.batch_size:
            break
        after = rows[-1]["request_id"]
    run.tools.store.rows("confirm_requests")
    return result


def work_on(run: Run, request_id: int) -> JobResult:
    """Take one request as far as it can go. It may be killed anywhere: it is done again, and finds what it named before."""
    store = run.tools.store
    found = store.rows("lock_request", request_id=request_id)
    if not found:
        return count(skipped=1)
    request = found[0]
    person = person_of(request)
    report = Report(request_id=request_id)
    for company in run.companies(request["company_id"]):
        with about(company.company_id):
            report = report.plus(forget(run.turn(company), person, request))
    with store.transaction():
        close(run, request, report)
    return count(changed=1)


def person_of(request: Row) -> Person:
    """Read a request; what an earlier try found stands in its result."""
    phone, email = request["phone"], request["email"]
    named: dict[str, list[int]] = request["result"].get("named", {})
    return Person(
        phones=sorted({phone, phone_text(phone)}) if phone else [],
        emails=sorted({email, email_text(email)}) if email else [],
        source="meta" if request["kind"] == "meta" else None,
        named=named,
    )


def forget(turn: Turn, person: Person, request: Row) -> Report:
    """Steps 1 to 4 in one company."""
    store, company = turn.tools.store, {"company_id": turn.company_id}
    rows = store.rows("find_named", **company, certificate_pks=person.named.get(turn.company_id, []))
    for page in turn.pages("find_person", by="certificate_pk", phones=person.phones, emails=person.emails, source=person.source):
        rows += page
    unfinished = [row for row in rows if row["status"] in UNFINISHED]
    rows = [row for row in rows if row["status"] not in UNFINISHED]
    if not rows:
        return Report(request_id=request["request_id"], unfinished=len(unfinished))
    pks = sorted({row["certificate_pk"] for row in rows})
    with store.transaction():
        covered = {row["certificate_pk"] for row in store.rows("find_covered", **company, certificate_pks=pks)}
        free = [row for row in rows if row["certificate_pk"] not in covered]
        held_sessions = {row["session_id"] for row in rows if row["certificate_pk"] in covered}
        sessions = sorted({row["session_id"] for row in free if row["session_id"] is not None} - held_sessions)
        free_pks = sorted({row["certificate_pk"] for row in free})
        suppress(turn, person)
        store.rows("forget_released_holds", **company, names=[*person.phones, *(email.lower() for email in person.emails)])
        register_pages(turn, free_pks)
        register_recordings(turn, sessions)
        ids = [row["object_id"] for row in store.rows("find_objects", **company, certificate_pks=free_pks, session_ids=sessions)]
        store.rows("ask_erasure", **company, object_ids=ids, now=turn.now)
        erase(turn, free_pks, session_ids=sessions, deleted=False)
        mark(turn, ids)
        turn.audit([audited(turn, request, erased=len(free_pks), held=len(covered))])
    purge(turn, marked_by=turn.step)
    left = store.facts(
        turn.company_id, [row["object_id"] for row in store.rows("find_objects", **company, certificate_pks=free_pks, session_ids=sessions)]
    )
    turn.note("erase", objects=len(free_pks))
    return Report(
        request_id=request["request_id"],
        companies=1,
        certificates=len(free_pks),
        sessions=len(sessions),
        held=len(covered),
        unfinished=len(unfinished),
        objects=len(ids) - len(left),
        deferred=len(left),
        deferred_until=latest(turn, left),
        named={turn.company_id: pks},
    )


def register_recordings(turn: Turn, session_ids: Sequence[str]) -> None:
    """Give the recordings of sessions their rows, so that they can be marked and leave tombstones."""
    store = turn.tools.store
    rows = store.rows("find_recordings", company_id=turn.company_id, session_ids=list(session_ids))
    keys = [turn.files.key_of(row["recording_path"]) for row in rows]
    named = [row["session_id"] for row in rows]
    store.run("register_recordings", company_id=turn.company_id, session_ids=named, object_keys=keys)


def suppress(turn: Turn, person: Person) -> None:
    """Step 3. Raises PermanentError (config) where there is no key: an opt-out that could not be enforced is not taken."""
    settings = turn.tools.settings
    if not settings.suppression_key:
        raise PermanentError(ErrorClass.CONFIG, "the Connection econsent_suppression_key holds no key: set it, then run this again")
    spelled = {("phone", phone_text(phone)) for phone in person.phones} | {("email", email_text(email)) for email in person.emails}
    wanted = sorted(spelled)
    turn.tools.store.run(
        "suppress",
        company_id=turn.company_id,
        key_id=settings.suppression_key_id,
        kinds=[kind for kind, _ in wanted],
        hmacs=[hmac.new(settings.suppression_key, text.encode(), hashlib.sha256).hexdigest() for _, text in wanted],
    )


def latest(turn: Turn, left: Sequence[Facts]) -> datetime | None:
    """When the last of what is kept may go."""
    ends = [decide(facts, now=turn.now, grace=turn.tools.settings.grace).due_at for facts in left]
    return max((end for end in ends if end is not None), default=None)


def audited(turn: Turn, request: Row, *, erased: int, held: int) -> AuditEntry:
    details: dict[str, Any] = {"request_id": request["request_id"], "certificates": erased, "held": held}
    key = f"deletion_request:{request['request_id']}:{turn.company_id}:{turn.tools.settings.run_id}"
    return AuditEntry(action="consumer.erased", category="consent", details=details, dedupe_key=key)


def close(run: Run, request: Row, report: Report) -> None:
    """Step 5, in one transaction: report, mail, and the request's own personal data."""
    store = run.tools.store
    if request["email"] and not report.unfinished:
        store.write_mail(
            message_id=f"deletion:{report.request_id}",
            company_id=request["company_id"],
            recipients=[request["email"]],
            subject=report_subject(report),
            body=report_body(report),
        )
    store.rows(
        "close_request",
        request_id=report.request_id,
        now=run.now,
        status=report.status,
        deferred_until=report.deferred_until if report.status == "deferred" else None,
        forget=report.held == 0 and report.unfinished == 0,
        result=Jsonb(report.as_dict()),
    )
