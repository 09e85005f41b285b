"""Which archived objects move to the cold tier, and what the archive must be able to do for that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from econsent_jobs.retention_enforcement.model import Backend, Facts, State

COLD_AFTER: Final = timedelta(days=180)
LEAST_BYTES: Final = 128 * 1024  # lifecycle rules skip smaller objects
COLD_KINDS: Final = frozenset({"recording", "video"})
COLD_CLASS: Final = "GLACIER_IR"  # read at once, so that replay goes on working
TAG: Final = ("tier", "3")


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleRule:
    """One rule of a bucket: what it selects and where it moves that to."""

    enabled: bool
    tags: Sequence[tuple[str, str]]
    classes: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Whether tagging an object moves it, and the sentence why not."""

    moves: bool
    sentence: str


def capability(rules: Sequence[LifecycleRule] | None, *, refusal: str = "") -> Capability:
    """Judge what the archive answered. ``rules`` None: it could not be asked, ``refusal`` says why."""
    if rules is None:
        return Capability(moves=False, sentence=f"the archive says nothing of lifecycle rules ({refusal}), so everything stays in tier 2")
    fitting = [rule for rule in rules if rule.enabled and TAG in rule.tags and COLD_CLASS in rule.classes]
    if not fitting:
        sentence = f"the archive has no enabled lifecycle rule that moves objects tagged {TAG[0]}={TAG[1]} to {COLD_CLASS}; tier stays 2"
        return Capability(moves=False, sentence=sentence)
    return Capability(moves=True, sentence=f"a lifecycle rule moves objects tagged {TAG[0]}={TAG[1]} to {COLD_CLASS}")


def is_cold(facts: Facts, *, now: datetime) -> bool:
    """Whether an archived object was left alone long enough, and is one that lifecycle rules move."""
    if facts.backend is not Backend.S3 or facts.state is not State.STORED or facts.tier != 2:
        return False
    if facts.kind not in COLD_KINDS or facts.size_bytes < LEAST_BYTES:
        return False
    session_access = facts.session.last_accessed_at if facts.session else None
    last = max(at for at in (facts.created_at, facts.accessed_at, session_access) if at is not None)
    return now - last >= COLD_AFTER
