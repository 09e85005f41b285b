"""The strip below the page: the clock on the wall, the page's address and the certificate's id.

Its texts are drawn by the browser with the page; the clock is drawn by the encoder, because it ticks while nothing else happens.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from econsent_jobs.mp4_conversion.model import Footer, Page
from econsent_jobs.mp4_conversion.rules.plan import Grid

CHARACTER_WIDTH: Final = 7  # of the footer's fixed-width font at 11 px, rounded up
LINE_HEIGHT: Final = 15
MARGIN: Final = 6
CLOCK_HEIGHT: Final = 14
GAP: Final = 4
MOST_ADDRESS_LINES: Final = 2
NO_CERTIFICATE: Final = "no certificate"
ELLIPSIS: Final = "…"


def plan_footer(pages: Sequence[Page], certificate_id: str | None, *, frames: Grid, width: int) -> Footer:
    """Return the strip for a video of this width; its height is that of the text that needs most lines."""
    texts: dict[int, Sequence[str]] = {}
    for page in pages:
        if page.href:
            texts[frames.frame_of(page.at_ms)] = lines(page.href, certificate_id, width=width)
    if not texts or min(texts) > 0:
        texts[0] = lines("", certificate_id, width=width)
    most = max(len(text) for text in texts.values())
    text_y = MARGIN + CLOCK_HEIGHT + GAP
    height = text_y + most * LINE_HEIGHT + MARGIN
    return Footer(texts=sorted(texts.items()), height=height + height % 2, clock_x=MARGIN, clock_y=MARGIN, text_y=text_y)


def lines(href: str, certificate_id: str | None, *, width: int) -> list[str]:
    """Break address and id into lines that fit. A long address loses its middle, an id nothing."""
    room = max(10, (width - 2 * MARGIN) // CHARACTER_WIDTH)
    address = shortened(printable(href), room * MOST_ADDRESS_LINES)
    return [*broken(address, room), *broken(certificate_id or NO_CERTIFICATE, room)]


def shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return text[:half] + ELLIPSIS + text[len(text) - (most - 1 - half) :]


def broken(text: str, room: int) -> list[str]:
    return [text[at : at + room] for at in range(0, len(text), room)]


def printable(text: str) -> str:
    """Characters that are seen, in the order in which they stand: none that turns the direction of writing around."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def clock_text(at_ms: float) -> str:
    """Return what the clock shows at a moment, in UTC."""
    return datetime.fromtimestamp(math.floor(at_ms / 1000), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
