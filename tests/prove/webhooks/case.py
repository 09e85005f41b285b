"""One case: a company of its own with a few endpoints and events, and what has to be true of them in the end."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from econsent_jobs.webhook_delivery_retry.secret_box import seal_secret
from tests.prove.harness.verdict import Verdict
from tests.prove.webhooks.keys import keys_with
from tests.prove.webhooks.world import World

ADD_COMPANY: Final = "INSERT INTO econsent.companies (company_id, name, plan) VALUES (%(company)s, 'A case', 'growth')"
ADD_MEMBER: Final = "INSERT INTO econsent.memberships (company_id, email, role) VALUES (%(company)s, %(email)s, %(role)s)"
ADD_ENDPOINT: Final = """
INSERT INTO econsent.webhook_endpoints (endpoint_id, company_id, url, http_method, events, max_in_flight, created_at, updated_at)
VALUES (%(endpoint)s, %(company)s, %(url)s, %(method)s, %(events)s, %(most)s, now() - interval '1 day', now() - interval '1 day')
"""
ADD_SECRET: Final = """
INSERT INTO econsent.webhook_secrets (endpoint_id, secret_no, ciphertext, key_id, documented_header, ends_at)
VALUES (%(endpoint)s, %(number)s, %(ciphertext)s, %(key)s, %(documented)s, %(ends_at)s)
"""
ADD_EVENT: Final = """
INSERT INTO econsent.webhook_events (company_id, event_type, subject_id, dedupe_key, body)
VALUES (%(company)s, %(event)s, %(subject)s, %(dedupe)s, %(body)s) RETURNING event_id
"""
OPEN: Final = """
SELECT
  (SELECT count(*) FROM econsent.webhook_events WHERE company_id = %(company)s AND fanned_out_at IS NULL)
  + (SELECT count(*) FROM econsent.webhook_deliveries AS d
     JOIN econsent.webhook_endpoints AS w ON w.endpoint_id = d.endpoint_id
     WHERE d.company_id = %(company)s AND w.status = 'enabled'
       AND (d.status IN ('pending', 'delivering') OR (d.status = 'retrying' AND d.endpoint_id = ANY(%(taking)s)))) AS n
"""
DELIVERIES: Final = """
SELECT d.delivery_id::text, d.endpoint_id, d.event_id::text, d.status, d.attempts, d.lost_leases,
  ARRAY(SELECT a.outcome FROM econsent.webhook_attempts AS a WHERE a.delivery_id = d.delivery_id ORDER BY a.attempt_no) AS outcomes
FROM econsent.webhook_deliveries AS d WHERE d.company_id = %(company)s ORDER BY d.endpoint_id, d.event_id
"""
ATTEMPTS: Final = """
SELECT a.delivery_id, a.attempt_no, a.started_at - d.created_at AS started_after, a.duration_ms, a.resolved_ip, a.status_code,
  a.response_excerpt, a.outcome, a.error, a.run_id, a.backoff_seconds, a.jitter_percent, a.retry_after_seconds
FROM econsent.webhook_attempts AS a JOIN econsent.webhook_deliveries AS d ON d.delivery_id = a.delivery_id
WHERE d.company_id = %(company)s
"""
EVENTS: Final = ("session.certificate.created", "consent.granted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """An endpoint of a case. ``goes_to`` names a receiver, ``where`` another URL. ``ends``: how its deliveries may end."""

    name: str
    goes_to: str = "taking"
    where: str = ""
    method: str = "POST"
    events: tuple[str, ...] = ()
    most: int = 4
    ends: tuple[str, ...] = ("delivered",)


KINDS: Final = (
    Kind(name="all"),
    Kind(name="get", method="GET", events=("consent.granted",)),
    Kind(name="deaf", events=("high_risk.detected",)),
    Kind(name="broken", goes_to="broken", ends=("retrying",)),
    Kind(name="inside", where="https://169.254.10.10/hook", ends=("retrying",)),
    Kind(name="gone", goes_to="gone", most=1, ends=("exhausted", "pending", "delivering")),  # a disabled endpoint keeps its queue
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What stood fixed at some moment: attempts that were written down and ids that were given."""

    attempts: Mapping[tuple[str, int], Mapping[str, Any]]
    delivery_ids: frozenset[str]
    delivered: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    number: int
    company: str

    @property
    def names(self) -> dict[str, Any]:
        return {"company": self.company}

    def snapshot(self, world: World) -> Snapshot:
        with world.database.transaction():
            world.database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            deliveries = world.rows(DELIVERIES, **self.names)
            attempts = world.rows(ATTEMPTS, **self.names)
        return Snapshot(
            attempts={(str(row["delivery_id"]), row["attempt_no"]): row for row in attempts},
            delivery_ids=frozenset(row["delivery_id"] for row in deliveries),
            delivered=frozenset(row["delivery_id"] for row in deliveries if row["status"] == "delivered"),
        )

    def open_items(self, world: World) -> int:
        return world.one(OPEN, taking=world.taking, **self.names)["n"]


