"""Pictures that several draw at once come in the order of the plan, and trouble with one of them ends it for all."""

import threading
from collections.abc import Generator, Iterator

import pytest

from econsent_jobs.mp4_conversion.hands import STRETCH, Stopped, go_on, in_turn, share_of


def nothing() -> None:
    """Nothing has to be seen to."""


def drawn(share: int, *, shares: int, pictures: int) -> Iterator[bytes]:
    return iter([str(place).encode() for place in range(pictures) if share_of(place, shares=shares) == share])


@pytest.mark.parametrize("shares", [2, 3])
@pytest.mark.parametrize("pictures", [1, STRETCH, STRETCH + 1, 5 * STRETCH - 1, 20 * STRETCH])
def test_pictures_come_in_their_order(shares: int, pictures: int) -> None:
    hands = [drawn(share, shares=shares, pictures=pictures) for share in range(shares)]

    with in_turn(hands, pictures=pictures, stop=threading.Event(), pulse=nothing) as ordered:
        assert list(ordered) == [str(place).encode() for place in range(pictures)]


@pytest.mark.parametrize(
    ("place", "share"), [(0, 0), (STRETCH - 1, 0), (STRETCH, 1), (2 * STRETCH - 1, 1), (2 * STRETCH, 0), (3 * STRETCH, 1)]
)
def test_stretches_are_dealt_out_in_turn(place: int, share: int) -> None:
    assert share_of(place, shares=2) == share
    assert share_of(place, shares=1) == 0


def failing(error: BaseException) -> Generator[bytes]:
    yield b"0"
    raise error


def test_trouble_with_one_is_raised_where_its_picture_is_waited_for() -> None:
    hands = [failing(ValueError("the browser ended")), drawn(1, shares=2, pictures=40)]

    with (
        in_turn(hands, pictures=40, stop=threading.Event(), pulse=nothing) as ordered,
        pytest.raises(ValueError, match="the browser ended"),
    ):
        list(ordered)


def waiting_for_ever(stop: threading.Event) -> Generator[bytes]:
    """A browser that does not answer: whoever waits looks at ``stop`` meanwhile."""
    never = threading.Event()
    while True:
        go_on(stop)
        never.wait(0.01)
    yield b""


def test_nobody_draws_on_when_the_conversion_ends_early() -> None:
    """A lost lease, or a bound, is raised by the pulse of whoever takes the pictures."""
    stop = threading.Event()
    asked = iter([None, None])

    def pulse() -> None:
        if next(asked, 1) == 1:
            raise KeyError("the lease is lost")

    with (
        pytest.raises(KeyError, match="lease"),
        in_turn([waiting_for_ever(stop), iter([b""] * 1_000)], pictures=900, stop=stop, pulse=pulse) as ordered,
    ):
        list(ordered)

    assert stop.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "hand"]


def test_whoever_is_stopped_says_so() -> None:
    stop = threading.Event()
    go_on(stop)
    stop.set()

    with pytest.raises(Stopped):
        go_on(stop)
