"""Visitors who do not exist: telephone numbers, e-mail addresses and networks that are reserved for examples."""

import unicodedata
from dataclasses import dataclass
from random import Random
from typing import Final

from demo.languages import Language

AREA_CODES: Final = ("202", "212", "303", "415", "512", "617", "702", "808")
EMAIL_DOMAINS: Final = ("example.com", "example.net", "example.org")
NETWORKS: Final = ("192.0.2", "198.51.100", "203.0.113")  # RFC 5737
STATES: Final = ("California", "Texas", "Florida")  # the choices of the recorded form
USER_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One visitor. ``phone`` is E.164 in 555-0100…0199, ``typed_phone`` is the same number as a person writes it."""

    given_name: str
    surname: str
    email: str
    phone: str
    typed_phone: str
    state: str
    ip: str
    user_agent: str
    browser_language: str

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.surname}"


def make_person(random: Random, language: Language) -> Person:
    """Make up a visitor who writes ``language``."""
    given_name = random.choice(language.given_names)
    area, line = random.choice(AREA_CODES), f"01{random.randrange(100):02d}"
    mailbox = f"{plain_ascii(given_name) or 'visitor'}.{language.ascii_surname}.{random.randrange(1000):03d}"
    return Person(
        given_name=given_name,
        surname=language.surname,
        email=f"{mailbox}@{random.choice(EMAIL_DOMAINS)}",
        phone=f"+1{area}555{line}",
        typed_phone=f"({area}) 555-{line}",
        state=random.choice(STATES),
        ip=make_address(random),
        user_agent=random.choice(USER_AGENTS),
        browser_language=language.code,
    )


def make_address(random: Random) -> str:
    """One in ten visitors comes by IPv6 (RFC 3849), the others from a documentation network."""
    if random.random() < 0.1:
        return f"2001:db8::{random.randrange(1, 65536):x}"
    return f"{random.choice(NETWORKS)}.{random.randrange(1, 255)}"


def plain_ascii(text: str) -> str:
    """Drop accents and whatever is no ASCII letter then; lower case."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if c.isascii() and c.isalpha())
