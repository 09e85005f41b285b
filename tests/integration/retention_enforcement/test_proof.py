"""Histories on the model: the job's own marking and purging, two workers, faults, people and the clock. Every deletion is judged."""

from datetime import timedelta
from random import Random

from tests.prove.harness.histories import run_histories
from tests.prove.retention.model import ModelArchive, World
from tests.prove.retention.model_side import BEGIN, Oracle, add, history

HISTORIES = 300


def test_no_history_deletes_what_it_must_not_or_leaves_what_it_must() -> None:
    told = run_histories(history, range(HISTORIES))

    assert told.wrong == []
    assert min(told.finished[0], told.finished[1]) > 0, "both workers finished items"
    assert told.steps > HISTORIES


def test_the_oracle_sees_a_worker_that_does_not_look_again() -> None:
    """A deletion that nobody decided about is told of at once."""
    world = World(now=BEGIN)
    oracle = Oracle(world=world)
    add(world, Random(1), 1)
    ((key, lock),) = world.versions.items()
    world.now = lock + timedelta(seconds=1)

    ModelArchive(world, judge=oracle.judge).delete([(key, "v")])

    assert any("within its grace" in sentence for sentence in oracle.wrong)
