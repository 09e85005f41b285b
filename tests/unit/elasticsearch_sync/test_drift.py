"""Where index and database differ, and of what kind that is."""

import pytest

from econsent_jobs.elasticsearch_sync.model import Document, Found, Key
from econsent_jobs.elasticsearch_sync.rules.drift import (
    WHOLE_EVERY,
    Kind,
    Sums,
    differing,
    judge,
    looks_wrong,
    read_whole,
    sums_of,
    taken_apart,
)
from tests.unit.elasticsearch_sync.test_outcomes import target

DOCUMENT = Document(key=Key("acme", 1), row_version=5, sha256="ours", part=7, body=b"")
TOMBSTONE = Document(key=Key("acme", 1), row_version=5, sha256="none", part=9, body=b"", deleted=True)
NEXT_EPOCH = 2**40


@pytest.mark.parametrize(
    ("expected", "found", "altered", "kind"),
    [
        pytest.param(DOCUMENT, Found(version=5, sha256="ours"), False, None, id="as it should be"),
        pytest.param(DOCUMENT, None, False, Kind.MISSING, id="nothing there"),
        pytest.param(DOCUMENT, Found(version=4, sha256=None, deleted=True), False, Kind.MISSING, id="an older tombstone"),
        pytest.param(DOCUMENT, Found(version=4, sha256="old"), False, Kind.STALE, id="an older version"),
        pytest.param(DOCUMENT, Found(version=5, sha256="other"), False, Kind.CONTENT, id="other content under the right version"),
        pytest.param(DOCUMENT, Found(version=5, sha256="ours"), True, Kind.CONTENT, id="altered under its digest"),
        pytest.param(DOCUMENT, Found(version=6, sha256="new"), False, Kind.NEWER, id="a version that the row never had"),
        pytest.param(DOCUMENT, Found(version=NEXT_EPOCH + 5, sha256="ours"), False, Kind.NEWER, id="an epoch that nobody began"),
        pytest.param(TOMBSTONE, None, False, None, id="gone and not there"),
        pytest.param(TOMBSTONE, Found(version=5, sha256="none", deleted=True), False, None, id="gone and buried"),
        pytest.param(TOMBSTONE, Found(version=4, sha256="ours"), False, Kind.PHANTOM, id="gone and still shown"),
        pytest.param(None, Found(version=4, sha256="ours"), False, Kind.PHANTOM, id="no row at all"),
        pytest.param(None, Found(version=4, sha256="ours"), True, Kind.PHANTOM, id="no row at all, and altered"),
        pytest.param(None, Found(version=4, sha256="ours", deleted=True), False, None, id="no row and buried"),
        pytest.param(None, Found(version=4, sha256="ours", deleted=True), True, Kind.CONTENT, id="buried with something of the consumer"),
        pytest.param(TOMBSTONE, Found(version=5, sha256="x", deleted=True), True, Kind.CONTENT, id="hidden with something of the consumer"),
        pytest.param(TOMBSTONE, None, True, None, id="hidden and not there"),
        pytest.param(None, None, False, None, id="neither here nor there"),
    ],
)
def test_kinds(expected: Document | None, found: Found | None, altered: bool, kind: Kind | None) -> None:
    assert judge(expected, found, target(), altered=altered) is kind


def test_the_kinds_names_are_those_that_people_and_runbooks_know() -> None:
    assert sorted(Kind) == ["content", "misrouted", "missing", "newer", "phantom", "stale"]


def test_a_version_is_an_epoch_and_a_row_s_version() -> None:
    assert taken_apart(1_000) == (0, 1_000)
    assert taken_apart(3 * NEXT_EPOCH + NEXT_EPOCH - 1) == (3, NEXT_EPOCH - 1)


def test_what_an_earlier_epoch_wrote_is_right_while_its_row_stands() -> None:
    assert judge(DOCUMENT, Found(version=5, sha256="ours"), target(epoch=1), altered=False) is None
    assert judge(DOCUMENT, Found(version=6, sha256="new"), target(epoch=1), altered=False) is Kind.NEWER


def test_sums_are_of_what_readers_see() -> None:
    pks = (1, 3, 15, 16, 17)
    documents = [Document(key=Key("acme", pk), row_version=1, sha256="", part=10 * pk, body=b"", deleted=pk == 17) for pk in pks]

    assert sums_of(documents) == {0: Sums(40, 4), 8: Sums(150, 15), 16: Sums(160, 16)}
    assert differing({0: Sums(16, 9), 16: Sums(16, 16)}, {0: Sums(16, 9), 32: Sums(1, 32)}) == [16, 32]


def test_a_document_under_another_key_is_seen_although_it_carries_that_one_s_part() -> None:
    right, wrong = ([Document(key=Key("acme", pk), row_version=1, sha256="", part=5, body=b"", deleted=False)] for pk in (9, 12))

    assert differing(sums_of(right), sums_of(wrong)) == [8]


def test_each_bucket_is_read_whole_once_in_so_many_rounds_and_all_rounds_read_alike() -> None:
    buckets = range(0, 8 * 6_000, 8)
    rounds = [read_whole(buckets, number) for number in range(WHOLE_EVERY)]

    assert sorted(bucket for each in rounds for bucket in each) == list(buckets)
    assert {len(each) for each in rounds} == {100}
    assert read_whole([480, 0, 8], 60) == [0, 480]


@pytest.mark.parametrize(
    ("expected", "found", "wrong"),
    [
        pytest.param(DOCUMENT, Found(version=5, part=7), False, id="as it should be"),
        pytest.param(DOCUMENT, Found(version=5, part=8), True, id="another part"),
        pytest.param(DOCUMENT, Found(version=4, part=7), True, id="another version"),
        pytest.param(DOCUMENT, Found(version=NEXT_EPOCH + 5, part=7), True, id="an epoch that nobody began"),
        pytest.param(DOCUMENT, Found(version=5, part=7, deleted=True), True, id="hidden"),
        pytest.param(TOMBSTONE, Found(version=5, part=9, deleted=True), False, id="a tombstone"),
        pytest.param(TOMBSTONE, Found(version=5, part=9), True, id="shown"),
        pytest.param(None, Found(version=5, part=9), True, id="shown, and no row"),
        pytest.param(None, Found(version=5, part=9, deleted=True), False, id="a tombstone of no row"),
    ],
)
def test_what_has_to_be_looked_at(expected: Document | None, found: Found, wrong: bool) -> None:
    assert looks_wrong(expected, found, target()) is wrong
