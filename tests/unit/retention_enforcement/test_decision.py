"""Keep or delete, and by which rule: the specification as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from econsent_jobs.retention_enforcement.model import Facts, Rule, Verdict
from econsent_jobs.retention_enforcement.rules.decision import decide, is_guarded
from tests.unit.retention_enforcement.examples import CONSENT, NOW, WEEK, a_copy, a_served, a_session, an_object, days, marked

RETAINED = a_session(status="retained", retained_at=CONSENT)
HELD = ["hold 3 (a suit)"]


@pytest.mark.parametrize(
    ("facts", "verdict", "rule"),
    [
        pytest.param(an_object(), Verdict.MARK, Rule.DEFAULT, id="its time and its lock are over: marked"),
        pytest.param(an_object(own_expiration=True), Verdict.MARK, Rule.CUSTOMER_POLICY, id="the property has its own expiration"),
        pytest.param(marked(an_object(), ago=days(6.9)), Verdict.WAIT, Rule.DEFAULT, id="marked, and the grace runs"),
        pytest.param(marked(an_object(), ago=WEEK), Verdict.DELETE, Rule.DEFAULT, id="marked for a week"),
        pytest.param(marked(an_object(holds=HELD), ago=WEEK), Verdict.KEEP, Rule.LEGAL_HOLD, id="a hold in between wins"),
        pytest.param(
            marked(an_object(holds=HELD, erasure_asked_at=CONSENT), ago=WEEK),
            Verdict.KEEP,
            Rule.LEGAL_HOLD,
            id="a hold wins over an erasure",
        ),
        pytest.param(
            an_object(retain_until=NOW + days(1)),
            Verdict.KEEP,
            Rule.OBJECT_LOCK,
            id="its time is over and its lock is not: the lock keeps it",
        ),
        pytest.param(
            marked(an_object(retain_until=NOW), ago=WEEK), Verdict.WAIT, Rule.OBJECT_LOCK, id="locked until this very moment: not yet"
        ),
        pytest.param(
            marked(an_object(retain_until=NOW - timedelta(microseconds=1)), ago=WEEK),
            Verdict.DELETE,
            Rule.DEFAULT,
            id="a moment later it goes",
        ),
        pytest.param(
            an_object(served=[a_served(expires_at=NOW + days(1), status="finalized")]),
            Verdict.KEEP,
            Rule.DEFAULT,
            id="its certificate runs",
        ),
        pytest.param(
            an_object(served=[a_served(expires_at=NOW, status="finalized")]), Verdict.MARK, Rule.DEFAULT, id="its certificate ends now"
        ),
        pytest.param(
            marked(an_object(served=[a_served(claimed=True, expires_at=NOW + days(700))]), ago=WEEK),
            Verdict.KEEP,
            Rule.CUSTOMER_POLICY,
            id="a claim in between wins",
        ),
        pytest.param(
            an_object(kind="recording", served=[a_served(), a_served(certificate_pk=2, expires_at=NOW + days(9))]),
            Verdict.KEEP,
            Rule.DEFAULT,
            id="a recording stays for its last certificate",
        ),
        pytest.param(
            an_object(kind="recording", served=[a_served(), a_served(certificate_pk=2, status="pending", expires_at=None)]),
            Verdict.KEEP,
            Rule.DEFAULT,
            id="and for one that is not finished",
        ),
        pytest.param(
            an_object(session=RETAINED, served=[a_served(consent_at=CONSENT + days(30))]),
            Verdict.KEEP,
            Rule.REGULATORY_MINIMUM,
            id="retained: five years from the consent are not over",
        ),
        pytest.param(an_object(session=RETAINED), Verdict.MARK, Rule.DEFAULT, id="retained, and the five years are over"),
        pytest.param(
            an_object(session=a_session(), served=[a_served(consent_at=CONSENT + days(30))]),
            Verdict.MARK,
            Rule.DEFAULT,
            id="never retained: no regulatory minimum",
        ),
        pytest.param(
            an_object(session=RETAINED, served=[a_served(consent_at=CONSENT + days(30))], erasure_asked_at=CONSENT),
            Verdict.KEEP,
            Rule.REGULATORY_MINIMUM,
            id="the law wins over an erasure",
        ),
        pytest.param(
            an_object(served=[a_served(expires_at=NOW + days(900))], erasure_asked_at=NOW),
            Verdict.MARK,
            Rule.ERASURE_REQUEST,
            id="an erasure wins over the policy",
        ),
        pytest.param(
            marked(an_object(erasure_asked_at=NOW), ago=days(0)), Verdict.DELETE, Rule.ERASURE_REQUEST, id="an erasure has no grace"
        ),
        pytest.param(
            an_object(retain_until=NOW + days(9), erasure_asked_at=NOW), Verdict.KEEP, Rule.OBJECT_LOCK, id="an erasure waits for the lock"
        ),
        pytest.param(
            an_object(kind="recording", served=[], session=replace(RETAINED, due_at=NOW + days(1))),
            Verdict.KEEP,
            Rule.DEFAULT,
            id="retained without a certificate: as long as one would run",
        ),
        pytest.param(
            an_object(kind="recording", served=[], session=replace(RETAINED, due_at=NOW)), Verdict.MARK, Rule.DEFAULT, id="and no longer"
        ),
        pytest.param(an_object(served=[]), Verdict.KEEP, Rule.DEFAULT, id="nobody says how long: kept"),
    ],
)
def test_archived_objects(facts: Facts, verdict: Verdict, rule: Rule) -> None:
    decision = decide(facts, now=NOW, grace=WEEK)

    assert (decision.verdict, decision.rule) == (verdict, rule)
    assert decision.sentence.startswith("It is ")
    assert decision.sentence.endswith(".")


@pytest.mark.parametrize(
    ("facts", "verdict", "rule"),
    [
        pytest.param(a_copy(), Verdict.MARK, Rule.DEFAULT, id="never retained, its window is over"),
        pytest.param(a_copy(own_window=True), Verdict.MARK, Rule.CUSTOMER_POLICY, id="the property has its own window"),
        pytest.param(a_copy(session=a_session(expires_at=NOW + days(1))), Verdict.KEEP, Rule.DEFAULT, id="its window runs"),
        pytest.param(a_copy(holds=HELD), Verdict.KEEP, Rule.LEGAL_HOLD, id="held"),
        pytest.param(
            marked(a_copy(session=replace(RETAINED, archived=False)), ago=WEEK),
            Verdict.KEEP,
            Rule.DEFAULT,
            id="a retention in between wins",
        ),
        pytest.param(marked(a_copy(session=a_session(status="expired")), ago=WEEK), Verdict.DELETE, Rule.DEFAULT, id="its grace is over"),
        pytest.param(
            a_copy(session=replace(RETAINED, archived=True, retained_at=NOW - days(30))), Verdict.MARK, Rule.DEFAULT, id="archived and idle"
        ),
        pytest.param(
            marked(a_copy(session=replace(RETAINED, archived=True, retained_at=NOW - days(30))), ago=days(0)),
            Verdict.DELETE,
            Rule.DEFAULT,
            id="a second copy needs no grace",
        ),
        pytest.param(
            a_copy(session=replace(RETAINED, archived=True, retained_at=NOW - days(29.9))), Verdict.KEEP, Rule.DEFAULT, id="retained lately"
        ),
        pytest.param(
            a_copy(session=replace(RETAINED, archived=True, last_accessed_at=NOW - days(1))),
            Verdict.KEEP,
            Rule.DEFAULT,
            id="looked at lately",
        ),
        pytest.param(
            a_copy(session=replace(RETAINED, archived=True, video_status="processing")),
            Verdict.KEEP,
            Rule.DEFAULT,
            id="its video is being made",
        ),
        pytest.param(
            a_copy(session=replace(RETAINED, archived=True, video_status="failed", retained_at=CONSENT)),
            Verdict.MARK,
            Rule.DEFAULT,
            id="its video failed for good",
        ),
        pytest.param(
            a_copy(session=RETAINED, erasure_asked_at=NOW),
            Verdict.MARK,
            Rule.ERASURE_REQUEST,
            id="an erasure takes operational copies at once",
        ),
        pytest.param(
            a_copy(session=RETAINED, served=[a_served(consent_at=NOW)], erasure_asked_at=NOW),
            Verdict.MARK,
            Rule.ERASURE_REQUEST,
            id="the regulatory minimum never delays that",
        ),
        pytest.param(a_copy(session=None), Verdict.KEEP, Rule.DEFAULT, id="no session says how long"),
        pytest.param(
            a_copy(kind="dom", session=a_session(status="retained"), served=[a_served()]),
            Verdict.MARK,
            Rule.DEFAULT,
            id="a page, its certificate over",
        ),
        pytest.param(
            a_copy(kind="dom", served=[a_served(status="finalized", expires_at=NOW + days(1))]),
            Verdict.KEEP,
            Rule.DEFAULT,
            id="a page in use",
        ),
    ],
)
def test_copies_on_the_shared_file_system(facts: Facts, verdict: Verdict, rule: Rule) -> None:
    decision = decide(facts, now=NOW, grace=WEEK)

    assert (decision.verdict, decision.rule) == (verdict, rule)


def test_five_years_are_calendar_years() -> None:
    """From 29 February it is 28 February of the fifth year, to the second."""
    leap = datetime(2028, 2, 29, 8, tzinfo=UTC)
    facts = an_object(session=RETAINED, served=[a_served(consent_at=leap, expires_at=leap + days(30))], retain_until=leap + days(30))
    end = datetime(2033, 2, 28, 8, tzinfo=UTC)

    before, after = (decide(facts, now=at, grace=WEEK) for at in (end - timedelta(seconds=1), end))

    assert (before.verdict, before.rule, before.due_at) == (Verdict.KEEP, Rule.REGULATORY_MINIMUM, end)
    assert after.verdict is Verdict.MARK


def test_a_clock_that_steps_back_keeps_what_is_marked() -> None:
    facts = marked(an_object(), ago=days(-1))

    assert decide(facts, now=NOW, grace=WEEK).verdict is Verdict.WAIT


def test_another_grace_is_kept_too() -> None:
    facts = marked(an_object(), ago=days(20))

    assert decide(facts, now=NOW, grace=days(30)).verdict is Verdict.WAIT
    assert decide(facts, now=NOW, grace=days(20)).verdict is Verdict.DELETE


@pytest.mark.parametrize(
    ("facts", "rule", "guarded"),
    [
        pytest.param(an_object(), Rule.DEFAULT, False, id="a settled policy"),
        pytest.param(an_object(policy_changed_at=NOW - days(6.9)), Rule.CUSTOMER_POLICY, True, id="a policy of this week"),
        pytest.param(an_object(policy_changed_at=NOW - days(7)), Rule.CUSTOMER_POLICY, False, id="unchanged for seven days"),
        pytest.param(an_object(policy_changed_at=None), Rule.DEFAULT, False, id="never changed"),
        pytest.param(an_object(), Rule.ERASURE_REQUEST, True, id="an erasure always counts"),
        pytest.param(
            a_copy(session=replace(RETAINED, archived=True), policy_changed_at=NOW), Rule.DEFAULT, False, id="the second copy never counts"
        ),
        pytest.param(a_copy(policy_changed_at=NOW), Rule.DEFAULT, True, id="the only copy does"),
    ],
)
def test_what_the_guard_counts(facts: Facts, rule: Rule, guarded: bool) -> None:
    assert is_guarded(facts, rule=rule, now=NOW) is guarded


def test_a_sentence_names_the_hold_and_the_day() -> None:
    assert decide(an_object(holds=HELD), now=NOW, grace=WEEK).sentence == "It is kept: hold 3 (a suit) covers it."
    waiting = decide(marked(an_object(), ago=days(1)), now=NOW, grace=WEEK)
    assert "2031-03-16 03:15 UTC" in waiting.sentence
    assert waiting.due_at == datetime(2031, 3, 16, 3, 15, tzinfo=UTC)
