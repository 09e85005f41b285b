"""How far a proof has come, kept in a file, so that it can be stopped and resumed."""

import json
import threading
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from econsent_stack.errors import StackError
from econsent_stack.files import write_whole


@dataclass(slots=True, kw_only=True)
class Progress:
    """``options`` say which proof it is; ``done`` counts units by phase, ``counts`` sums up what they came to."""

    path: Path
    options: dict[str, Any]
    done: dict[str, int] = field(default_factory=dict[str, int])
    counts: dict[str, int] = field(default_factory=dict[str, int])
    found_by: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    survivors: list[str] = field(default_factory=list[str])
    sentences: list[str] = field(default_factory=list[str])
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def begin(cls, path: Path, options: dict[str, Any], *, resume: bool) -> "Progress":
        """Start anew, or go on where the last run was stopped. Raises StackError when that was another proof."""
        if not resume or not path.exists():
            return cls(path=path, options=options)
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["options"] != options:
            raise StackError(f"The proof in {path} was begun with {kept['options']}: give the same options, or leave --resume out.")
        return cls(path=path, **kept)

    def add(self, phase: str, *, units: int, sentences: list[str] | None = None, **counts: int) -> None:
        """Count finished units of a phase and write everything down."""
        with self.lock:
            self.done[phase] = self.done.get(phase, 0) + units
            for name, count in counts.items():
                self.counts[name] = self.counts.get(name, 0) + count
            self.sentences += sentences or []
            self.save()

    def save(self) -> None:
        kept = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in {"path", "lock"}}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, json.dumps(kept, indent=2) + "\n", mode=0o644)
