"""What can be wrong, in words that say what was expected and what is there."""

from dataclasses import dataclass, field
from enum import StrEnum

MOST_TOLD = 200


class Trouble(StrEnum):
    LOG = "log"  # a leaf, a chunk, a length or a root is not what the tombstones give
    SEAL = "seal"  # what lies in the audit bucket is not what was sealed, or not under its lock
    TOMBSTONE = "tombstone"  # something went without one, or one stands for nothing that went
    LEFT = "left"  # a version or file is still there although its tombstone stands
    MISSING = "missing"  # an object that should be kept is not there as its row says
    EARLY = "early"  # something went before a lock or a hold let it
    PERSONAL = "personal"  # personal data where it was erased
    HOLD = "hold"  # the archive does not hold what a hold covers
    USAGE = "usage"  # a retention without its one unit of usage
    REQUEST = "request"  # a deletion request that says what is not so


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    trouble: Trouble
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.trouble}: {self.what}: expected {self.expected}, found {self.found}"


@dataclass(slots=True, kw_only=True)
class Report:
    """``found`` counts all findings, ``findings`` holds the first of them."""

    tombstones: int = 0
    objects: int = 0
    found: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list[Finding])

    def add(self, trouble: Trouble, what: str, *, expected: object, found: object) -> None:
        self.found += 1
        if len(self.findings) < MOST_TOLD:
            self.findings.append(Finding(trouble=trouble, what=what, expected=str(expected), found=str(found)))
