"""The wallets' verifier against books kept without the job: silent when all is well, and loud at every change, 200 of them seeded."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from econsent_stack.stack import Stack
from econsent_verify.wallet_reconciliation import DATABASE, main
from econsent_verify.wallet_reconciliation_checks.findings import Trouble
from econsent_verify.wallet_reconciliation_checks.walk import MOST_KEPT, Report, connect, verify
from econsent_verify.wallet_reconciliation_checks.walk import Database as Verified
from tests.databases import copied_database
from tests.integration.econsent_verify.wallet_books import ONE_OF_EVERYTHING, keep_books, without_guards

Database = psycopg.Connection[Any]

SEED = 20_268
BIT_FLIPS = 120
COLUMN_CHANGES = 80
REQUESTED = (
    "entry_type",
    "amount",
    "sku",
    "quantity",
    "unit_price",
    "usage_id",
    "payment_id",
    "reverses_ledger_id",
    "idempotency_key",
    "occurred_at",
)
"""Hashed as what was asked for, whose hash is a part of the entry's own."""
HASHED = (
    *REQUESTED,
    "company_id",
    "entry_no",
    "ledger_id",
    "balance_after",
    "request_sha256",
    "period",
    "prev_hash",
    "entry_hash",
    "memo",
    "created_by",
    "run_id",
    "created_at",
)
BESIDE = {
    "wallets": ("balance", "last_entry_no", "last_entry_hash", "checkpoint_balance"),
    "usage_events": ("company_id", "sku", "quantity", "occurred_at", "ledger_id"),
    "payments": ("company_id", "amount", "refunded_amount"),
    "payment_refunds": ("refund_ref", "payment_id", "amount"),
    "retention_usage": ("overage_billed",),
    "wallet_periods": ("period", "opening_balance", "closing_balance", "last_entry_no"),
    "wallet_reconciliations": ("expected_balance", "drift", "closing_balance", "report", "report_sha256"),
    "wallet_findings": ("amount",),
}
"""Columns outside the ledger that must agree with it. Not here: what only says when, by whom, or what a person chose."""


@pytest.fixture(scope="module")
def books(server: Database, stack: Stack, template_database: str) -> Iterator[str]:
    """The name of a database with the books; nobody changes it."""
    with copied_database(server, template_database, prefix="books") as name:
        with psycopg.connect(stack.postgres_url(name), autocommit=True) as database:
            keep_books(database)
        yield name


@pytest.fixture(scope="module")
def unguarded(server: Database, stack: Stack, books: str) -> Iterator[Database]:
    """A copy of the books that may be spoiled. Whoever changes something puts it back."""
    with (
        copied_database(server, books, prefix="unguarded") as name,
        psycopg.connect(stack.postgres_url(name), autocommit=True) as database,
    ):
        without_guards(database)
        yield database


