"""What moves to the cold tier, and whether the archive can move it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from econsent_jobs.retention_enforcement.model import Backend, Facts, State
from econsent_jobs.retention_enforcement.rules.tiers import Capability, LifecycleRule, capability, is_cold
from tests.unit.retention_enforcement.examples import NOW, a_session, an_object, days


@pytest.mark.parametrize(
    ("changes", "cold"),
    [
        pytest.param({}, True, id="large enough and left alone for 180 days"),
        pytest.param({"kind": "video"}, True, id="a video"),
        pytest.param({"kind": "certificate"}, False, id="a certificate"),
        pytest.param({"kind": "attestation"}, False, id="an attestation"),
        pytest.param({"kind": "dom"}, False, id="a page"),
        pytest.param({"kind": "poster"}, False, id="a poster"),
        pytest.param({"kind": "sidecar"}, False, id="a sidecar"),
        pytest.param({"size_bytes": 131_071}, False, id="one byte less than lifecycle rules move"),
        pytest.param({"size_bytes": 131_073}, True, id="one byte more"),
        pytest.param({"created_at": NOW - days(180) + timedelta(microseconds=1)}, False, id="a moment too young"),
        pytest.param({"created_at": NOW - days(181)}, True, id="older"),
        pytest.param({"accessed_at": NOW - days(1)}, False, id="it was read lately"),
        pytest.param({"accessed_at": NOW - days(180)}, True, id="it was read 180 days ago"),
        pytest.param({"session": a_session(last_accessed_at=NOW - days(1))}, False, id="its session was looked at lately"),
        pytest.param({"session": a_session(last_accessed_at=NOW - days(180))}, True, id="its session was looked at 180 days ago"),
        pytest.param({"session": a_session(last_accessed_at=NOW - days(200))}, True, id="even before it was archived"),
        pytest.param({"session": a_session(last_accessed_at=None)}, True, id="nobody looked at its session"),
        pytest.param({"tier": 3}, False, id="it is in tier 3"),
        pytest.param({"tier": 1}, False, id="it is in tier 1"),
        pytest.param({"state": State.EXPIRED}, False, id="it is marked"),
        pytest.param({"state": State.DELETED}, False, id="it is gone"),
        pytest.param({"backend": Backend.EFS}, False, id="it lies on the shared file system"),
    ],
)
def test_what_is_cold(changes: dict[str, Any], cold: bool) -> None:
    facts: Facts = an_object(kind="recording", size_bytes=131_072, created_at=NOW - days(180))

    assert is_cold(replace(facts, **changes), now=NOW) is cold


TO_COLD = LifecycleRule(enabled=True, tags=[("tier", "3")], classes=["GLACIER_IR"])
MOVES = Capability(moves=True, sentence="a lifecycle rule moves objects tagged tier=3 to GLACIER_IR")
STAYS = Capability(
    moves=False, sentence="the archive has no enabled lifecycle rule that moves objects tagged tier=3 to GLACIER_IR; tier stays 2"
)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([TO_COLD], MOVES, id="the rule"),
        pytest.param([replace(TO_COLD, tags=[("a", "b"), ("tier", "3")])], MOVES, id="a rule with a further tag"),
        pytest.param([replace(TO_COLD, classes=["STANDARD_IA", "GLACIER_IR"])], MOVES, id="a rule with a class before"),
        pytest.param([replace(TO_COLD, enabled=False), TO_COLD], MOVES, id="one of two rules"),
        pytest.param([replace(TO_COLD, enabled=False)], STAYS, id="a disabled rule"),
        pytest.param([replace(TO_COLD, tags=[("tier", "2")])], STAYS, id="another value"),
        pytest.param([replace(TO_COLD, tags=[("class", "3")])], STAYS, id="another tag"),
        pytest.param([replace(TO_COLD, tags=[])], STAYS, id="no tag"),
        pytest.param([replace(TO_COLD, classes=["DEEP_ARCHIVE"])], STAYS, id="a class that cannot be read at once"),
        pytest.param([replace(TO_COLD, classes=[])], STAYS, id="no class"),
        pytest.param([replace(TO_COLD, tags=[]), replace(TO_COLD, classes=[])], STAYS, id="two halves are no rule"),
        pytest.param([], STAYS, id="no rules"),
    ],
)
def test_the_archives_answer_is_judged(rules: list[LifecycleRule], expected: Capability) -> None:
    assert capability(rules, refusal="not asked for") == expected


def test_an_archive_that_does_not_answer_moves_nothing() -> None:
    sentence = "the archive says nothing of lifecycle rules (NotImplemented), so everything stays in tier 2"

    assert capability(None, refusal="NotImplemented") == Capability(moves=False, sentence=sentence)
