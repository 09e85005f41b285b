"""Two spellings of one thing give one hash."""

import pytest

from econsent_jobs.core.contacts import email_text, phone_text
from econsent_jobs.core.text import norm_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("  I\tagree \n to  calls ", "I agree to calls", id="white space"),
        pytest.param("cafe\u0301", "caf\u00e9", id="composed"),
        pytest.param("a\u00a0b\u2003c", "a b c", id="Unicode's other spaces"),
        pytest.param("", "", id="empty"),
    ],
)
def test_norm_text(text: str, expected: str) -> None:
    assert norm_text(text) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("(202) 555-0123", "+12025550123"),
        ("+1 202 555 0123", "+12025550123"),
        ("1-202-555-0123", "+12025550123"),
        ("+44 20 7946 0958", "+442079460958"),
        pytest.param(" 12 ", "12", id="what nobody can dial stays as typed"),
        pytest.param("call  me", "call me", id="no number at all"),
    ],
)
def test_phone_text(typed: str, expected: str) -> None:
    assert phone_text(typed) == expected


def test_email_text() -> None:
    assert email_text(" Ann.Example@EXAMPLE.com ") == "ann.example@example.com"
