"""The form that is hashed and signed."""

import math
import sys
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from econsent_jobs.core.canonical_json import canonical_json, sha256_hex, timestamp_text
from econsent_jobs.core.errors import BadItem, ErrorClass


def test_is_rfc_8785() -> None:
    """The vector of RFC 8785, section 3.2.2, without what Python's parser would change first."""
    document = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical_json(document) == (
        rb'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


class Colour(StrEnum):
    RED = "red"


NUMBERS = st.integers() | st.floats() | st.integers(-(2**54), 2**54).map(float) | st.floats(1e-8, 1e-3) | st.floats(1e14, 1e23)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(st.characters()) | st.sampled_from(Colour)
KEYS = st.text() | st.text(st.sampled_from("aZ~\u20ac\ue000\uffff\U00010000\U0010ffff"))
DOCUMENTS = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner))


@given(document=DOCUMENTS)
def test_is_what_the_reference_library_writes(document: Any) -> None:
    """Most documents take the shorter way; none may show it."""
    try:
        expected = rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        with pytest.raises(BadItem):
            canonical_json(document)
    else:
        assert canonical_json(document) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param({"\U00010000": 1, "\uffff": 2}, '{"\U00010000":1,"\uffff":2}', id="keys in the order of UTF-16"),
        pytest.param([1.0, -0.0, 640.0], "[1,0,640]", id="whole numbers without a fraction"),
        pytest.param([1e-5, 1e16, 1e21], "[0.00001,10000000000000000,1e+21]", id="exponents as JavaScript writes them"),
        pytest.param([2**53 - 1, 1 - 2**53], "[9007199254740991,-9007199254740991]", id="the largest integers"),
        pytest.param("\x7f\u2028<", '"\x7f\u2028<"', id="only what must be is escaped"),
    ],
)
def test_where_python_would_write_something_else(document: Any, expected: str) -> None:
    assert canonical_json(document) == expected.encode()


def test_too_many_levels_are_bad_data() -> None:
    document: list[Any] = []
    for _ in range(sys.getrecursionlimit()):
        document = [document]
    with pytest.raises(BadItem, match="too many levels"):
        canonical_json(document)


@pytest.mark.parametrize("document", [math.nan, math.inf, 2**53, "\ud800", {"a": ["\udfff"]}, {1: "a number as a key"}])
def test_refuses_what_json_cannot_hold(document: Any) -> None:
    with pytest.raises(BadItem) as refusal:
        canonical_json(document)
    assert refusal.value.error_class is ErrorClass.DATA


@pytest.mark.parametrize(
    ("at", "text"),
    [
        pytest.param(datetime(2026, 3, 1, 9, 5, 7, 999_999, tzinfo=UTC), "2026-03-01T09:05:07.999Z", id="cut, not rounded"),
        pytest.param(datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2026-02-28T23:00:00.000Z", id="another zone"),
        pytest.param(datetime(987, 1, 1, tzinfo=UTC), "0987-01-01T00:00:00.000Z", id="four digits of year"),
    ],
)
def test_times_are_text(at: datetime, text: str) -> None:
    assert timestamp_text(at) == text


def test_a_time_without_zone_is_a_bug() -> None:
    with pytest.raises(ValueError, match="zone"):
        timestamp_text(datetime(2026, 1, 1))  # noqa: DTZ001  the case in question


def test_sha256_is_lower_case_hex() -> None:
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
