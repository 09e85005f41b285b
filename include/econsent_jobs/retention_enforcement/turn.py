"""A company's turn in one step: its moment, its bounds, and a walk over its rows page by page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.archive import EfsFiles
from econsent_jobs.retention_enforcement.model import Decision, Facts
from econsent_jobs.retention_enforcement.rules.decision import decide
from econsent_jobs.retention_enforcement.store import AuditEntry, Company, Page, Row
from econsent_jobs.retention_enforcement.tools import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """``deadline``: by the tools' clock; no new page begins after it."""

    step: str
    company: Company
    now: datetime
    tools: Tools
    batch_size: int
    deadline: float

    @property
    def company_id(self) -> str:
        return self.company.company_id

    @property
    def files(self) -> EfsFiles:
        """The company's own files."""
        return self.tools.files.of(self.company_id)

    def in_time(self) -> bool:
        return self.tools.clock.monotonic() < self.deadline

    def pages(self, query: str, *, by: str, first: Any = 0, size: int | None = None, **more: Any) -> Iterator[list[Row]]:
        """Walk over the rows of ``query`` in the order of the column ``by``: what is kept does not keep what comes after it waiting."""
        after, most = first, size or self.batch_size
        while self.in_time():
            rows = self.tools.store.find(query, Page(company_id=self.company_id, now=self.now, after=after, size=most), **more)
            if rows:
                yield rows
                after = rows[-1][by]
            if len(rows) < most:
                return

    def decide(self, facts: Facts) -> Decision:
        return decide(facts, now=self.now, grace=self.tools.settings.grace)

    def note(self, what: str, *, objects: int, size_bytes: int = 0) -> None:
        """Tell the tally what this step did."""
        self.tools.tally.add((self.step, self.company_id, what), objects=objects, size_bytes=size_bytes)

    def note_objects(self, what: str, facts: Sequence[Facts]) -> None:
        self.note(what, objects=len(facts), size_bytes=sum(each.size_bytes for each in facts))

    def audit(self, entries: Sequence[AuditEntry]) -> None:
        self.tools.store.audit(self.company_id, entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one step: what all its turns share."""

    step: str
    now: datetime
    tools: Tools
    batch_size: int
    deadline: float

    def in_time(self) -> bool:
        return self.tools.clock.monotonic() < self.deadline

    def companies(self, company_id: str | None = None) -> list[Company]:
        return self.tools.store.companies(now=self.now, company_id=company_id)

    def turn(self, company: Company) -> Turn:
        return Turn(step=self.step, company=company, now=self.now, tools=self.tools, batch_size=self.batch_size, deadline=self.deadline)


def count(*, changed: int = 0, skipped: int = 0, quarantined: int = 0, failed: int = 0, **more: Any) -> JobResult:
    """Return a result whose parts add up."""
    return JobResult(
        examined=changed + skipped + quarantined + failed,
        changed=changed,
        skipped=skipped,
        quarantined=quarantined,
        failed=failed,
        **more,
    )
