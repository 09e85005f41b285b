"""What the lines of a plan cost a month, in dollars of four places."""

import pytest

from econsent_jobs.retention_enforcement.rules.cost import MONTHS, monthly_usd

GIGABYTE = 1_073_741_824


@pytest.mark.parametrize(
    ("what", "size_bytes", "objects", "expected"),
    [
        pytest.param("archive", GIGABYTE, 3, "0.0230", id="a gigabyte more"),
        pytest.param("archive", 10 * GIGABYTE, 1, "0.2300", id="ten of them"),
        pytest.param("archive", GIGABYTE // 2, 1, "0.0115", id="half a gigabyte"),
        pytest.param("archive", GIGABYTE - 1, 1, "0.0230", id="four places, rounded"),
        pytest.param("archive", 1, 1, "0.0000", id="a byte"),
        pytest.param("archive", 0, 0, "0.0000", id="nothing"),
        pytest.param("delete default", 1, 1, "0.0000", id="a byte less, without a minus"),
        pytest.param("delete default", GIGABYTE, 3, "-0.0230", id="a gigabyte less"),
        pytest.param("delete erasure_request", 4 * GIGABYTE, 3, "-0.0920", id="whatever rule deletes it"),
        pytest.param("delete by a rule of many words", GIGABYTE, 3, "-0.0230", id="whatever it is called"),
        pytest.param("delete", GIGABYTE, 3, "-0.0230", id="or not called"),
        pytest.param("tier 3", GIGABYTE, 3, "-0.0190", id="cold is cheaper by so much"),
        pytest.param("tier 3", 100 * GIGABYTE, 3, "-1.9000", id="a hundred times so much"),
        pytest.param("retain above the quota", GIGABYTE, 3, "0.3600", id="three above the quota"),
        pytest.param("retain above the quota", 0, 1, "0.1200", id="the first above the quota"),
        pytest.param("retain above the quota", GIGABYTE, 0, "0.0000", id="none above the quota"),
        pytest.param("retain", GIGABYTE, 3, "0.0000", id="retentions within the quota"),
        pytest.param("mark default", GIGABYTE, 3, "0.0000", id="a mark frees nothing"),
        pytest.param("deleted", GIGABYTE, 3, "0.0000", id="another word that begins alike"),
        pytest.param("archive again", GIGABYTE, 3, "0.0000", id="another line that begins alike"),
        pytest.param("tier 2", GIGABYTE, 3, "0.0000", id="another tier"),
    ],
)
def test_a_plans_cost(what: str, size_bytes: int, objects: int, expected: str) -> None:
    assert str(monthly_usd(what, size_bytes=size_bytes, objects=objects)) == expected


def test_the_figure_of_a_line_is_for_a_month() -> None:
    usd = monthly_usd("tier 3", size_bytes=GIGABYTE, objects=1)

    assert f"{usd:+.4f} USD {MONTHS}" == "-0.0190 USD a month"
