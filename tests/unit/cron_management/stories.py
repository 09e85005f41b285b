"""Generated histories of a job: schedules in several zones, late runs, pauses, overlaps, outages, clock steps, broken files, queue jobs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from types import ModuleType
from typing import Any

from tests.unit.cron_management import oracle

FREQUENT = ("*/3 * * * *", "*/2 * * * *", "*/5 * * * *", "7 * * * *", "*/15 * * * *")
RARE = ("15 3 * * *", "30 2 * * *", "30 1 * * *", "0 */6 * * *", "0 0 29 2 *", "45 23 28-29 2 *", "0 9 * * 1-5")
ZONES = ("UTC", "UTC", "America/New_York", "Europe/Zurich", "Australia/Sydney")
MOMENTS = (  # around which a history is laid: a plain day, both changes of the clocks in three zones, a leap day, the turn of a year
    "2026-11-25T03:05",
    "2026-03-08T07:00",
    "2026-11-01T06:00",
    "2026-03-29T01:00",
    "2026-10-25T01:00",
    "2026-04-04T16:00",
    "2026-10-03T16:00",
    "2028-02-29T00:30",
    "2026-12-31T23:58",
)
COMPONENTS = ("scheduler", "dag_processor", "triggerer")


def story(random: Random) -> dict[str, Any]:
    """Return one history, in the oracle's form."""
    rare = random.random() < 0.15
    cron, zone = random.choice(RARE if rare else FREQUENT), random.choice(ZONES)
    middle = int(datetime.fromisoformat(random.choice(MOMENTS)).replace(tzinfo=UTC).timestamp())
    length = random.choice((90_000, 180_000)) if rare else random.choice((1_500, 4_000, 9_000))
    since = middle - length // 2 + random.randrange(-600, 600)
    now = since + random.randrange(length)
    told = {
        "cron": cron,
        "zone": zone,
        "grace": random.choice((60, 60, 300)),
        "sweep": random.random() < 0.3,
        "known_since": since,
        "now": now,
        "runs": [],
        "pauses": spans(random, since, length, most=2),
        "outages": [(random.choice(COMPONENTS), start, end) for start, end in spans(random, since, length, most=2)],
        "breaks": spans(random, since, length, most=1),
    }
    told["pauses"] = [(start, end, start + random.randrange(60, 9_000) if random.random() < 0.5 else None) for start, end in told["pauses"]]
    told["runs"] = runs(random, told, since + length)
    if random.random() < 0.1:  # somebody set the clock back: what was written meanwhile lies in the future
        told["now"] = max(since, now - random.randrange(1, 600))
    elif random.random() < 0.5:  # on the edge of something that happened
        told["now"] = edge(random, told)
    return told


def spans(random: Random, since: int, length: int, *, most: int) -> list[tuple[int, int | None]]:
    """Stretches that do not overlap; the last may be open."""
    cuts = sorted(random.sample(range(since, since + length), 2 * random.choice((0, 0, *range(1, most + 1)))))
    found: list[tuple[int, int | None]] = list(zip(cuts[::2], cuts[1::2], strict=True))
    if found and random.random() < 0.5:
        found[-1] = (found[-1][0], None)
    return found


def runs(random: Random, told: dict[str, Any], end: int) -> list[dict[str, Any]]:
    """Runs of the ticks, most of them on time, with some lost, and others between them."""
    found = []
    usual = random.choice((5, 20, 100))
    trouble = random.choice((0.0, 0.05, 0.3, 0.9))
    minutes = range(told["known_since"] - told["known_since"] % 60, end, 60)
    for due in (at for at in minutes if oracle.is_due(told["cron"], told["zone"], at)):
        if random.random() >= trouble:
            found.append(run(random, len(found), "scheduled", due, usual))
    for kind in ("manual", "asset", "backfill"):
        if random.random() < 0.3:
            found.extend(run(random, 1_000 + len(found), kind, random.randrange(told["known_since"], end), usual) for _ in range(3))
    for stopped in [start for _, start, back in told["outages"] if back is None or back - start > 60]:
        found = [done for done in found if not stopped < done["after"] < stopped + 3_000]
    return found


