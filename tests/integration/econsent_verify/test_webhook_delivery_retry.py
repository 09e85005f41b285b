"""The webhooks' verifier against work of the real job: it finds nothing where nothing is wrong, and names whatever is changed."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from econsent_stack.stack import Stack
from econsent_verify import webhook_delivery_retry
from econsent_verify.webhook_delivery_retry_checks.records import Database, Row, connect
from econsent_verify.webhook_delivery_retry_checks.walk import Report, Scope, verify
from tests.databases import copied_database
from tests.prove.webhooks.case import Case, make_case
from tests.prove.webhooks.real_side import SHIFT
from tests.prove.webhooks.world import World, open_world

CHANGES: Final = 200
SEED: Final = 3
DAY: Final = timedelta(days=1)


@pytest.fixture(scope="module")
def world(stack: Stack, server: psycopg.Connection[Any], template_database: str) -> Iterator[World]:
    with copied_database(server, template_database, prefix="verify") as name, open_world(stack, database=name) as opened:
        yield opened


@pytest.fixture(scope="module")
def finished(world: World) -> list[Case]:
    """Three companies' webhooks of the last days: some delivered, some refused several times, one endpoint gone."""
    cases = [make_case(world, number=number, proxied=False, events=2) for number in (1, 2, 3)]
    for _ in range(4):
        ended = world.nursery.run(world.direct.told())
        assert ended.report is not None, ended
        for case in cases:
            for query in SHIFT:
                text = query.replace("%(by)s", "%(by)s::interval")
                world.database.execute(text.encode(), {"by": "1 day", "company": case.company})
    return cases


class Changed(Database):
    """Reads what the database says, but for one value of one row."""

    def __init__(self, connection: Any, change: "Applied | None") -> None:
        super().__init__(connection)
        self._change = change

    def rows(self, name: str, **parameters: Any) -> list[Row]:
        found = super().rows(name, **parameters)
        if self._change is not None and name == self._change.statement:
            for row in found:
                if all(row[column] == value for column, value in self._change.key.items()):
                    row[self._change.column] = self._change.value
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One change of one row: what the verifier reads instead of what is there."""

    statement: str
    column: str
    key: dict[str, Any]
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Ways in which a column can be wrong, for rows for which ``where`` holds."""

    statement: str
    column: str
    wrong: Callable[[Row, Random], Any]
    where: Callable[[Row], bool] = bool


KEYS: Final = {
    "page_events": ("event_id",),
    "load_deliveries": ("delivery_id",),
    "load_attempts": ("delivery_id", "attempt_no"),
    "list_endpoints": ("endpoint_id",),
}


def otherwise(*values: Any) -> Callable[[Row, Random], Any]:
    return lambda _, random: random.choice(values)


def flipped(row: Row, random: Random) -> bytes:
    body = bytearray(row["body"])
    body[random.randrange(len(body))] ^= 1 << random.randrange(8)
    return bytes(body)


def moved(column: str, *days: int) -> Callable[[Row, Random], Any]:
    return lambda row, random: row[column] + random.choice(days) * DAY


def has(column: str, *values: Any) -> Callable[[Row], bool]:
    return lambda row: row[column] in values


