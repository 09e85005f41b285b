"""Programs of the project that are found by their file's name: benchmarks, proofs and verifiers."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

from econsent_stack.errors import StackError
from econsent_stack.project import ROOT


def names_in(folder: Path) -> list[str]:
    """Return the names of the programs in ``folder``: its Python files, but tests, fixtures and what begins with an underscore."""
    found = (path.stem for path in folder.glob("*.py"))
    return sorted(name for name in found if not name.startswith(("_", "test_")) and name != "conftest")


def load_main(folder: Path, name: str, *, kind: str) -> Callable[[list[str]], int]:
    """Load ``folder/name.py`` and return its ``main``. Raises StackError, with the list of what there is, for an unknown name."""
    names = names_in(folder)
    if name not in names:
        raise StackError(f"There is no {kind} {name}: choose one of {', '.join(names) or '(none yet)'}.")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))  # what programs share lies below tests, which is no installed package
    module_name = f"econsent_{kind}_{name}"
    spec = importlib.util.spec_from_file_location(module_name, folder / f"{name}.py")
    assert spec is not None, f"{folder / name}.py cannot be loaded"
    assert spec.loader is not None, f"{folder / name}.py cannot be loaded"
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module.main


def show(folder: Path, *, command: str, what: str) -> int:
    """Print the use of a command that takes such a name, and what there is."""
    listed = "\n".join(f"  {name}" for name in names_in(folder)) or "  (none yet)"
    sys.stdout.write(f"usage: ./econsent {command} NAME [arguments]\n\n{what}\n\nThere are:\n{listed}\n")
    return 0
