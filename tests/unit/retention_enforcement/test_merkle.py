"""The log's hashes, by RFC 9162's own definitions written a second time, and by vectors computed by hand."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from econsent_jobs.retention_enforcement.model import Tombstone
from econsent_jobs.retention_enforcement.rules.merkle import Log, leaf_document, leaf_hash, node_hash, root_from_path, root_of, split
from tests.unit.retention_enforcement.examples import a_tombstone

CHUNK = 256
STRANGER = b"x" * 32


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(b"\0" + str(number).encode()).digest() for number in range(count)]


def below(size: int) -> int:
    """The largest power of two that is smaller, as RFC 9162 names k."""
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def by_definition(hashes: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, as it stands there."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = below(len(hashes))
    return hashlib.sha256(b"\1" + by_definition(hashes[:k]) + by_definition(hashes[k:])).digest()


def path_by_definition(place: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 9162, 2.1.3.1, as it stands there."""
    if len(hashes) == 1:
        return []
    k = below(len(hashes))
    if place < k:
        return [*path_by_definition(place, hashes[:k]), by_definition(hashes[k:])]
    return [*path_by_definition(place - k, hashes[k:]), by_definition(hashes[:k])]


def log_of(hashes: Sequence[bytes], *, asked: list[tuple[int, int]] | None = None) -> Log:
    """A log that notes what leaves it is ``asked`` for."""

    def read(begin: int, end: int) -> Sequence[bytes]:
        if asked is not None:
            asked.append((begin, end))
        return hashes[begin:end]

    whole = len(hashes) - len(hashes) % CHUNK
    chunks = [by_definition(hashes[place : place + CHUNK]) for place in range(0, whole, CHUNK)]
    return Log(size=len(hashes), chunks=chunks, leaves=read)


