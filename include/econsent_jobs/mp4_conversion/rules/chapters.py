"""A video's chapters: where the page changes, and where the consumer agreed."""

from collections.abc import Sequence
from typing import Final

from econsent_jobs.mp4_conversion.model import Certificate, Chapter, Recording
from econsent_jobs.mp4_conversion.rules.plan import grid

LONGEST_TITLE: Final = 200
MOST_CHAPTERS: Final = 500
FIRST_TITLE: Final = "Start"


def plan_chapters(recording: Recording, certificates: Sequence[Certificate]) -> list[Chapter]:
    """Return the chapters in order, the first at frame 0; of several at one frame a consent counts, else the last.

    A page that is resized stays the same page. A consent is a click on what asks for it, and the moment that a certificate names.
    """
    frames = grid(recording)
    titles: dict[int, str] = {0: FIRST_TITLE}
    last = ""
    for page in recording.pages:
        if page.href and page.href != last:
            titles[frames.frame_of(page.at_ms)] = page.href[:LONGEST_TITLE]
            last = page.href
    ends_ms = recording.started_ms + recording.duration_ms
    for at_ms in recording.consent_clicks_ms:
        titles[frames.frame_of(at_ms)] = "Consent click"
    for certificate in certificates:
        at_ms = certificate.consent_at.timestamp() * 1000
        if recording.started_ms <= at_ms <= ends_ms:
            titles[frames.frame_of(at_ms)] = "Consent given"
    return [Chapter(frame=frame, title=titles[frame]) for frame in sorted(titles)][:MOST_CHAPTERS]


def chapters_text(chapters: Sequence[Chapter], *, frames: int, step_ms: int) -> str:
    """Return ffmpeg's metadata file. Every chapter ends where the next begins, the last with the video."""
    ends = [chapter.frame for chapter in chapters[1:]] + [frames]
    blocks = [
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={chapter.frame * step_ms}\nEND={end * step_ms}\ntitle={escaped(chapter.title)}\n"
        for chapter, end in zip(chapters, ends, strict=True)
    ]
    return ";FFMETADATA1\n" + "".join(blocks)


def escaped(title: str) -> str:
    """Escape what the metadata file gives a meaning to; line ends and what cannot be seen become blanks."""
    plain = "".join(letter if letter.isprintable() else " " for letter in title)
    return "".join(f"\\{letter}" if letter in "=;#\\" else letter for letter in plain)
