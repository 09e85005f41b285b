"""A month's statement, whole: what a customer's bookkeeping reads in, and what a person reads."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from econsent_jobs.wallet_reconciliation.model import Entry
from econsent_jobs.wallet_reconciliation.rules.statement import (
    Statement,
    as_csv,
    as_page,
    late_from,
    safe_cell,
    what_of,
    why_not_closed,
)
from tests.unit.wallet_reconciliation.examples import entry, recharge

OCTOBER = datetime(2026, 10, 31, 23, 58, 59, tzinfo=UTC)
ENTRIES = (
    recharge(1, "1000.0000", "1100.0000", memo="=HYPERLINK(1) <b>&"),
    entry(2, "-0.0450", "1099.9550", sku="verification", quantity=3, unit_price=Decimal("0.015"), occurred_at=OCTOBER),
    entry(
        3,
        "-1200",
        "-100.0450",
        entry_type="overage_charge",
        idempotency_key="-overage:1",
        created_at=datetime(2026, 11, 4, 9, 8, 7, tzinfo=UTC),
    ),
)
LOOKS = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
td.money, th.money { text-align: right; font-variant-numeric: tabular-nums; }
tr.sum td { font-weight: 600; }
"""


def statement(**changes: Any) -> Statement:
    values: dict[str, Any] = {
        "company_id": "acme",
        "period": date(2026, 11, 1),
        "opening": Decimal("100.0000"),
        "is_closed": True,
        "entries": ENTRIES,
    }
    return Statement(**values | changes)


def test_a_statement_adds_up() -> None:
    assert str(statement().closing) == "-100.0450"
    assert str(statement(entries=()).closing) == "100.0000"


def test_the_csv_is_a_line_for_each_entry_between_opening_and_closing_balance() -> None:
    assert as_csv(statement()) == (
        "entry_no,posted_at,occurred_at,kind,what,quantity,unit_price,amount,balance,late_from,key\r\n"
        ",,,opening,,,,,100.0000,,\r\n"
        "1,2026-11-03T12:00:00Z,2026-11-03T12:00:00Z,recharge,Payment (=HYPERLINK(1) <b>&),,,1000.0000,1100.0000,,payment:p-1\r\n"
        "2,2026-11-03T12:00:00Z,2026-10-31T23:58:59Z,usage_charge,"
        '"Usage: verification, 3 at 0.0150",3,0.0150,-0.0450,1099.9550,2026-10,usage:2\r\n'
        "3,2026-11-04T09:08:07Z,2026-11-03T12:00:00Z,overage_charge,Retentions above the quota,,,-1200.0000,-100.0450,,'-overage:1\r\n"
        ",,,closing,,,,,-100.0450,,\r\n"
    )


def test_the_csv_of_a_month_without_entries() -> None:
    assert as_csv(statement(opening=Decimal("-0.5"), entries=())) == (
        "entry_no,posted_at,occurred_at,kind,what,quantity,unit_price,amount,balance,late_from,key\r\n"
        ",,,opening,,,,,-0.5000,,\r\n"
        ",,,closing,,,,,-0.5000,,\r\n"
    )


def test_text_of_others_is_no_formula_in_the_csv() -> None:
    (line,) = as_csv(statement(entries=[entry(2, "-1.0000", "99.0000", entry_type="@kind", idempotency_key="+1")])).splitlines()[2:-1]

    assert line == "2,2026-11-03T12:00:00Z,2026-11-03T12:00:00Z,@kind,'@kind,,,-1.0000,99.0000,,'+1"


def test_the_page_is_the_same_for_people() -> None:
    assert as_page(statement()) == (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Statement November 2026</title><style>{LOOKS}</style></head>\n"
        "<body><h1>Statement November 2026</h1>\n"
        "<p>acme, US dollars, times in UTC. This month is closed.</p>\n"
        '<table><thead><tr><th scope="col">When</th><th scope="col">What</th>'
        '<th scope="col" class="money">Amount</th><th scope="col" class="money">Balance</th></tr></thead>\n'
        "<tbody>\n"
        '<tr class="sum"><td></td><td>Opening balance</td><td class="money"></td><td class="money">100.0000</td></tr>\n'
        '<tr class="entry"><td>2026-11-03 12:00</td><td>Payment (=HYPERLINK(1) &lt;b&gt;&amp;)</td>'
        '<td class="money">1,000.0000</td><td class="money">1,100.0000</td></tr>\n'
        '<tr class="entry"><td>2026-10-31 23:58</td><td>Usage: verification, 3 at 0.0150 (of 2026-10)</td>'
        '<td class="money">-0.0450</td><td class="money">1,099.9550</td></tr>\n'
        '<tr class="entry"><td>2026-11-03 12:00</td><td>Retentions above the quota</td>'
        '<td class="money">-1,200.0000</td><td class="money">-100.0450</td></tr>\n'
        '<tr class="sum"><td></td><td>Closing balance</td><td class="money"></td><td class="money">-100.0450</td></tr>\n'
        "</tbody></table></body></html>\n"
    )


