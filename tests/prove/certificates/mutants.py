"""Random small changes of the job's rules by mutmut, a maintained mutation tool: most of them must fail a unit test.

``python -m tests.prove.certificates.mutants SEED COUNT`` draws them, in a folder whose ``setup.cfg`` configures mutmut; they come out as
JSON, one a line. It is a process of its own, because mutmut reads its configuration from the working folder.
"""

import difflib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final, cast

from econsent_stack.errors import StackError
from econsent_stack.project import ROOT
from tests.prove.certificates.planted import passes

if TYPE_CHECKING:
    from libcst import Module

RULES: Final = Path("include/econsent_jobs/certificate_processing/rules")
TESTS: Final = Path("tests/unit/certificate_processing")
LAST: Final = ("test_languages.py", "test_recordings.py")  # they take seconds, the others milliseconds
MOST_SECONDS: Final = 60
FOR_TYPES_ALONE: Final = ("cast(", "Literal[", "strict=True")
"""Words that say something to a type checker, or assert what the types say already: changing them changes nothing that runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """``code`` is the whole changed file, ``change`` its lines that differ."""

    file: str
    code: str
    change: str


def draw(tree: Path, *, seed: int, count: int) -> list[Mutant]:
    """Draw ``count`` mutants of the rules, in a copied tree. Raises StackError where mutmut is not installed."""
    (tree / "setup.cfg").write_text("[mutmut]\nsource_paths=include\n", encoding="utf-8")
    path = os.pathsep.join(str(tree / part) for part in ("include", "plugins", ""))
    command = [sys.executable, "-m", __name__, str(seed), str(count)]
    done = subprocess.run(command, cwd=tree, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"No mutants could be drawn: install the development tools with mutmut. {done.stderr[-300:]}")
    return [Mutant(**json.loads(line)) for line in done.stdout.splitlines()]


def is_killed(mutant: Mutant, tree: Path) -> bool:
    """Run the rules' unit tests with the mutant in place of its file."""
    place = tree / mutant.file
    before = place.read_text(encoding="utf-8")
    place.write_text(mutant.code, encoding="utf-8")
    try:
        return not passes(tree, unit_tests(), seconds=MOST_SECONDS)
    finally:
        place.write_text(before, encoding="utf-8")


def unit_tests() -> list[str]:
    """The test files, quick ones first."""
    names = sorted(path.name for path in (ROOT / TESTS).glob("test_*.py"))
    return [str(TESTS / name) for name in sorted(names, key=lambda name: (name in LAST, name))]


def candidates() -> Iterator[Mutant]:
    """Yield the changes that mutmut knows for the rules below the working folder, but those of words for the type checker."""
    from mutmut.mutation.file_mutation import create_mutations  # a tool for development: only this process needs it

    for path in sorted(RULES.glob("*.py")):
        code = path.read_text(encoding="utf-8")
        module, mutations, *_ = create_mutations(str(path), code)
        for mutation in mutations:
            changed = cast("Module", module.deep_replace(mutation.original_node, mutation.mutated_node)).code
            lines = difflib.unified_diff(code.splitlines(), changed.splitlines(), lineterm="", n=0)
            shown = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
            if any(words in shown[0] for words in FOR_TYPES_ALONE):
                continue
            yield Mutant(file=str(path), code=changed, change="\n".join(shown))


def main(seed: int, count: int) -> None:
    found: Sequence[Mutant] = list(candidates())
    for mutant in Random(seed).sample(found, count):
        sys.stdout.write(json.dumps(asdict(mutant)) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