class Verify:
    """The verifier with its own read-only role."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.url = stack.postgres_url(name, user="econsent_verify")

    def __call__(self, company_id: str | None = None) -> Report:
        with connect(self.url) as connection:
            return verify(Verified(connection), company_id=company_id)


@pytest.fixture
def proved(stack: Stack, books: str) -> Verify:
    return Verify(stack, books)


@pytest.fixture
def spoiled(stack: Stack, unguarded: Database) -> Verify:
    return Verify(stack, unguarded.info.dbname)


def test_books_in_order_hold(proved: Verify) -> None:
    report = proved()

    assert report.findings == []
    assert (report.wallets, report.entries, report.waiting) == (2, len(ONE_OF_EVERYTHING) + 1, 1)


def test_one_company_can_be_proved(proved: Verify) -> None:
    assert (proved("books-2").wallets, proved("books-2").entries) == (1, 2)


# Worked out with sha256sum, from texts typed by hand (\037 is chr(31), the separator):
#   printf 'books-1\037recharge\037100.0000\037\037\037\037\037pay-1\037\037payment:pay-1\0372026-01-02T10:00:00.000000Z' | sha256sum
GOLDEN_BOOKED = "d35fcfc489f8a8a8fc8070df185ee1a476502e9e1b02fa9ecb3e2f0b58278c50"
#   printf 'golden\037recharge\037100.0000\037\037\037\037\037pay-9\037\037payment:pay-9\0372026-01-02T10:00:00.500000Z' | sha256sum
GOLDEN_REQUEST = "3990b521afdcb9876320623660e6122a948cce6cb7e410478614bbbf09cb80da"
#   printf '0…0\037(that)\0371\03770007\037100.0000\0372026-01-01\037Über 100 $\037system:scheduler\037\0372026-01-02T11:00:00.000001Z'
GOLDEN_HASH = "21a29193d192a06f3d9bd89de254578f73f2c44f5b3841e376f4ee9efa5f5549"
GOLDEN_ENTRY = {
    "company_id": "golden",
    "entry_no": 1,
    "ledger_id": 70_007,
    "entry_type": "recharge",
    "amount": "100.00",
    "balance_after": "100.00",
    "payment_id": "pay-9",
    "idempotency_key": "payment:pay-9",
    "request_sha256": GOLDEN_REQUEST,
    "occurred_at": "2026-01-02T10:00:00.5Z",
    "period": "2026-01-01",
    "prev_hash": "0" * 64,
    "entry_hash": GOLDEN_HASH,
    "memo": "Über 100 $",
    "created_by": "system:scheduler",
    "run_id": None,
    "created_at": "2026-01-02T11:00:00.000001+00:00",
}


def test_the_hashes_are_those_of_another_tool(unguarded: Database, spoiled: Verify) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, GOLDEN_ENTRY))
    values = sql.SQL(", ").join(sql.Placeholder() * len(GOLDEN_ENTRY))
    unguarded.execute(
        sql.SQL("INSERT INTO econsent.wallet_ledger ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(columns, values),
        list(GOLDEN_ENTRY.values()),
    )
    try:
        report = spoiled("golden")
    finally:
        unguarded.execute("DELETE FROM econsent.wallet_ledger WHERE company_id = 'golden'")

    assert {finding.trouble for finding in report.findings} == {Trouble.PAYMENT}, report.findings  # its payment is nowhere
    (row,) = rows_of(unguarded, "wallet_ledger", "idempotency_key = 'payment:pay-1'")
    assert row["request_sha256"] == GOLDEN_BOOKED


def rows_of(database: Database, table: str, condition: str = "true") -> list[dict[str, Any]]:
    with database.cursor(row_factory=dict_row) as cursor:
        query = f"SELECT ctid::text AS place, * FROM econsent.{table} WHERE {condition} ORDER BY {ORDER[table]}"
        return cursor.execute(query.encode()).fetchall()


ORDER = {
    "wallet_ledger": "ledger_id",
    "wallets": "company_id",
    "usage_events": "usage_id",
    "payments": "payment_id",
    "payment_refunds": "refund_ref",
    "retention_usage": "period",
    "wallet_periods": "period",
    "wallet_reconciliations": "reconciliation_id",
    "wallet_findings": "finding_no",
}


@dataclass
class Changed:
    """One column of one row put to another value, and back again at the end."""

    database: Database
    table: str
    row: dict[str, Any]
    column: str
    value: Any

    def __enter__(self) -> None:
        self.place = self._set(self.row["place"], self.value)

    def __exit__(self, *_: object) -> None:
        self._set(self.place, self.row[self.column])

    def _set(self, place: str, value: Any) -> str:
        query = sql.SQL("UPDATE econsent.{} SET {} = %s WHERE ctid = %s::tid RETURNING ctid::text")
        row = self.database.execute(query.format(sql.Identifier(self.table), sql.Identifier(self.column)), [value, place]).fetchone()
        assert row is not None
        return row[0]


def flipped(value: Any, random: Random) -> Any:
    """The value with one bit turned, in the form in which it is hashed or added up."""
    match value:
        case bool():
            return not value
        case int():
            return value ^ (1 << random.randrange(15))
        case Decimal():
            return Decimal(int(value * 10_000) ^ (1 << random.randrange(20))) / 10_000
        case datetime():
            epoch = datetime.fromtimestamp(0, value.tzinfo)
            return epoch + timedelta(microseconds=((value - epoch) // timedelta(microseconds=1)) ^ (1 << random.randrange(40)))
        case date():
            return date.fromordinal(value.toordinal() ^ (1 << random.randrange(8)))
        case str():
            place = random.randrange(len(value))
            other = chr(ord(value[place]) ^ (1 << random.randrange(4)))
            return value[:place] + other + value[place + 1 :]
    raise AssertionError(f"no bit of {value!r} can be turned")


def another(value: Any, random: Random, *, column: str) -> Any:
    """Any other value of the column's kind; something where nothing was, nothing where the column may be empty."""
    match value:
        case None:
            return {"quantity": 2, "unit_price": Decimal("0.5"), "usage_id": 1, "reverses_ledger_id": 1, "ledger_id": 1}.get(
                column, "other"
            )
        case int():
            return value + random.choice((-1, 1, 1_000))
        case Decimal():
            return value + random.choice((Decimal("0.0001"), Decimal("-0.0100"), Decimal(1_000)))
        case datetime() | date():
            return value + timedelta(days=random.choice((-31, 1, 400)))
        case _:
            return random.choice([other for other in (value[:-1], value.upper(), value[::-1], f"x{value[1:]}") if other != value])


