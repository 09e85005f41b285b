"""The interaction chain over rrweb events."""

import hashlib
from typing import Any

import pytest

from econsent_jobs.certificate_processing.model import Interaction
from econsent_jobs.certificate_processing.rules.chain import MOST_LINKS, ChainCollector, chain_head


def event(source: int, *, t: Any = 1_000, **data: Any) -> dict[str, Any]:
    return {"type": 3, "timestamp": t, "data": {"source": source, **data}}


def collected(*events: dict[str, Any], until_ms: int | None = None) -> list[Interaction]:
    collector = ChainCollector(until_ms=until_ms)
    for each in events:
        collector.add(each)
    return list(collector.links)


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (event(2, type=2, id=7), "click"),
        (event(2, type=5, id=7), "focus"),
        (event(2, type=10, id=7), "touch-cancel"),
        pytest.param(event(2, type=99, id=7), "unknown", id="a kind that rrweb adds later"),
        (event(3, id=7, x=0, y=100), "scroll"),
        (event(5, id=7, text="Ann"), "input"),
        pytest.param(event(1, positions=[{"id": 3}, {"id": 7}]), "mouse-move", id="a batch counts once, at its end"),
        (event(6, positions=[{"id": 7}]), "touch-move"),
        (event(12, positions=[{"id": 7}]), "drag"),
    ],
)
def test_keeps_interactions(found: dict[str, Any], kind: str) -> None:
    assert collected(found) == [Interaction(seq=1, type=kind, target=7, t=1_000)]


@pytest.mark.parametrize(
    "found",
    [
        pytest.param({"type": 4, "timestamp": 1, "data": {"href": "x"}}, id="meta"),
        pytest.param({"type": 2, "timestamp": 1, "data": {"node": {}}}, id="a snapshot"),
        pytest.param(event(0, adds=[]), id="a mutation"),
        pytest.param(event(4, width=1), id="a resize"),
        pytest.param(event(3, id="7"), id="a target that is no number"),
        pytest.param(event(3, id=True), id="nor is true one"),
        pytest.param(event(3, id=10**400), id="nor one that JSON cannot hold"),
        pytest.param(event(1, positions=[]), id="an empty batch"),
        pytest.param(event(1, positions=["x"]), id="a batch of something else"),
        pytest.param(event(3, id=7, t=None), id="no time"),
        pytest.param(event(3, id=7, t=float("nan")), id="no number for a time"),
        pytest.param(event(3, id=7, t=float("inf")), id="an endless time"),
        pytest.param(event(3, id=7, t=-1), id="a time before all times"),
        pytest.param({"type": 3, "timestamp": 1, "data": "x"}, id="data that is text"),
        pytest.param({}, id="nothing at all"),
    ],
)
def test_passes_over_everything_else(found: dict[str, Any]) -> None:
    assert collected(found) == []


def test_ends_with_the_submission() -> None:
    links = collected(event(3, id=1, t=10), event(3, id=2, t=20), event(3, id=3, t=21), until_ms=20)
    assert [link.target for link in links] == [1, 2]


def test_keeps_the_last_500_and_says_where_they_begin() -> None:
    links = collected(*(event(3, id=1, t=n) for n in range(MOST_LINKS + 1)))
    assert (len(links), links[0].seq, links[-1].seq) == (MOST_LINKS, 2, MOST_LINKS + 1)


def test_the_head_is_the_hash_of_every_link_on_the_one_before() -> None:
    links = [Interaction(seq=1, type="focus", target=47, t=1_000), Interaction(seq=2, type="click", target=48, t=2_500)]
    h0 = hashlib.sha256("sess-ü".encode()).digest()
    h1 = hashlib.sha256(h0 + b"1\x1ffocus\x1f47\x1f1000").digest()
    h2 = hashlib.sha256(h1 + b"2\x1fclick\x1f48\x1f2500").digest()

    assert chain_head("sess-ü", links) == h2.hex()
    assert chain_head("sess-ü", []) == h0.hex()


def test_no_link_can_be_changed_or_moved() -> None:
    one, two = Interaction(seq=1, type="focus", target=47, t=1), Interaction(seq=2, type="click", target=48, t=2)
    heads = [chain_head("s", links) for links in ([one, two], [two, one], [one], [two], [one, two._replace(t=3)])]
    assert len({*heads, chain_head("t", [one, two])}) == 6


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        *enumerate(("mouse-up", "mouse-down", "click", "context-menu", "double-click", "focus", "blur")),
        *enumerate(("touch-start", "touch-move-departed", "touch-end", "touch-cancel", "unknown"), start=7),
    ],
)
def test_mouse_interactions_are_named_as_rrweb_numbers_them(number: int, kind: str) -> None:
    assert collected(event(2, type=number, id=7)) == [Interaction(seq=1, type=kind, target=7, t=1_000)]


def test_the_documented_bounds_hold_to_the_event() -> None:
    many = collected(*(event(3, id=7, t=number) for number in range(502)))

    assert (len(many), many[0].seq, many[-1].seq) == (500, 3, 502)
    assert [link.target for link in collected(event(3, id=-1), event(3, id=-2))] == [-1], "rrweb's -1 stands for a node it no longer knows"
    assert collected(event(3, id=7, t=2**53)) == []
    assert [link.t for link in collected(event(3, id=7, t=2**53 - 1))] == [2**53 - 1]
