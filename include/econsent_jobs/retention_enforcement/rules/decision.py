"""Keep or delete: the one function that says so for each object, by which rule, in one sentence.

Legal hold > regulatory minimum > erasure request > customer policy > default. The lock of the store stands beside them as a second barrier.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from econsent_jobs.retention_enforcement.model import Backend, Decision, Facts, Rule, State, Verdict
from econsent_jobs.retention_enforcement.rules.calendar import plus_years

REGULATORY_YEARS: Final = 5  # from consent, for the locked objects of retained certificates
HOT_COPY_KEPT: Final = timedelta(days=30)  # since the last access and the retention
SETTLED_VIDEO: Final = frozenset({"none", "completed", "failed"})
UNFINISHED: Final = frozenset({"pending", "processing"})
POLICY_SETTLED: Final = timedelta(days=7)  # a policy unchanged for so long is what its owner wants


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When an object may go by its policy; ``at`` None: not by itself. ``grace``: how long it stays marked."""

    rule: Rule
    at: datetime | None
    words: str
    grace: timedelta


def decide(facts: Facts, *, now: datetime, grace: timedelta) -> Decision:
    """Decide about one object at ``now``. What is marked and has to be kept again gets KEEP: the mark goes."""
    if facts.holds:
        return Decision(verdict=Verdict.KEEP, rule=Rule.LEGAL_HOLD, sentence=f"It is kept: {'; '.join(facts.holds)} covers it.")
    due = due_of(facts, grace=grace)
    minimum = regulatory_minimum(facts)
    if minimum is not None and now < minimum:
        sentence = f"It is kept until {day(minimum)}: the law asks for five years from the consent of a retained certificate."
        return Decision(verdict=Verdict.KEEP, rule=Rule.REGULATORY_MINIMUM, sentence=sentence, due_at=minimum)
    if due.at is None or now < due.at:
        return Decision(verdict=Verdict.KEEP, rule=due.rule, sentence=f"It is kept: {due.words}.", due_at=due.at)
    return end(facts, due, now=now)


def end(facts: Facts, due: Due, *, now: datetime) -> Decision:
    """An object whose time has come: mark it, wait for its grace or its lock, or delete it."""
    if facts.retain_until is not None and now <= facts.retain_until:
        sentence = f"It is locked until {day(facts.retain_until)}, and goes afterwards: {due.words}."
        verdict = Verdict.KEEP if facts.state is State.STORED else Verdict.WAIT
        return Decision(verdict=verdict, rule=Rule.OBJECT_LOCK, sentence=sentence, due_at=facts.retain_until)
    if facts.state is State.STORED or facts.marked_at is None:
        return Decision(verdict=Verdict.MARK, rule=due.rule, sentence=f"It is marked now: {due.words}.", due_at=now + due.grace)
    over = facts.marked_at + due.grace
    if now < over:
        sentence = f"It is marked, and goes on {day(over)} unless somebody keeps it: {due.words}."
        return Decision(verdict=Verdict.WAIT, rule=due.rule, sentence=sentence, due_at=over)
    return Decision(verdict=Verdict.DELETE, rule=due.rule, sentence=f"It is deleted: {due.words}.", due_at=over)


def regulatory_minimum(facts: Facts) -> datetime | None:
    """Five calendar years from the latest consent; None for operational copies, and where the session was never retained."""
    if facts.retain_until is None or facts.backend is not Backend.S3 or facts.session is None or facts.session.retained_at is None:
        return None
    return max((plus_years(served.consent_at, REGULATORY_YEARS) for served in facts.served), default=None)


def due_of(facts: Facts, *, grace: timedelta) -> Due:
    """When the object may go, by the strongest of erasure request, customer policy and default; an orphan serves nothing."""
    if facts.erasure_asked_at is not None:
        words = f"its erasure was asked for on {day(facts.erasure_asked_at)}"
        return Due(rule=Rule.ERASURE_REQUEST, at=facts.erasure_asked_at, words=words, grace=timedelta(0))
    if facts.mark_rule is Rule.ORPHAN:
        words = "no row knew of it, and a person asked for its removal"
        return Due(rule=Rule.ORPHAN, at=facts.marked_at, words=words, grace=timedelta(0))
    return due_of_copy(facts, grace=grace) if facts.backend is Backend.EFS else due_of_evidence(facts, grace=grace)


def due_of_copy(facts: Facts, *, grace: timedelta) -> Due:
    """A recording on the shared file system: for the session's window, or beside its archived copy while that is there and it is hot."""
    session = facts.session
    if facts.kind == "dom":
        return due_of_evidence(facts, grace=grace)
    if session is None:
        return Due(rule=Rule.DEFAULT, at=None, words="no session says how long", grace=grace)
    if session.status in {"unretained", "expired"}:
        rule = Rule.CUSTOMER_POLICY if facts.own_window else Rule.DEFAULT
        return Due(
            rule=rule, at=session.expires_at, words=f"its session is not retained and ends on {day(session.expires_at)}", grace=grace
        )
    if not session.archived and session.archive_gone_at is not None:
        words = f"its archived recording went on {day(session.archive_gone_at)}"
        rule = Rule.CUSTOMER_POLICY if facts.own_expiration else Rule.DEFAULT
        return Due(rule=rule, at=session.archive_gone_at, words=words, grace=timedelta(0))
    if not session.archived or session.retained_at is None:
        return Due(rule=Rule.DEFAULT, at=None, words="its session is retained and the archive does not have it yet", grace=grace)
    if session.video_status not in SETTLED_VIDEO:
        return Due(rule=Rule.DEFAULT, at=None, words="its video is still to be made", grace=grace)
    idle_since = max(at for at in (session.retained_at, session.last_accessed_at, facts.accessed_at) if at is not None)
    cold_at = idle_since + HOT_COPY_KEPT
    return Due(rule=Rule.DEFAULT, at=cold_at, words=f"the archive has it and nobody looked since {day(idle_since)}", grace=timedelta(0))


def due_of_evidence(facts: Facts, *, grace: timedelta) -> Due:
    """An archived object: it goes after the last certificate that it serves."""
    rule = Rule.CUSTOMER_POLICY if facts.own_expiration or any(served.claimed for served in facts.served) else Rule.DEFAULT
    if any(served.status in UNFINISHED for served in facts.served):
        return Due(rule=rule, at=None, words="a certificate that needs it is not finished", grace=grace)
    ends = [served.expires_at for served in facts.served if served.expires_at is not None]
    if ends:
        last = max(ends)
        return Due(rule=rule, at=last, words=f"the last certificate that needs it ends on {day(last)}", grace=grace)
    if facts.session is None:
        return Due(rule=rule, at=None, words="no certificate and no session says how long", grace=grace)
    last = facts.session.due_at
    return Due(rule=rule, at=last, words=f"its session was retained until {day(last)}", grace=grace)


def is_guarded(facts: Facts, *, rule: Rule, now: datetime) -> bool:
    """Whether a deletion counts towards the mass-delete guard.

    What a settled policy asks for does not, nor does the second copy of what the archive holds. An erasure always does.
    """
    if rule is Rule.ERASURE_REQUEST:
        return True
    if facts.backend is Backend.EFS and facts.kind == "recording" and facts.session is not None and facts.session.archived:
        return False
    return facts.policy_changed_at is not None and now - facts.policy_changed_at < POLICY_SETTLED


def day(at: datetime) -> str:
    """Return a moment as people read it, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
