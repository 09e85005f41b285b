"""Where index and database differ, and of what kind that is."""

import pytest

from econsent_jobs.elasticsearch_sync.model import Document, Found, Key
from econsent_jobs.elasticsearch_sync.rules.drift import DEEP_EVERY, Kind, Sums, differing, is_deep, judge, sums_of
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


def test_what_an_earlier_epoch_wrote_is_right_while_its_row_stands() -> None:
    assert judge(DOCUMENT, Found(version=5, sha256="ours"), target(epoch=1), altered=False) is None
    assert judge(DOCUMENT, Found(version=6, sha256="new"), target(epoch=1), altered=False) is Kind.NEWER


def test_sums_are_of_what_readers_see() -> None:
    documents = [Document(key=Key("acme", pk), row_version=1, sha256="", part=pk, body=b"", deleted=pk == 17) for pk in (1, 15, 16, 17)]

    assert sums_of(documents) == {0: Sums(1, 1), 8: Sums(1, 15), 16: Sums(1, 16)}
    assert differing({0: Sums(2, 16), 16: Sums(1, 16)}, {0: Sums(2, 16), 32: Sums(1, 1)}) == [16, 32]


def test_each_slice_is_read_whole_once_in_so_many_rounds_and_all_rounds_read_alike() -> None:
    slices = [(f"company-{number}", after) for number in range(100) for after in (-1, 5_000, 9_999)]

    for company_id, after in slices:
        assert sum(is_deep(number, company_id, after) for number in range(DEEP_EVERY)) == 1
    read = [sum(is_deep(number, *each) for each in slices) for number in range(DEEP_EVERY)]
    assert max(read) < 3 * len(slices) / DEEP_EVERY
