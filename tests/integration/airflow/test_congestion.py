"""Airflow hands a run what the run before it left, and the third that falls behind fails."""

import json
import subprocess
import sys
from pathlib import Path

from econsent_stack.stack import Stack


def test_the_third_run_that_falls_behind_fails(airflow: dict[str, str], stack: Stack) -> None:
    program = Path(__file__).with_name("growing.py")
    done = subprocess.run(
        [sys.executable, str(program)],
        env={**airflow, "AIRFLOW__CORE__DAGS_FOLDER": str(program.parent)},
        cwd=stack.home.path,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    green = json.loads(done.stdout.splitlines()[-1])
    assert green == [
        *[True, True, False, False],  # 10, 20, 30, 40 s: failed from the third on
        *[True, True],  # 35, 36: it caught up once
        True,  # 0: nothing was left
        *[True, True, False],  # 37, 38, 39: begun anew
        *[True, True, True, True],  # 50 to 53: work was left, but the runs ended before their limit
    ]
