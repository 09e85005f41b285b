"""The languages that eConsent detects, and a consent text in each (``data/languages.json``)."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

CODES: Final = ("en", "es", "fr", "pt", "de", "it", "zh", "zh-TW", "ko", "vi")  # documented: docs/compliance/language-detection


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """``wording`` is the current consent text, ``old_wording`` the one before; ``{brand}`` stands in both for the seller.

    ``given_names`` are ordinary, ``surname`` is the word for "example", so that no visitor looks real; ``ascii_surname`` goes
    into e-mail addresses.
    """

    code: str
    wording: str
    old_wording: str
    given_names: tuple[str, ...]
    surname: str
    ascii_surname: str


@cache
def language(code: str) -> Language:
    """Return the language with this code. Raises KeyError for one that eConsent does not detect."""
    texts: list[dict[str, Any]] = json.loads((files("demo") / "data" / "languages.json").read_text(encoding="utf-8"))
    known = {text["code"]: text for text in texts}
    return Language(given_names=tuple(known[code].pop("given_names")), **known[code])
