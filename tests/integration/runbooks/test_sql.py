"""The SQL that runbooks tell people to paste runs on the schema as it is."""

import re
from typing import Any

import psycopg
import pytest

from econsent_stack.project import ROOT

BLOCKS = [
    pytest.param(block, id=f"{path.stem}-{number}")
    for path in sorted((ROOT / "docs" / "runbooks").glob("*.md"))
    for number, block in enumerate(re.findall(r"```sql\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL), start=1)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_it_runs(block: str, database: psycopg.Connection[Any]) -> None:
    database.execute(block.encode())
