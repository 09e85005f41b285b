"""The merge of a listing and a table: everything that differs, nothing else, in bounded memory."""

import random
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from econsent_jobs.retention_enforcement.rules.orphans import Kind, Listed, Orphan, Recorded, find_orphans, order

NOW = datetime(2026, 3, 10, tzinfo=UTC)
OLD = NOW - timedelta(days=30)
WEEK = timedelta(days=7)
YOUNG = NOW - WEEK + timedelta(microseconds=1)


def listed(key: str, version_id: str = "1", **changes: object) -> Listed:
    return replace(Listed(key=key, version_id=version_id, size_bytes=10, modified_at=OLD), **changes)


def row(key: str, version_id: str = "1", **changes: object) -> Recorded:
    return replace(Recorded(key=key, version_id=version_id, size_bytes=10, sha256="a", created_at=OLD), **changes)


def found(listing: Iterable[Listed], rows: Iterable[Recorded]) -> list[Orphan]:
    return list(find_orphans(listing, rows, now=NOW, grace=WEEK))


def without_row(key: str, version_id: str = "1", *, what: str = "a version of 10 bytes") -> Orphan:
    sentence = f"the archive holds {what} that no row knows"
    return Orphan(kind=Kind.OBJECT_WITHOUT_ROW, key=key, version_id=version_id, sentence=sentence)


def without_object(key: str, version_id: str = "1") -> Orphan:
    sentence = "its row says 10 bytes are stored, and the archive does not have this version"
    return Orphan(kind=Kind.ROW_WITHOUT_OBJECT, key=key, version_id=version_id, sentence=sentence)


def wrong_size(key: str, version_id: str = "1") -> Orphan:
    sentence = "the archive holds 9 bytes of it, its row says 10"
    return Orphan(kind=Kind.WRONG_SIZE, key=key, version_id=version_id, sentence=sentence)


def wrong_hash(key: str, version_id: str = "1") -> Orphan:
    sentence = "the archive holds other bytes (sha256 b) than its row says (a)"
    return Orphan(kind=Kind.WRONG_HASH, key=key, version_id=version_id, sentence=sentence)


@pytest.mark.parametrize(
    ("listing", "rows", "expected"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([listed("a"), listed("b")], [row("a"), row("b")], [], id="alike"),
        pytest.param([listed("a"), listed("b")], [row("b")], [without_row("a")], id="an object too many, first"),
        pytest.param([listed("a"), listed("b")], [row("a")], [without_row("b")], id="an object too many, last"),
        pytest.param([listed("b")], [row("a"), row("b")], [without_object("a")], id="a row too many, first"),
        pytest.param([listed("a")], [row("a"), row("b")], [without_object("b")], id="a row too many, last"),
        pytest.param(
            [listed("a"), listed("c")],
            [row("b"), row("d")],
            [without_row("a"), without_object("b"), without_row("c"), without_object("d")],
            id="nothing fits",
        ),
        pytest.param([listed("a", size_bytes=9)], [row("a")], [wrong_size("a")], id="another size"),
        pytest.param([listed("a", size_bytes=9, sha256="b")], [row("a")], [wrong_size("a")], id="another size, and so another hash"),
        pytest.param([listed("a", sha256="b")], [row("a")], [wrong_hash("a")], id="another hash"),
        pytest.param([listed("a", sha256="a")], [row("a")], [], id="the same hash"),
        pytest.param([listed("a", "2"), listed("a", "1")], [row("a", "1")], [without_row("a", "2")], id="a second version of one key"),
        pytest.param([listed("a", "2"), listed("a", "1")], [], [without_row("a", "2"), without_row("a", "1")], id="both without a row"),
        pytest.param([], [row("a", "1"), row("a", "2")], [without_object("a", "1"), without_object("a", "2")], id="two rows of one key"),
        pytest.param([listed("a", "2")], [row("a", "1")], [without_object("a", "1"), without_row("a", "2")], id="another version"),
        pytest.param(
            [listed("a", "1", size_bytes=9), listed("a", "2", sha256="b"), listed("a", "3")],
            [row("a", "1"), row("a", "2"), row("a", "3")],
            [wrong_size("a", "1"), wrong_hash("a", "2")],
            id="every version has its row",
        ),
        pytest.param(
            [listed("a", "m", size_bytes=None), listed("a", "1")],
            [row("a")],
            [without_row("a", "m", what="a delete marker")],
            id="a delete marker",
        ),
        pytest.param([listed("a", size_bytes=None)], [row("a")], [without_object("a")], id="a delete marker is no object"),
        pytest.param([listed("a", size_bytes=0)], [], [without_row("a", what="a version of 0 bytes")], id="an empty object is one"),
        pytest.param([listed("a", modified_at=YOUNG)], [], [], id="a young object is left alone"),
        pytest.param([listed("a", modified_at=NOW - WEEK)], [], [without_row("a")], id="a week is old enough"),
        pytest.param([], [row("a", created_at=YOUNG)], [], id="a young row is left alone"),
        pytest.param([], [row("a", created_at=NOW - WEEK)], [without_object("a")], id="a week is old enough for a row"),
        pytest.param([listed("a", size_bytes=9)], [row("a", created_at=YOUNG)], [], id="a young row is not compared"),
        pytest.param([listed("a", size_bytes=9, modified_at=YOUNG)], [row("a")], [], id="nor is a young object"),
        pytest.param(
            [listed("a", size_bytes=9, modified_at=NOW - WEEK)],
            [row("a", created_at=NOW - WEEK)],
            [wrong_size("a")],
            id="both are a week old",
        ),
        pytest.param(
            [listed("a", "2", modified_at=YOUNG)], [row("a", created_at=YOUNG)], [], id="a young version beside a young row of its key"
        ),
        pytest.param(
            [listed("a", "2", modified_at=NOW - WEEK), listed("a", "3", modified_at=YOUNG)],
            [row("a", created_at=NOW - WEEK)],
            [without_object("a"), without_row("a", "2")],
            id="versions of one key have their own age",
        ),
        pytest.param(
            [listed("a", "1", size_bytes=9), listed("a", "2", size_bytes=9)],
            [row("a", "1", created_at=YOUNG), row("a", "2")],
            [wrong_size("a", "2")],
            id="what follows a young row is compared",
        ),
        pytest.param(
            [listed("a", modified_at=YOUNG), listed("b")],
            [row("c", created_at=YOUNG), row("d")],
            [without_row("b"), without_object("d")],
            id="what follows young ones is found",
        ),
        pytest.param([listed("Z"), listed("a"), listed("ä")], [row("Z"), row("a"), row("ä")], [], id="the order is that of the bytes"),
        pytest.param(
            [listed("\uffff"), listed("\U00010000")],
            [row("\U00010000")],
            [without_row("\uffff")],
            id="not that of UTF-16, where it differs",
        ),
        pytest.param([listed("\ud800"), listed("\ue000")], [row("\ue000")], [without_row("\ud800")], id="a key that is no text"),
    ],
)
def test_findings(listing: list[Listed], rows: list[Recorded], expected: list[Orphan]) -> None:
    assert found(listing, rows) == expected


