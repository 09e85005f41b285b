"""Comparing the page's declared language with the disclosure's own (docs/compliance/language-detection)."""

from collections.abc import Mapping
from typing import Any, Final

from econsent_jobs.certificate_processing.model import Language

TRADITIONAL: Final = {"hant", "tw", "hk", "mo"}


def declared_code(html_lang: str | None) -> str | None:
    """Return ``<html lang>`` in the form of the documented codes: ``en-US`` is ``en``, ``zh-Hant`` is ``zh-TW``; None without one."""
    subtags = (html_lang or "").strip().lower().replace("_", "-").split("-")
    if not subtags[0]:
        return None
    return "zh-TW" if subtags[0] == "zh" and TRADITIONAL.intersection(subtags[1:]) else subtags[0]


def language_evidence(disclosure: str, *, html_lang: str | None, detected: Language) -> Mapping[str, Any]:
    """Return the documented JSON shape. Both values are recorded always; ``mismatch`` says that both are known and differ."""
    declared = declared_code(html_lang)
    return {
        "detected": detected.code,
        "htmlLang": html_lang,
        "confidence": round(detected.confidence, 3),
        "disclosureText": disclosure,
        "mismatch": detected.code is not None and declared is not None and detected.code != declared,
    }
