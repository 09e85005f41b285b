"""What is above a month's included retentions, and the mail about it."""

from datetime import date
from typing import Any

import pytest

from econsent_jobs.retention_enforcement.rules.quota import Usage, overage_body, overage_subject


def usage(**changes: Any) -> Usage:
    values: dict[str, Any] = {"company_id": "acme", "company_name": "Acme", "period": date(2026, 3, 1), "used": 1_001, "quota": 1_000}
    return Usage(**values | changes)


@pytest.mark.parametrize(
    ("used", "quota", "overage"),
    [
        (0, 1_000, 0),
        (999, 1_000, 0),
        (1_000, 1_000, 0),
        (1_001, 1_000, 1),
        (1_500, 1_000, 500),
        (10_000, 10_000, 0),
        (10_001, 10_000, 1),
        (50_001, 50_000, 1),
        (0, 0, 0),
        (1, 0, 1),
    ],
)
def test_the_first_above_the_quota_is_overage(used: int, quota: int, overage: int) -> None:
    assert usage(used=used, quota=quota).overage == overage


def test_the_mail_about_overage_says_how_much_and_what_it_costs() -> None:
    assert overage_subject(usage()) == "eConsent: Acme is above its included retentions of March 2026"
    assert overage_body(usage()) == (
        "Acme has retained 1001 sessions in March 2026; its plan includes 1000.\n"
        "Further retentions are charged at the overage price, from $0.12 down to $0.064 each with volume.\n"
        "\n"
        "Auto-retention goes on. To stop it, or to change who gets this mail, open Settings > Retention. This mail comes once a month.\n"
    )


def test_the_mail_is_about_its_own_company_and_month() -> None:
    other = usage(company_name="Beta Ltd", period=date(2027, 12, 1), used=12_345, quota=10_000)

    assert overage_subject(other) == "eConsent: Beta Ltd is above its included retentions of December 2027"
    assert overage_body(other).splitlines()[0] == "Beta Ltd has retained 12345 sessions in December 2027; its plan includes 10000."
