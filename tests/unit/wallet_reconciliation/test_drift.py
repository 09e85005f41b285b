"""Why a balance was off: a sentence a row. The wallet's entries are +50, -1, -2, -4, so its balance has to be 43."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from econsent_jobs.wallet_reconciliation.model import Entry, Kind, Snapshot, Stranger, Unposted
from econsent_jobs.wallet_reconciliation.rules.drift import explain_drift, find_oddities
from econsent_jobs.wallet_reconciliation.rules.report import read_snapshot, report_text, snapshot_text

AT = datetime(2026, 11, 3, 12, tzinfo=UTC)


def entry(number: int, amount: str, balance_after: str, **changes: Any) -> Entry:
    made = Entry(
        ledger_id=100 + number,
        entry_no=number,
        entry_type="usage_charge",
        amount=Decimal(amount),
        balance_after=Decimal(balance_after),
        idempotency_key=f"usage:{number}",
        period=date(2026, 11, 1),
        occurred_at=AT,
        created_at=AT,
        usage_id=number,
    )
    return replace(made, **changes)


ENTRIES = (entry(1, "50", "50"), entry(2, "-1", "49"), entry(3, "-2", "47", quoted=Decimal("2.5")), entry(4, "-4", "43"))
SNAPSHOT = Snapshot(company_id="acme", balance=Decimal(43), expected=Decimal(43), checkpoint_entry_no=1, last_entry_no=4, entries=ENTRIES)


def moved(number: int) -> tuple[Entry, ...]:
    return tuple(replace(each, period=date(2026, 12, 1)) if each.entry_no == number else each for each in ENTRIES)


@pytest.mark.parametrize(
    ("balance", "changes", "kind", "about"),
    [
        pytest.param("47", {}, Kind.MISSING, [104], id="the last entry is not in the balance"),
        pytest.param("44", {}, Kind.MISSING, [102], id="nor is one before it"),
        pytest.param("-7", {}, Kind.MISSING, [101], id="a recharge is missing"),
        pytest.param("49", {}, Kind.MISSING, [103, 104], id="the balance stood still two entries ago"),
        pytest.param("39", {}, Kind.DUPLICATE, [104], id="the last entry was counted twice"),
        pytest.param("93", {}, Kind.DUPLICATE, [101], id="a recharge was counted twice"),
        pytest.param("42.5", {}, Kind.WRONG_AMOUNT, [103], id="the caller was told 2.50 and the balance believed it"),
        pytest.param(
            "68",
            {"strangers": (Stranger(company_id="other", ledger_id=7, amount=Decimal(25)),)},
            Kind.WRONG_COMPANY,
            [7],
            id="another company's recharge landed here",
        ),
        pytest.param("40", {"unposted": (Unposted(usage_id=9, amount=Decimal(-3)),)}, Kind.LATE, [None], id="usage was taken off early"),
        pytest.param(
            "37",
            {"unposted": (Unposted(usage_id=8, amount=Decimal(-5)), Unposted(usage_id=9, amount=Decimal(-1)))},
            Kind.LATE,
            [None, None],
            id="all usage that waits was taken off",
        ),
        pytest.param("45", {"entries": moved(3)}, Kind.OUT_OF_PERIOD, [103], id="the entry that was booked in another month is missing"),
        pytest.param("43.3", {}, Kind.UNEXPLAINED, [None], id="nothing fits, and nothing is guessed"),
    ],
)
def test_causes(balance: str, changes: dict[str, Any], kind: Kind, about: list[int | None]) -> None:
    found = explain_drift(replace(SNAPSHOT, balance=Decimal(balance), **changes))

    assert [finding.kind for finding in found] == [kind] * len(about)
    assert [finding.ledger_id for finding in found] == about
    assert sum(finding.amount for finding in found) == Decimal(balance) - 43


def test_no_drift_needs_no_cause() -> None:
    assert explain_drift(SNAPSHOT) == ()


def test_a_report_is_the_same_to_the_byte_whatever_the_order_of_the_rows() -> None:
    drifted = replace(
        SNAPSHOT,
        balance=Decimal(37),
        unposted=(Unposted(usage_id=8, amount=Decimal(-5)), Unposted(usage_id=9, amount=Decimal(-1))),
        strangers=(Stranger(company_id="b", ledger_id=1, amount=Decimal(1)), Stranger(company_id="a", ledger_id=2, amount=Decimal(1))),
    )
    report, kept = report_text(drifted), snapshot_text(drifted)
    for seed in range(20):
        chance = random.Random(seed)
        mixed = replace(
            drifted,
            entries=chance.sample(drifted.entries, 4),
            unposted=chance.sample(drifted.unposted, 2),
            strangers=chance.sample(drifted.strangers, 2),
        )
        assert snapshot_text(mixed) == kept
        assert report_text(read_snapshot(kept)) == report


def test_a_snapshot_survives_its_text() -> None:
    assert snapshot_text(read_snapshot(snapshot_text(SNAPSHOT))) == snapshot_text(SNAPSHOT)
    assert read_snapshot(snapshot_text(SNAPSHOT)).drift == 0


def test_oddities_are_named_and_change_no_balance() -> None:
    odd = [
        entry(5, "-1", "42"),
        entry(6, "-1", "41", period=date(2026, 12, 1)),
        entry(7, "-1", "40", quoted=Decimal("0.5")),
        entry(8, "-1", "39", quoted=Decimal(1)),
    ]
    found = find_oddities(odd, late_ids=frozenset({105}))

    assert [(finding.kind, finding.ledger_id) for finding in found] == [
        (Kind.LATE, 105),
        (Kind.OUT_OF_PERIOD, 106),
        (Kind.WRONG_AMOUNT, 107),
    ]
    assert {finding.amount for finding in found} == {Decimal(0)}
    assert "2026-11, which is closed, and is booked in 2026-12" in found[1].sentence
