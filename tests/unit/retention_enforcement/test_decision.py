"""Keep or delete, by which rule, until when and in which words: the specification as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from econsent_jobs.retention_enforcement.model import Backend, Decision, Facts, Rule, State, Verdict
from econsent_jobs.retention_enforcement.rules.decision import Due, day, decide, due_of, is_guarded, regulatory_minimum
from tests.unit.retention_enforcement.examples import CONSENT, NOW, WEEK, a_copy, a_served, a_session, an_object, days, marked

MOMENT = timedelta(microseconds=1)
RETAINED = a_session(status="retained", retained_at=CONSENT)
ARCHIVED = replace(RETAINED, archived=True)
HELD = ["hold 3 (a suit)"]
HOLD = "It is kept: hold 3 (a suit) covers it."
ENDS = "the last certificate that needs it ends on 2031-03-01 12:00 UTC"
ASKED = "its erasure was asked for on 2031-03-10 03:15 UTC"
STRAY = "no row knew of it, and a person asked for its removal"
UNRETAINED = "its session is not retained and ends on 2031-03-09 03:15 UTC"
UNARCHIVED = "It is kept: its session is retained and the archive does not have it yet."
NO_VIDEO = "It is kept: its video is still to be made."
LAW = "It is kept until 2031-03-31 12:00 UTC: the law asks for five years from the consent of a retained certificate."
LAW_ENDS = datetime(2031, 3, 31, 12, tzinfo=UTC)


def an_orphan(**changes: Any) -> Facts:
    return replace(marked(an_object(served=[], **changes), ago=days(0)), mark_rule=Rule.ORPHAN)


def decided(verdict: Verdict, rule: Rule, sentence: str, due_at: datetime | None = None) -> Decision:
    return Decision(verdict=verdict, rule=rule, sentence=sentence, due_at=due_at)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(
            an_object(),
            decided(Verdict.MARK, Rule.DEFAULT, f"It is marked now: {ENDS}.", NOW + WEEK),
            id="its time and its lock are over: marked",
        ),
        pytest.param(
            an_object(own_expiration=True),
            decided(Verdict.MARK, Rule.CUSTOMER_POLICY, f"It is marked now: {ENDS}.", NOW + WEEK),
            id="the property has its own expiration",
        ),
        pytest.param(
            an_object(own_window=True),
            decided(Verdict.MARK, Rule.DEFAULT, f"It is marked now: {ENDS}.", NOW + WEEK),
            id="the property's own window says nothing of archived objects",
        ),
        pytest.param(
            marked(an_object(), ago=days(6.9)),
            decided(
                Verdict.WAIT,
                Rule.DEFAULT,
                f"It is marked, and goes on 2031-03-10 05:39 UTC unless somebody keeps it: {ENDS}.",
                datetime(2031, 3, 10, 5, 39, tzinfo=UTC),
            ),
            id="marked, and the grace runs",
        ),
        pytest.param(
            marked(an_object(), ago=WEEK),
            decided(Verdict.DELETE, Rule.DEFAULT, f"It is deleted: {ENDS}.", NOW),
            id="marked for a week",
        ),
        pytest.param(
            marked(an_object(own_expiration=True), ago=days(8)),
            decided(Verdict.DELETE, Rule.CUSTOMER_POLICY, f"It is deleted: {ENDS}.", NOW - days(1)),
            id="it might have gone yesterday",
        ),
        pytest.param(
            an_object(state=State.EXPIRED),
            decided(Verdict.MARK, Rule.DEFAULT, f"It is marked now: {ENDS}.", NOW + WEEK),
            id="a mark without its time is none",
        ),
        pytest.param(
            an_object(marked_at=NOW - WEEK),
            decided(Verdict.MARK, Rule.DEFAULT, f"It is marked now: {ENDS}.", NOW + WEEK),
            id="what is stored has no mark, whenever it had one",
        ),
        pytest.param(marked(an_object(holds=HELD), ago=WEEK), decided(Verdict.KEEP, Rule.LEGAL_HOLD, HOLD), id="a hold in between wins"),
        pytest.param(
            marked(an_object(holds=HELD, erasure_asked_at=CONSENT), ago=WEEK),
            decided(Verdict.KEEP, Rule.LEGAL_HOLD, HOLD),
            id="a hold wins over an erasure",
        ),
        pytest.param(
            an_object(holds=HELD, session=RETAINED, served=[a_served(consent_at=NOW)]),
            decided(Verdict.KEEP, Rule.LEGAL_HOLD, HOLD),
            id="a hold wins over the law's minimum, which ends",
        ),
        pytest.param(
            an_object(holds=[*HELD, "hold 4 (a second suit)"]),
            decided(Verdict.KEEP, Rule.LEGAL_HOLD, "It is kept: hold 3 (a suit); hold 4 (a second suit) covers it."),
            id="every hold is named",
        ),
        pytest.param(
            an_object(retain_until=NOW + days(1)),
            decided(
                Verdict.KEEP, Rule.OBJECT_LOCK, f"It is locked until 2031-03-11 03:15 UTC, and goes afterwards: {ENDS}.", NOW + days(1)
            ),
            id="its time is over and its lock is not: the lock keeps it",
        ),
        pytest.param(
            marked(an_object(retain_until=NOW), ago=WEEK),
            decided(Verdict.WAIT, Rule.OBJECT_LOCK, f"It is locked until 2031-03-10 03:15 UTC, and goes afterwards: {ENDS}.", NOW),
            id="locked until this very moment: not yet",
        ),
        pytest.param(
            marked(an_object(retain_until=NOW - MOMENT), ago=WEEK),
            decided(Verdict.DELETE, Rule.DEFAULT, f"It is deleted: {ENDS}.", NOW),
            id="a moment later it goes",
        ),
        pytest.param(
            an_object(served=[a_served(expires_at=NOW + days(1), status="finalized")]),
            decided(
                Verdict.KEEP,
                Rule.DEFAULT,
                "It is kept: the last certificate that needs it ends on 2031-03-11 03:15 UTC.",
                NOW + days(1),
            ),
            id="its certificate runs",
        ),
        pytest.param(
            an_object(served=[a_served(expires_at=NOW, status="finalized")]),
            decided(
                Verdict.MARK,
                Rule.DEFAULT,
                "It is marked now: the last certificate that needs it ends on 2031-03-10 03:15 UTC.",
                NOW + WEEK,
            ),
            id="its certificate ends now",
        ),
        pytest.param(
            an_object(served=[a_served(expires_at=NOW + MOMENT)]),
            decided(
                Verdict.KEEP, Rule.DEFAULT, "It is kept: the last certificate that needs it ends on 2031-03-10 03:15 UTC.", NOW + MOMENT
            ),
            id="its certificate ends a moment later",
        ),
        pytest.param(
            marked(an_object(served=[a_served(claimed=True, expires_at=NOW + days(700))]), ago=WEEK),
            decided(
                Verdict.KEEP,
                Rule.CUSTOMER_POLICY,
                "It is kept: the last certificate that needs it ends on 2033-02-07 03:15 UTC.",
                datetime(2033, 2, 7, 3, 15, tzinfo=UTC),
            ),
            id="a claim in between wins",
        ),
        pytest.param(
            an_object(kind="recording", served=[a_served(), a_served(certificate_pk=2, expires_at=NOW + days(9))]),
            decided(
                Verdict.KEEP,
                Rule.DEFAULT,
                "It is kept: the last certificate that needs it ends on 2031-03-19 03:15 UTC.",
                NOW + days(9),
            ),
            id="a recording stays for its last certificate",
        ),
        pytest.param(
            an_object(kind="recording", served=[a_served(), a_served(certificate_pk=2, status="pending", expires_at=None)]),
            decided(Verdict.KEEP, Rule.DEFAULT, "It is kept: a certificate that needs it is not finished."),
            id="and for one that is not finished",
        ),
        pytest.param(
            an_object(own_expiration=True, served=[a_served(status="processing"), a_served(certificate_pk=2)]),
            decided(Verdict.KEEP, Rule.CUSTOMER_POLICY, "It is kept: a certificate that needs it is not finished."),
            id="or is being made",
        ),
        pytest.param(
            an_object(kind="recording", served=[a_served(status="failed", expires_at=None), a_served(certificate_pk=2)]),
            decided(Verdict.MARK, Rule.DEFAULT, f"It is marked now: {ENDS}.", NOW + WEEK),
            id="one that failed keeps nothing",
        ),
        pytest.param(
            an_object(session=RETAINED, served=[a_served(consent_at=CONSENT + days(30))]),
            decided(Verdict.KEEP, Rule.REGULATORY_MINIMUM, LAW, LAW_ENDS),
            id="retained: five years from the consent are not over",
        ),
        pytest.param(
            marked(an_object(session=RETAINED, served=[a_served(consent_at=CONSENT + days(30))]), ago=WEEK),
            decided(Verdict.KEEP, Rule.REGULATORY_MINIMUM, LAW, LAW_ENDS),
            id="not even when it is marked",
        ),
        pytest.param(
            an_object(session=RETAINED),
            decided(Verdict.MARK, Rule.DEFAULT, f"It is marked now: {ENDS}.", NOW + WEEK),
            id="retained, and the five years are over",
        ),
        pytest.param(
            an_object(session=a_session(), served=[a_served(consent_at=CONSENT + days(30))]),
            decided(Verdict.MARK, Rule.DEFAULT, f"It is marked now: {ENDS}.", NOW + WEEK),
            id="never retained: no regulatory minimum",
        ),
        pytest.param(
            an_object(session=RETAINED, served=[a_served(consent_at=CONSENT + days(30))], erasure_asked_at=CONSENT),
            decided(Verdict.KEEP, Rule.REGULATORY_MINIMUM, LAW, LAW_ENDS),
            id="the law wins over an erasure",
        ),
        pytest.param(
            an_object(served=[a_served(expires_at=NOW + days(900))], erasure_asked_at=NOW),
            decided(Verdict.MARK, Rule.ERASURE_REQUEST, f"It is marked now: {ASKED}.", NOW),
            id="an erasure wins over the policy",
        ),
        pytest.param(
            marked(an_object(erasure_asked_at=NOW), ago=days(0)),
            decided(Verdict.DELETE, Rule.ERASURE_REQUEST, f"It is deleted: {ASKED}.", NOW),
            id="an erasure has no grace",
        ),
        pytest.param(
            an_object(retain_until=NOW + days(9), erasure_asked_at=NOW),
            decided(
                Verdict.KEEP, Rule.OBJECT_LOCK, f"It is locked until 2031-03-19 03:15 UTC, and goes afterwards: {ASKED}.", NOW + days(9)
            ),
            id="an erasure waits for the lock",
        ),
        pytest.param(
            an_object(kind="recording", served=[], session=replace(RETAINED, due_at=NOW + days(1))),
            decided(Verdict.KEEP, Rule.DEFAULT, "It is kept: its session was retained until 2031-03-11 03:15 UTC.", NOW + days(1)),
            id="retained without a certificate: as long as one would run",
        ),
        pytest.param(
            an_object(kind="recording", served=[], session=replace(RETAINED, due_at=NOW)),
            decided(Verdict.MARK, Rule.DEFAULT, "It is marked now: its session was retained until 2031-03-10 03:15 UTC.", NOW + WEEK),
            id="and no longer",
        ),
        pytest.param(
            an_object(served=[]),
            decided(Verdict.KEEP, Rule.DEFAULT, "It is kept: no certificate and no session says how long."),
            id="nobody says how long: kept",
        ),
        pytest.param(
            an_orphan(),
            decided(Verdict.DELETE, Rule.ORPHAN, f"It is deleted: {STRAY}.", NOW),
            id="an orphan that a person wants gone goes at once",
        ),
        pytest.param(
            an_orphan(retain_until=NOW),
            decided(Verdict.WAIT, Rule.OBJECT_LOCK, f"It is locked until 2031-03-10 03:15 UTC, and goes afterwards: {STRAY}.", NOW),
            id="but not under its lock",
        ),
        pytest.param(an_orphan(holds=HELD), decided(Verdict.KEEP, Rule.LEGAL_HOLD, HOLD), id="nor under a hold"),
    ],
)
def test_archived_objects(facts: Facts, expected: Decision) -> None:
    assert decide(facts, now=NOW, grace=WEEK) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(
            a_copy(),
            decided(Verdict.MARK, Rule.DEFAULT, f"It is marked now: {UNRETAINED}.", NOW + WEEK),
            id="never retained, its window is over",
        ),
        pytest.param(
            a_copy(own_window=True),
            decided(Verdict.MARK, Rule.CUSTOMER_POLICY, f"It is marked now: {UNRETAINED}.", NOW + WEEK),
            id="the property has its own window",
        ),
        pytest.param(
            a_copy(own_expiration=True),
            decided(Verdict.MARK, Rule.DEFAULT, f"It is marked now: {UNRETAINED}.", NOW + WEEK),
            id="how long certificates are kept says nothing of it",
        ),
        pytest.param(
            a_copy(session=a_session(expires_at=NOW + days(1))),
            decided(Verdict.KEEP, Rule.DEFAULT, "It is kept: its session is not retained and ends on 2031-03-11 03:15 UTC.", NOW + days(1)),
            id="its window runs",
        ),
        pytest.param(a_copy(holds=HELD), decided(Verdict.KEEP, Rule.LEGAL_HOLD, HOLD), id="held"),
        pytest.param(
            marked(a_copy(session=RETAINED), ago=WEEK), decided(Verdict.KEEP, Rule.DEFAULT, UNARCHIVED), id="a retention in between wins"
        ),
        pytest.param(
            a_copy(session=replace(RETAINED, archive_gone_at=NOW - days(1), last_accessed_at=NOW, video_status="pending")),
            decided(Verdict.MARK, Rule.DEFAULT, "It is marked now: its archived recording went on 2031-03-09 03:15 UTC.", NOW),
            id="what the archive had to let go is kept nowhere, whoever still looks at it",
        ),
        pytest.param(
            a_copy(session=replace(RETAINED, archive_gone_at=NOW), own_expiration=True),
            decided(Verdict.MARK, Rule.CUSTOMER_POLICY, "It is marked now: its archived recording went on 2031-03-10 03:15 UTC.", NOW),
            id="by the property's own expiration",
        ),
        pytest.param(
            a_copy(session=replace(ARCHIVED, archive_gone_at=NOW - days(1), video_status="pending")),
            decided(Verdict.KEEP, Rule.DEFAULT, NO_VIDEO),
            id="an earlier copy went, and the archive has another",
        ),
        pytest.param(
            a_copy(session=replace(ARCHIVED, retained_at=None)),
            decided(Verdict.KEEP, Rule.DEFAULT, UNARCHIVED),
            id="nobody knows since when it is retained",
        ),
        pytest.param(
            marked(a_copy(session=a_session(status="expired")), ago=WEEK),
            decided(Verdict.DELETE, Rule.DEFAULT, f"It is deleted: {UNRETAINED}.", NOW),
            id="its grace is over",
        ),
        pytest.param(
            marked(a_copy(session=a_session(status="expired")), ago=days(6)),
            decided(
                Verdict.WAIT,
                Rule.DEFAULT,
                f"It is marked, and goes on 2031-03-11 03:15 UTC unless somebody keeps it: {UNRETAINED}.",
                NOW + days(1),
            ),
            id="its grace runs",
        ),
        pytest.param(
            a_copy(session=replace(ARCHIVED, retained_at=NOW - days(30))),
            decided(Verdict.MARK, Rule.DEFAULT, "It is marked now: the archive has it and nobody looked since 2031-02-08 03:15 UTC.", NOW),
            id="archived and idle",
        ),
        pytest.param(
            marked(a_copy(session=replace(ARCHIVED, retained_at=NOW - days(30))), ago=days(0)),
            decided(Verdict.DELETE, Rule.DEFAULT, "It is deleted: the archive has it and nobody looked since 2031-02-08 03:15 UTC.", NOW),
            id="a second copy needs no grace",
        ),
        pytest.param(
            a_copy(session=replace(ARCHIVED, retained_at=NOW - days(29.9))),
            decided(
                Verdict.KEEP,
                Rule.DEFAULT,
                "It is kept: the archive has it and nobody looked since 2031-02-08 05:39 UTC.",
                datetime(2031, 3, 10, 5, 39, tzinfo=UTC),
            ),
            id="retained lately",
        ),
        pytest.param(
            a_copy(session=replace(ARCHIVED, last_accessed_at=NOW - days(1))),
            decided(
                Verdict.KEEP,
                Rule.DEFAULT,
                "It is kept: the archive has it and nobody looked since 2031-03-09 03:15 UTC.",
                datetime(2031, 4, 8, 3, 15, tzinfo=UTC),
            ),
            id="looked at lately",
        ),
        pytest.param(
            a_copy(session=replace(ARCHIVED, last_accessed_at=NOW - days(40)), accessed_at=NOW - days(2)),
            decided(
                Verdict.KEEP,
                Rule.DEFAULT,
                "It is kept: the archive has it and nobody looked since 2031-03-08 03:15 UTC.",
                datetime(2031, 4, 7, 3, 15, tzinfo=UTC),
            ),
            id="the file itself was looked at lately",
        ),
        pytest.param(
            a_copy(session=replace(ARCHIVED, video_status="pending")), decided(Verdict.KEEP, Rule.DEFAULT, NO_VIDEO), id="its video waits"
        ),
        pytest.param(
            a_copy(session=replace(ARCHIVED, video_status="processing")),
            decided(Verdict.KEEP, Rule.DEFAULT, NO_VIDEO),
            id="its video is being made",
        ),
        pytest.param(
            a_copy(session=replace(ARCHIVED, video_status="failed")),
            decided(Verdict.MARK, Rule.DEFAULT, "It is marked now: the archive has it and nobody looked since 2026-03-01 12:00 UTC.", NOW),
            id="its video failed for good",
        ),
        pytest.param(
            a_copy(session=replace(ARCHIVED, video_status="completed")),
            decided(Verdict.MARK, Rule.DEFAULT, "It is marked now: the archive has it and nobody looked since 2026-03-01 12:00 UTC.", NOW),
            id="its video is made",
        ),
        pytest.param(
            a_copy(session=RETAINED, erasure_asked_at=NOW),
            decided(Verdict.MARK, Rule.ERASURE_REQUEST, f"It is marked now: {ASKED}.", NOW),
            id="an erasure takes operational copies at once",
        ),
        pytest.param(
            a_copy(session=RETAINED, served=[a_served(consent_at=NOW)], erasure_asked_at=NOW),
            decided(Verdict.MARK, Rule.ERASURE_REQUEST, f"It is marked now: {ASKED}.", NOW),
            id="the regulatory minimum never delays that",
        ),
        pytest.param(
            a_copy(session=None),
            decided(Verdict.KEEP, Rule.DEFAULT, "It is kept: no session says how long."),
            id="no session says how long",
        ),
        pytest.param(
            a_copy(kind="dom", session=a_session(status="retained"), served=[a_served()]),
            decided(Verdict.MARK, Rule.DEFAULT, f"It is marked now: {ENDS}.", NOW + WEEK),
            id="a page, its certificate over",
        ),
        pytest.param(
            a_copy(kind="dom", served=[a_served(status="finalized", expires_at=NOW + days(1))]),
            decided(
                Verdict.KEEP, Rule.DEFAULT, "It is kept: the last certificate that needs it ends on 2031-03-11 03:15 UTC.", NOW + days(1)
            ),
            id="a page in use",
        ),
        pytest.param(
            a_copy(kind="dom", session=None, own_expiration=True),
            decided(Verdict.KEEP, Rule.CUSTOMER_POLICY, "It is kept: no certificate and no session says how long."),
            id="a page of which nobody says how long",
        ),
    ],
)
def test_copies_on_the_shared_file_system(facts: Facts, expected: Decision) -> None:
    assert decide(facts, now=NOW, grace=WEEK) == expected


@pytest.mark.parametrize(
    ("facts", "rule", "at", "words"),
    [
        pytest.param(an_object(), Rule.DEFAULT, datetime(2031, 3, 1, 12, tzinfo=UTC), ENDS, id="a certificate's end"),
        pytest.param(
            an_object(served=[a_served(status="pending")]),
            Rule.DEFAULT,
            None,
            "a certificate that needs it is not finished",
            id="an unfinished certificate",
        ),
        pytest.param(an_object(served=[]), Rule.DEFAULT, None, "no certificate and no session says how long", id="nobody"),
        pytest.param(
            an_object(served=[], session=replace(RETAINED, due_at=NOW)),
            Rule.DEFAULT,
            NOW,
            "its session was retained until 2031-03-10 03:15 UTC",
            id="a session's end",
        ),
        pytest.param(a_copy(), Rule.DEFAULT, NOW - days(1), UNRETAINED, id="a window"),
        pytest.param(a_copy(session=None), Rule.DEFAULT, None, "no session says how long", id="no session"),
        pytest.param(
            a_copy(session=RETAINED),
            Rule.DEFAULT,
            None,
            "its session is retained and the archive does not have it yet",
            id="not archived yet",
        ),
        pytest.param(
            a_copy(session=replace(ARCHIVED, video_status="pending")), Rule.DEFAULT, None, "its video is still to be made", id="no video"
        ),
        pytest.param(a_copy(kind="dom", served=[a_served()]), Rule.DEFAULT, datetime(2031, 3, 1, 12, tzinfo=UTC), ENDS, id="a page"),
    ],
)
def test_a_policy_has_the_grace_that_was_asked_for(facts: Facts, rule: Rule, at: datetime | None, words: str) -> None:
    assert due_of(facts, grace=days(3)) == Due(rule=rule, at=at, words=words, grace=days(3))


def test_a_second_copy_and_an_erasure_have_none() -> None:
    words = "the archive has it and nobody looked since 2026-03-01 12:00 UTC"
    idle = Due(rule=Rule.DEFAULT, at=datetime(2026, 3, 31, 12, tzinfo=UTC), words=words, grace=timedelta(0))
    asked = Due(rule=Rule.ERASURE_REQUEST, at=NOW, words=ASKED, grace=timedelta(0))

    assert due_of(a_copy(session=ARCHIVED), grace=WEEK) == idle
    assert due_of(a_copy(session=ARCHIVED, erasure_asked_at=NOW), grace=WEEK) == asked
    assert due_of(an_object(erasure_asked_at=NOW), grace=WEEK) == asked


@pytest.mark.parametrize(
    ("facts", "minimum"),
    [
        pytest.param(an_object(session=RETAINED), datetime(2031, 3, 1, 12, tzinfo=UTC), id="five years from its consent"),
        pytest.param(
            an_object(session=RETAINED, served=[a_served(consent_at=NOW), a_served(certificate_pk=2)]),
            datetime(2036, 3, 10, 3, 15, tzinfo=UTC),
            id="the latest consent, listed first",
        ),
        pytest.param(
            an_object(session=RETAINED, served=[a_served(), a_served(certificate_pk=2, consent_at=NOW)]),
            datetime(2036, 3, 10, 3, 15, tzinfo=UTC),
            id="the latest consent, listed last",
        ),
        pytest.param(an_object(session=RETAINED, served=[]), None, id="no certificate"),
        pytest.param(an_object(session=RETAINED, retain_until=None), None, id="not locked"),
        pytest.param(an_object(session=RETAINED, backend=Backend.EFS), None, id="an operational copy"),
        pytest.param(an_object(session=None), None, id="no session"),
        pytest.param(an_object(session=a_session()), None, id="never retained"),
    ],
)
def test_the_regulatory_minimum(facts: Facts, minimum: datetime | None) -> None:
    assert regulatory_minimum(facts) == minimum


@pytest.mark.parametrize(
    ("consent_at", "end"),
    [
        pytest.param("2026-03-01T12:00:00", "2031-03-01T12:00:00", id="one leap day in between"),
        pytest.param("2027-03-01T12:00:00", "2032-03-01T12:00:00", id="two of them"),
        pytest.param("2028-02-29T08:00:00", "2033-02-28T08:00:00", id="a leap day, which the fifth year lacks"),
        pytest.param("2027-02-28T23:59:59", "2032-02-28T23:59:59", id="not the leap day of the fifth year"),
        pytest.param("2096-02-29T00:00:00", "2101-02-28T00:00:00", id="over a century"),
    ],
)
def test_five_years_are_calendar_years_to_the_moment(consent_at: str, end: str) -> None:
    began, over = (datetime.fromisoformat(f"{text}+00:00") for text in (consent_at, end))
    ended = began + days(30)
    facts = an_object(session=RETAINED, served=[a_served(consent_at=began, expires_at=ended)], retain_until=ended)

    before, after = (decide(facts, now=at, grace=WEEK) for at in (over - MOMENT, over))

    until = f"{over:%Y-%m-%d %H:%M} UTC"
    law = f"It is kept until {until}: the law asks for five years from the consent of a retained certificate."
    assert before == decided(Verdict.KEEP, Rule.REGULATORY_MINIMUM, law, over)
    words = f"It is marked now: the last certificate that needs it ends on {ended:%Y-%m-%d %H:%M} UTC."
    assert after == decided(Verdict.MARK, Rule.DEFAULT, words, over + WEEK)


def test_a_clock_that_steps_back_keeps_what_is_marked() -> None:
    words = f"It is marked, and goes on 2031-03-18 03:15 UTC unless somebody keeps it: {ENDS}."
    expected = decided(Verdict.WAIT, Rule.DEFAULT, words, NOW + days(8))

    assert decide(marked(an_object(), ago=days(-1)), now=NOW, grace=WEEK) == expected


def test_another_grace_is_kept_too() -> None:
    facts = marked(an_object(), ago=days(20))

    words = f"It is marked, and goes on 2031-03-20 03:15 UTC unless somebody keeps it: {ENDS}."
    assert decide(facts, now=NOW, grace=days(30)) == decided(Verdict.WAIT, Rule.DEFAULT, words, NOW + days(10))
    assert decide(facts, now=NOW, grace=days(20) + MOMENT).verdict is Verdict.WAIT
    assert decide(facts, now=NOW, grace=days(20)) == decided(Verdict.DELETE, Rule.DEFAULT, f"It is deleted: {ENDS}.", NOW)


@pytest.mark.parametrize(
    ("facts", "rule", "guarded"),
    [
        pytest.param(an_object(), Rule.DEFAULT, False, id="a settled policy"),
        pytest.param(an_object(policy_changed_at=NOW - days(6.9)), Rule.CUSTOMER_POLICY, True, id="a policy of this week"),
        pytest.param(an_object(policy_changed_at=NOW - days(7) + MOMENT), Rule.DEFAULT, True, id="unchanged for almost seven days"),
        pytest.param(an_object(policy_changed_at=NOW - days(7)), Rule.CUSTOMER_POLICY, False, id="unchanged for seven days"),
        pytest.param(an_object(policy_changed_at=None), Rule.DEFAULT, False, id="never changed"),
        pytest.param(an_object(), Rule.ERASURE_REQUEST, True, id="an erasure always counts"),
        pytest.param(a_copy(session=ARCHIVED), Rule.ERASURE_REQUEST, True, id="that of a second copy too"),
        pytest.param(a_copy(session=ARCHIVED, policy_changed_at=NOW), Rule.DEFAULT, False, id="the second copy never counts"),
        pytest.param(a_copy(policy_changed_at=NOW), Rule.DEFAULT, True, id="the only copy does"),
        pytest.param(
            a_copy(kind="dom", session=ARCHIVED, policy_changed_at=NOW), Rule.DEFAULT, True, id="a page is no copy of a recording"
        ),
        pytest.param(a_copy(session=None, policy_changed_at=NOW), Rule.DEFAULT, True, id="a copy without its session does"),
        pytest.param(an_object(session=ARCHIVED, policy_changed_at=NOW), Rule.DEFAULT, True, id="what is archived itself does"),
    ],
)
def test_what_the_guard_counts(facts: Facts, rule: Rule, guarded: bool) -> None:
    assert is_guarded(facts, rule=rule, now=NOW) is guarded


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (NOW, "2031-03-10 03:15 UTC"),
        (datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "2026-12-31 23:59 UTC"),
        (datetime(2028, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))), "2028-02-29 23:30 UTC"),
    ],
)
def test_a_moment_is_told_in_utc(at: datetime, text: str) -> None:
    assert day(at) == text
