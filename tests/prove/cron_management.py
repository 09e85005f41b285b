"""``./econsent prove cron_management``: the rule and its oracle agree on 10,000 generated histories, and every planted bug is found."""

import argparse
import sys
import time
from random import Random

from econsent_stack.evidence import Evidence
from econsent_stack.project import ROOT

FULL = 10_000
MOST = 2_500


def main(argv: list[str]) -> Evidence:
    sys.path.insert(0, str(ROOT))  # the stories lie below tests, which is no installed package
    from econsent_airflow.cron_management import rules
    from tests.unit.cron_management import oracle, stories
    from tests.unit.cron_management.planted import BUGS

    words = argparse.ArgumentParser(prog="./econsent prove cron_management", description=__doc__)
    words.add_argument("--seed", type=int, default=20261125)
    words.add_argument("--histories", type=int, default=FULL)
    options = words.parse_args(argv)
    started = time.monotonic()
    wrong = 0
    for number in range(options.histories):
        told = stories.story(Random(f"{options.seed}/{number}"))
        said, expected = stories.told_by_rule(told, rules), oracle.tell(told)
        if said != expected:
            wrong += 1
            sys.stderr.write(f"history {number}: the rule says {said}, the oracle {expected}\n")
        if number % 500 == 0:
            sys.stderr.write(f"… {number} of {options.histories} histories, {wrong} wrong\n")
    killed = 0
    for bug in BUGS:
        planted = bug.module()
        tales = (stories.story(Random(f"{options.seed}/bug/{number}")) for number in range(MOST))
        found = any(stories.told_by_rule(told, planted) != stories.told_by_rule(told, rules) for told in tales)
        killed += found
        if not found:
            sys.stderr.write(f"not found: {bug.name}\n")
    return Evidence(
        job="cron_management",
        seed=options.seed,
        mutants=len(BUGS),
        mutants_killed=killed,
        wrong=wrong,
        seconds=round(time.monotonic() - started, 1),
        full=options.histories >= FULL,
    )