def run(random: Random, number: int, kind: str, due: int, usual: int) -> dict[str, Any]:
    odd = random.random()
    queued = due + random.choice((0, 0, 1, 3, 59, 60, 61, 400))
    started = None if odd < 0.04 else queued + random.choice((0, 0, 1, 5, 59, 60, 61, 130))
    long = usual * random.choice((1, 1, 1, 2, 3, 4, 40))
    ended = None if started is None or odd < 0.08 else started + long
    beat = None if started is None else started + random.choice((long, long // 2, 1, 1))
    rest = started + long // 2 + 90 if started is not None and random.random() < 0.1 else None
    good = None if ended is None else random.random() < 0.8
    return {
        "id": f"run {number:05}",
        "kind": kind,
        "after": due,
        "queued": queued,
        "started": started,
        "ended": ended,
        "good": good,
        "beat": beat,
        "rest": rest,
    }


def edge(random: Random, told: dict[str, Any]) -> int:
    """A moment at, or a second beside, something in the story: where bounds are off by one, it shows there."""
    last = told["now"]
    at = [told["known_since"], last]
    at += [run[name] for run in told["runs"] for name in ("after", "queued", "started", "ended", "beat") if run[name] is not None]
    at += [moment for span in told["pauses"] + told["breaks"] for moment in span if moment]
    at += [due + told["grace"] for due in range(last - last % 60 - 3_600, last, 60) if oracle.is_due(told["cron"], told["zone"], due)]
    at += [run["after"] + 60 for run in told["runs"]]
    at += [stopped + 30 for _, stopped, _ in told["outages"]]
    at += [run[name] + 120 for run in told["runs"] for name in ("queued", "started", "beat") if run[name] is not None]
    near = [moment for moment in at if told["known_since"] <= moment <= last + 3_600]
    return max(told["known_since"], random.choice(near) + random.choice((-1, 0, 0, 1)))


@dataclass(frozen=True)
class Told:
    """What the rule says, in the oracle's form."""

    status: str
    flags: list[tuple[str, int, int, str]]
    ticks: list[tuple[int, str]]
    next: int | None


def told_by_rule(told: dict[str, Any], rules: ModuleType) -> dict[str, Any]:
    """Ask a module that is, or was changed from, the rule."""

    def moment(at: int | None) -> datetime | None:
        return None if at is None else datetime.fromtimestamp(at, UTC)

    facts = rules.JobFacts(
        schedule=rules.Schedule(told["cron"], told["zone"]),
        grace_seconds=told["grace"],
        known_since=moment(told["known_since"]),
        sweep=told["sweep"],
        runs=tuple(
            rules.Run(
                run_id=run["id"],
                kind=run["kind"],
                run_after=moment(run["after"]),
                queued_at=moment(run["queued"]),
                started_at=moment(run["started"]),
                ended_at=moment(run["ended"]),
                succeeded=run["good"],
                heartbeat_at=moment(run["beat"]),
                resting_until=moment(run["rest"]),
            )
            for run in told["runs"]
        ),
        pauses=tuple(rules.Pause(start_at=moment(start), end_at=moment(end), resume_at=moment(at)) for start, end, at in told["pauses"]),
        outages=tuple(rules.Outage(component=name, stopped_at=moment(at), back_at=moment(back)) for name, at, back in told["outages"]),
        breaks=tuple(rules.Break(start_at=moment(start), end_at=moment(end)) for start, end in told["breaks"]),
    )
    standing = rules.judge(facts, moment(told["now"]))
    return {
        "status": str(standing.status),
        "flags": sorted((str(flag.kind), seconds(flag.tick_at) or 0, flag.count, reason(flag, rules)) for flag in standing.flags),
        "ticks": [(seconds(tick.at), str(tick.verdict)) for tick in standing.ticks],
        "next": seconds(standing.next_run_at),
    }


def seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


def reason(flag: Any, rules: ModuleType) -> str:
    """Read back what a flag's sentence names."""
    if flag.kind == "skipped":
        return "paused" if "the job was paused" in flag.cause else "busy"
    if flag.kind not in ("late", "missed"):
        return ""
    if "does not import" in flag.cause:
        return "file"
    for component, name in rules.COMPONENTS.items():
        if f"the {name}'s heartbeat stopped" in flag.cause:
            at = datetime.strptime(flag.cause.rpartition(" at ")[2], "%Y-%m-%d %H:%M:%S UTC.").replace(tzinfo=UTC)
            return f"{component}@{seconds(at)}"
    return "unknown"