DELIVERIES, ATTEMPTS, EVENTS, ENDPOINTS = "load_deliveries", "load_attempts", "page_events", "list_endpoints"
SENT: Final = ("success", "http_error")
WRONG: Final = (
    Change(statement=EVENTS, column="company_id", wrong=otherwise("case-of-nobody", "")),
    Change(statement=EVENTS, column="event_type", wrong=otherwise("session.created", "high_risk.detected")),
    Change(statement=EVENTS, column="body", wrong=flipped),
    Change(statement=EVENTS, column="body", wrong=otherwise(b"", b"[]", b'{"event":1}')),
    Change(statement=EVENTS, column="fanned_out_at", wrong=otherwise(None)),
    Change(statement=EVENTS, column="fanned_out_at", wrong=moved("fanned_out_at", -9, -1, 1)),
    Change(statement=EVENTS, column="occurred_at", wrong=moved("occurred_at", 20, -20)),
    Change(statement=DELIVERIES, column="endpoint_id", wrong=otherwise("wh-2-deaf", "wh-3-all"), where=has("company_id", "case-1")),
    Change(statement=DELIVERIES, column="company_id", wrong=otherwise("case-of-nobody", "")),
    Change(
        statement=DELIVERIES,
        column="status",
        wrong=otherwise("pending", "retrying", "exhausted", "cancelled"),
        where=has("status", "delivered"),
    ),
    Change(
        statement=DELIVERIES,
        column="status",
        wrong=otherwise("delivered", "exhausted", "cancelled", "pending"),
        where=has("status", "retrying"),
    ),
    Change(statement=DELIVERIES, column="status", wrong=otherwise("delivered", "retrying", "delivering"), where=has("status", "exhausted")),
    Change(statement=DELIVERIES, column="attempts", wrong=lambda row, random: row["attempts"] + random.choice((-1, 1, 16))),
    Change(statement=DELIVERIES, column="max_attempts", wrong=otherwise(0, 15, 17)),
    Change(statement=DELIVERIES, column="lost_leases", wrong=otherwise(-1, 4)),
    Change(statement=DELIVERIES, column="lost_leases", wrong=otherwise(1, 2), where=has("status", "delivered")),
    Change(statement=DELIVERIES, column="next_attempt_at", wrong=moved("next_attempt_at", -2, 2), where=has("status", "retrying")),
    Change(statement=DELIVERIES, column="lease_token", wrong=otherwise(UUID(int=1))),
    Change(statement=DELIVERIES, column="leased_until", wrong=lambda row, _: row["created_at"]),
    Change(statement=DELIVERIES, column="last_status_code", wrong=otherwise(None, 201, 404), where=has("status", "delivered")),
    Change(statement=DELIVERIES, column="last_status_code", wrong=otherwise(200, 404), where=has("status", "retrying")),
    Change(statement=DELIVERIES, column="last_error_class", wrong=otherwise("http_delivery", "timeout"), where=has("status", "delivered")),
    Change(statement=DELIVERIES, column="last_error_class", wrong=otherwise(None), where=has("status", "retrying")),
    Change(statement=DELIVERIES, column="last_error", wrong=otherwise("something"), where=has("status", "delivered")),
    Change(statement=DELIVERIES, column="created_at", wrong=moved("created_at", -1, 1)),
    Change(statement=DELIVERIES, column="delivered_at", wrong=moved("delivered_at", -1, 1), where=has("status", "delivered")),
    Change(statement=DELIVERIES, column="delivered_at", wrong=otherwise(None), where=has("status", "delivered")),
    Change(statement=DELIVERIES, column="delivered_at", wrong=lambda row, _: row["created_at"], where=has("status", "retrying")),
    Change(statement=ATTEMPTS, column="attempt_no", wrong=lambda row, random: row["attempt_no"] + random.choice((-1, 1, 7))),
    Change(statement=ATTEMPTS, column="started_at", wrong=moved("started_at", -2, 2), where=has("outcome", "success")),
    Change(
        statement=ATTEMPTS, column="started_at", wrong=moved("started_at", -2, 2), where=has("outcome", "http_error", "blocked", "gone")
    ),
    Change(statement=ATTEMPTS, column="duration_ms", wrong=otherwise(-1, 15_001, 10**6)),
    Change(statement=ATTEMPTS, column="status_code", wrong=otherwise(None, 199, 301, 410, 500, 600), where=has("outcome", "success")),
    Change(statement=ATTEMPTS, column="status_code", wrong=otherwise(None, 200, 302, 410), where=has("outcome", "http_error")),
    Change(statement=ATTEMPTS, column="status_code", wrong=otherwise(200, 500), where=has("outcome", "blocked")),
    Change(statement=ATTEMPTS, column="status_code", wrong=otherwise(200, 404), where=has("outcome", "gone")),
    Change(
        statement=ATTEMPTS,
        column="outcome",
        wrong=otherwise("http_error", "redirect", "blocked", "dns", "a word"),
        where=has("outcome", "success"),
    ),
    Change(statement=ATTEMPTS, column="outcome", wrong=otherwise("success", "gone", "redirect", "tls"), where=has("outcome", "http_error")),
    Change(statement=ATTEMPTS, column="outcome", wrong=otherwise("success", "http_error"), where=has("outcome", "blocked", "gone")),
    Change(statement=ATTEMPTS, column="error", wrong=otherwise("a sentence"), where=has("outcome", "success")),
    Change(statement=ATTEMPTS, column="error", wrong=otherwise(None), where=has("outcome", "http_error", "blocked", "gone")),
    Change(
        statement=ATTEMPTS, column="address", wrong=otherwise(None, "10.0.0.1", "169.254.169.254", "fd00::1"), where=has("outcome", *SENT)
    ),
    Change(statement=ATTEMPTS, column="excerpt_bytes", wrong=otherwise(12_289, 10**9)),
    Change(
        statement=ATTEMPTS, column="backoff_seconds", wrong=otherwise(None, 59, 61, 43_200), where=has("outcome", "http_error", "blocked")
    ),
    Change(statement=ATTEMPTS, column="backoff_seconds", wrong=otherwise(60), where=has("outcome", "success")),
    Change(statement=ATTEMPTS, column="jitter_percent", wrong=otherwise(-26, 26, 100)),
    Change(statement=ATTEMPTS, column="retry_after_seconds", wrong=otherwise(-1, 43_201)),
    Change(statement=ENDPOINTS, column="company_id", wrong=otherwise("case-of-nobody"), where=lambda row: "deaf" not in row["endpoint_id"]),
    Change(statement=ENDPOINTS, column="url", wrong=otherwise("http://a.example.com/", "https:///", "https://u@a.example.com/", "ftp://a")),
    Change(
        statement=ENDPOINTS,
        column="http_method",
        wrong=otherwise("PUT", "PATCH"),
        where=lambda row: row["endpoint_id"].endswith(("all", "get")),
    ),
    Change(statement=ENDPOINTS, column="events", wrong=otherwise(["session.created"], ["consent.revoked"]), where=has("events", [])),
    Change(statement=ENDPOINTS, column="events", wrong=otherwise([], ["consent.granted"]), where=has("events", ["high_risk.detected"])),
    Change(statement=ENDPOINTS, column="max_in_flight", wrong=otherwise(0, -1)),
    Change(statement=ENDPOINTS, column="max_per_second", wrong=otherwise(0.0, -1.0)),
    Change(statement=ENDPOINTS, column="status", wrong=otherwise("disabled", "disabled_auto"), where=has("status", "enabled")),
    Change(statement=ENDPOINTS, column="status", wrong=otherwise("enabled"), where=has("status", "disabled_auto")),
    Change(statement=ENDPOINTS, column="disabled_at", wrong=moved("created_at", 1), where=has("status", "enabled")),
    Change(statement=ENDPOINTS, column="disabled_at", wrong=otherwise(None), where=has("status", "disabled_auto")),
    Change(statement=ENDPOINTS, column="disabled_at", wrong=moved("disabled_at", -1, 1), where=has("status", "disabled_auto")),
    Change(statement=ENDPOINTS, column="circuit", wrong=otherwise("open", "half_open"), where=has("circuit_until", None)),
    Change(statement=ENDPOINTS, column="created_at", wrong=moved("created_at", 30), where=lambda row: "deaf" not in row["endpoint_id"]),
)
NOT_COMPARED: Final = {
    "webhook_events": {
        "event_id": "names the row, and everything was found by it",
        "subject_id": "a name for people, which nothing repeats",
        "dedupe_key": "its maker's own way of saying what happens once; the table keeps it unique",
    },
    "webhook_deliveries": {
        "delivery_id": "names the row, and attempts and receipts were found by it",
        "event_id": "names the row, and the delivery was found by it",
    },
    "webhook_attempts": {
        "delivery_id": "names the row, and it was found by it",
        "run_id": "says which run it was, for people",
        "resolved_ip": "compared as its address",
        "response_excerpt": "a stranger's text; compared by its length",
    },
    "webhook_endpoints": {
        "endpoint_id": "names the row, and everything was found by it",
        "updated_at": "says from when on the platform's choice is known",
        "paused_until": "the platform's choice",
        "circuit_until": "passes by itself",
        "circuit_opened": "passes by itself",
        "consecutive_failures": "begins anew with each success",
        "first_failure_at": "begins anew with each success",
        "last_success_at": "further successes within a minute are not written down one by one",
        "rate_free_at": "passes by itself",
    },
}


