"""As much of Matroska as it takes to hand pictures with their times to ffmpeg: two tracks, the page in JPEG and the clock as it is.

Element ids: https://www.matroska.org/technical/elements.html
"""

from typing import Final

from econsent_jobs.mp4_conversion.model import STEP_MS

UNKNOWN_SIZE: Final = b"\x01" + b"\xff" * 7
MILLISECOND_NS: Final = 1_000_000
PAGE_TRACK, CLOCK_TRACK = 1, 2
WHOLE_FRAME: Final = b"\x00\x00\x80"  # of a block: no offset from its cluster's time, and a key frame


def element(identifier: str, content: bytes) -> bytes:
    """Return one element; its size is written in eight bytes, whatever it is."""
    return bytes.fromhex(identifier) + (len(content) | 1 << 56).to_bytes(8, "big") + content


def number(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def track(which: int, codec: bytes, size: tuple[int, int], *, colours: bytes = b"") -> bytes:
    width, height = size
    video = element("E0", element("B0", number(width)) + element("BA", number(height)) + colours)
    kind = element("D7", number(which)) + element("73C5", number(which)) + element("83", number(1)) + element("86", codec)
    return element("AE", kind + element("23E383", number(STEP_MS * MILLISECOND_NS)) + video)  # the last frame lasts one step


def head(*, page: tuple[int, int], clock: tuple[int, int]) -> bytes:
    """Return the beginning of the stream; the sizes are width and height in pixels."""
    ebml = element("4286", number(1)) + element("42F7", number(1)) + element("42F2", number(4)) + element("42F3", number(8))
    ebml += element("4282", b"matroska") + element("4287", number(4)) + element("4285", number(2))
    info = element("2AD7B1", number(MILLISECOND_NS)) + element("4D80", b"econsent") + element("5741", b"econsent")
    tracks = track(PAGE_TRACK, b"V_MJPEG", page) + track(CLOCK_TRACK, b"V_UNCOMPRESSED", clock, colours=element("2EB524", b"I420"))
    return element("1A45DFA3", ebml) + bytes.fromhex("18538067") + UNKNOWN_SIZE + element("1549A966", info) + element("1654AE6B", tracks)


def frame(at_ms: int, *, page: bytes, clock: bytes) -> bytes:
    """Return one frame of both tracks."""
    blocks = b"".join(
        element("A3", bytes([0x80 | which]) + WHOLE_FRAME + picture) for which, picture in ((PAGE_TRACK, page), (CLOCK_TRACK, clock))
    )
    return element("1F43B675", element("E7", number(at_ms)) + blocks)
