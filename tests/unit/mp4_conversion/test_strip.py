"""The strip below the page, and the small pictures that are laid over it."""

from hashlib import sha256

import pytest

from econsent_jobs.mp4_conversion.model import Page
from econsent_jobs.mp4_conversion.rules.footer import clock_text, lines, plan_footer
from econsent_jobs.mp4_conversion.rules.plan import Grid
from econsent_jobs.mp4_conversion.rules.sprites import GLYPHS, arrow_picture, clock_picture, clock_size, ring_picture

FRAMES = Grid(0.0, 1_000)
TIME = "2026-03-01 09:34:58 UTC"
LONG_ID = "EC-sess-xyz789-" + "a" * 43


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [(0, "1970-01-01 00:00:00 UTC"), (1_772_000_000_999, "2026-02-25 06:13:20 UTC"), (1_772_000_001_000, "2026-02-25 06:13:21 UTC")],
)
def test_the_clock_shows_whole_seconds_in_utc(at_ms: float, text: str) -> None:
    assert clock_text(at_ms) == text
    assert set(text) <= GLYPHS.keys()


@pytest.mark.parametrize(
    ("href", "certificate_id", "width", "expected"),
    [
        pytest.param("https://a/", "EC-1", 800, ["https://a/", "EC-1"], id="one line each"),
        pytest.param("https://a/", None, 800, ["https://a/", "no certificate"], id="no certificate"),
        pytest.param("", "EC-1", 800, ["EC-1"], id="no address"),
        pytest.param("abcdefghijklmnopqrstuvwxyz", "EC-1", 89, ["abcdefghij…", "pqrstuvwxyz", "EC-1"], id="a long one loses its middle"),
        pytest.param("a\u202eb\nc", "EC-1", 800, ["a\ufffdb\ufffdc", "EC-1"], id="nothing turns the writing around"),
    ],
)
def test_lines(href: str, certificate_id: str | None, width: int, expected: list[str]) -> None:
    assert lines(href, certificate_id, width=width) == expected


def test_an_id_is_never_shortened() -> None:
    found = lines("https://a/" + "b" * 500, LONG_ID, width=320)

    assert "".join(found[2:]) == LONG_ID
    assert max(map(len, found)) <= (320 - 12) // 7


def test_the_text_changes_with_the_page_and_the_height_stays() -> None:
    pages = [Page(0, "https://a/", 1, 1), Page(2_000, "https://a/" + "x" * 200, 1, 1)]

    found = plan_footer(pages, "EC-1", frames=FRAMES, width=800)

    assert [frame for frame, _ in found.texts] == [0, 20]
    assert found.height % 2 == 0
    assert found.height >= found.text_y + 3 * 15


def test_every_glyph_has_the_same_size() -> None:
    assert {(len(rows), *{len(row) for row in rows}) for rows in GLYPHS.values()} == {(7, 5)}


@pytest.mark.parametrize(("width", "scale"), [(160, 1), (280, 1), (320, 2), (1_280, 2)])
def test_the_clock_fits(width: int, scale: int) -> None:
    found, wide, high = clock_size(width=width)

    assert (found, wide % 2, high % 2) == (scale, 0, 0)
    assert wide + 6 <= width
    assert len(clock_picture("2026-03-01 09:30:00 UTC", width=width)) == wide * high * 3 // 2


def test_another_second_is_another_picture() -> None:
    assert clock_picture("2026-03-01 09:30:00 UTC", width=800) != clock_picture("2026-03-01 09:30:01 UTC", width=800)


@pytest.mark.parametrize("picture", [arrow_picture(), ring_picture()], ids=["arrow", "ring"])
def test_the_pointers_are_pictures_with_transparency(picture: bytes) -> None:
    head, _, dots = picture.partition(b"ENDHDR\n")
    sizes = {line.split()[0]: int(line.split()[1]) for line in head.decode().splitlines() if line.startswith(("WIDTH", "HEIGHT", "DEPTH"))}

    assert head.startswith(b"P7\n")
    assert len(dots) == sizes["WIDTH"] * sizes["HEIGHT"] * sizes["DEPTH"]
    assert {0, 255} <= set(dots[3::4])


@pytest.mark.parametrize(
    ("picture", "digest"),
    [
        pytest.param(arrow_picture(), "502a4adca78256668f4dddf5b48bd86e96a23063ddd13e627bf28c67340203e1", id="arrow"),
        pytest.param(ring_picture(), "b08848aac7459075b34a9d40e65c4d5469463c7e842c67a96063450626dc00f1", id="ring"),
        pytest.param(
            clock_picture(TIME, width=160), "d98d450cc764f01d4e3d1e1c2a5d89dc3fca5b1e767c850285c16493f7b1adcd", id="a small clock"
        ),
        pytest.param(
            clock_picture(TIME, width=800), "e04717d8f529fad73bdbe2cf6940cfa40be91725a4b9bbdd4965f0c0167d8fc9", id="a large clock"
        ),
    ],
)
def test_the_pictures_are_what_they_have_always_been(picture: bytes, digest: str) -> None:
    """Every dot is in the video's bytes, which a later try has to make again."""
    assert sha256(picture).hexdigest() == digest


@pytest.mark.parametrize(("width", "size"), [(160, (1, 138, 8)), (285, (1, 138, 8)), (286, (2, 276, 14)), (1_280, (2, 276, 14))])
def test_the_clock_grows_where_there_is_room(width: int, size: tuple[int, int, int]) -> None:
    assert clock_size(width=width) == size


def test_the_strip_to_the_pixel() -> None:
    pages = [Page(0, "", 1, 1), Page(2_000, "https://a/", 1, 1), Page(3_000, "b" * 33, 1, 1)]

    found = plan_footer(pages, "EC-1", frames=FRAMES, width=160)

    assert found.texts == [(0, ["EC-1"]), (20, ["https://a/", "EC-1"]), (30, ["b" * 21, "b" * 12, "EC-1"])]
    assert (found.clock_x, found.clock_y, found.text_y, found.height) == (6, 6, 24, 76)
    assert plan_footer([], None, frames=FRAMES, width=1).texts == [(0, ["no certifi", "cate"])]
    assert plan_footer([], "EC-1", frames=FRAMES, width=800).height == 46
