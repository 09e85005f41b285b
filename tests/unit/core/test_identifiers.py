"""The specification of how opaque ids become paths and keys."""

from pathlib import Path

import pytest

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.core.identifiers import LONGEST_ID, path_below, path_segment


@pytest.mark.parametrize(
    ("identifier", "segment"),
    [
        pytest.param("sess-xyz789", "sess-xyz789", id="plain"),
        pytest.param("A.b_c-9", "A.b_c-9", id="every character that stays"),
        pytest.param("../x", "..%2Fx", id="a way up becomes a name"),
        pytest.param("/etc/passwd", "%2Fetc%2Fpasswd", id="an absolute path becomes a name"),
        pytest.param("a b~c", "a%20b%7Ec", id="the tilde too, which quote() leaves alone"),
        pytest.param("a%2Fb", "a%252Fb", id="an escape cannot be smuggled in"),
        pytest.param("ü", "%C3%BC", id="UTF-8"),
        pytest.param("...", "...", id="three dots are a name"),
        pytest.param("x" * LONGEST_ID, "x" * LONGEST_ID, id="the longest"),
    ],
)
def test_becomes_one_segment(identifier: str, segment: str) -> None:
    assert path_segment(identifier) == segment
    assert path_below(Path("/efs"), identifier, suffix=".json") == Path("/efs") / f"{segment}.json"


@pytest.mark.parametrize("identifier", ["", ".", "..", "a\0b", "\ud800", "x" * (LONGEST_ID + 1), "ü" * 40])
def test_is_refused_by_name(identifier: str) -> None:
    with pytest.raises(BadItem) as refusal:
        path_segment(identifier)
    assert refusal.value.error_class is ErrorClass.DATA


def test_two_ids_never_share_a_segment() -> None:
    hostile = ["a/b", "a%2Fb", "a%2fb", "A/B", "a\\b", "a b", "a+b", "a~b", "a%7Eb"]
    assert len({path_segment(identifier) for identifier in hostile}) == len(hostile)
