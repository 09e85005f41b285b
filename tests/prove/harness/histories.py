"""What random histories come to, whichever job they are of."""

import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

MOST_TOLD: Final = 10


@dataclass(slots=True)
class Told:
    """What a history came to: sentences for what is wrong, and how many items each lane finished."""

    wrong: list[str] = field(default_factory=list[str])
    finished: Counter[int] = field(default_factory=Counter[int])
    steps: int = 0


def run_histories(history: Callable[[int], Told], seeds: Iterable[int]) -> Told:
    """Run one history a seed and add up what they came to. Stops at the tenth sentence of what is wrong.

    A history that crashes is wrong too: a job may fail in its own words only. Its traceback goes to stderr.
    """
    total = Told()
    for seed in seeds:
        try:
            told = history(seed)
        except Exception as error:  # noqa: BLE001 whatever it is, the histories after it are still to be judged
            traceback.print_exception(error)
            told = Told(wrong=[f"it crashed ({type(error).__name__}: {error})"])
        total.finished += told.finished
        total.steps += told.steps
        total.wrong += [f"history {seed}: {sentence}" for sentence in told.wrong]
        if len(total.wrong) >= MOST_TOLD:
            break
    return total
