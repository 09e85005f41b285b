"""``./econsent prove cron_management``: the rule and its oracle agree on 10,000 generated histories, and every planted bug is found."""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from random import Random

from econsent_airflow.cron_management import rules
from econsent_stack.evidence import Evidence
from tests.unit.cron_management import oracle, stories
from tests.unit.cron_management.planted import BUGS

FULL = 10_000
MOST = 10_000  # the rarest bug is found by one in five thousand
AT_ONCE = 100


def disagreements(seed: int, first: int) -> list[str]:
    """Tell the histories from ``first`` on by the rule and by the oracle; return a line for each on which they differ."""
    found: list[str] = []
    for number in range(first, first + AT_ONCE):
        told = stories.story(Random(f"{seed}/{number}"))
        said, expected = stories.told_by_rule(told, rules), oracle.tell(told)
        if said != expected:
            found.append(f"history {number}: the rule says {said}, the oracle {expected}")
    return found


def is_found(seed: int, name: str) -> bool:
    """Whether some history tells a planted bug from the rule."""
    planted = next(bug for bug in BUGS if bug.name == name).module()
    tales = (stories.story(Random(f"{seed}/bug/{number}")) for number in range(MOST))
    return any(stories.told_by_rule(told, planted) != stories.told_by_rule(told, rules) for told in tales)


def main(argv: list[str]) -> Evidence:
    words = argparse.ArgumentParser(prog="./econsent prove cron_management", description=__doc__)
    words.add_argument("--seed", type=int, default=20261125)
    words.add_argument("--histories", type=int, default=FULL, help=f"rounded up to {AT_ONCE}")
    words.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that tell histories at once")
    options = words.parse_args(argv)
    started = time.monotonic()
    wrong = 0
    with ProcessPoolExecutor(options.workers) as workers:
        batches = range(0, options.histories, AT_ONCE)
        for first, lines in zip(batches, workers.map(partial(disagreements, options.seed), batches), strict=True):
            wrong += len(lines)
            sys.stderr.write("".join(f"{line}\n" for line in lines) + f"… {first + AT_ONCE} histories, {wrong} wrong\n")
        names = [bug.name for bug in BUGS]
        found = dict(zip(names, workers.map(partial(is_found, options.seed), names), strict=True))
    sys.stderr.write("".join(f"not found: {name}\n" for name, was_found in found.items() if not was_found))
    return Evidence(
        job="cron_management",
        seed=options.seed,
        mutants=len(BUGS),
        mutants_killed=sum(found.values()),
        histories=options.histories,
        wrong=wrong,
        seconds=round(time.monotonic() - started, 1),
        full=options.histories >= FULL,
    )
