"""Which frames a video has, which of them the browser draws, and where pointer, clock and chapters are."""

from datetime import UTC, datetime

import pytest

from econsent_jobs.core.errors import BadItem
from econsent_jobs.mp4_conversion.model import Bounds, Certificate, Chapter, Entry, Kind, Page
from econsent_jobs.mp4_conversion.rules.chapters import chapters_text, plan_chapters
from econsent_jobs.mp4_conversion.rules.plan import canvas, grid, plan, ticks
from tests.unit.mp4_conversion.examples import STARTED_MS, entry, recording

START = entry(0, Kind.PAGE)


def end(at_ms: float) -> Entry:
    return entry(at_ms, Kind.NOTHING)


@pytest.mark.parametrize(("lasts_ms", "frames"), [(0, 1), (99, 1), (100, 2), (1_000, 11), (9_909, 100), (3_600_000, 36_001)])
def test_as_many_frames_as_begin_within_the_recording(lasts_ms: float, frames: int) -> None:
    assert grid(recording(START, end(lasts_ms))).frames == frames


@pytest.mark.parametrize(
    ("at_ms", "frame"),
    [
        pytest.param(0, 0, id="the beginning"),
        pytest.param(1, 1, id="just after a frame: the next one shows it"),
        pytest.param(100, 1, id="at a frame: that one"),
        pytest.param(101, 2, id="never later than a tenth of a second"),
        pytest.param(999, 9, id="in the last part of a frame: the last one"),
        pytest.param(-5, 0, id="never before the first"),
    ],
)
def test_frame_of(at_ms: float, frame: int) -> None:
    assert grid(recording(START, end(950))).frame_of(STARTED_MS + at_ms) == frame


@pytest.mark.parametrize(
    ("entries", "captured"),
    [
        pytest.param([], [0], id="the first frame always"),
        pytest.param([entry(250, Kind.PAGE)], [0, 3], id="what changes the page"),
        pytest.param([entry(250, Kind.MOVE, node=5)], [0, 3], id="the pointer comes over a node"),
        pytest.param([entry(250, Kind.MOVE, node=5), entry(450, Kind.MOVE, node=5)], [0, 3], id="and moves on it"),
        pytest.param([entry(250, Kind.MOVE, node=5), entry(450, Kind.MOVE, node=6)], [0, 3, 5], id="and leaves it"),
        pytest.param([entry(210, Kind.PAGE), entry(290, Kind.PAGE)], [0, 3], id="two in one step are one picture"),
        pytest.param([entry(250, Kind.NOTHING)], [0], id="what is not seen"),
        pytest.param([entry(250, Kind.CLICK)], [0, 3], id="a click may change a style"),
    ],
)
def test_the_browser_draws_only_what_may_look_different(entries: list[Entry], captured: list[int]) -> None:
    made = plan(recording(START, *entries, end(1_000)), [], bounds=Bounds())

    assert [capture.frame for capture in made.captures] == captured


def test_a_capture_shows_every_event_up_to_its_time() -> None:
    made = plan(
        recording(START, entry(250, Kind.MOVE, node=1), entry(300, Kind.PAGE), entry(301, Kind.PAGE), end(980)), [], bounds=Bounds()
    )

    assert [(capture.frame, capture.applied) for capture in made.captures] == [(0, 1), (3, 3), (4, 4)]


def test_an_idle_hour_costs_no_capture_but_its_clock_ticks() -> None:
    made = plan(recording(START, entry(3_600_000, Kind.PAGE)), [], bounds=Bounds())

    assert [capture.frame for capture in made.captures] == [0, 36_000]
    assert len(made.fed) == 3_601


def test_too_many_captures_are_refused() -> None:
    with pytest.raises(BadItem, match="needs 3 pictures of the page, at most 2"):
        plan(recording(START, entry(100, Kind.PAGE), entry(200, Kind.PAGE)), [], bounds=Bounds(captures=2))


@pytest.mark.parametrize(
    ("started", "expected"), [pytest.param(0, [0, 10, 20], id="on the second"), pytest.param(250, [8, 18], id="in between")]
)
def test_the_clock_ticks_when_its_second_begins(started: float, expected: list[int]) -> None:
    found = recording(entry(started, Kind.PAGE), end(started + 2_000))

    assert ticks(grid(found)) == [frame for frame in expected if frame or started]


@pytest.mark.parametrize(
    ("entries", "pointers"),
    [
        pytest.param([entry(100, Kind.MOVE, x=3.4, y=4.6)], [(1, 3, 5, True, False)], id="a mouse is an arrow"),
        pytest.param(
            [entry(100, Kind.MOVE, x=3, y=4), entry(300, Kind.CLICK, x=3, y=4)],
            [(1, 3, 4, True, False), (3, 3, 4, True, True), (7, 3, 4, True, False)],
            id="its click is a ring for a moment",
        ),
        pytest.param(
            [entry(100, Kind.TOUCH, x=1, y=1), entry(300, Kind.SWIPE, x=2, y=2), entry(900, Kind.LIFT, x=2, y=2)],
            [(1, 1, 1, False, True), (3, 2, 2, False, True), (9, 2, 2, False, False)],
            id="a finger is a ring as long as it is down",
        ),
        pytest.param([entry(1_980, Kind.CLICK, x=1, y=1)], [(19, 1, 1, False, True)], id="a click at the very end"),
        pytest.param(
            [entry(100, Kind.CLICK, x=1, y=1), entry(900, Kind.CLICK, x=2, y=2), entry(1_000, Kind.MOVE, x=3, y=3)],
            [(1, 1, 1, False, True), (5, 1, 1, False, False), (9, 2, 2, False, True), (10, 3, 3, True, True), (13, 3, 3, True, False)],
            id="a ring ends by itself, wherever the pointer is by then",
        ),
    ],
)
def test_the_pointer(entries: list[Entry], pointers: list[tuple[int, int, int, bool, bool]]) -> None:
    made = plan(recording(START, *entries, end(1_990)), [], bounds=Bounds())

    assert [tuple(pointer) for pointer in made.pointers] == pointers
    assert {pointer[0] for pointer in pointers} <= set(made.fed)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(1_280, 720, (1_280, 720, 780)), (375, 667, (376, 668, 728)), (1, 1, (160, 160, 220))],
)
def test_the_canvas_is_even_and_never_rescaled(width: int, height: int, expected: tuple[int, int, int]) -> None:
    found = canvas(recording(START, width=width, height=height), footer_height=60)

    assert (found.width, found.page_height, found.height) == expected


