"""The declared language against the disclosure's own."""

import pytest

from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.certificate_processing.model import Language
from econsent_jobs.certificate_processing.rules.languages import declared_code, language_evidence


@pytest.fixture(scope="module")
def detector() -> LanguageDetector:
    return LanguageDetector()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("By clicking you agree to receive calls and text messages at the number above.", "en"),
        ("Al hacer clic, usted acepta recibir llamadas y mensajes de texto en el número indicado.", "es"),
        ("En cliquant, vous acceptez de recevoir des appels et des messages au numéro ci-dessus.", "fr"),
        ("Ao clicar, você concorda em receber ligações e mensagens de texto no número acima.", "pt"),
        ("Mit dem Klick stimmen Sie zu, Anrufe und Textnachrichten unter dieser Nummer zu erhalten.", "de"),
        ("Facendo clic, accetti di ricevere chiamate e messaggi di testo al numero indicato sopra.", "it"),
        ("点击即表示您同意通过上述号码接收电话和短信。", "zh"),
        ("點擊即表示您同意透過上述號碼接收電話和簡訊。", "zh-TW"),
        ("클릭하면 위 번호로 전화와 문자 메시지를 받는 데 동의하는 것입니다.", "ko"),
        ("Khi nhấp vào, bạn đồng ý nhận cuộc gọi và tin nhắn văn bản theo số trên.", "vi"),
    ],
)
def test_detects_the_ten_documented_languages(detector: LanguageDetector, text: str, code: str) -> None:
    found = detector.detect(text)
    assert found.code == code
    assert 0.5 < found.confidence <= 1.0


@pytest.mark.parametrize("text", ["", "12 345", "!?"])
def test_a_text_without_letters_has_no_language(detector: LanguageDetector, text: str) -> None:
    assert detector.detect(text) == Language(code=None, confidence=0.0)


@pytest.mark.parametrize(
    ("html_lang", "code"),
    [
        ("en", "en"),
        ("en-US", "en"),
        (" EN_us ", "en"),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh-TW", "zh-TW"),
        ("zh-Hant", "zh-TW"),
        ("zh-Hant-HK", "zh-TW"),
        ("zh-Hans", "zh"),
        ("", None),
        (None, None),
        ("tlh", "tlh"),
    ],
)
def test_declared_code(html_lang: str | None, code: str | None) -> None:
    assert declared_code(html_lang) == code


@pytest.mark.parametrize(
    ("html_lang", "detected", "mismatch"),
    [
        pytest.param("en-US", "en", False, id="they agree"),
        pytest.param("en", "es", True, id="they disagree, and both are recorded"),
        pytest.param("zh-CN", "zh-TW", True, id="another script is another language here"),
        pytest.param(None, "es", False, id="nothing was declared"),
        pytest.param("en", None, False, id="nothing was detected"),
    ],
)
def test_both_values_are_recorded(html_lang: str | None, detected: str | None, mismatch: bool) -> None:
    evidence = language_evidence("The text.", html_lang=html_lang, detected=Language(code=detected, confidence=0.98765))
    assert evidence == {
        "detected": detected,
        "htmlLang": html_lang,
        "confidence": 0.988,
        "disclosureText": "The text.",
        "mismatch": mismatch,
    }