def candidates(database: Database) -> list[tuple[str, dict[str, Any], str]]:
    found = [("wallet_ledger", row, column) for row in rows_of(database, "wallet_ledger") for column in HASHED]
    for table, columns in BESIDE.items():
        found += [(table, row, column) for row in rows_of(database, table) for column in columns if row[column] is not None]
    return [each for each in found if speaks(*each)]


def speaks(table: str, row: dict[str, Any], column: str) -> bool:
    """Whether the ledger says something of this value: of a usage that is charged, of a payment that came in."""
    return not (
        (table == "usage_events" and row["ledger_id"] is None)
        or (table == "payments" and row["status"] == "pending")
        or (table == "wallets" and column == "checkpoint_balance" and row["checkpoint_entry_no"] == 0)
    )


def names_it(report: Report, table: str, row: dict[str, Any]) -> bool:
    """Whether a finding names the row, or what the row is told of."""
    subjects = {finding.subject for finding in report.findings}
    match table:
        case "wallet_ledger":
            return any(subject.startswith("entry ") for subject in subjects)
        case "usage_events":
            return bool(subjects & {f"usage {row['usage_id']}"}) or any(
                finding.trouble in {Trouble.CAUSE, Trouble.PRICE} for finding in report.findings
            )
        case "wallets":
            return "wallet" in subjects
        case "payments" | "payment_refunds":
            return any(finding.trouble in {Trouble.PAYMENT, Trouble.REFUNDS} for finding in report.findings)
        case "retention_usage":
            return any(finding.trouble is Trouble.OVERAGE for finding in report.findings)
        case "wallet_periods":
            return any(finding.trouble is Trouble.PERIOD for finding in report.findings)
    return any(finding.trouble is Trouble.RECONCILIATION for finding in report.findings)


def test_every_flipped_bit_is_named(unguarded: Database, spoiled: Verify) -> None:
    random, silent = Random(SEED), []
    for _ in range(BIT_FLIPS):
        table, row, column = random.choice([each for each in candidates(unguarded) if each[1][each[2]] is not None])
        value = flipped(row[column], random)
        with Changed(unguarded, table, row, column, value):
            report = spoiled()
        if not names_it(report, table, row):
            silent.append(f"{table}.{column}: {row[column]!r} became {value!r}")

    assert silent == []
    assert spoiled().findings == []


def test_every_changed_column_is_named(unguarded: Database, spoiled: Verify) -> None:
    random, silent = Random(SEED), []
    every = sorted({(table, column) for table, _, column in candidates(unguarded)})
    for number in range(max(COLUMN_CHANGES, len(every))):
        wanted = every[number % len(every)]
        table, row, column = random.choice([each for each in candidates(unguarded) if (each[0], each[2]) == wanted])
        value = another(row[column], random, column=column)
        with Changed(unguarded, table, row, column, value):
            report = spoiled()
        if not names_it(report, table, row):
            silent.append(f"{table}.{column}: {row[column]!r} became {value!r}")

    assert silent == []
    assert spoiled().findings == []


def test_each_hashed_column_is_named_by_its_entry(unguarded: Database, spoiled: Verify) -> None:
    """Whatever else an altered entry contradicts, its own hash says which one it is."""
    random = Random(SEED)
    for column in sorted(set(HASHED) - {"entry_hash", "prev_hash", "request_sha256", "entry_no", "company_id"}):
        row = rows_of(unguarded, "wallet_ledger", "entry_type = 'reversal'")[0]
        with Changed(unguarded, "wallet_ledger", row, column, another(row[column], random, column=column)):
            found = [(finding.subject, finding.trouble) for finding in spoiled().findings]
        assert (f"entry {row['entry_no']}", Trouble.REQUEST if column in REQUESTED else Trouble.HASH) in found, column
    for column, trouble in (("entry_hash", Trouble.HASH), ("prev_hash", Trouble.CHAIN), ("request_sha256", Trouble.REQUEST)):
        row = rows_of(unguarded, "wallet_ledger", "entry_type = 'reversal'")[0]
        with Changed(unguarded, "wallet_ledger", row, column, "f" * 64):
            found = [(finding.subject, finding.trouble) for finding in spoiled().findings]
        assert (f"entry {row['entry_no']}", trouble) in found, column


