"""The merge of a listing and a table: everything that differs, nothing else, in bounded memory."""

import random
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from econsent_jobs.retention_enforcement.rules.orphans import Kind, Listed, Orphan, Recorded, find_orphans

NOW = datetime(2026, 3, 10, tzinfo=UTC)
OLD = NOW - timedelta(days=30)
WEEK = timedelta(days=7)


def listed(key: str, version_id: str = "1", **changes: object) -> Listed:
    return replace(Listed(key=key, version_id=version_id, size_bytes=10, modified_at=OLD), **changes)


def row(key: str, version_id: str = "1", **changes: object) -> Recorded:
    return replace(Recorded(key=key, version_id=version_id, size_bytes=10, sha256="a", created_at=OLD), **changes)


def found(listing: list[Listed], rows: list[Recorded]) -> list[tuple[str, str, str]]:
    return [(orphan.kind.value, orphan.key, orphan.version_id) for orphan in find_orphans(listing, rows, now=NOW, grace=WEEK)]


@pytest.mark.parametrize(
    ("listing", "rows", "expected"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([listed("a"), listed("b")], [row("a"), row("b")], [], id="alike"),
        pytest.param([listed("a"), listed("b")], [row("b")], [("object_without_row", "a", "1")], id="an object too many, first"),
        pytest.param([listed("a"), listed("b")], [row("a")], [("object_without_row", "b", "1")], id="an object too many, last"),
        pytest.param([listed("b")], [row("a"), row("b")], [("row_without_object", "a", "1")], id="a row too many, first"),
        pytest.param([listed("a")], [row("a"), row("b")], [("row_without_object", "b", "1")], id="a row too many, last"),
        pytest.param([listed("a", size_bytes=9)], [row("a")], [("wrong_size", "a", "1")], id="another size"),
        pytest.param([listed("a", sha256="b")], [row("a")], [("wrong_hash", "a", "1")], id="another hash"),
        pytest.param([listed("a", sha256="a")], [row("a")], [], id="the same hash"),
        pytest.param(
            [listed("a", "2"), listed("a", "1")], [row("a", "1")], [("object_without_row", "a", "2")], id="a second version of one key"
        ),
        pytest.param(
            [listed("a", "2")], [row("a", "1")], [("row_without_object", "a", "1"), ("object_without_row", "a", "2")], id="another version"
        ),
        pytest.param(
            [listed("a", "m", size_bytes=None), listed("a", "1")], [row("a")], [("object_without_row", "a", "m")], id="a delete marker"
        ),
        pytest.param([listed("a", modified_at=NOW - WEEK + timedelta(seconds=1))], [], [], id="a young object is left alone"),
        pytest.param([listed("a", modified_at=NOW - WEEK)], [], [("object_without_row", "a", "1")], id="a week is old enough"),
        pytest.param([], [row("a", created_at=NOW)], [], id="a young row is left alone"),
        pytest.param([listed("a", size_bytes=9)], [row("a", created_at=NOW)], [], id="and not compared"),
        pytest.param([listed("a", size_bytes=9, modified_at=NOW)], [row("a")], [], id="nor is a young object"),
        pytest.param([listed("Z"), listed("a"), listed("ä")], [row("Z"), row("a"), row("ä")], [], id="the order is that of the bytes"),
    ],
)
def test_findings(listing: list[Listed], rows: list[Recorded], expected: list[tuple[str, str, str]]) -> None:
    assert found(listing, rows) == expected


def test_a_list_that_goes_back_finds_nothing() -> None:
    with pytest.raises(ValueError, match="goes back"):
        found([listed("b"), listed("a")], [row("b")])


def test_every_planted_difference_is_found_and_nothing_else() -> None:
    chance = random.Random(5)
    planted: set[tuple[str, str, str]] = set()
    listing: list[Listed] = []
    rows: list[Recorded] = []
    for number in range(5_000):
        key = f"k/{number:06d}"
        kind = chance.choices([None, *Kind], weights=[96, 1, 1, 1, 1])[0]
        if kind is not None:
            planted.add((kind.value, key, "1"))
        if kind is not Kind.ROW_WITHOUT_OBJECT:
            size, sha256 = (11 if kind is Kind.WRONG_SIZE else 10), ("b" if kind is Kind.WRONG_HASH else "a")
            listing.append(listed(key, size_bytes=size, sha256=sha256))
        if kind is not Kind.OBJECT_WITHOUT_ROW:
            rows.append(row(key))

    assert set(found(listing, rows)) == planted
    assert len(found(listing, rows)) == len(planted)


def test_memory_does_not_grow_with_the_lists() -> None:
    def objects(count: int) -> Iterator[Listed]:
        return (listed(f"k/{number:08d}") for number in range(count))

    def recorded(count: int) -> Iterator[Recorded]:
        return (row(f"k/{number:08d}") for number in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        orphans: list[Orphan] = list(find_orphans(objects(count), recorded(count), now=NOW, grace=WEEK))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert orphans == []
        return most

    assert peak(20_000) < 2 * peak(200) + 100_000
