"""The state of a job, told again and slowly: it walks the clock second by second and imports nothing of the rule.

Times are whole seconds since 1970. A story is a dictionary:
``cron``, ``zone``, ``grace``, ``sweep``, ``known_since``, ``now``;
``runs``: dictionaries of id, kind, after, queued, started, ended, good, beat, rest;
``pauses``: (start, end, resume) · ``outages``: (component, stopped, back) · ``breaks``: (start, end). None means: not yet, or never.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

HOUR = 3600
LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
ORDER = ("scheduler", "dag_processor", "triggerer")


@cache
def field(text, low, high):
    """The numbers that a field of a cron expression names."""
    found = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, last = (low, high) if span == "*" else (int(span.split("-")[0]), int(span.split("-")[-1]))
        found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)


@cache
def offset(zone, at):
    """How many seconds a zone's clocks are ahead of UTC, in the quarter of an hour that begins at ``at``."""
    wall = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
    return int(wall.timestamp()) - at


def shown(zone, at):
    return offset(zone, at - at % 900)


def matches(cron, wall):
    """Whether a clock that shows ``wall`` (seconds, as if it were UTC) stands on a due time."""
    minutes, hours, days, months, weekdays = fields(cron)
    if wall % 60 or wall // 60 % 60 not in minutes or wall // HOUR % 24 not in hours:
        return False
    day = datetime.fromtimestamp(wall, UTC)
    return day.day in days and day.month in months and (day.weekday() + 1) % 7 in weekdays


@cache
def fields(cron):
    return tuple(field(text, *limits) for text, limits in zip(cron.split(), LIMITS, strict=True))


def is_due(cron, zone, at):
    if at % 60:
        return False
    here = shown(zone, at)
    if cron.split()[1] == "*":
        return matches(cron, at + here)
    if matches(cron, at + here) and shown(zone, at + HOUR) >= here:
        return True  # and not the first of two
    before = shown(zone, at - HOUR)
    return before < here and matches(cron, at + before)  # the clock was put on over it


def next_due(cron, zone, at):
    at += 60 - at % 60
    while not is_due(cron, zone, at):
        day = datetime.fromtimestamp(at, UTC)
        far = not any((day + timedelta(days=near)).day in fields(cron)[2] for near in (-1, 0, 1, 2))
        at += 24 * HOUR if far else 60
    return at


def tell(story):
    now, runs = story["now"], [dict(run) for run in story["runs"] if run["queued"] <= story["now"]]
    for run in runs:
        for name in ("started", "ended"):
            if run[name] is not None and run[name] > now:
                run[name] = None
        if run["ended"] is None:
            run["good"] = None
        if run["beat"] is not None and run["beat"] > now:
            run["beat"] = now
    ticks = tick_stories(story, runs)
    flags = flags_of(story, runs, ticks)
    return {
        "status": status_of(story, runs, flags),
        "flags": sorted(flags),
        "ticks": [(at, verdict) for at, verdict in ticks][-20:],
        "next": next_of(story),
    }


def paused_at(story, at):
    return any(start <= at and (end is None or at < end) for start, end, _ in story["pauses"] if start <= story["now"])


def is_held(story, going, at):
    """Whether a tick could not start at that second: the job was paused, or a run was going."""
    if paused_at(story, at):
        return True
    return any(run["started"] <= at and (run["ended"] is None or at < run["ended"]) for run in going)


def tick_stories(story, runs):
    now, found = story["now"], []
    started = {run["after"] for run in runs if run["kind"] == "scheduled" and run["started"] is not None}
    due, free_seconds, was_late = None, 0, False
    going = [run for run in runs if run["kind"] != "backfill" and run["started"] is not None]
    for at in range(story["known_since"], now + 1):
        if at % 60 == 0 and is_due(story["cron"], story["zone"], at):
            if due is not None:
                found.append((due, "ran" if due in started else "missed" if was_late else "skipped"))
            due, free_seconds, was_late = at, 0, False
        if due is None or due in started or was_late:
            continue
        if is_held(story, going, at):
            free_seconds = 0
        else:
            was_late = free_seconds >= story["grace"]
            free_seconds += 1
    if due is not None:
        found.append((due, "ran" if due in started else "late" if was_late else "waiting"))
    return found