def test_an_entry_cannot_be_taken_out_or_slipped_in(unguarded: Database, spoiled: Verify) -> None:
    entry = "company_id = 'books-1' AND entry_no = %s"
    for number in range(1, 13):
        unguarded.execute("CREATE TABLE kept AS SELECT * FROM econsent.wallet_ledger")
        unguarded.execute(f"DELETE FROM econsent.wallet_ledger WHERE {entry}".encode(), [number])
        without = {finding.trouble for finding in spoiled().findings}
        unguarded.execute(f"INSERT INTO econsent.wallet_ledger OVERRIDING SYSTEM VALUE SELECT * FROM kept WHERE {entry}".encode(), [number])
        unguarded.execute("UPDATE kept SET ledger_id = ledger_id + 1000")
        unguarded.execute(f"INSERT INTO econsent.wallet_ledger OVERRIDING SYSTEM VALUE SELECT * FROM kept WHERE {entry}".encode(), [number])
        twice = {finding.trouble for finding in spoiled().findings}
        unguarded.execute("DELETE FROM econsent.wallet_ledger WHERE ledger_id > 1000")
        unguarded.execute("DROP TABLE kept")
        assert without >= {Trouble.BALANCE, Trouble.COUNT}, number
        assert twice >= {Trouble.BALANCE, Trouble.COUNT, Trouble.GAP, Trouble.HASH}, number

    assert spoiled().findings == []


def more_recharges(company: str, status: str, *, apart: str) -> str:
    """The statement for three further automatic recharges, the first of them so long after the one that is in the books."""
    return f"""
    INSERT INTO econsent.payments (payment_id, company_id, kind, idempotency_key, amount, status, created_at)
    SELECT 'more-' || n, '{company}', 'auto_recharge', 'more-' || n, 50, '{status}', timestamptz '2026-02-04Z' + n * interval '{apart}'
    FROM generate_series(1, 3) AS n
    """


@pytest.mark.parametrize(
    ("sentence", "change", "back", "trouble"),
    [
        (
            "two usage rows of one request that both stay charged are a duplicate",
            "UPDATE econsent.usage_events SET request_id = 'req-1' WHERE request_id = 'req-2'",
            "UPDATE econsent.usage_events SET request_id = 'req-2' WHERE request_id = 'req-1' AND quantity = 3",
            Trouble.DUPLICATE,
        ),
        (
            "a price that was changed for a time that is over contradicts its charges",
            "UPDATE econsent.price_book SET unit_price = 0.36 WHERE sku = 'debt_lookup'",
            "UPDATE econsent.price_book SET unit_price = 0.35 WHERE sku = 'debt_lookup'",
            Trouble.PRICE,
        ),
        (
            "a charge for which the book has no price at that time is named",
            "UPDATE econsent.price_book SET effective_from = '2026-01-10Z' WHERE sku = 'verification'",
            "UPDATE econsent.price_book SET effective_from = '2026-01-01Z' WHERE sku = 'verification'",
            Trouble.PRICE,
        ),
        (
            "a usage that calls itself charged although it is not is lost money",
            "UPDATE econsent.usage_events SET status = 'posted' WHERE request_id = 'waits'",
            "UPDATE econsent.usage_events SET status = 'unposted' WHERE request_id = 'waits'",
            Trouble.USAGE,
        ),
        (
            "a usage that waits although it is charged would be charged twice",
            "UPDATE econsent.usage_events SET status = 'unposted' WHERE request_id = 'req-2'",
            "UPDATE econsent.usage_events SET status = 'posted' WHERE request_id = 'req-2'",
            Trouble.CAUSE,
        ),
        (
            "a reversed usage whose charge nobody took back is named",
            "UPDATE econsent.usage_events SET status = 'reversed' WHERE request_id = 'req-2'",
            "UPDATE econsent.usage_events SET status = 'posted' WHERE request_id = 'req-2'",
            Trouble.USAGE,
        ),
        (
            "a quarantined usage without its reason is named",
            "UPDATE econsent.usage_events SET last_error = NULL WHERE request_id = 'bad'",
            "UPDATE econsent.usage_events SET last_error = 'no price' WHERE request_id = 'bad'",
            Trouble.USAGE,
        ),
        (
            "a payment that failed after all cannot stand in the ledger",
            "UPDATE econsent.payments SET status = 'failed' WHERE payment_id = 'pay-2'",
            "UPDATE econsent.payments SET status = 'succeeded' WHERE payment_id = 'pay-2'",
            Trouble.PAYMENT,
        ),
        (
            "more cannot go back than came in",
            "UPDATE econsent.payments SET amount = 20 WHERE payment_id = 'pay-1'",
            "UPDATE econsent.payments SET amount = 100 WHERE payment_id = 'pay-1'",
            Trouble.REFUNDS,
        ),
        (
            "a fourth automatic recharge within a day is named",
            more_recharges("books-1", "failed", apart="7 hours"),
            "DELETE FROM econsent.payments WHERE payment_id LIKE 'more-%'",
            Trouble.RECHARGE,
        ),
        (
            "two open automatic recharges of one company are named",
            more_recharges("books-2", "pending", apart="7 days"),
            "DELETE FROM econsent.payments WHERE payment_id LIKE 'more-%'",
            Trouble.RECHARGE,
        ),
        (
            "auto-recharge that is on after three failures in a row is named",
            "UPDATE econsent.wallets SET auto_recharge_enabled = TRUE, auto_recharge_failures = 3 WHERE company_id = 'books-2'",
            "UPDATE econsent.wallets SET auto_recharge_enabled = FALSE, auto_recharge_failures = 0 WHERE company_id = 'books-2'",
            Trouble.RECHARGE,
        ),
        (
            "units billed beyond what was retained are named",
            "UPDATE econsent.retention_usage_items SET period = '2026-03-01' WHERE session_id LIKE 'session-1%'",
            "UPDATE econsent.retention_usage_items SET period = '2026-02-01'",
            Trouble.OVERAGE,
        ),
        (
            "an entry moved into a closed month is named",
            "UPDATE econsent.wallet_ledger SET period = '2026-01-01' WHERE idempotency_key = 'refund:back-1'",
            "UPDATE econsent.wallet_ledger SET period = '2026-02-01' WHERE idempotency_key = 'refund:back-1'",
            Trouble.PERIOD,
        ),
    ],
)
def test_what_contradicts_the_ledger_is_named(
    unguarded: Database, spoiled: Verify, sentence: str, change: str, back: str, trouble: Trouble
) -> None:
    unguarded.execute(change.encode())
    try:
        found = {finding.trouble for finding in spoiled().findings}
    finally:
        unguarded.execute(back.encode())

    assert trouble in found, sentence
    assert spoiled().findings == [], sentence