def proved(world: World, change: Applied | None = None) -> Report:
    with connect(world.verifying) as connection:
        return verify(Changed(connection, change), scope=Scope(loopback=True), receipts=world.receipts())


def drawn(world: World, random: Random) -> Iterator[tuple[Change, Applied]]:
    """Yield changes, each column's in turn, of random rows."""
    with connect(world.verifying) as connection:
        database = Database(connection)
        rows: dict[str, list[Row]] = {
            EVENTS: database.rows(EVENTS, company_id=None, since=None, after=UUID(int=0), page_size=1_000),
            ENDPOINTS: database.rows(ENDPOINTS, company_id=None),
        }
        rows[DELIVERIES] = database.rows(DELIVERIES, event_ids=[row["event_id"] for row in rows[EVENTS]])
        rows[ATTEMPTS] = database.rows(ATTEMPTS, delivery_ids=[row["delivery_id"] for row in rows[DELIVERIES]])
    while True:
        for change in WRONG:
            fitting = [row for row in rows[change.statement] if change.where(row)]
            if not fitting:
                continue
            row = random.choice(fitting)
            key = {column: row[column] for column in KEYS[change.statement]}
            yield change, Applied(statement=change.statement, column=change.column, key=key, value=change.wrong(row, random))


def test_finished_work_holds(world: World, finished: list[Case]) -> None:
    report = proved(world)

    assert [str(finding) for finding in report.findings] == []
    assert (report.endpoints, report.events) == (18, 12)
    assert report.attempts > report.deliveries, "some were refused more than once"