def silent(story, after):
    """The first component that was silent for half a minute, and still later than ``after``."""
    now = story["now"]
    for name in ORDER:
        for component, stopped, back in sorted(story["outages"], key=lambda outage: outage[1]):
            over = back if back is not None and back <= now else None
            if component == name and (over or now) - stopped >= 30 and (over is None or over > after):
                return component, stopped
    return None


def why(story, at):
    for start, end in story["breaks"]:
        if start <= story["now"] and (end is None or end > story["now"] or end > at):
            return "file"
    found = silent(story, at)
    return f"{found[0]}@{found[1]}" if found else "unknown"


def flags_of(story, runs, ticks):
    """Tuples of kind, first tick, how many, why."""
    now, flags = story["now"], []
    tail = []
    for tick in reversed(ticks[-20:]):
        if tick[1] == "ran":
            break
        tail.insert(0, tick)
    for kind in ("late", "missed", "skipped"):
        of_kind = [at for at, verdict in tail if verdict == kind]
        if of_kind:
            reason = ("paused" if paused_at(story, of_kind[-1]) else "busy") if kind == "skipped" else why(story, of_kind[-1])
            flags.append((kind, of_kind[0], len(of_kind), reason))
    good = sorted((run["ended"], run["id"], run["ended"] - run["started"]) for run in runs if run["good"])[-20:]
    lengths = sorted(length for _, _, length in good)
    middle = (lengths[(len(lengths) - 1) // 2] + lengths[len(lengths) // 2]) / 2 if lengths else None
    for run in runs:
        if run["ended"] is None:
            if middle is not None and run["started"] is not None and now - run["started"] > max(30, 3 * middle):
                flags.append(("slow", run["after"], 1, ""))
            quiet = 0
            while now - quiet not in (run["queued"], run["started"], run["beat"]) and not rests(run, runs, now - quiet):
                quiet += 1
            if quiet >= 120:
                flags.append(("stuck", run["after"], 1, ""))
    if any(start <= now and (end is None or end > now) for start, end in story["breaks"]):
        flags.append(("broken", 0, 1, ""))
    return flags


def rests(run, runs, at):
    """Whether nothing is wrong with a run that showed no sign of life at that second: it rests, or waits for the one before it."""
    if run["rest"] is not None and at <= run["rest"]:
        return True
    if run["started"] is not None or run["kind"] == "backfill":
        return False
    others = [other for other in runs if other["kind"] != "backfill" and other["started"] is not None]
    return any(other["started"] <= at and (other["ended"] is None or at <= other["ended"]) for other in others)


def status_of(story, runs, flags):
    now, kinds = story["now"], {flag[0] for flag in flags}
    if paused_at(story, now):
        return "Paused"
    if any(run["ended"] is None for run in runs):
        return "Running"
    last, at = None, now
    first = min((run["ended"] for run in runs if run["ended"] is not None), default=now)
    while last is None and at >= first:
        last = max((run for run in runs if run["ended"] == at), key=lambda run: run["id"], default=None)
        at -= 1
    silent_now = any(stopped + 30 <= now and (back is None or back > now) and component for component, stopped, back in story["outages"])
    triggerer_silent = any(
        component == "triggerer" and stopped + 30 <= now and (back is None or back > now) for component, stopped, back in story["outages"]
    )
    if "broken" in kinds or "missed" in kinds or ("late" in kinds and silent_now) or (last and not last["good"]):
        return "Failed"
    if last and "late" not in kinds:
        soon = any(is_due(story["cron"], story["zone"], at) for at in range(now + 1, now + 601))
        if soon or (story["sweep"] and not triggerer_silent):
            return "Active"
    return "Idle"


def next_of(story):
    now = story["now"]
    for start, end, resume in story["pauses"]:
        if start <= now and (end is None or end > now):
            return None if resume is None else next_due(story["cron"], story["zone"], max(resume, now))
    return next_due(story["cron"], story["zone"], now)
