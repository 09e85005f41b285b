"""Wallet reconciliation's proof: what it brings to the harness."""

from collections.abc import Generator
from contextlib import contextmanager
from random import Random
from typing import Final

from econsent_stack.stack import Stack
from tests.prove.harness.full import Further, Proof
from tests.prove.harness.mutants import Rules
from tests.prove.wallets.histories import History
from tests.prove.wallets.planted import PLANTED
from tests.prove.wallets.real_side import RealSide
from tests.prove.wallets.schedules import chosen_schedules, count_calls, open_pair, prove_schedule
from tests.prove.wallets.stage import WalletStage
from tests.prove.wallets.world import open_world

SCHEDULES: Final = 1_200
RULES: Final = Rules(sources=("include/econsent_jobs/wallet_reconciliation/rules",), tests="tests/unit/wallet_reconciliation")


@contextmanager
def open_stage(stack: Stack) -> Generator[WalletStage]:
    with open_world(stack, database="econsent", folder=stack.home.path / "wallets") as world:
        yield WalletStage(world=world)


def prove_history(stage: WalletStage, number: int, random: Random) -> list[str]:
    with RealSide(stage.world, number=number) as side:
        return History(side, random).run().wrong


def prove_schedules(stage: WalletStage, place: int) -> list[str]:
    """One schedule, by its place among the chosen ones."""
    with open_pair(stage) as pair:
        calls = count_calls(stage, pair, number=2 * place)
        return prove_schedule(stage, pair, chosen_schedules(calls, SCHEDULES)[place], number=2 * place + 1)


PROOF: Final = Proof(
    job="wallet_reconciliation",
    words="No charge is lost and none made twice: every call fails in every way, workers are killed, and two runs take turns.",
    planted=PLANTED,
    rules=RULES,
    model="tests.prove.wallets.model_side",
    open_stage=open_stage,
    prove_history=prove_history,
    further=(Further(phase="schedules", units=SCHEDULES, prove=prove_schedules),),
)
