"""Which language a disclosure is written in, by its own words."""

from collections import Counter
from functools import lru_cache
from typing import Final

from lingua import IsoCode639_1, LanguageDetectorBuilder

from econsent_jobs.certificate_processing.model import Language

CODES: Final = (
    "EN",
    "ES",
    "FR",
    "PT",
    "DE",
    "IT",
    "ZH",
    "KO",
    "VI",
)  # documented, with zh-TW: docs/compliance/language-detection
ENOUGH_CHARACTERS: Final = 2_000


class LanguageDetector:
    """n-gram detection among the documented languages. Its models load on first use (about 0.7 s) and stay in memory (about 100 MB)."""

    def __init__(self) -> None:
        codes = [getattr(IsoCode639_1, code) for code in CODES]
        self._detector = LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()
        # many consumers see the same disclosure
        self._remembered = lru_cache(maxsize=1_000)(self._detect)

    def detect(self, text: str) -> Language:
        """Return the most likely language of the first 2,000 characters; no code and no confidence for a text without letters."""
        return self._remembered(text[:ENOUGH_CHARACTERS])

    def _detect(self, text: str) -> Language:
        if not any(character.isalpha() for character in text):
            return Language(code=None, confidence=0.0)
        best = self._detector.compute_language_confidence_values(text)[0]
        code = best.language.iso_code_639_1.name.lower()
        return Language(code="zh-TW" if code == "zh" and is_traditional(text) else code, confidence=best.value)


def is_traditional(text: str) -> bool:
    """Say whether Chinese is in traditional characters: those that only Big5 knows outnumber those that only GB 2312 knows."""
    scripts = Counter((encodes(character, "big5"), encodes(character, "gb2312")) for character in text if ord(character) > 0x2E80)
    return scripts[True, False] > scripts[False, True]


def encodes(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
