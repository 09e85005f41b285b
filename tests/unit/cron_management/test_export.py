"""Exports are text for spreadsheets, which take some texts for formulas."""

import csv
import io

import pytest

from econsent_airflow.cron_management.app import as_csv


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        pytest.param("=HYPERLINK(1)", "'=HYPERLINK(1)", id="a formula"),
        pytest.param("+1", "'+1", id="a plus"),
        pytest.param("-1", "'-1", id="a minus"),
        pytest.param("@SUM(1)", "'@SUM(1)", id="an at"),
        pytest.param("\t=1", "'\t=1", id="a tab before it"),
        pytest.param('a "b", c', 'a "b", c', id="quotes and commas"),
        pytest.param(-1.5, "-1.5", id="a number is a number"),
        pytest.param(None, "", id="nothing"),
    ],
)
def test_no_text_is_taken_for_a_formula(cell: object, written: str) -> None:
    answer = as_csv("x.csv", ["head"], [[cell]])

    assert list(csv.reader(io.StringIO(bytes(answer.body).decode()))) == [["head"], [written]]
    assert answer.headers["content-disposition"] == 'attachment; filename="x.csv"'
