"""What the tracker reports at a submission: the ``capture`` of a certificate, varied over all that a real page can look like."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from demo.languages import CODES, language
from demo.people import Person, make_person
from demo.tenants import TENANTS
from econsent_jobs.core.canonical_json import timestamp_text

LONGEST_VALUE: Final = 4_900  # documented: docs/certificates/overview cuts texts here
TYPES: Final = ("TEXT", "EMAIL", "CALL", "AUTODIALER", "PRERECORDED")
VIEWPORTS: Final = ((1280, 720), (1366, 768), (390, 844))
MOMENT: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # of captures that belong to no visit

Capture = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a disclosure is shown. ``shows`` says what an attestation ought to find.

    Sizes are CSS pixels; a ``width`` of 0 means that there is no box at all.
    """

    name: str
    shows: str
    color: str = "rgb(31, 41, 55)"
    background: str = "rgb(255, 255, 255)"
    font_size_px: float = 16
    font_weight: int = 400
    display: str = "block"
    visibility: str = "visible"
    opacity: float = 1
    top: float = 420
    width: float = 640

    @property
    def style(self) -> dict[str, str | float | int]:
        """Computed style, as the tracker reports it."""
        return {
            "display": self.display,
            "visibility": self.visibility,
            "opacity": self.opacity,
            "color": self.color,
            "backgroundColor": self.background,
            "fontSizePx": self.font_size_px,
            "fontWeight": self.font_weight,
        }

    @property
    def css(self) -> str:
        """The same as an inline style, for the page and its recording."""
        return (
            f"display:{self.display};visibility:{self.visibility};opacity:{self.opacity:g};color:{self.color};"
            f"background-color:{self.background};font-size:{self.font_size_px:g}px;font-weight:{self.font_weight}"
        )


LOOKS: Final = (
    Look(name="plain", shows="AAA"),
    Look(name="hex-colours", shows="AAA", color="#333333", background="#ffffff"),
    Look(name="large", shows="AAA: large text needs a contrast of 4.5 only", color="rgb(100, 100, 100)", font_size_px=24),
    Look(name="large-bold", shows="AAA: bold text is large from 14 pt on", color="#6e6e6e", font_size_px=18.67, font_weight=700),
    Look(name="grey", shows="AA by contrast and by size", color="rgb(107, 114, 128)", font_size_px=14),
    Look(name="small-dark", shows="AA by size", color="rgb(0, 0, 0)", font_size_px=12),
    Look(name="translucent", shows="contrast after blending", color="rgba(0, 0, 0, 0.7)", background="rgba(255, 255, 255, 1)"),
    Look(name="pale", shows="Fail by contrast", color="rgb(170, 170, 170)"),
    Look(name="fine-print", shows="Fail by size, with a warning", font_size_px=10),
    Look(name="tiny", shows="Fail by size", font_size_px=8),
    Look(name="not-displayed", shows="invisible", display="none", width=0),
    Look(name="hidden", shows="invisible", visibility="hidden"),
    Look(name="transparent", shows="invisible", opacity=0),
    Look(name="far-below", shows="visible, but outside the viewport", top=5_200),
)


