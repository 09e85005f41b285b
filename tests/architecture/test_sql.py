"""What every SQL file of a job keeps to."""

import re
from pathlib import Path

from econsent_stack.project import ROOT, files, stems

JOBS = ROOT / "include" / "econsent_jobs"
STATEMENTS = [path for path in files(JOBS, ".sql") if path.parts[0] != "migrations"]
READ_BY_NAME = {"figures", "waiting"}  # by the dashboard and by the queue's trigger
FIGURES = {"backlog", "oldest_seconds", "figure_label", "figure"}


def text(path: Path) -> str:
    return (JOBS / path).read_text(encoding="utf-8")


def code(path: Path) -> str:
    """Return the statement without comments."""
    return re.sub(r"--.*", "", text(path))


def test_the_first_line_says_why() -> None:
    assert [str(path) for path in STATEMENTS if not re.match(r"-- \S+(\s+\S+){3,}", text(path))] == []


def test_columns_are_named() -> None:
    assert [str(path) for path in STATEMENTS if re.search(r"\bSELECT\s+(\w+\.)?\*", code(path), re.IGNORECASE)] == []


def test_a_claim_is_bounded() -> None:
    """By a limit, or because it names the rows that it asks for."""
    claims = [path for path in STATEMENTS if re.search(r"\bSKIP\s+LOCKED\b", code(path), re.IGNORECASE)]
    bounded = re.compile(r"\bLIMIT\s+%\(\w+\)s|_id = any\(%\(\w+_ids\)s\)|request_id = %\(request_id\)s", re.IGNORECASE)

    assert [str(path) for path in claims if not bounded.search(code(path))] == []


def test_values_are_bound_by_name() -> None:
    assert [str(path) for path in STATEMENTS if re.search(r"(?<!%)%s|\$\d|\{\w*\}", code(path))] == []


def test_a_file_holds_one_statement() -> None:
    assert [str(path) for path in STATEMENTS if ";" in re.sub(r"'[^']*'", "''", code(path)).rstrip().rstrip(";")] == []


def test_files_lie_beside_their_job() -> None:
    assert [str(path) for path in STATEMENTS if path.parts[1] != "sql" or len(path.parts) != 3] == []


def test_every_statement_is_used() -> None:
    unused = [
        str(path)
        for path in STATEMENTS
        if path.stem not in READ_BY_NAME
        and not any(f'"{path.stem}"' in source.read_text() for source in (JOBS / path.parts[0]).rglob("*.py"))
    ]

    assert unused == []


def test_every_job_has_its_row_for_the_dashboard() -> None:
    for stem in stems(ROOT):
        figures = code(Path(stem, "sql", "figures.sql"))
        missing = [column for column in sorted(FIGURES) if not re.search(rf"\bAS {column}\b", figures, re.IGNORECASE)]
        assert missing == [], f"{stem}/sql/figures.sql must give the columns {missing}"
