"""Money is Decimal: no float reaches it, neither in Python nor in SQL."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

from econsent_stack.project import ROOT

WALLET = ROOT / "include" / "econsent_jobs" / "wallet_reconciliation"
ADAPTERS = sorted((ROOT / "include" / "econsent_jobs" / "io").glob("payments*.py"))
PYTHON = [*sorted(WALLET.rglob("*.py")), *ADAPTERS]
SQL = [*sorted(WALLET.rglob("*.sql")), *sorted((ROOT / "include" / "econsent_jobs" / "migrations" / "versions").glob("*wallet*.sql"))]
IN_SECONDS = re.compile(r"seconds$")
FLOAT_TYPES = re.compile(r"\b(real|float4?|float8|double precision|money)\b", re.IGNORECASE)


def floats_in(code: str) -> Iterator[str]:
    """Name every float of a module that is no number of seconds: literals, annotations, conversions and true division of names."""
    tree = ast.parse(code)
    allowed = {id(part) for node in ast.walk(tree) if is_of_seconds(node) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in allowed:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"line {node.lineno}: the literal {node.value}"
        if isinstance(node, ast.Name) and node.id == "float":
            yield f"line {node.lineno}: float"
        if is_decimal(node) and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, float):
            yield f"line {node.lineno}: a Decimal made of a float"


def is_decimal(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Decimal"


def is_of_seconds(node: ast.AST) -> bool:
    """Whether a node is an argument, an annotation or an assignment of something that is measured in seconds, and so no money."""
    if isinstance(node, ast.arg):
        return bool(IN_SECONDS.search(node.arg))
    if isinstance(node, ast.keyword):
        return bool(IN_SECONDS.search(node.arg or ""))
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and bool(IN_SECONDS.search(node.target.id) or node.target.id == "deadline")
    return False


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.stem)
def test_no_float_in_the_code_of_money(path: Path) -> None:
    assert list(floats_in(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", SQL, ids=lambda path: path.stem)
def test_no_float_in_the_sql_of_money(path: Path) -> None:
    code = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
    assert FLOAT_TYPES.findall(code) == []


@pytest.mark.parametrize(
    "planted",
    ["price = 0.015", "def charge(amount: float) -> None: ...", "total = float(amount)", "amount = Decimal(0.1)", "fee: float = 0"],
)
def test_the_rule_sees_a_float(planted: str) -> None:
    assert list(floats_in(planted))


def test_seconds_may_be_floats() -> None:
    assert list(floats_in("def wait(*, lease_seconds: float) -> None: ...")) == []
