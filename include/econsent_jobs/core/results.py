"""What one run of a job did, in the same words for every job."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from econsent_jobs.core.errors import ErrorClass

COUNTS = ("examined", "changed", "skipped", "quarantined", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """Counts of items, not of batches.

    ``examined = changed + skipped + quarantined + failed`` always holds. ``backlog`` is what was due and not done at the end, and
    ``oldest_seconds`` how long the oldest of it has been waiting. ``causes`` counts quarantined and failed items by error class, and
    ``mended`` what the run found wrong beside its items and put right, by the job's own words.
    """

    examined: int = 0
    changed: int = 0
    skipped: int = 0
    quarantined: int = 0
    failed: int = 0
    backlog: int = 0
    oldest_seconds: int = 0
    causes: Mapping[ErrorClass, int] = field(default_factory=dict[ErrorClass, int])
    mended: Mapping[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        counted = self.changed + self.skipped + self.quarantined + self.failed
        assert self.examined == counted, f"examined {self.examined}, but {counted} accounted for"
        assert sum(self.causes.values()) <= self.quarantined + self.failed, f"more causes than items: {self.causes}"

    def __add__(self, other: "JobResult") -> "JobResult":
        """Add up two batches; what is left at the end is the later one's to say."""
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        causes = dict(Counter(self.causes) + Counter(other.causes))
        mended = dict(Counter(self.mended) + Counter(other.mended))
        return JobResult(**counts, backlog=other.backlog, oldest_seconds=other.oldest_seconds, causes=causes, mended=mended)

    def __str__(self) -> str:
        words = [f"{name}={getattr(self, name)}" for name in (*COUNTS, "backlog")]
        if self.backlog:
            words.append(f"oldest_seconds={self.oldest_seconds}")
        for name, counted in (("causes", self.causes), ("mended", self.mended)):
            if counted:
                words.append(f"{name}={','.join(f'{what}:{count}' for what, count in sorted(counted.items()))}")
        return " ".join(words)

    @property
    def more_remaining(self) -> bool:
        """Whether another run would find work at once."""
        return self.backlog > 0

    def past_share(self, share: float, *, at_least: int) -> bool:
        """Say whether so many items failed by transient causes that the run counts as failed (quarantined ones never do)."""
        return self.failed >= at_least and self.failed > share * self.examined

    def as_dict(self) -> dict[str, int | bool | dict[str, int]]:
        """Return what goes into the XCom, the log line and the audit trail: plain JSON values."""
        return {
            **{name: getattr(self, name) for name in COUNTS},
            "backlog": self.backlog,
            "oldest_seconds": self.oldest_seconds,
            "more_remaining": self.more_remaining,
            "causes": {str(cause): count for cause, count in sorted(self.causes.items())},
            "mended": {str(what): count for what, count in sorted(self.mended.items())},
        }