def test_a_statement_is_in_utc_whatever_the_session_s_zone() -> None:
    """A database whose sessions are in another zone gives the same moments with other clocks."""
    tokyo = timezone(timedelta(hours=9))
    moved = [
        replace(each, created_at=each.created_at.astimezone(tokyo), occurred_at=each.occurred_at.astimezone(tokyo)) for each in ENTRIES
    ]

    assert as_csv(statement(entries=moved)) == as_csv(statement())
    assert as_page(statement(entries=moved)) == as_page(statement())


def test_the_page_of_an_open_month_says_so() -> None:
    page = as_page(statement(company_id="<acme> & sons", is_closed=False, entries=()))

    assert page.split("\n<tbody>\n")[0].splitlines()[-2] == (
        "<p>&lt;acme&gt; &amp; sons, US dollars, times in UTC. This month is open: further entries may come.</p>"
    )
    assert page.split("\n<tbody>\n")[1].splitlines() == [
        '<tr class="sum"><td></td><td>Opening balance</td><td class="money"></td><td class="money">100.0000</td></tr>',
        '<tr class="sum"><td></td><td>Closing balance</td><td class="money"></td><td class="money">100.0000</td></tr>',
        "</tbody></table></body></html>",
    ]


@pytest.mark.parametrize(
    ("entry_type", "words"),
    [
        ("recharge", "Payment"),
        ("auto_recharge", "Automatic recharge"),
        ("usage_charge", "Usage"),
        ("retention_charge", "Session retention"),
        ("overage_charge", "Retentions above the quota"),
        ("refund", "Refund to your card"),
        ("dispute", "Disputed payment"),
        ("reversal", "Reversal"),
        ("adjustment", "Adjustment"),
        ("a_kind_to_come", "a_kind_to_come"),
    ],
)
def test_every_kind_of_entry_has_its_words(entry_type: str, words: str) -> None:
    assert what_of(entry(2, "-1.0000", "49.0000", entry_type=entry_type)) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({}, "Usage: otp, 2 at 0.1000", id="what it is of, how many and at which price"),
        pytest.param({"memo": "told by phone"}, "Usage: otp, 2 at 0.1000 (told by phone)", id="with what somebody noted"),
        pytest.param({"memo": ""}, "Usage: otp, 2 at 0.1000", id="an empty note is none"),
        pytest.param({"quantity": 0, "unit_price": Decimal(0)}, "Usage: otp, 0 at 0.0000", id="nothing is a number too"),
        pytest.param({"sku": None, "memo": "told by phone"}, "Usage (told by phone)", id="of nothing in particular"),
        pytest.param({"quantity": None}, "Usage", id="without a number"),
        pytest.param({"unit_price": None}, "Usage", id="without a price"),
    ],
)
def test_an_entry_says_what_it_is(changes: dict[str, Any], words: str) -> None:
    assert what_of(entry(2, "-0.2000", "49.8000", **{"sku": "otp", "quantity": 2, "unit_price": Decimal("0.1"), **changes})) == words


@pytest.mark.parametrize(
    ("found", "month"),
    [
        pytest.param(entry(2, "-1.0000", "49.0000"), "", id="in its own month"),
        pytest.param(entry(2, "-1.0000", "49.0000", occurred_at=OCTOBER), "2026-10", id="a month late"),
        pytest.param(entry(2, "-1.0000", "49.0000", period=date(2027, 1, 1)), "2026-11", id="over the end of the year"),
    ],
)
def test_a_late_entry_names_its_own_month(found: Entry, month: str) -> None:
    assert late_from(found) == month


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@sum", "'@sum"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("usage:2", "usage:2"),
        ("1=1", "1=1"),
        ("", ""),
    ],
)
def test_a_spreadsheet_takes_no_text_for_a_formula(text: str, cell: str) -> None:
    assert safe_cell(text) == cell


@pytest.mark.parametrize(
    ("today", "closed_until", "unposted", "reason"),
    [
        pytest.param(date(2026, 12, 1), None, 0, None, id="it is over, and all is posted"),
        pytest.param(date(2027, 3, 9), date(2026, 10, 1), 0, None, id="the month before is closed"),
        pytest.param(date(2026, 12, 1), date(2026, 11, 1), 2, "2026-11 is closed already, with all months to 2026-11.", id="it is closed"),
        pytest.param(
            date(2026, 11, 30), date(2027, 1, 1), 2, "2026-11 is closed already, with all months to 2027-01.", id="a later one is closed"
        ),
        pytest.param(
            date(2026, 11, 30), date(2026, 10, 1), 2, "2026-11 is not over: it can be closed from 2026-12-01 on.", id="its last day"
        ),
        pytest.param(
            date(2026, 12, 1),
            None,
            1,
            "Not in the ledger yet: 1 usage row to the end of 2026-11. Let wallet_reconciliation run first.",
            id="usage waits",
        ),
    ],
)
def test_why_a_month_cannot_be_closed(today: date, closed_until: date | None, unposted: int, reason: str | None) -> None:
    assert why_not_closed(date(2026, 11, 1), today=today, closed_until=closed_until, unposted=unposted) == reason