def test_known_roots() -> None:
    """The test vectors of Certificate Transparency: seven of its leaves, and the empty log."""
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    hashes = [hashlib.sha256(b"\0" + bytes.fromhex(entry)).digest() for entry in entries]

    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of(hashes[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(hashes[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert root_of(hashes[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert root_of(hashes).hex() == "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"


def test_leaves_and_nodes_are_hashed_apart() -> None:
    left, right = leaves(2)

    assert node_hash(left, right) == hashlib.sha256(b"\1" + left + right).digest()
    assert node_hash(right, left) == hashlib.sha256(b"\1" + right + left).digest()


@pytest.mark.parametrize("size", range(21))
def test_every_path_of_a_small_log_is_the_definitions_and_leads_to_its_root(size: int) -> None:
    hashes = leaves(size)
    log, root = log_of(hashes), by_definition(hashes)

    assert log.root() == root
    assert root_of(hashes) == root
    for place in range(size):
        path = log.path(place)
        assert path == path_by_definition(place, hashes)
        assert root_from_path(hashes[place], place=place, size=size, path=path) == root


@pytest.mark.parametrize("size", range(21))
def test_no_other_path_leads_there(size: int) -> None:
    """Neither a longer nor a shorter one, nor one from another leaf, to another place or through a stranger."""
    hashes = leaves(size)
    root = by_definition(hashes)

    for place in range(size):
        leaf, path = hashes[place], path_by_definition(place, hashes)
        assert root_from_path(leaf, place=place, size=size, path=[*path, STRANGER]) is None
        assert root_from_path(STRANGER, place=place, size=size, path=path) != root
        for cut in range(len(path)):
            assert root_from_path(leaf, place=place, size=size, path=path[:cut]) is None
            swapped = [*path[:cut], STRANGER, *path[cut + 1 :]]
            assert root_from_path(leaf, place=place, size=size, path=swapped) != root
        for other in set(range(size)) - {place}:
            assert root_from_path(leaf, place=other, size=size, path=path) != root


@pytest.mark.parametrize("size", [254, 255, 256, 257, 258, 511, 512, 513, 700, 1_025])
def test_a_log_with_chunks_has_the_same_root_and_paths(size: int) -> None:
    hashes = leaves(size)
    log, root = log_of(hashes), by_definition(hashes)

    assert log.root() == root
    assert root_of(hashes) == root
    for place in {0, 1, 255, 256, 257, 511, 512, size // 2, size - 2, size - 1} & set(range(size)):
        path = log.path(place)
        assert path == path_by_definition(place, hashes)
        assert root_from_path(hashes[place], place=place, size=size, path=path) == root


@pytest.mark.parametrize(
    ("size", "asked"),
    [
        pytest.param(255, [(0, 255)], id="less than a chunk: its leaves"),
        pytest.param(256, [], id="one chunk: its hash"),
        pytest.param(257, [(256, 257)], id="and what is left over"),
        pytest.param(512, [], id="two chunks: their hashes"),
        pytest.param(1_000, [(768, 1_000)], id="three, and what is left over"),
    ],
)
def test_the_root_of_a_long_log_reads_few_leaves(size: int, asked: list[tuple[int, int]]) -> None:
    found: list[tuple[int, int]] = []

    log_of(leaves(size), asked=found).root()

    assert found == asked


def test_a_path_of_a_long_log_reads_the_leaves_of_its_own_chunk() -> None:
    found: list[tuple[int, int]] = []

    log_of(leaves(1_024), asked=found).path(300)

    assert found == [(384, 512), (320, 384), (256, 288), (304, 320), (288, 296), (296, 300), (302, 304), (301, 302)]


@pytest.mark.parametrize("place", [-1, 3, 4])
def test_a_place_outside_the_log_has_no_path_and_no_root(place: int) -> None:
    with pytest.raises(AssertionError, match=f"leaf {place} of 3"):
        log_of(leaves(3)).path(place)
    assert root_from_path(STRANGER, place=place, size=3, path=[]) is None
    assert root_from_path(STRANGER, place=place, size=3, path=[STRANGER, STRANGER]) is None


def test_an_empty_log_has_no_place() -> None:
    assert root_from_path(STRANGER, place=0, size=0, path=[]) is None
    assert root_from_path(STRANGER, place=0, size=1, path=[]) == STRANGER


@pytest.mark.parametrize(
    ("size", "expected"),
    [(2, 1), (3, 2), (4, 2), (5, 4), (7, 4), (8, 4), (9, 8), (16, 8), (17, 16), (255, 128), (256, 128), (257, 256), (1_000_000, 524_288)],
)
def test_split(size: int, expected: int) -> None:
    assert split(size) == expected


def test_a_leaf_says_all_that_is_left_of_an_object() -> None:
    text = (
        '{"bytes":3,"companyId":"acme","deletedAt":"2026-03-01T03:15:00.001Z","logNo":4,"objectKey":"acme/1.json","rule":"default",'
        f'"runId":"night","sha256":"{"0" * 64}","versionId":"v"}}'
    )

    assert leaf_document(a_tombstone()) == {
        "logNo": 4,
        "companyId": "acme",
        "objectKey": "acme/1.json",
        "versionId": "v",
        "bytes": 3,
        "sha256": "0" * 64,
        "rule": "default",
        "runId": "night",
        "deletedAt": "2026-03-01T03:15:00.001Z",
    }
    assert leaf_hash(a_tombstone()) == hashlib.sha256(b"\0" + text.encode()).digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"log_no": 5},
        {"company_id": "beta"},
        {"object_key": "acme/2.json"},
        {"version_id": None},
        {"size_bytes": 4},
        {"sha256": "1" * 64},
        {"rule": "erasure_request"},
        {"run_id": "evening"},
        {"deleted_at": datetime(2026, 3, 1, 3, 15, 0, 2_000, tzinfo=UTC)},
    ],
)
def test_whatever_is_changed_afterwards_changes_the_leaf(changes: dict[str, Any]) -> None:
    tombstone: Tombstone = a_tombstone()

    assert leaf_hash(replace(tombstone, **changes)) != leaf_hash(tombstone)