def make_case(world: World, *, number: int, proxied: bool, events: int = 1) -> Case:
    """Insert the case: ``events`` times two events, and endpoints that take them, fail, or must not be reached."""
    case = Case(number=number, company=f"case-{number}")
    world.database.execute(ADD_COMPANY, case.names)
    for role in ("owner", "admin", "member"):
        world.database.execute(ADD_MEMBER, case.names | {"email": f"{role}@case-{number}.example.com", "role": role})
    for kind in KINDS:
        add_endpoint(world, case.company, f"wh-{number}-{kind.name}", kind, proxied=proxied)
    for place in range(events):
        for event in EVENTS:
            add_event(world, case.company, event, subject=f"subject-{place}")
    return case


def add_endpoint(world: World, company: str, endpoint: str, kind: Kind, *, proxied: bool) -> None:
    place = world.places[kind.goes_to]
    url = kind.where or f"{place.proxied if proxied else place.direct}/hook/{endpoint}"
    row = {"endpoint": endpoint, "company": company, "url": url, "method": kind.method, "events": list(kind.events), "most": kind.most}
    world.database.execute(ADD_ENDPOINT, row)
    world.secrets[endpoint] = f"whsec_{endpoint}"
    add_secret(world, endpoint, number=1, secret=world.secrets[endpoint], key_id="key-1")
    if kind.ends == ("delivered",):
        world.taking.append(endpoint)


def add_secret(world: World, endpoint: str, *, number: int, secret: str, key_id: str, documented: bool = True, ends_at: Any = None) -> None:
    sealed = seal_secret(keys_with(key_id), endpoint_id=endpoint, secret_no=number, secret=secret)
    row = {"endpoint": endpoint, "number": number, "ciphertext": sealed.ciphertext, "key": sealed.key_id}
    world.database.execute(ADD_SECRET, row | {"documented": documented, "ends_at": ends_at})


def add_event(world: World, company: str, event: str, *, subject: str) -> str:
    body = {"event": event, "timestamp": "2026-03-02T09:30:00.000Z", "data": {"certificateId": subject, "consumerName": "Jos\u00e9"}}
    row = {"company": company, "event": event, "subject": subject, "dedupe": f"{event}:{company}:{subject}"}
    return str(world.one(ADD_EVENT, **row, body=json.dumps(body).encode())["event_id"])


def examine(world: World, case: Case, snapshots: Sequence[Snapshot], *, thorough: bool = True) -> Verdict:
    """Compare the end state with that of a run without faults: each event once for each subscriber, and received.

    A receiver may have had a delivery once more than is written down for each disturbance, under the same id, and no more often.
    """
    verdict = Verdict()
    rows = world.rows(DELIVERIES, **case.names)
    end = case.snapshot(world)
    events = world.rows("SELECT event_id::text, event_type FROM econsent.webhook_events WHERE company_id = %(company)s", **case.names)
    had = Counter(receipt.delivery_id for receipts in world.receipts().by_delivery.values() for receipt in receipts)
    for kind in KINDS:
        endpoint = f"wh-{case.number}-{kind.name}"
        wanted = sorted(row["event_id"] for row in events if not kind.events or row["event_type"] in kind.events)
        found = [row for row in rows if row["endpoint_id"] == endpoint]
        compare_deliveries(verdict, endpoint, wanted, [row["event_id"] for row in found])
        for row in found:
            judge_delivery(verdict, row, kind, had=had[row["delivery_id"]], disturbances=len(snapshots))
    judge_notices(verdict, world, case)
    for snapshot in snapshots:
        judge_snapshot(verdict, snapshot, end)
    if thorough:
        verdict += verified(world, case)
    world.retire(case.company)
    return verdict


