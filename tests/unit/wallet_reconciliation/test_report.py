"""The snapshot and the report of one turn, to the byte: a report is hashed, and made again from its snapshot."""

import random
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from econsent_jobs.wallet_reconciliation.model import Kind, Snapshot, Stranger, Unposted
from econsent_jobs.wallet_reconciliation.rules.report import plain, read_snapshot, report_text, row_of, snapshot_text, typed
from tests.unit.wallet_reconciliation.examples import AT, about_entry, entry, recharge

ENTRIES = (
    recharge(1, "50.0000", "50.0000", memo="by card"),
    entry(
        2,
        "-0.2000",
        "49.8000",
        period=date(2026, 12, 1),
        created_at=AT + timedelta(minutes=5),
        sku="otp",
        quantity=2,
        unit_price=Decimal("0.1000"),
        quoted=Decimal("0.2500"),
    ),
    entry(3, "0.2000", "50.0000", entry_type="reversal", idempotency_key="reversal:102", usage_id=2, reverses_ledger_id=102),
)
SNAPSHOT = Snapshot(
    company_id="acme",
    balance=Decimal("43.7500"),
    expected=Decimal("50.0000"),
    checkpoint_entry_no=2,
    last_entry_no=3,
    entries=ENTRIES,
    unposted=(Unposted(usage_id=8, amount=Decimal("-5.0000")), Unposted(usage_id=9, amount=Decimal("-1.2500"))),
    strangers=(
        Stranger(company_id="a", ledger_id=7, amount=Decimal("1.0000")),
        Stranger(company_id="b", ledger_id=1, amount=Decimal("1.0000")),
        Stranger(company_id="b", ledger_id=2, amount=Decimal("1.0000")),
    ),
    duplicates=(4, 11),
)
SNAPSHOT_TEXT = (
    '{"balance":"43.7500","checkpoint_entry_no":2,"company_id":"acme","duplicates":[4,11],"entries":['
    '{"amount":"50.0000","balance_after":"50.0000","created_at":"2026-11-03T12:00:00+00:00","entry_no":1,"entry_type":"recharge",'
    '"idempotency_key":"payment:p-1","ledger_id":101,"memo":"by card","occurred_at":"2026-11-03T12:00:00+00:00","payment_id":"p-1",'
    '"period":"2026-11-01","quantity":null,"quoted":null,"reverses_ledger_id":null,"sku":null,"unit_price":null,"usage_id":null},'
    '{"amount":"-0.2000","balance_after":"49.8000","created_at":"2026-11-03T12:05:00+00:00","entry_no":2,"entry_type":"usage_charge",'
    '"idempotency_key":"usage:2","ledger_id":102,"memo":null,"occurred_at":"2026-11-03T12:00:00+00:00","payment_id":null,'
    '"period":"2026-12-01","quantity":2,"quoted":"0.2500","reverses_ledger_id":null,"sku":"otp","unit_price":"0.1000","usage_id":2},'
    '{"amount":"0.2000","balance_after":"50.0000","created_at":"2026-11-03T12:00:00+00:00","entry_no":3,"entry_type":"reversal",'
    '"idempotency_key":"reversal:102","ledger_id":103,"memo":null,"occurred_at":"2026-11-03T12:00:00+00:00","payment_id":null,'
    '"period":"2026-11-01","quantity":null,"quoted":null,"reverses_ledger_id":102,"sku":null,"unit_price":null,"usage_id":2}],'
    '"expected":"50.0000","last_entry_no":3,'
    '"strangers":[{"amount":"1.0000","company_id":"a","ledger_id":7},{"amount":"1.0000","company_id":"b","ledger_id":1},'
    '{"amount":"1.0000","company_id":"b","ledger_id":2}],'
    '"unposted":[{"amount":"-5.0000","usage_id":8},{"amount":"-1.2500","usage_id":9}],"version":1}'
)
EMPTY = Snapshot(company_id="acme", balance=Decimal("43.0000"), expected=Decimal("43.0000"), checkpoint_entry_no=0, last_entry_no=0)


def mixed(seed: int) -> Snapshot:
    """The same rows in another order."""
    chance = random.Random(seed)
    names = ("entries", "unposted", "strangers", "duplicates")
    rows: dict[str, Any] = {name: chance.sample(getattr(SNAPSHOT, name), len(getattr(SNAPSHOT, name))) for name in names}
    return replace(SNAPSHOT, **rows)


def test_a_snapshot_is_written_as_canonical_json() -> None:
    assert snapshot_text(SNAPSHOT) == SNAPSHOT_TEXT
    assert snapshot_text(EMPTY) == (
        '{"balance":"43.0000","checkpoint_entry_no":0,"company_id":"acme","duplicates":[],"entries":[],"expected":"43.0000",'
        '"last_entry_no":0,"strangers":[],"unposted":[],"version":1}'
    )


