"""What verifiers say of what they find: the same shape for each, and values in one safe line."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

MOST_KEPT: Final = 1_000


class TroubleName(StrEnum):
    """A verifier's names for what can be wrong, each with the sentence that says what it means."""

    sentence: str

    def __new__(cls, name: str, sentence: str) -> Self:
        member = str.__new__(cls, name)
        member._value_ = name
        member.sentence = sentence
        return member


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference, before it is known whose. ``what`` names the column, field, key or table; the values may be read by anybody."""

    trouble: TroubleName
    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference of something of a company that has a name."""

    company_id: str
    subject: str
    difference: Difference

    def __str__(self) -> str:
        found = self.difference
        said = f"{found.trouble}: {self.company_id} {self.subject}: {found.what}: {found.trouble.sentence}"
        return f"{said} (expected {found.expected}, found {found.found})"

    def as_dict(self) -> dict[str, Any]:
        return {"company_id": self.company_id, "subject": self.subject, **asdict(self.difference)}


@dataclass(slots=True, kw_only=True)
class Findings:
    """What was found. ``findings`` keeps the first 1,000; ``found`` counts all."""

    findings: list[Finding] = field(default_factory=list[Finding])
    found: int = 0
    seconds: float = 0.0

    def add(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.found += 1
            if len(self.findings) < MOST_KEPT:
                self.findings.append(finding)


def short(value: object, *, most: int = 120) -> str:
    """Return a value as one short line, control characters escaped; None as ``nothing``."""
    text = "nothing" if value is None else str(value)
    safe = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
    return safe if len(safe) <= most else f"{safe[:most]}…"