def test_keys_are_ordered_by_their_bytes() -> None:
    assert order("aä\U0001f600") == b"a\xc3\xa4\xf0\x9f\x98\x80"
    assert order("\ud800") == b"\xed\xa0\x80"


def test_kinds_are_called_as_reports_call_them() -> None:
    assert [kind.value for kind in Kind] == ["object_without_row", "row_without_object", "wrong_size", "wrong_hash"]


BACK = "the list goes back from 'b' to 'a'; it changed while it was read, so read it again"


def test_a_list_that_goes_back_is_not_trusted() -> None:
    with pytest.raises(ValueError, match="goes back") as objects:
        found([listed("b"), listed("a")], [row("b")])
    with pytest.raises(ValueError, match="goes back") as rows:
        found([listed("b")], [row("b"), row("b", "2"), row("a")])

    assert (str(objects.value), str(rows.value)) == (BACK, BACK)


def test_every_planted_difference_is_found_and_nothing_else() -> None:
    chance = random.Random(5)
    planted: list[tuple[str, str, str]] = []
    listing: list[Listed] = []
    rows: list[Recorded] = []
    for number in range(5_000):
        key = f"k/{number:06d}"
        kind = chance.choices([None, *Kind], weights=[96, 1, 1, 1, 1])[0]
        if kind is not None:
            planted.append((kind.value, key, "1"))
        if kind is not Kind.ROW_WITHOUT_OBJECT:
            size, sha256 = (11 if kind is Kind.WRONG_SIZE else 10), ("b" if kind is Kind.WRONG_HASH else "a")
            listing.append(listed(key, size_bytes=size, sha256=sha256))
        if kind is not Kind.OBJECT_WITHOUT_ROW:
            rows.append(row(key))

    assert [(orphan.kind.value, orphan.key, orphan.version_id) for orphan in found(listing, rows)] == planted


def test_memory_does_not_grow_with_the_lists() -> None:
    def objects(count: int) -> Iterator[Listed]:
        return (listed(f"k/{number:08d}") for number in range(count))

    def recorded(count: int) -> Iterator[Recorded]:
        return (row(f"k/{number:08d}") for number in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        orphans = found(objects(count), recorded(count))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert orphans == []
        return most

    assert peak(4_000) < 2 * peak(200) + 100_000