def test_every_way_to_be_wrong_has_rows_to_be_wrong_in(world: World, finished: list[Case]) -> None:
    changes = drawn(world, Random(SEED))
    first = [next(changes)[0] for _ in range(len(WRONG))]

    assert {(change.statement, change.column) for change in first} == {(change.statement, change.column) for change in WRONG}


@pytest.mark.parametrize("table", sorted(NOT_COMPARED))
def test_every_column_is_compared_or_says_why_not(world: World, table: str) -> None:
    statements = {"webhook_events": EVENTS, "webhook_deliveries": DELIVERIES, "webhook_attempts": ATTEMPTS, "webhook_endpoints": ENDPOINTS}
    compared = {change.column for change in WRONG if change.statement == statements[table]} - {"address", "excerpt_bytes"}
    columns = world.rows(
        "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'econsent' AND table_name = %(table)s", table=table
    )

    assert {row["name"] for row in columns} == compared | NOT_COMPARED[table].keys()


@pytest.mark.parametrize("statement", ["load_notices", "load_mails"])
@pytest.mark.parametrize("copies", [0, 2])
def test_a_disabled_endpoint_is_told_of_once(world: World, finished: list[Case], statement: str, copies: int) -> None:
    class Repeating(Database):
        def rows(self, name: str, **parameters: Any) -> list[Row]:
            return super().rows(name, **parameters) * (copies if name == statement else 1)

    with connect(world.verifying) as connection:
        report = verify(Repeating(connection), scope=Scope(loopback=True))

    assert {finding.difference.trouble for finding in report.findings} == {"notice"}
    assert report.found == 3 * len(finished), "one is gone, and two have failed for four days"