def test_chapters_mark_page_changes_and_the_consent() -> None:
    pages = [Page(STARTED_MS, "https://a/1", 1, 1), Page(STARTED_MS + 500, "", 2, 2), Page(STARTED_MS + 1_050, "https://a/2", 1, 1)]
    agreed = Certificate(certificate_id="EC-1", consent_at=datetime.fromtimestamp((STARTED_MS + 2_000) / 1000, UTC))
    earlier = Certificate(certificate_id="EC-0", consent_at=datetime(2020, 1, 1, tzinfo=UTC))
    found = recording(START, end(3_000), pages=pages, consent_clicks_ms=[STARTED_MS + 1_800])

    chapters = plan_chapters(found, [earlier, agreed])

    assert [(chapter.frame, chapter.title) for chapter in chapters] == [
        (0, "https://a/1"),
        (11, "https://a/2"),
        (18, "Consent click"),
        (20, "Consent given"),
    ]
    assert plan(found, chapters, bounds=Bounds()).poster_frame == 0, "the picture that was on show at the consent"


def test_a_title_cannot_write_metadata() -> None:
    found = recording(START, end(500), pages=[Page(STARTED_MS, "https://a/?x=1;y#z\n[CHAPTER]\\", 1, 1)])

    text = chapters_text(plan_chapters(found, []), frames=6, step_ms=100)

    assert text == (";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=600\ntitle=https://a/?x\\=1\\;y\\#z [CHAPTER]\\\\\n")


@pytest.mark.parametrize(
    ("chapters", "poster"),
    [
        pytest.param([], 10, id="the middle of what happened"),
        pytest.param([Chapter(frame=12, title="Consent click")], 10, id="what was on show at the consent"),
        pytest.param([Chapter(frame=10, title="Consent given")], 10, id="what was drawn for it"),
        pytest.param(
            [Chapter(frame=0, title="Start"), Chapter(frame=4, title="Consent click"), Chapter(frame=30, title="Consent")],
            0,
            id="the first",
        ),
        pytest.param([Chapter(frame=12, title="https://a/Consent")], 10, id="a page is no consent"),
        pytest.param([Chapter(frame=99, title="Consent given")], 30, id="the last"),
    ],
)
def test_the_poster_is_one_of_the_pictures(chapters: list[Chapter], poster: int) -> None:
    found = recording(START, entry(500, Kind.PAGE), entry(1_000, Kind.PAGE), entry(2_000, Kind.PAGE), entry(3_000, Kind.PAGE))

    assert plan(found, chapters, bounds=Bounds()).poster_frame == poster


def test_what_the_encoder_gets_in_order() -> None:
    made = plan(recording(START, entry(250, Kind.CLICK, x=1, y=1), end(1_500)), [], bounds=Bounds())

    assert (made.frames, list(made.fed)) == (16, [0, 3, 7, 10, 15]), "first, click, its ring's end, a tick of the clock, last"


def test_as_many_captures_as_are_allowed() -> None:
    assert len(plan(recording(START, entry(100, Kind.PAGE)), [], bounds=Bounds(captures=2)).captures) == 2


def test_chapters_at_the_edges() -> None:
    edges = [Certificate(certificate_id=f"EC-{at}", consent_at=datetime.fromtimestamp((STARTED_MS + at) / 1000, UTC)) for at in (0, 3_000)]
    pages = [Page(STARTED_MS + 100 * number, f"https://a/{number}/" + "x" * 300, 1, 1) for number in range(1, 3)]
    again = Page(STARTED_MS + 900, pages[-1].href, 1, 1)
    found = recording(START, end(3_000), pages=[*pages, again])

    assert [(chapter.frame, chapter.title) for chapter in plan_chapters(found, [])] == [
        (0, "Start"),
        (1, "https://a/1/" + "x" * 188),
        (2, "https://a/2/" + "x" * 188),
    ]
    assert [(chapter.frame, chapter.title) for chapter in plan_chapters(recording(START, end(3_000)), edges)] == [
        (0, "Consent given"),
        (30, "Consent given"),
    ]


def test_as_many_chapters_as_a_player_shows() -> None:
    pages = [Page(STARTED_MS + 100 * number, f"https://a/{number}", 1, 1) for number in range(700)]

    assert len(plan_chapters(recording(START, end(90_000), pages=pages), [])) == 500


def test_each_chapter_ends_where_the_next_begins() -> None:
    text = chapters_text([Chapter(frame=0, title="a"), Chapter(frame=7, title="b")], frames=9, step_ms=100)

    assert text == (
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=700\ntitle=a\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=700\nEND=900\ntitle=b\n"
    )


def test_the_first_canvas_side_that_needs_no_room_for_the_clock() -> None:
    found = canvas(recording(START, width=161, height=159), footer_height=50)

    assert (found.width, found.page_height, found.height) == (162, 160, 210)