def compare_deliveries(verdict: Verdict, endpoint: str, wanted: Sequence[str], found: Sequence[str]) -> None:
    missing, further = Counter(wanted) - Counter(found), Counter(found) - Counter(wanted)
    verdict.lost += missing.total()
    verdict.duplicated += further.total()
    verdict.sentences += [f"{endpoint} has no delivery of {event}" for event in missing]
    verdict.sentences += [f"{endpoint} has a delivery too many of {event}" for event in further]


def judge_delivery(verdict: Verdict, row: Mapping[str, Any], kind: Kind, *, had: int, disturbances: int) -> None:
    name = f"delivery {row['delivery_id']} to {row['endpoint_id']}"
    if row["status"] not in kind.ends and not lost_an_answer(row, kind, disturbances=disturbances):
        verdict.lost += 1
        verdict.sentences.append(f"{name} ended as {row['status']} after {row['outcomes']}")
    if kind.where:
        if set(row["outcomes"]) != {"blocked"}:
            verdict.wrong += 1
            verdict.sentences.append(f"{name} went inside: {row['outcomes']}")
        return
    answered = sum(outcome in {"success", "http_error", "gone"} for outcome in row["outcomes"])
    if had < answered:
        verdict.wrong += 1
        verdict.sentences.append(f"{name}: {answered} answers are written down and {had} requests were received")
    if had > row["attempts"] + disturbances:
        verdict.duplicated += had - row["attempts"] - disturbances
        verdict.sentences.append(f"{name}: received {had} times, {row['attempts']} attempts are written down")


def lost_an_answer(row: Mapping[str, Any], kind: Kind, *, disturbances: int) -> bool:
    """Whether a disturbance took the answer that the endpoint is gone, another delivery got it, and so this one waits in the queue."""
    waits = kind.goes_to == "gone" and row["status"] == "retrying"
    return waits and 0 < len(row["outcomes"]) <= disturbances and "gone" not in row["outcomes"]


def judge_notices(verdict: Verdict, world: World, case: Case) -> None:
    """The endpoint that is gone is disabled, in the audit trail and in one mail to owner and admin."""
    (gone,) = world.rows(
        "SELECT w.status, (SELECT count(*) FROM econsent.audit_log AS l WHERE l.company_id = w.company_id"
        " AND l.action = 'webhook.disabled') AS notices, ARRAY(SELECT m.recipients::text FROM econsent.mail_outbox AS m"
        " WHERE m.company_id = w.company_id) AS mails FROM econsent.webhook_endpoints AS w WHERE w.endpoint_id = %(endpoint)s",
        endpoint=f"wh-{case.number}-gone",
    )
    recipients = f"{{admin@case-{case.number}.example.com,owner@case-{case.number}.example.com}}"
    found = (gone["status"], gone["notices"], list(gone["mails"]))
    if found != ("disabled_auto", 1, [recipients]):
        verdict.wrong += 1
        verdict.sentences.append(f"the endpoint that is gone is {found}")


def judge_snapshot(verdict: Verdict, snapshot: Snapshot, end: Snapshot) -> None:
    changed = [key for key, row in snapshot.attempts.items() if end.attempts.get(key) != row]
    renamed, undone = snapshot.delivery_ids - end.delivery_ids, snapshot.delivered - end.delivered
    verdict.wrong += len(changed) + len(renamed) + len(undone)
    verdict.sentences += [f"attempt {key} was changed after it had been written down" for key in changed]
    verdict.sentences += [f"delivery {name} is gone" for name in renamed]
    verdict.sentences += [f"delivery {name} was delivered and is not any more" for name in undone]


def verified(world: World, case: Case | None = None) -> Verdict:
    """What the verifier finds, with its own code; of one case's company, or in all."""
    report = world.verify()
    own = [str(finding) for finding in report.findings if case is None or finding.company_id == case.company]
    return Verdict(wrong=len(own), sentences=own[:5])