@pytest.mark.parametrize("statement", ["load_deliveries", "load_attempts"])
def test_a_lost_row_is_named(world: World, finished: list[Case], statement: str) -> None:
    class Losing(Database):
        def rows(self, name: str, **parameters: Any) -> list[Row]:
            found = super().rows(name, **parameters)
            return found[:-1] if name == statement else found

    with connect(world.verifying) as connection:
        assert verify(Losing(connection), scope=Scope(loopback=True)).found > 0


def test_a_lost_receipt_and_a_forged_one_are_named(world: World, finished: list[Case]) -> None:
    whole = world.receipts()
    name = next(name for name, receipts in whole.by_delivery.items() if receipts[0].method == "POST" and receipts[0].status == 200)
    with connect(world.verifying) as connection:
        for receipts in ([], [whole.by_delivery[name][0].__class__(**{**fields(whole.by_delivery[name][0]), "body": b"other"})]):
            changed = whole.__class__(by_delivery={**whole.by_delivery, name: receipts}, secrets=whole.secrets)
            report = verify(Database(connection), scope=Scope(loopback=True), receipts=changed)
            assert {finding.subject for finding in report.findings} == {f"delivery {name}"}


def fields(receipt: Any) -> dict[str, Any]:
    return {name: getattr(receipt, name) for name in receipt.__slots__}


def test_loopback_counts_as_a_forbidden_address_where_it_is_not_allowed(world: World, finished: list[Case]) -> None:
    with connect(world.verifying) as connection:
        report = verify(Database(connection), scope=Scope())

    assert {finding.difference.trouble for finding in report.findings} == {"address"}


@pytest.fixture
def environment(world: World) -> dict[str, str]:
    words = conninfo_to_dict(world.verifying)
    connection = {"conn_type": "postgres", "host": words["host"], "port": words["port"], "login": words["user"]}
    connection |= {"password": words["password"], "schema": words["dbname"]}
    webhooks = {"conn_type": "generic", "extra": {"allow_loopback": True}}
    return {webhook_delivery_retry.DATABASE: json.dumps(connection), webhook_delivery_retry.WEBHOOKS: json.dumps(webhooks)}


def test_the_command_reads_receipts_and_ends_with_0(
    world: World, finished: list[Case], environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        {**fields(receipt), "body_base64": base64.b64encode(receipt.body).decode()}
        for receipts in world.receipts().by_delivery.values()
        for receipt in receipts
    ]
    kept, keys = tmp_path / "receipts.jsonl", tmp_path / "secrets.json"
    kept.write_text("".join(json.dumps({name: value for name, value in line.items() if name != "body"}) + "\n" for line in lines))
    keys.write_text(json.dumps(world.secrets))

    code = webhook_delivery_retry.main(["--json", "--receipts", str(kept), "--secrets", str(keys)], environment)

    told = json.loads(capsys.readouterr().out)
    assert (code, told["found"], told["events"]) == (0, 0, 12)


def test_findings_end_with_1_and_show_no_body(
    world: World, finished: list[Case], environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = webhook_delivery_retry.main([], {**environment, webhook_delivery_retry.WEBHOOKS: "{}"})

    told = capsys.readouterr().out
    assert code == 1
    assert "address: case-1 delivery" in told
    assert "Jos" not in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--company", "nobody"], "There is no company nobody"),
        (["--receipts", "/nowhere"], "give --secrets FILE too"),
        (["--receipts", "/nowhere", "--secrets", "/nowhere"], "The receipts cannot be read"),
    ],
)
def test_what_cannot_run_ends_with_2_and_a_sentence(
    environment: dict[str, str], words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert webhook_delivery_retry.main(words, environment) == 2
    assert said in capsys.readouterr().err


def test_without_a_running_stack_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert webhook_delivery_retry.main([], {}) == 2
    assert "./econsent up" in capsys.readouterr().err
