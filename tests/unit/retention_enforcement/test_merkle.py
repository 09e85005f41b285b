"""The log's hashes, by RFC 9162's own definitions written a second time, and by vectors computed by hand."""

import hashlib
from datetime import UTC, datetime

import pytest

from econsent_jobs.retention_enforcement.model import Tombstone
from econsent_jobs.retention_enforcement.rules.merkle import CHUNK, Log, leaf_document, leaf_hash, root_from_path, root_of, split


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(b"\0" + str(number).encode()).digest() for number in range(count)]


def by_definition(hashes: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, as it stands there."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\1" + by_definition(hashes[:k]) + by_definition(hashes[k:])).digest()


def log_of(hashes: list[bytes]) -> Log:
    whole = len(hashes) - len(hashes) % CHUNK
    chunks = [by_definition(hashes[place : place + CHUNK]) for place in range(0, whole, CHUNK)]
    return Log(size=len(hashes), chunks=chunks, leaves=lambda begin, end: hashes[begin:end])


def test_known_roots() -> None:
    """The test vectors of Certificate Transparency: seven of its leaves, and the empty log."""
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    hashes = [hashlib.sha256(b"\0" + bytes.fromhex(entry)).digest() for entry in entries]

    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of(hashes[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(hashes[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert root_of(hashes[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert root_of(hashes).hex() == "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 255, 256, 257, 511, 512, 513, 700, 1_300])
def test_a_log_with_chunks_has_the_same_root_and_its_paths_lead_there(size: int) -> None:
    hashes = leaves(size)
    log = log_of(hashes)

    assert log.root() == by_definition(hashes) == root_of(hashes)
    for place in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
        path = log.path(place)
        assert root_from_path(hashes[place], place=place, size=size, path=path) == log.root()
        assert root_from_path(hashes[place], place=place, size=size, path=[*path, b"x" * 32]) is None
        if path:
            assert root_from_path(hashes[place], place=place, size=size, path=path[:-1]) != log.root()
            assert root_from_path(b"x" * 32, place=place, size=size, path=path) != log.root()


def test_a_place_outside_the_log_has_no_root() -> None:
    assert root_from_path(b"", place=3, size=3, path=[]) is None
    assert root_from_path(b"", place=-1, size=3, path=[]) is None


@pytest.mark.parametrize(("size", "expected"), [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8)])
def test_split(size: int, expected: int) -> None:
    assert split(size) == expected


def test_a_leaf_says_all_that_is_left_of_an_object() -> None:
    tombstone = Tombstone(
        log_no=4,
        company_id="acme",
        object_key="acme/1.json",
        version_id="v",
        size_bytes=3,
        sha256="0" * 64,
        rule="default",
        run_id="night",
        deleted_at=datetime(2026, 3, 1, 3, 15, 0, 1_999, tzinfo=UTC),
    )

    assert leaf_document(tombstone)["deletedAt"] == "2026-03-01T03:15:00.001Z"
    text = (
        '{"bytes":3,"companyId":"acme","deletedAt":"2026-03-01T03:15:00.001Z","logNo":4,"objectKey":"acme/1.json","rule":"default",'
        f'"runId":"night","sha256":"{"0" * 64}","versionId":"v"}}'
    )
    assert leaf_hash(tombstone) == hashlib.sha256(b"\0" + text.encode()).digest()
