"""The month's included retentions, what is above them, and the one mail about it."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A company's retentions of one month that count against its quota (auto and manual; the Retain API's do not)."""

    company_id: str
    company_name: str
    period: date
    used: int
    quota: int

    @property
    def overage(self) -> int:
        """How many are above the quota: the 1,001st of 1,000 is the first."""
        return max(0, self.used - self.quota)


def overage_subject(usage: Usage) -> str:
    return f"eConsent: {usage.company_name} is above its included retentions of {usage.period:%B %Y}"


def overage_body(usage: Usage) -> str:
    return (
        f"{usage.company_name} has retained {usage.used} sessions in {usage.period:%B %Y}; its plan includes {usage.quota}.\n"
        "Further retentions are charged at the overage price, from $0.12 down to $0.064 each with volume.\n\n"
        "Auto-retention goes on. To stop it, or to change who gets this mail, open Settings > Retention. This mail comes once a month.\n"
    )
