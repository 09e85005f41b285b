"""What a part of a proof came to."""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What a case came to, in items of the job, with a sentence for each."""

    lost: int = 0
    duplicated: int = 0
    wrong: int = 0
    sentences: list[str] = field(default_factory=list[str])

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(
            lost=self.lost + other.lost,
            duplicated=self.duplicated + other.duplicated,
            wrong=self.wrong + other.wrong,
            sentences=self.sentences + other.sentences,
        )

    @property
    def clean(self) -> bool:
        return not (self.lost or self.duplicated or self.wrong)

    def told_of(self, case: str) -> "Verdict":
        """The same, with each sentence saying of which case it speaks."""
        self.sentences = [f"{case}: {sentence}" for sentence in self.sentences]
        return self
