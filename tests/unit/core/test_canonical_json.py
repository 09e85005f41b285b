"""The form that is hashed and signed."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

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
