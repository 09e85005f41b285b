"""Why a balance was off: a sentence a row. The wallet's entries are +50, -1, -2, -4, so its balance has to be 43."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from econsent_jobs.wallet_reconciliation.model import Entry, Finding, Kind, Snapshot, Stranger, Unposted
from econsent_jobs.wallet_reconciliation.rules.drift import explain_drift, find_oddities
from tests.unit.wallet_reconciliation.examples import about_entry, entry, finding, recharge

ENTRIES = (
    entry(3, "-2.0000", "47.0000", quoted=Decimal("2.5000")),
    recharge(1, "50.0000", "50.0000"),
    entry(4, "-4.0000", "43.0000"),
    entry(2, "-1.0000", "49.0000"),
)
SNAPSHOT = Snapshot(
    company_id="acme",
    balance=Decimal("43.0000"),
    expected=Decimal("43.0000"),
    checkpoint_entry_no=1,
    last_entry_no=4,
    entries=ENTRIES,
)
RECHARGE = {"ledger_id": 101, "payment_id": "p-1"}


def moved(*numbers: int) -> tuple[Entry, ...]:
    """The entries, of which some are booked in another month than their own."""
    return tuple(replace(each, period=date(2026, 12, 1)) if each.entry_no in numbers else each for each in ENTRIES)


def strangers(*rows: tuple[str, int, str]) -> tuple[Stranger, ...]:
    return tuple(Stranger(company_id=company_id, ledger_id=ledger_id, amount=Decimal(amount)) for company_id, ledger_id, amount in rows)


def unposted(*rows: tuple[int, str]) -> tuple[Unposted, ...]:
    return tuple(Unposted(usage_id=usage_id, amount=Decimal(amount)) for usage_id, amount in rows)


def missing(number: int, amount: str, missed: str) -> Finding:
    return about_entry(number, Kind.MISSING, amount, f"entry {number} (usage:{number}, {missed}) is not in the balance")


def out_of_period(number: int, amount: str, missed: str) -> Finding:
    return about_entry(
        number, Kind.OUT_OF_PERIOD, amount, f"entry {number} (usage:{number}, {missed}) of a closed month is not in the balance"
    )


def wrong_company(amount: str, ledger_id: int, company_id: str) -> Finding:
    sentence = f"entry {ledger_id} of the company {company_id} was counted into this balance"
    return finding(Kind.WRONG_COMPANY, amount, sentence, ledger_id=ledger_id)


def late(usage_id: int, amount: str) -> Finding:
    return finding(Kind.LATE, amount, f"usage {usage_id} is in the balance and comes into the ledger later", usage_id=usage_id)


def unexplained(amount: str) -> Finding:
    sentence = f"the balance is off by {amount} and no entry, usage or other wallet accounts for it"
    return finding(Kind.UNEXPLAINED, amount, sentence)


@pytest.mark.parametrize(
    ("balance", "changes", "findings"),
    [
        pytest.param("47.0000", {}, [missing(4, "4.0000", "-4.0000")], id="the last entry is not in the balance"),
        pytest.param("44.0000", {}, [missing(2, "1.0000", "-1.0000")], id="nor is one before it"),
        pytest.param(
            "-7.0000",
            {},
            [finding(Kind.MISSING, "-50.0000", "entry 1 (payment:p-1, 50.0000) is not in the balance", **RECHARGE)],
            id="a recharge is missing",
        ),
        pytest.param(
            "49.0000",
            {},
            [missing(3, "2.0000", "-2.0000"), missing(4, "4.0000", "-4.0000")],
            id="the balance stood still two entries ago",
        ),
        pytest.param(
            "50.0000",
            {},
            [missing(2, "1.0000", "-1.0000"), missing(3, "2.0000", "-2.0000"), missing(4, "4.0000", "-4.0000")],
            id="or three entries ago",
        ),
        pytest.param("49.0000", {"last_entry_no": 5}, [unexplained("6.0000")], id="it did not stand still while entries went in"),
        pytest.param(
            "48.0000",
            {"entries": [each for each in ENTRIES if each.entry_no != 3]},
            [unexplained("5.0000")],
            id="nor did it where one between them is not at hand",
        ),
        pytest.param(
            "39.0000",
            {},
            [about_entry(4, Kind.DUPLICATE, "-4.0000", "entry 4 (usage:4, -4.0000) was counted twice into the balance")],
            id="the last entry was counted twice",
        ),
        pytest.param(
            "93.0000",
            {},
            [finding(Kind.DUPLICATE, "50.0000", "entry 1 (payment:p-1, 50.0000) was counted twice into the balance", **RECHARGE)],
            id="a recharge was counted twice",
        ),
        pytest.param(
            "42.5000",
            {},
            [about_entry(3, Kind.WRONG_AMOUNT, "-0.5000", "entry 3 (usage:3, -2.0000) went into the balance as -2.5000, not as -2.0000")],
            id="the caller was told 2.50 and the balance believed it",
        ),
        pytest.param(
            "44.7500",
            {"entries": [entry(4, "-4.0000", "43.0000", quoted=Decimal("2.2500"))]},
            [about_entry(4, Kind.WRONG_AMOUNT, "1.7500", "entry 4 (usage:4, -4.0000) went into the balance as -2.2500, not as -4.0000")],
            id="or was told too little",
        ),
        pytest.param(
            "68.0000",
            {"strangers": strangers(("other", 7, "25.0000"))},
            [wrong_company("25.0000", 7, "other")],
            id="another company's recharge landed here",
        ),
        pytest.param(
            "68.0000",
            {"strangers": strangers(("b", 9, "25.0000"), ("a", 7, "25.0000"), ("a", 8, "25.0000"), ("c", 1, "25.0000"))},
            [wrong_company("25.0000", 8, "a")],
            id="of several the first company's newest entry",
        ),
        pytest.param(
            "68.0000",
            {"strangers": strangers(("other", 7, "24.9999"))},
            [unexplained("25.0000")],
            id="an amount that only comes near is none",
        ),
        pytest.param("40.0000", {"unposted": unposted((9, "-3.0000"))}, [late(9, "-3.0000")], id="usage was taken off early"),
        pytest.param(
            "40.0000",
            {"unposted": unposted((7, "-0.5000"), (8, "-3.0000"), (9, "-3.0000"))},
            [late(8, "-3.0000")],
            id="of several alike it was one",
        ),
        pytest.param(
            "37.0000",
            {"unposted": unposted((8, "-5.0000"), (9, "-1.0000"))},
            [late(8, "-5.0000"), late(9, "-1.0000")],
            id="all usage that waits was taken off",
        ),
        pytest.param(
            "37.0000",
            {"unposted": unposted((7, "-5.0000"), (8, "-1.0000"), (9, "-2.5000"))},
            [unexplained("-6.0000")],
            id="but not some of it: that would be a guess",
        ),
        pytest.param(
            "45.0000",
            {"entries": moved(3)},
            [out_of_period(3, "2.0000", "-2.0000")],
            id="the entry that was booked in another month is missing",
        ),
        pytest.param(
            "46.0000",
            {"entries": moved(2, 3)},
            [out_of_period(3, "2.0000", "-2.0000"), out_of_period(2, "1.0000", "-1.0000")],
            id="so are both of them",
        ),
        pytest.param(
            "45.0000",
            {"entries": moved(1, 3)},
            [out_of_period(3, "2.0000", "-2.0000")],
            id="what came before the checkpoint was in the balance",
        ),
        pytest.param("44.0000", {"entries": moved(2, 3)}, [missing(2, "1.0000", "-1.0000")], id="one of both is just missing"),
        pytest.param("43.3000", {}, [unexplained("0.3000")], id="nothing fits, and nothing is guessed"),
        pytest.param("42.9999", {"entries": ()}, [unexplained("-0.0001")], id="there is nothing that could fit"),
    ],
)
def test_causes(balance: str, changes: dict[str, Any], findings: list[Finding]) -> None:
    found = explain_drift(replace(SNAPSHOT, balance=Decimal(balance), **changes))

    assert found == tuple(findings)
    assert sum(each.amount for each in found) == Decimal(balance) - 43


@pytest.mark.parametrize(
    ("balance", "changes", "kind", "number"),
    [
        pytest.param(
            "47.0000",
            {"entries": moved(4), "strangers": strangers(("other", 7, "4.0000"))},
            Kind.WRONG_COMPANY,
            7,
            id="another wallet before all else",
        ),
        pytest.param("47.0000", {"entries": moved(4)}, Kind.OUT_OF_PERIOD, 104, id="a closed month before a missing entry"),
        pytest.param(
            "47.0000",
            {"entries": (*ENTRIES, recharge(5, "4.0000", "47.0000")), "last_entry_no": 5},
            Kind.MISSING,
            104,
            id="missing before counted twice",
        ),
        pytest.param(
            "42.0000",
            {"entries": (*ENTRIES, recharge(5, "3.0000", "46.0000"), entry(6, "-2.0000", "44.0000")), "last_entry_no": 6},
            Kind.MISSING,
            105,
            id="stood still before counted twice",
        ),
        pytest.param(
            "42.0000",
            {"entries": (*ENTRIES, entry(5, "-4.0000", "39.0000", quoted=Decimal("5.0000"))), "last_entry_no": 5},
            Kind.DUPLICATE,
            102,
            id="counted twice before told another amount",
        ),
        pytest.param(
            "42.5000", {"unposted": unposted((9, "-0.5000"))}, Kind.WRONG_AMOUNT, 103, id="told another amount before taken off early"
        ),
    ],
)
def test_of_several_causes_the_first_is_given(balance: str, changes: dict[str, Any], kind: Kind, number: int) -> None:
    found = explain_drift(replace(SNAPSHOT, balance=Decimal(balance), **changes))

    assert (found[0].kind, found[0].ledger_id) == (kind, number)


@pytest.mark.parametrize(
    ("balance", "kind"),
    [
        pytest.param("44.0000", Kind.MISSING, id="missing"),
        pytest.param("42.0000", Kind.DUPLICATE, id="counted twice"),
        pytest.param("42.7500", Kind.WRONG_AMOUNT, id="told another amount"),
    ],
)
def test_of_several_entries_alike_the_newest_is_named(balance: str, kind: Kind) -> None:
    alike = [entry(number, "-1.0000", "43.0000", quoted=Decimal("1.2500")) for number in (6, 8, 7)]
    found = explain_drift(replace(SNAPSHOT, balance=Decimal(balance), entries=alike, last_entry_no=9))

    assert [(each.kind, each.ledger_id) for each in found] == [(kind, 108)]


def test_no_drift_needs_no_cause() -> None:
    assert explain_drift(SNAPSHOT) == ()


OCTOBER = datetime(2026, 10, 31, 23, 58, 59, tzinfo=UTC)
LATE = about_entry(5, Kind.LATE, "0.0000", "entry 5 (usage:5, -1.0000) is of 2026-11-03 12:00 UTC and came late")
CLOSED = about_entry(5, Kind.OUT_OF_PERIOD, "0.0000", "entry 5 (usage:5, -1.0000) is of 2026-10, which is closed, and is booked in 2026-11")
DEARER = about_entry(5, Kind.WRONG_AMOUNT, "0.0000", "entry 5 (usage:5, -1.0000) cost 1.0000, and the caller was told 0.5000")
FREE = about_entry(5, Kind.WRONG_AMOUNT, "0.0000", "entry 5 (usage:5, -1.0000) cost 1.0000, and the caller was told 0.0000")


@pytest.mark.parametrize(
    ("changes", "late_ids", "findings"),
    [
        pytest.param({}, set(), [], id="nothing is odd"),
        pytest.param({"quoted": Decimal("1.0000")}, {104, 106}, [], id="the caller was told what it cost, and others are late"),
        pytest.param({}, {105}, [LATE], id="it came late"),
        pytest.param({"occurred_at": OCTOBER}, set(), [CLOSED], id="its month is closed"),
        pytest.param({"occurred_at": OCTOBER}, {105}, [CLOSED], id="that it came late as well goes without saying"),
        pytest.param({"quoted": Decimal("0.5000")}, set(), [DEARER], id="it cost more than the caller was told"),
        pytest.param({"quoted": Decimal("0.0000")}, set(), [FREE], id="the caller was told that it is free"),
        pytest.param({"quoted": Decimal("0.5000")}, {105}, [LATE, DEARER], id="late, and dearer"),
        pytest.param({"quoted": Decimal("0.5000"), "occurred_at": OCTOBER}, set(), [CLOSED, DEARER], id="of a closed month, and dearer"),
    ],
)
def test_oddities_are_named_and_change_no_balance(changes: dict[str, Any], late_ids: set[int], findings: list[Finding]) -> None:
    assert find_oddities([entry(5, "-1.0000", "42.0000", **changes)], late_ids=frozenset(late_ids)) == findings


def test_oddities_come_in_the_order_of_the_ledger() -> None:
    odd = [entry(number, "-1.0000", "42.0000", ledger_id=200 - number) for number in (7, 5, 9, 6)]
    found = find_oddities(odd, late_ids=frozenset({195, 194, 193}))

    assert [(each.kind, each.ledger_id, each.usage_id) for each in found] == [
        (Kind.LATE, 195, 5),
        (Kind.LATE, 194, 6),
        (Kind.LATE, 193, 7),
    ]


def test_a_late_entry_s_time_is_told_in_utc() -> None:
    late = entry(5, "-1.0000", "42.0000")
    there = replace(late, occurred_at=late.occurred_at.astimezone(timezone(timedelta(hours=9))))

    assert find_oddities([there], late_ids=frozenset({105})) == find_oddities([late], late_ids=frozenset({105}))


def test_usage_that_comes_later_is_named_in_its_order_whatever_the_rows_is() -> None:
    """The report is the same to the byte, however its rows came."""
    usage = [Unposted(usage_id=number, amount=Decimal(amount)) for number, amount in ((9, "-1.0000"), (8, "-2.0000"))]
    off = replace(SNAPSHOT, balance=Decimal("40.0000"), unposted=usage)

    assert [found.usage_id for found in explain_drift(off)] == [8, 9]
    assert explain_drift(off) == explain_drift(replace(off, unposted=usage[::-1]))
