"""Random small changes of a job's rules by mutmut, a maintained mutation tool: most of them must fail a unit test.

``python -m tests.prove.harness.mutants SEED COUNT FILE…`` draws them, in a folder whose ``setup.cfg`` configures mutmut; they come out as
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
from tests.prove.harness.planted import passes

if TYPE_CHECKING:
    from libcst import Module

MOST_SECONDS: Final = 60
FOR_TYPES_ALONE: Final = ("cast(", "Literal[", "strict=True")
"""Words that say something to a type checker, or assert what the types say already: changing them changes nothing that runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """``code`` is the whole changed file, ``change`` its lines that differ."""

    file: str
    code: str
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is changed: ``sources``, files or folders of them; and the folder of unit tests that must notice, ``last`` after the others."""

    sources: tuple[str, ...]
    tests: str
    last: tuple[str, ...] = ()

    def files(self) -> list[str]:
        """The files to change, below the project's root."""
        found = [path for name in self.sources for path in ((ROOT / name).glob("*.py") if (ROOT / name).is_dir() else [ROOT / name])]
        return sorted(str(path.relative_to(ROOT)) for path in found)

    def unit_tests(self) -> list[str]:
        """The test files, quick ones first."""
        names = sorted(path.name for path in (ROOT / self.tests).glob("test_*.py"))
        return [f"{self.tests}/{name}" for name in sorted(names, key=lambda name: (name in self.last, name))]


def draw(rules: Rules, tree: Path, *, seed: int, count: int) -> list[Mutant]:
    """Draw ``count`` mutants of the rules, in a copied tree. Raises StackError where mutmut is not installed."""
    (tree / "setup.cfg").write_text("[mutmut]\nsource_paths=include\n", encoding="utf-8")
    path = os.pathsep.join(str(tree / part) for part in ("include", "plugins", ""))
    command = [sys.executable, "-m", __name__, str(seed), str(count), *rules.files()]
    done = subprocess.run(command, cwd=tree, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"No mutants could be drawn: install the development tools with mutmut. {done.stderr[-300:]}")
    return [Mutant(**json.loads(line)) for line in done.stdout.splitlines()]


def is_killed(rules: Rules, mutant: Mutant, tree: Path) -> bool:
    """Run the rules' unit tests with the mutant in place of its file."""
    place = tree / mutant.file
    before = place.read_text(encoding="utf-8")
    place.write_text(mutant.code, encoding="utf-8")
    try:
        return not passes(tree, rules.unit_tests(), seconds=MOST_SECONDS, broken_fails=True)  # some mutants cannot even be imported
    finally:
        place.write_text(before, encoding="utf-8")


def candidates(names: Sequence[str]) -> Iterator[Mutant]:
    """Yield the changes that mutmut knows for these files below the working folder, but those of words for the type checker."""
    from mutmut.mutation.file_mutation import create_mutations  # a tool for development: only this process needs it

    for name in names:
        code = Path(name).read_text(encoding="utf-8")
        module, mutations, *_ = create_mutations(name, code)
        for mutation in mutations:
            changed = cast("Module", module.deep_replace(mutation.original_node, mutation.mutated_node)).code
            lines = difflib.unified_diff(code.splitlines(), changed.splitlines(), lineterm="", n=0)
            shown = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
            if any(words in shown[0] for words in FOR_TYPES_ALONE):
                continue
            yield Mutant(file=name, code=changed, change="\n".join(shown))


def main(seed: int, count: int, names: Sequence[str]) -> None:
    found: Sequence[Mutant] = list(candidates(names))
    for mutant in Random(seed).sample(found, min(count, len(found))):
        sys.stdout.write(json.dumps(asdict(mutant)) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