def good_capture(seed: int, *, submitted_at: datetime = MOMENT) -> Capture:
    """Return a capture that certificate processing must accept. Seeds 0 to 139 go through every language with every look.

    Beside a recording, ``submitted_at`` should be the certificate's ``consent_at``: what happened later is not evidence.
    """
    random = Random(f"capture/{seed}")
    written = language(CODES[seed % len(CODES)])
    owner = TENANTS[2]
    return build_capture(
        random,
        html_lang=written.code,
        look=LOOKS[seed // len(CODES) % len(LOOKS)],
        person=make_person(random, written),
        disclosure=owner.wording(written.code),
        partners=owner.partners,
        submitted_at=submitted_at,
    )


def build_capture(
    random: Random,
    *,
    html_lang: str | None,
    look: Look,
    person: Person,
    disclosure: str,
    partners: Sequence[str],
    submitted_at: datetime,
    viewport: tuple[int, int] = VIEWPORTS[0],
) -> Capture:
    """Put a capture together: keys and types as the tracker sends them, lengths in CSS pixels."""
    height = 0 if look.width == 0 else 96
    return {
        "consents": make_consents(random, disclosure),
        "disclosure": {
            "text": spaced(random, disclosure),
            "selector": "div.consent > span",
            "rect": {"top": look.top, "left": 308, "width": look.width, "height": height},
            "style": look.style,
        },
        "viewport": {"width": viewport[0], "height": viewport[1], "scrollY": random.choice((0, 346, 783.5))},
        "form": make_form(random, person),
        "partners": list(partners),
        "htmlLang": html_lang,
        "submittedAt": timestamp_text(submitted_at),
    }


def make_consents(random: Random, disclosure: str) -> list[dict[str, Any]]:
    """One ticked main consent, then implied, secondary, repeated, hidden and unticked ones.

    Implied elements have no box, so ``checked`` is None there. A repeated id comes with a shorter text: the longer one has to
    win. The box to tick is visible even where the disclosure beside it is not.
    """
    main = consent("tcpa", "TEXT", category="main-explicit", value=disclosure)
    found = [main]
    if random.random() < 0.7:
        kind = random.choice(("CALL", "AUTODIALER", "PRERECORDED"))
        found.append(consent("tcpa-call", kind, category="main-implied", value=first_sentence(disclosure)))
    if random.random() < 0.4:
        found.append(consent("newsletter", "EMAIL", category="secondary-explicit", value="Send me offers by e-mail."))
    if random.random() < 0.3:
        found.append(consent("privacy", "EMAIL", category="secondary-implied", value="By continuing you accept the privacy notice."))
    if random.random() < 0.3:
        found.insert(0, {**main, "value": first_sentence(disclosure), "category": "main-implied", "checked": None})
    if random.random() < 0.2:
        found.append(consent("hidden-box", "AUTODIALER", category="secondary-explicit", value="Nobody saw this.", visible=False))
    if random.random() < 0.2:
        found.append(consent("not-ticked", "PRERECORDED", category="secondary-explicit", value="Nobody ticked this.", checked=False))
    if random.random() < 0.1:
        found.append(consent("long", "text", category="secondary-implied", value=long_text(disclosure)))
    random.shuffle(found)
    return found


def consent(identifier: str, kind: str, *, category: str, value: str, visible: bool = True, checked: bool | None = True) -> dict[str, Any]:
    """One tagged element."""
    ticked = checked if category.endswith("-explicit") else None
    return {"id": identifier, "type": kind, "category": category, "value": value, "checked": ticked, "visible": visible}


def make_form(random: Random, person: Person) -> dict[str, str]:
    """What the visitor typed, as typed: an American number, an e-mail address with a stray space or capital letter at times."""
    email = person.email if random.random() < 0.7 else f" {person.email.capitalize()}"
    return {"name": f"{person.given_name}  {person.surname}", "email": email, "phone": person.typed_phone, "state": person.state}


def sessionless_capture(*, text: str, form: Mapping[str, str], kind: str, submitted_at: datetime) -> Capture:
    """A capture of a lead form, a text message or a call: no page, so nothing of its looks; the keys stay, as null."""
    return {
        "consents": [consent("spoken-or-sent", kind, category="main-explicit", value=text)],
        "disclosure": {"text": text, "selector": None, "rect": None, "style": None},
        "viewport": None,
        "form": dict(form),
        "partners": [],
        "htmlLang": None,
        "submittedAt": timestamp_text(submitted_at),
    }


def spaced(random: Random, text: str) -> str:
    """The same text as a page may hold it: line breaks, runs of spaces, decomposed accents."""
    choice = random.randrange(4)
    if choice == 1:
        return "\n    " + text.replace(". ", ".\n    ") + "\t"
    if choice == 2:
        return unicodedata.normalize("NFD", text)
    return text


def first_sentence(text: str) -> str:
    """The text up to its first full stop, or up to the first comma where there is none."""
    return text.replace("。", ".").partition(".")[0]


def long_text(text: str) -> str:
    """A text beyond the cut, with characters outside the basic plane where the cut falls."""
    filler = (text + " ") * (LONGEST_VALUE // len(text) + 1)
    return filler[: LONGEST_VALUE - 3] + "\N{GRINNING FACE}" * 6 + " and so on."
