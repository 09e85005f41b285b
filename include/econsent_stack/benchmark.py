"""What every benchmark hands in: one JSON object, in which a job stands beside its physical limit, measured in the same run."""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Pair = tuple[float, float]
"""Seconds of the job and of its limit, for the same work."""


def arguments(name: str, doc: str | None, *, items: int, what: str) -> argparse.ArgumentParser:
    """Return what reads the arguments that every benchmark has; ``what`` the items are."""
    parser = argparse.ArgumentParser(prog=f"./econsent bench {name}", description=doc, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, default=items, help=f"{what} in each measurement ({items:,})")
    parser.add_argument("--pairs", type=int, default=5, help="measurements of the job and of its limit (5, the fewest that count)")
    parser.add_argument("--json", action="store_true", help="print one line")
    return parser


def measured(pairs: int, job: Callable[[], float], limit: Callable[[], float]) -> list[Pair]:
    """Measure job and limit so many times, each of which returns its seconds; the first of a pair alternates."""
    found: list[Pair] = []
    for number in range(pairs):
        if number % 2:
            found.append((job(), limit()))
        else:
            bare = limit()
            found.append((job(), bare))
    return found


def median_ratio(pairs: Sequence[Pair]) -> float:
    """How much of its limit the job reaches, in the median."""
    return round(statistics.median(limit / job for job, limit in pairs), 3)


def report(
    job: str, *, items: int, pairs: Sequence[Pair], parts: Mapping[str, Any], rss_mb: int, peer: tuple[str, float] | None = None
) -> dict[str, Any]:
    """Return the benchmark's line. Keys that do not apply are null; ``parts`` holds the figures that are the job's own.

    ``peer``: its name, and how many times longer it took.
    """
    ratios = [limit / seconds for seconds, limit in pairs]
    return {
        "job": job,
        "items": items,
        "seconds": round(statistics.median(seconds for seconds, _ in pairs), 3),
        "limit_seconds": round(statistics.median(limit for _, limit in pairs), 3),
        "ratio_to_limit": median_ratio(pairs),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
        "peer": peer[0] if peer else None,
        "peer_ratio": peer[1] if peer else None,
        "times_real_time": None,
        "parts": dict(parts),
        "rss_mb": rss_mb,
        "machine": machine(),
    }


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"


def show(line: Mapping[str, Any], *, on_one_line: bool) -> None:
    sys.stdout.write(json.dumps(line, indent=None if on_one_line else 2) + "\n")
