"""What a person who asked to be forgotten is told, and what the request's report says."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from econsent_jobs.core.canonical_json import timestamp_text
from econsent_jobs.core.text import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Counts over all companies. ``deferred``: objects that a lock or the law keeps, the last until ``deferred_until``.

    ``unfinished``: certificates that are being made, which the next night erases. ``named``: certificate numbers by company, by which a
    later try finds again what carries no name any more.
    """

    request_id: int
    companies: int = 0
    certificates: int = 0
    sessions: int = 0
    objects: int = 0
    deferred: int = 0
    held: int = 0
    unfinished: int = 0
    deferred_until: datetime | None = None
    named: Mapping[str, list[int]] = field(default_factory=dict[str, list[int]])

    def plus(self, other: "Report") -> "Report":
        untils = [until for until in (self.deferred_until, other.deferred_until) if until is not None]
        return replace(
            self,
            companies=self.companies + other.companies,
            certificates=self.certificates + other.certificates,
            sessions=self.sessions + other.sessions,
            objects=self.objects + other.objects,
            deferred=self.deferred + other.deferred,
            held=self.held + other.held,
            unfinished=self.unfinished + other.unfinished,
            deferred_until=max(untils, default=None),
            named={**self.named, **other.named},
        )

    @property
    def status(self) -> str:
        """Deferred as long as anything of the person is left; not done at all while a certificate is being made."""
        if self.unfinished:
            return "processing"
        return "deferred" if self.deferred or self.held else "completed"

    def as_dict(self) -> dict[str, Any]:
        """Return what the request keeps: counts and numbers, no name."""
        counts = ("companies", "certificates", "sessions", "objects", "deferred", "held", "unfinished")
        until = timestamp_text(self.deferred_until) if self.deferred_until else None
        return {**{name: getattr(self, name) for name in counts}, "deferred_until": until, "named": dict(self.named)}


def report_subject(report: Report) -> str:
    return "eConsent: your personal data has been deleted" if report.certificates else "eConsent: your deletion request"


def report_body(report: Report) -> str:
    """Return the confirmation: what went, what stays and until when."""
    lines = [
        f"You asked us to delete your personal data (request {report.request_id}).",
        "",
        (
            f"Deleted now, from our database, our search index and our file storage: {counted(report.certificates, 'consent record')}"
            f" and {counted(report.sessions, 'session recording')}."
        ),
    ]
    if report.deferred:
        until = f" until {report.deferred_until:%d %B %Y}" if report.deferred_until else ""
        lines.append(
            f"Not deleted yet: {counted(report.deferred, 'archived document')}, locked as evidence of consent{until},"
            " used for nothing else, and deleted without your asking again afterwards."
        )
    if report.held:
        lines.append(f"Kept until a legal hold is released, and deleted then: {counted(report.held, 'consent record')}.")
    if not (report.certificates or report.deferred or report.held):
        lines.append("We hold no consent record under this address or number.")
    return "\n".join([*lines, "", "We keep an irreversible fingerprint of your opt-out, so that it stays in force.", ""])
