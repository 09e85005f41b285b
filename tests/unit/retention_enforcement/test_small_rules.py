"""Calendar, guard, quota, tiers, cost and what people are told."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from econsent_jobs.retention_enforcement.model import Backend, Facts, State
from econsent_jobs.retention_enforcement.rules import guard, pace
from econsent_jobs.retention_enforcement.rules.calendar import plus_months, plus_years
from econsent_jobs.retention_enforcement.rules.cost import monthly_usd
from econsent_jobs.retention_enforcement.rules.destruction import kept_until
from econsent_jobs.retention_enforcement.rules.erasure import Report, report_body, report_subject
from econsent_jobs.retention_enforcement.rules.quota import Usage, overage_body, overage_subject
from econsent_jobs.retention_enforcement.rules.tiers import LifecycleRule, capability, is_cold
from tests.unit.retention_enforcement.examples import NOW, a_session, an_object, days


@pytest.mark.parametrize(
    ("at", "months", "expected"),
    [
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2024-02-29", 60, "2029-02-28"),
        ("2024-02-29", 84, "2031-02-28"),
        ("2023-02-28", 12, "2024-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2023-08-31", 18, "2025-02-28"),
        ("2023-12-31", 2, "2024-02-29"),
        ("2023-11-30", 1, "2023-12-30"),
        ("2023-12-15", 1, "2024-01-15"),
        ("2096-02-29", 60, "2101-02-28"),
    ],
)
def test_months_and_years_are_the_calendars(at: str, months: int, expected: str) -> None:
    begin = datetime.fromisoformat(f"{at}T23:59:59+00:00")

    assert plus_months(begin, months) == datetime.fromisoformat(f"{expected}T23:59:59+00:00")
    if months % 12 == 0:
        assert plus_years(begin, months // 12) == plus_months(begin, months)


@pytest.mark.parametrize(("whole", "expected"), [(0, 1_000), (19_999, 1_000), (20_000, 1_000), (20_020, 1_001), (1_000_000, 50_000)])
def test_a_day_may_take_a_thousand_or_five_percent(whole: int, expected: int) -> None:
    assert guard.allowance(whole) == expected


@pytest.mark.parametrize(
    ("whole", "gone_today", "selected", "approved", "allowed"),
    [
        pytest.param(5_000, 0, 1_000, False, 1_000, id="exactly the allowance"),
        pytest.param(5_000, 0, 1_001, False, 0, id="one more: none"),
        pytest.param(5_000, 999, 1, False, 1, id="over all runs of the day"),
        pytest.param(5_000, 1_000, 1, False, 0, id="the day is used up"),
        pytest.param(5_000, 0, 5_000, True, 5_000, id="a second person agreed"),
    ],
)
def test_the_guard_lets_all_go_or_none(whole: int, gone_today: int, selected: int, approved: bool, allowed: int) -> None:
    verdict = guard.check(whole=whole, gone_today=gone_today, selected=selected, approved=approved)

    assert verdict.count == allowed
    assert bool(verdict.sentence) is (allowed == 0)
    for number in (selected, gone_today, whole) if verdict.sentence else ():
        assert str(number) in verdict.sentence


@pytest.mark.parametrize(
    ("size", "seconds", "expected"),
    [(250, 1, 500), (500, 3.9, 1_000), (1_000, 1, 1_000), (500, 4, 500), (500, 10, 500), (500, 10.1, 250), (40, 60, 25), (25, 60, 25)],
)
def test_a_batch_is_as_large_as_a_hold_can_wait_for(size: int, seconds: float, expected: int) -> None:
    assert pace.next_size(size, seconds=seconds) == expected


@pytest.mark.parametrize(("used", "overage"), [(0, 0), (999, 0), (1_000, 0), (1_001, 1), (1_500, 500)])
def test_the_first_above_the_quota_is_overage(used: int, overage: int) -> None:
    usage = Usage(company_id="acme", company_name="Acme", period=date(2026, 3, 1), used=used, quota=1_000)

    assert usage.overage == overage
    assert overage_subject(usage) == "eConsent: Acme is above its included retentions of March 2026"
    assert f"retained {used} sessions" in overage_body(usage)


@pytest.mark.parametrize(
    ("changes", "cold"),
    [
        ({}, True),
        ({"kind": "video"}, True),
        ({"kind": "certificate"}, False),
        ({"size_bytes": 128 * 1024 - 1}, False),
        ({"created_at": NOW - days(179.9)}, False),
        ({"accessed_at": NOW - days(1)}, False),
        ({"session": a_session(last_accessed_at=NOW - days(1))}, False),
        ({"session": a_session(last_accessed_at=NOW - days(200))}, True),
        ({"tier": 3}, False),
        ({"state": State.EXPIRED}, False),
        ({"backend": Backend.EFS}, False),
    ],
)
def test_what_is_cold(changes: dict[str, Any], cold: bool) -> None:
    facts: Facts = an_object(kind="recording", size_bytes=128 * 1024, created_at=NOW - days(180))

    assert is_cold(replace(facts, **changes), now=NOW) is cold


TO_COLD = LifecycleRule(enabled=True, tags=[("tier", "3")], classes=["GLACIER_IR"])


@pytest.mark.parametrize(
    ("rules", "moves"),
    [
        ([TO_COLD], True),
        ([replace(TO_COLD, enabled=False)], False),
        ([replace(TO_COLD, tags=[("tier", "2")])], False),
        ([replace(TO_COLD, tags=[])], False),
        ([replace(TO_COLD, classes=["DEEP_ARCHIVE"])], False),
        ([], False),
        (None, False),
    ],
)
def test_the_archives_answer_is_judged(rules: list[LifecycleRule] | None, moves: bool) -> None:
    able = capability(rules, refusal="NotImplemented")

    assert able.moves is moves
    assert ("NotImplemented" in able.sentence) is (rules is None)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("archive", "0.0230"),
        ("delete default", "-0.0230"),
        ("tier 3", "-0.0190"),
        ("retain above the quota", "0.3600"),
        ("mark default", "0.0000"),
    ],
)
def test_a_plans_cost(what: str, expected: str) -> None:
    assert monthly_usd(what, size_bytes=1024**3, objects=3) == Decimal(expected)


def test_a_root_is_kept_for_seven_calendar_years_in_whole_seconds() -> None:
    assert kept_until(datetime(2028, 2, 29, 3, 15, 7, 999_999, tzinfo=UTC)) == datetime(2035, 2, 28, 3, 15, 7, tzinfo=UTC)


def test_a_report_adds_up_and_tells_what_stays() -> None:
    until = datetime(2030, 5, 1, tzinfo=UTC)
    one = Report(request_id=7, companies=1, certificates=2, sessions=1, objects=3, named={"a": [1, 2]})
    other = Report(request_id=7, companies=1, certificates=1, deferred=4, deferred_until=until, held=1, named={"b": [3]})

    report = one.plus(other)

    assert (report.companies, report.certificates, report.objects, report.named) == (2, 3, 3, {"a": [1, 2], "b": [3]})
    assert (one.status, other.status, report.status) == ("completed", "deferred", "deferred")
    assert report.as_dict()["deferred_until"] == "2030-05-01T00:00:00.000Z"
    body = report_body(report)
    assert "4 archived documents cannot be deleted yet: they are locked as evidence of consent until 01 May 2030" in body
    assert "1 consent records are under a legal hold" in body
    assert "3 consent records and 1 session recordings" in body
    assert report_subject(report) == "eConsent: your personal data has been deleted"
    assert "no consent record" in report_body(Report(request_id=8))
    assert report_subject(Report(request_id=8, held=1)) == "eConsent: your deletion request"
