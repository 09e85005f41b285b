"""The stream that ffmpeg reads, taken apart again by the format's own rules: https://www.matroska.org/technical/elements.html."""

from collections.abc import Iterator
from typing import Final

from econsent_jobs.mp4_conversion.rules.matroska import frame, head, number

MASTERS: Final = {"1A45DFA3", "1549A966", "1654AE6B", "AE", "E0", "1F43B675"}
SEGMENT: Final = "18538067"


def elements(data: bytes, *, depth: int = 0) -> Iterator[tuple[int, str, bytes]]:
    """Yield depth, id and content of each element; a master's content comes as elements of their own."""
    at = 0
    while at < len(data):
        length = 9 - data[at].bit_length()
        identifier, at = data[at : at + length].hex().upper(), at + length
        assert data[at] == 1, "sizes have eight bytes"
        size, at = int.from_bytes(data[at + 1 : at + 8], "big"), at + 8
        if identifier == SEGMENT:
            assert size == 2**56 - 1, "nobody knows yet how long it will be"
            yield depth, identifier, b""
            continue
        content, at = data[at : at + size], at + size
        assert len(content) == size
        yield depth, identifier, b"" if identifier in MASTERS else content
        if identifier in MASTERS:
            yield from elements(content, depth=depth + 1)


def test_the_head_names_two_tracks() -> None:
    def track(which: int, codec: bytes, width: int, height: int, *more: tuple[int, str, bytes]) -> list[tuple[int, str, bytes]]:
        numbers = [(2, "D7", bytes([which])), (2, "73C5", bytes([which])), (2, "83", b"\1"), (2, "86", codec)]
        lasts = (2, "23E383", (100_000_000).to_bytes(4, "big"))
        sizes = [(3, "B0", width.to_bytes(2, "big")), (3, "BA", height.to_bytes(2, "big"))]
        return [(1, "AE", b""), *numbers, lasts, (2, "E0", b""), *sizes, *more]

    assert list(elements(head(page=(1_280, 720), clock=(276, 258)))) == [
        (0, "1A45DFA3", b""),
        *[(1, name, value) for name, value in (("4286", b"\1"), ("42F7", b"\1"), ("42F2", b"\4"), ("42F3", b"\x08"))],
        *[(1, name, value) for name, value in (("4282", b"matroska"), ("4287", b"\4"), ("4285", b"\2"))],
        (0, SEGMENT, b""),
        (0, "1549A966", b""),
        *[(1, name, value) for name, value in (("2AD7B1", b"\x0f\x42\x40"), ("4D80", b"econsent"), ("5741", b"econsent"))],
        (0, "1654AE6B", b""),
        *track(1, b"V_MJPEG", 1_280, 720),
        *track(2, b"V_UNCOMPRESSED", 276, 258, (3, "2EB524", b"I420")),
    ]


def test_a_frame_is_one_picture_of_each_track_at_one_time() -> None:
    assert list(elements(frame(70_000, page=b"jpeg", clock=b"yuv"))) == [
        (0, "1F43B675", b""),
        (1, "E7", b"\x01\x11\x70"),
        (1, "A3", b"\x81\x00\x00\x80jpeg"),
        (1, "A3", b"\x82\x00\x00\x80yuv"),
    ]


def test_numbers_take_as_few_bytes_as_they_need_and_at_least_one() -> None:
    assert [number(value) for value in (0, 1, 255, 256, 65_535, 65_536)] == [b"\0", b"\1", b"\xff", b"\1\0", b"\xff\xff", b"\1\0\0"]