def test_more_findings_than_are_told_are_said_to_be_there(unguarded: Database, spoiled: Verify) -> None:
    unguarded.execute(
        "INSERT INTO econsent.usage_events (company_id, sku, request_id, occurred_at, status)"
        " SELECT 'books-2', 'otp', 'many-' || n, now(), 'posted' FROM generate_series(1, 1500) AS n"
    )
    report = spoiled()
    unguarded.execute("DELETE FROM econsent.usage_events WHERE request_id LIKE 'many-%'")

    assert report.cut
    assert report.found >= MOST_KEPT


def connection_to(stack: Stack, name: str) -> dict[str, str]:
    """The verifier's Connection, as ``./econsent up`` gives it to commands."""
    told = conninfo_to_dict(stack.postgres_url(name, user="econsent_verify"))
    found = {"host": told["host"], "port": int(str(told["port"])), "login": told["user"], "password": told["password"], "schema": name}
    return {DATABASE: json.dumps({"conn_type": "postgres", **found})}


def test_the_command_says_what_it_found(stack: Stack, books: str, capsys: pytest.CaptureFixture[str]) -> None:
    environment = connection_to(stack, books)

    assert main([], environment) == 0
    assert "14 entries of 2 wallets" in capsys.readouterr().out
    assert main(["--company", "nobody"], environment) == 2
    assert "There is no wallet of the company nobody" in capsys.readouterr().err
    assert main(["--json", "--company", "books-2"], environment) == 0
    assert '"found": 0' in capsys.readouterr().out


def test_the_command_names_findings_and_ends_with_1(stack: Stack, unguarded: Database, capsys: pytest.CaptureFixture[str]) -> None:
    environment = connection_to(stack, unguarded.info.dbname)
    unguarded.execute("UPDATE econsent.wallets SET balance = balance + 1 WHERE company_id = 'books-2'")
    code = main([], environment)
    unguarded.execute("UPDATE econsent.wallets SET balance = balance - 1 WHERE company_id = 'books-2'")

    assert code == 1
    assert "balance: books-2 wallet: balance: the balance is not the sum of the entries (expected 9.9000, found 10.9000)" in (
        capsys.readouterr().out
    )