def test_a_snapshot_is_read_as_it_was() -> None:
    lists: dict[str, Any] = {name: list(getattr(SNAPSHOT, name)) for name in ("entries", "unposted", "strangers", "duplicates")}
    read = read_snapshot(SNAPSHOT_TEXT)

    assert read == replace(SNAPSHOT, **lists)
    assert snapshot_text(read) == SNAPSHOT_TEXT
    assert str(read.drift) == "-6.2500"


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_same_to_the_byte_whatever_the_order_of_the_rows(seed: int) -> None:
    assert snapshot_text(mixed(seed)) == SNAPSHOT_TEXT
    assert report_text(read_snapshot(snapshot_text(mixed(seed)))) == report_text(SNAPSHOT)


@pytest.mark.parametrize(
    ("snapshot", "text"),
    [
        pytest.param(
            SNAPSHOT,
            '{"balance":"43.7500","company_id":"acme","drift":"-6.2500","expected":"50.0000","findings":['
            '{"amount":"-5.0000","kind":"late","ledger_id":null,"payment_id":null,'
            '"sentence":"usage 8 is in the balance and comes into the ledger later","usage_id":8},'
            '{"amount":"-1.2500","kind":"late","ledger_id":null,"payment_id":null,'
            '"sentence":"usage 9 is in the balance and comes into the ledger later","usage_id":9}],"last_entry_no":3,"version":1}',
            id="usage that waits",
        ),
        pytest.param(
            replace(SNAPSHOT, balance=Decimal("0.0000")),
            '{"balance":"0.0000","company_id":"acme","drift":"-50.0000","expected":"50.0000","findings":['
            '{"amount":"-50.0000","kind":"missing","ledger_id":101,"payment_id":"p-1",'
            '"sentence":"entry 1 (payment:p-1, 50.0000) is not in the balance","usage_id":null}],"last_entry_no":3,"version":1}',
            id="a payment is missing",
        ),
        pytest.param(
            EMPTY,
            '{"balance":"43.0000","company_id":"acme","drift":"0.0000","expected":"43.0000","findings":[],"last_entry_no":0,"version":1}',
            id="no drift",
        ),
    ],
)
def test_a_report_says_what_explains_the_drift(snapshot: Snapshot, text: str) -> None:
    assert report_text(snapshot) == text


def test_a_finding_is_a_row_of_its_fields() -> None:
    assert row_of(about_entry(4, Kind.MISSING, "4.0000", "a sentence")) == {
        "kind": Kind.MISSING,
        "amount": Decimal("4.0000"),
        "sentence": "a sentence",
        "ledger_id": 104,
        "usage_id": 4,
        "payment_id": None,
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(Decimal("1.5"), "1.5000", id="money has four places"),
        pytest.param(datetime(2026, 11, 3, 7, 0, 1, tzinfo=timezone(timedelta(hours=-5))), "2026-11-03T12:00:01+00:00", id="times in UTC"),
        pytest.param(date(2026, 11, 1), "2026-11-01", id="months"),
        pytest.param(
            {"a": [Decimal(1), (AT,)], "b": {"c": None}}, {"a": ["1.0000", ["2026-11-03T12:00:00+00:00"]], "b": {"c": None}}, id="inside"
        ),
        pytest.param("text", "text", id="text stays"),
        pytest.param(7, 7, id="numbers stay"),
        pytest.param(None, None, id="nothing stays nothing"),
    ],
)
def test_money_and_times_are_written_as_text(value: Any, expected: Any) -> None:
    assert plain(value) == expected


@pytest.mark.parametrize("name", ["amount", "balance", "expected", "balance_after", "unit_price", "quoted"])
def test_money_is_read_back(name: str) -> None:
    read = typed({"memo": None, name: "1.5000", "sku": "1.5000"})

    assert read == {"memo": None, name: Decimal("1.5000"), "sku": "1.5000"}


@pytest.mark.parametrize("name", ["occurred_at", "created_at"])
def test_times_are_read_back(name: str) -> None:
    assert typed({"memo": None, name: "2026-11-03T12:00:00+00:00"}) == {"memo": None, name: AT}


def test_what_is_read_is_a_row_of_its_own() -> None:
    row = {"period": "2026-11-01", "quoted": None, "entry_no": 7}

    assert typed(row) == {"period": date(2026, 11, 1), "quoted": None, "entry_no": 7}
    assert row == {"period": "2026-11-01", "quoted": None, "entry_no": 7}
