"""A whole proof, in two lanes: one drives the real servers, the other what needs none of this process's servers.

Servers: every call in every way of failing, kills, two workers, histories, and what a job adds; each block of cases ends with the verifier.
Beside them: planted bugs, histories on the model, random mutants of the rules.
"""

import argparse
import json
import logging
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final, NoReturn

from econsent_stack.errors import StackError
from econsent_stack.evidence import Evidence
from econsent_stack.paths import chosen_home
from econsent_stack.project import ROOT
from econsent_stack.stack import Stack
from tests.prove.harness.faults import FaultPoint, fault_points, prove_point, record
from tests.prove.harness.kills import measure, prove_kills, prove_two_workers
from tests.prove.harness.mutants import Mutant, Rules, draw, is_killed
from tests.prove.harness.planted import Planted, copy_tree, hunt
from tests.prove.harness.progress import Progress
from tests.prove.harness.stage import Stage
from tests.prove.harness.verdict import Verdict

BLOCK: Final = 25
MODEL_BLOCK: Final = 1_000
KILLED_SHARE: Final = 0.9
SAY_SECONDS: Final = 10.0
NUMBERS: Final = {"faults": 10_000, "kills": 20_000, "histories": 30_000, "workers": 40_000, "measures": 50_000, "more": 60_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """Something that only this job has to prove, in ``units``. ``prove`` gets the stage and the unit's place, and says what is wrong."""

    phase: str
    units: int
    prove: Callable[[Any, int], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A job's proof.

    ``open_stage`` gets a fresh running stack; its servers stop with it. ``prove_history`` runs one history on the stage, by number, and
    says what is wrong with it. ``model`` is the module whose ``history(seed)`` runs one on the model.
    """

    job: str
    words: str
    planted: Sequence[Planted]
    rules: Rules
    model: str
    open_stage: Callable[[Stack], AbstractContextManager[Stage[Any]]]
    prove_history: Callable[[Any, int, Random], list[str]]
    further: Sequence[Further] = ()

    def read_options(self, argv: list[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser(
            prog=f"./econsent prove {self.job}", description=self.words, formatter_class=argparse.RawTextHelpFormatter
        )
        count = len(self.planted)
        parser.add_argument("--seed", type=int, default=1, help="what all random choices follow from (1)")
        parser.add_argument("--resume", action="store_true", help="go on where the last run with these options was stopped")
        parser.add_argument("--faults", type=int, default=None, help="so many random fault points instead of all")
        parser.add_argument("--kills", type=int, default=500, help="workers to kill (500)")
        parser.add_argument("--histories", type=int, default=500, help="histories on the real servers (500)")
        for each in self.further:
            parser.add_argument(f"--{each.phase}", type=int, default=each.units, help=f"units of {each.phase} ({each.units}, all)")
        parser.add_argument("--model-histories", type=int, default=100_000, help="histories on the model (100,000)")
        parser.add_argument("--planted", type=int, default=count, help=f"planted bugs to hunt ({count}, all)")
        parser.add_argument("--mutants", type=int, default=50, help="random mutants of the rules (50)")
        return parser.parse_args(argv)


def prove(proof: Proof, argv: list[str]) -> Evidence:
    """Run the proof with a command's arguments. Raises StackError when it was stopped: it can be resumed."""
    options = vars(proof.read_options(argv))
    resume = options.pop("resume")
    logging.getLogger("econsent_jobs").addHandler(logging.NullHandler())
    logging.getLogger("econsent_jobs").propagate = False  # failing items are part of the proof
    signal.signal(signal.SIGTERM, interrupt)
    kept = chosen_home().path / "prove" / f"{proof.job}.json"
    progress = Progress.begin(kept, options, resume=resume)
    began, before = time.monotonic(), progress.seconds
    beside = Beside(proof, progress, options)
    beside.start()
    try:
        prove_on_servers(proof, progress, options)
        beside.join()
    except KeyboardInterrupt as stopped:
        raise StackError("The proof was stopped: give the same command with --resume to go on.") from stopped
    finally:
        beside.stop()
        progress.seconds = before + time.monotonic() - began
        with progress.lock:
            progress.save()
    if beside.error is not None:
        raise beside.error
    return evidence_of(proof, progress, options)


def interrupt(number: int, frame: object) -> NoReturn:
    """SIGTERM stops the proof as Ctrl-C does: servers end, and what was proved is kept."""
    raise KeyboardInterrupt


def evidence_of(proof: Proof, progress: Progress, options: dict[str, Any]) -> Evidence:
    counts = progress.counts
    drawn, killed = progress.done.get("mutants", 0), counts.get("mutants_killed", 0)
    too_few = drawn > 0 and killed < KILLED_SHARE * drawn
    for sentence in progress.sentences:
        say(sentence)
    for change in progress.survivors:
        say(f"survived: {change}")
    say(f"{progress.done.get('model', 0)} histories on the model; {killed} of {drawn} random mutants of the rules killed")
    write_details(proof, progress)
    return Evidence(
        job=proof.job,
        seed=options["seed"],
        kills=counts.get("killed", 0),
        histories=progress.done.get("histories", 0),
        fault_points=progress.done.get("faults", 0),
        mutants=progress.done.get("planted", 0),
        mutants_killed=counts.get("planted_found", 0),
        lost=counts.get("lost", 0),
        duplicated=counts.get("duplicated", 0),
        wrong=counts.get("wrong", 0) + too_few,
        seconds=round(progress.seconds, 1),
        full=all(options[name] == value for name, value in vars(proof.read_options([])).items() if name not in {"seed", "resume"}),
    )


def write_details(proof: Proof, progress: Progress) -> None:
    """Keep beside the evidence's counts which test found which bug, and which random mutants survived."""
    details = {
        "model_histories": progress.done.get("model", 0),
        "random_mutants": progress.done.get("mutants", 0),
        "random_mutants_killed": progress.counts.get("mutants_killed", 0),
        "random_mutants_survived": progress.survivors,
        "planted_found_by": progress.found_by,
        **{each.phase: progress.done.get(each.phase, 0) for each in proof.further},
    }
    text = json.dumps(details, indent=2) + "\n"
    (progress.path.parent / f"{proof.job}.details.json").write_text(text, encoding="utf-8")


def prove_on_servers(proof: Proof, progress: Progress, options: dict[str, Any]) -> None:
    """All phases that need the real servers, on a stack of their own below the state folder, which is gone afterwards."""
    home = progress.path.parent / f"stack_{proof.job}"
    forget_stack(home)
    with Stack(home, durable=False) as stack, proof.open_stage(stack) as stage:
        lane = Lane(proof=proof, stage=stage, progress=progress, seed=options["seed"])
        points = chosen_points(stage, options)
        lane.run("faults", len(points), partial(lane.prove_fault, points))
        seconds = measure(stage, numbers=range(NUMBERS["measures"], NUMBERS["measures"] + 3))
        lane.run("kills", options["kills"], partial(lane.prove_kill, seconds), until="killed")
        lane.run("workers", 1, lane.prove_workers)
        lane.run("histories", options["histories"], lane.prove_history)
        for each in proof.further:
            lane.run(each.phase, options[each.phase], partial(lane.prove_further, each))
        end = stage.verified()
        progress.add("verified", units=1, sentences=end.sentences, wrong=end.wrong)
    forget_stack(home)


def forget_stack(home: Path) -> None:
    """Remove the servers' folder, and first whatever a proof that was killed left running in it."""
    if home.exists():
        left = Stack(home)
        left.take_over()
        left.stop()
        shutil.rmtree(home)


def chosen_points(stage: Stage[Any], options: dict[str, Any]) -> Sequence[FaultPoint]:
    points = list(fault_points(record(stage, number=1), patient=stage.patient))
    return points if options["faults"] is None else Random(options["seed"]).sample(points, options["faults"])


@dataclass(slots=True, kw_only=True)
class Lane:
    """Runs phases on the servers, in blocks: what a block came to is written down after the verifier has seen it."""

    proof: Proof
    stage: Stage[Any]
    progress: Progress
    seed: int

    def run(self, phase: str, units: int, prove: Callable[[int, Random, int], tuple[int, Verdict]], *, until: str | None = None) -> None:
        """Prove ``units`` cases, or so many that ``until`` counts as many."""
        teller = Teller(phase, units)
        while (self.progress.counts if until else self.progress.done).get(until or phase, 0) < units:
            done = self.progress.done.get(phase, 0)
            began_at, total, counted, proved = datetime.now(UTC), Verdict(), 0, 0
            for place in range(done, done + BLOCK if until else min(done + BLOCK, units)):
                more, verdict = prove(NUMBERS.get(phase, NUMBERS["more"]) + place, Random(f"{self.seed}/{phase}/{place}"), place)
                counted, proved, total = counted + more, proved + 1, total + verdict
                reached = self.progress.counts.get(until, 0) + counted if until else place + 1
                teller.tell(reached)
                if reached >= units:
                    break
            total += self.stage.verified(since=began_at)
            counts = {"lost": total.lost, "duplicated": total.duplicated, "wrong": total.wrong, **({until: counted} if until else {})}
            self.progress.add(phase, units=proved, sentences=total.sentences, **counts)

    def prove_fault(self, points: Sequence[FaultPoint], number: int, random: Random, place: int) -> tuple[int, Verdict]:
        return 1, prove_point(self.stage, points[place], number=number, random=random, thorough=False)

    def prove_kill(self, seconds: float, number: int, random: Random, place: int) -> tuple[int, Verdict]:
        return prove_kills(self.stage, number=number, seconds=seconds, random=random, thorough=False)

    def prove_workers(self, number: int, random: Random, place: int) -> tuple[int, Verdict]:
        return 1, prove_two_workers(self.stage, numbers=count(number))

    def prove_history(self, number: int, random: Random, place: int) -> tuple[int, Verdict]:
        wrong = self.proof.prove_history(self.stage, number, random)
        if wrong:
            self.stage.forget()
        return 1, Verdict(wrong=len(wrong), sentences=wrong).told_of(f"history {number}")

    def prove_further(self, further: Further, number: int, random: Random, place: int) -> tuple[int, Verdict]:
        wrong = further.prove(self.stage, place)
        return 1, Verdict(wrong=len(wrong), sentences=wrong).told_of(f"{further.phase} {place}")


class Beside(threading.Thread):
    """The lane beside the servers'. Each unit is a process of its own; ``stop`` lets the one in hand come to its end."""

    def __init__(self, proof: Proof, progress: Progress, options: dict[str, Any]) -> None:
        super().__init__(name="beside", daemon=True)
        self._proof, self._progress, self._options = proof, progress, options
        self._stopped = threading.Event()
        self.error: BaseException | None = None

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def run(self) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="econsent-prove-") as folder:
                for _ in self._units(Path(folder)):
                    if self._stopped.is_set():
                        return
        except BaseException as error:  # noqa: BLE001 a thread's error would be lost: the main thread raises it again
            self.error = error

    def _units(self, folder: Path) -> Iterator[None]:
        yield from self._planted(folder)
        yield from self._model_histories()
        yield from self._mutants(folder)

    def _planted(self, folder: Path) -> Iterator[None]:
        teller = Teller("planted", self._options["planted"])
        for planted in self._proof.planted[self._progress.done.get("planted", 0) : self._options["planted"]]:
            killer = hunt(planted, folder)
            self._progress.found_by[planted.name] = killer
            sentences = [] if killer else [f"the planted bug survived: {planted.name}"]
            self._progress.add("planted", units=1, sentences=sentences, planted_found=killer is not None)
            teller.tell(self._progress.done["planted"])
            yield

    def _model_histories(self) -> Iterator[None]:
        units = self._options["model_histories"]
        teller = Teller("histories on the model", units)
        while (done := self._progress.done.get("model", 0)) < units:
            count = min(MODEL_BLOCK, units - done)
            first = self._options["seed"] * 10_000_000 + done
            command = [sys.executable, "-m", "tests.prove.harness.many", self._proof.model, str(first), str(count)]
            told = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
            wrong = told["wrong"] + ([] if all(told["finished"]) else [f"of two workers one finished nothing: {told['finished']}"])
            self._progress.add("model", units=count, sentences=wrong, wrong=len(wrong))
            teller.tell(done + count)
            yield

    def _mutants(self, folder: Path) -> Iterator[None]:
        count, rules = self._options["mutants"], self._proof.rules
        if self._progress.done.get("mutants", 0) >= count:
            return
        tree = copy_tree(folder / "mutants")
        drawn: list[Mutant] = draw(rules, tree, seed=self._options["seed"], count=count)
        teller = Teller("mutants", count)
        for mutant in drawn[self._progress.done.get("mutants", 0) :]:
            killed = is_killed(rules, mutant, tree)
            if not killed:
                self._progress.survivors.append(f"{mutant.file}\n{mutant.change}")
            self._progress.add("mutants", units=1, mutants_killed=killed)
            teller.tell(self._progress.done["mutants"])
            yield
        shutil.rmtree(tree)


class Teller:
    """Says every ten seconds how far a phase is, and when it is done."""

    def __init__(self, phase: str, units: int) -> None:
        self._phase, self._units = phase, units
        self._next = time.monotonic() + SAY_SECONDS

    def tell(self, done: int) -> None:
        if time.monotonic() >= self._next or done == self._units:
            self._next = time.monotonic() + SAY_SECONDS
            say(f"{self._phase}: {done} of {self._units}")


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
