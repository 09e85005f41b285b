"""Random histories of two wallets: usage, payments, refunds, retentions and price changes come in any order, late or twice; months end and
are closed, clocks go back, two workers go on call by call, calls fail, workers die, and the provider answers late or never.

One driver for two sides: the model, and the real PostgreSQL with the sandbox provider. After each step the ledger has to be whole; in the
end everything is left to finish, and judged to the fraction of a cent.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final, Protocol

from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.wallet_reconciliation import reconcile_wallets
from econsent_jobs.wallet_reconciliation.model import Settings
from econsent_jobs.wallet_reconciliation.tools import Tools
from tests.prove.harness.histories import Told
from tests.prove.harness.steps import Crew, Fate, Worker

MOST_ROUNDS: Final = 30
FEWEST_ROUNDS: Final = 3
"""A wallet that too many workers dropped has its next turn fail, which forgives them; so one round may leave it as it was."""
QUOTA: Final = 2
DAY: Final = timedelta(days=1)
LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)
SKUS: Final = {"verification": Decimal("0.0150"), "lookup": Decimal("0.0640")}
"""Two skus with the documented prices that have fractions of a cent; their prices change now and then."""
RETENTION: Final = Decimal("0.1000")
OVERAGE: Final = (Decimal("0.1200"), Decimal("0.1200"), Decimal("0.0640"))
"""The price of each unit beyond the quota; the last one is that of all further ones."""
MOVES: Final = (1, 30, 120, 299, 301, 1_800, 3_600, 7_200, 86_400, 6 * 86_400)
PRICES: Final = tuple(map(Decimal, ("0.0150", "0.0640", "0.0001", "1.2345", "0.0000")))
WEAK_SPOTS: Final = ("charge", "transaction", "lease_payment")
FATES: Final = (Fate.FAIL, Fate.LOST, Fate.DIE, Fate.DIE_AFTER, Fate.MIDST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry, as far as it is judged. ``cause`` is what its key names: a usage's or payment's id."""

    entry_no: int
    entry_type: str
    amount: Decimal
    balance_after: Decimal
    key: str
    usage_id: int | None
    period: date
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    usage_id: int
    request_id: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    payment_id: str
    kind: str
    amount: Decimal
    status: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One company's end. ``charged``: how often the provider charged each of our payments with success."""

    balance: Decimal
    lines: Sequence[Line]
    usage: Sequence[Used]
    payments: Sequence[Paid]
    charged: Mapping[str, int]


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request of the platform's API, which may have been written down twice."""

    company: str
    sku: str
    quantity: int
    times: list[datetime]
    twice: bool
    voided: bool = False
    ids: list[int] = field(default_factory=list[int])


class Side(Protocol):
    """Where a history takes place. Companies are ``a`` and ``b``; times are the side's own clock's."""

    def now(self) -> datetime: ...
    def advance(self, seconds: float) -> None: ...
    def use(self, company: str, request_id: str, sku: str, *, quantity: int, at: datetime, session_id: str | None = None) -> int: ...
    def void(self, usage_id: int) -> None: ...
    def pay(self, company: str, payment_id: str, amount: Decimal, *, at: datetime) -> None: ...
    def refund(self, payment_id: str, reference: str, kind: str, amount: Decimal, *, at: datetime) -> None: ...
    def retain(self, company: str, session_id: str, *, at: datetime) -> None: ...
    def set_price(self, sku: str, price: Decimal, *, at: datetime) -> None: ...
    def close_month(self, company: str) -> None: ...
    def drift(self, company: str, amount: Decimal) -> None: ...
    def misbehave(self, word: str) -> None: ...
    def tools(self, settings: Settings, *, worker: Worker | None, late: list[Callable[[], None]]) -> Tools: ...
    def waiting(self) -> int: ...
    def faults(self) -> list[str]:
        """What is wrong with the ledger as it stands, in the middle of everything."""
        ...

    def end(self, company: str) -> End: ...


class History:
    """Drives one history. Everything is drawn from ``random``, so that its seed, or what shrinks it, says it all."""

    def __init__(self, side: Side, random: Random) -> None:
        self._side, self._random = side, random
        self._late: list[Callable[[], None]] = []
        # a provider that forgets keys has no late calls, and no two workers at once: that would be its own double charge
        self._forgetful = random.random() < 0.3
        fates = FATES if self._forgetful else (*FATES, Fate.LATE)
        self._crew = Crew(random, weak_spots=WEAK_SPOTS, fates=fates)
        self._requests: dict[str, Asked] = {}
        self._prices: dict[str, list[tuple[datetime, Decimal]]] = {sku: [(LONG_AGO, price)] for sku, price in SKUS.items()}
        self._payments: dict[str, tuple[str, Decimal]] = {}
        self._refunds: dict[str, Decimal] = {}
        self._retained: dict[tuple[str, date], int] = {}
        self._named = 0
        self.told = Told()

    def run(self) -> Told:
        self._platform()
        for _ in range(self._random.randrange(10, 90)):
            self._move()
            self.told.wrong += self._side.faults()
        while self._crew.at_work and not self.told.wrong:
            self._step()
            self.told.wrong += self._side.faults()
        for arrive in self._late:
            arrive()
        if not self.told.wrong:
            self._drain()
            for company in "ab":
                judge(self._side.end(company), self._expected(company), self.told)
        self.told.steps = self._crew.steps
        return self.told

    def _move(self) -> None:
        draw, random = self._random.random(), self._random
        if self._crew.at_work and draw < 0.6:
            self._step()
        elif draw < 0.7:
            self._side.advance(random.choice(MOVES))
        elif draw < 0.92:
            self._platform()
        elif draw < 0.94 and self._late:
            self._late.pop(random.randrange(len(self._late)))()
        elif self._crew.has_room and not (self._forgetful and self._crew.at_work):
            self._crew.begin(self._job)

    def _platform(self) -> None:
        """Something happens that is not the job's doing."""
        company, draw = self._random.choice("ab"), self._random.randrange(11)
        happenings = (self._use, self._use, self._use, self._void, self._pay, self._give_back, self._retain, self._change_price)
        if draw < len(happenings):
            happenings[draw](company)
        elif draw == len(happenings):
            self._side.close_month(company)
        elif draw == len(happenings) + 1:
            self._side.drift(company, Decimal(self._random.choice(("0.0001", "-0.5", "3"))))
        else:
            self._side.misbehave(self._random.choice(("decline", "error", "forget" if self._forgetful else "ok")))

    def _use(self, company: str) -> None:
        random = self._random
        request_id, sku = self._name("r"), random.choice((*SKUS, "session_retention", "nobody knows"))
        at = self._side.now() - timedelta(seconds=random.choice((0, 0, 10, 400, 5_000, 40 * 86_400 if random.random() < 0.1 else 60)))
        asked = Asked(company=company, sku=sku, quantity=random.choice((1, 1, 3)), times=[at], twice=sku in SKUS and random.random() < 0.25)
        if asked.twice:
            asked.times.append(at + timedelta(seconds=random.choice((1, -1, 3_600))))
        session_id = request_id if sku == "session_retention" else None
        for moment in asked.times:
            asked.ids.append(self._side.use(company, request_id, sku, quantity=asked.quantity, at=moment, session_id=session_id))
        self._requests[request_id] = asked

    def _void(self, company: str) -> None:
        found = [asked for asked in self._requests.values() if not asked.twice and not asked.voided and asked.sku != "nobody knows"]
        if found:
            asked = self._random.choice(found)
            asked.voided = True
            self._side.void(asked.ids[0])

    def _pay(self, company: str) -> None:
        payment_id, amount = self._name("p"), Decimal(self._random.choice(("0.01", "5", "20.10")))
        self._payments[payment_id] = (company, amount)
        self._side.pay(company, payment_id, amount, at=self._side.now())

    def _give_back(self, company: str) -> None:
        left = {name: amount - self._refunds.get(name, Decimal(0)) for name, (_, amount) in self._payments.items()}
        found = [name for name, amount in left.items() if amount > 0]
        if found:
            name = self._random.choice(found)
            amount = self._random.choice((left[name], Decimal("0.01")))
            self._refunds[name] = self._refunds.get(name, Decimal(0)) + amount
            self._side.refund(name, self._name("b"), self._random.choice(("refund", "dispute")), amount, at=self._side.now())

    def _retain(self, company: str) -> None:
        at = self._side.now()
        for _ in range(self._random.randrange(1, 4)):
            self._side.retain(company, self._name("s"), at=at)
            key = (company, date(at.year, at.month, 1))
            self._retained[key] = self._retained.get(key, 0) + 1

    def _change_price(self, company: str) -> None:
        """A price changes in the middle of an hour, for usage from then on."""
        sku, price, at = self._random.choice(list(SKUS)), self._random.choice(PRICES), self._side.now()
        if self._prices[sku][-1][0] < at:
            self._prices[sku].append((at, price))
            self._side.set_price(sku, price, at=at)

    def _name(self, letter: str) -> str:
        self._named += 1
        return f"{letter}{self._named}"

    def _job(self, worker: Worker) -> Callable[[], JobResult]:
        tools = self._side.tools(self._settings(), worker=worker, late=self._late)
        limits = Limits(batch_size=self._random.choice((1, 2, 100)), run_seconds=480)
        return lambda: reconcile_wallets(tools=tools, limits=limits)

    def _settings(self) -> Settings:
        return Settings(run_id=self._name("run"), smallest_slice=1)

    def _step(self) -> None:
        worker = self._crew.step()
        if worker.is_over and worker.result is not None:
            self.told.finished[worker.lane] += worker.result.changed

    def _drain(self) -> None:
        """Leave the rest to a worker whom nothing befalls, two days at a time."""
        tools = self._side.tools(self._settings(), worker=None, late=self._late)
        for done in range(1, MOST_ROUNDS):
            self._side.advance(2 * 86_400 + 1)
            reconcile_wallets(tools=tools, limits=Limits(batch_size=100, run_seconds=480))
            if done >= FEWEST_ROUNDS and not self._side.waiting():
                return
        self.told.wrong.append(f"{self._side.waiting()} things are still waiting")

    def _expected(self, company: str) -> "Expected":
        requests = {name: asked for name, asked in self._requests.items() if asked.company == company}
        months = {month: count for (owner, month), count in self._retained.items() if owner == company}
        payments = {name: amount for name, (owner, amount) in self._payments.items() if owner == company}
        back = {name: amount for name, amount in self._refunds.items() if name in payments}
        return Expected(requests=requests, months=months, payments=payments, back=back, price_at=self._price_at)

    def _price_at(self, sku: str, at: datetime) -> Decimal | None:
        """The price by this driver's own memory."""
        if sku == "session_retention":
            return RETENTION
        return next((price for since, price in reversed(self._prices.get(sku, [])) if since <= at), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    requests: Mapping[str, Asked]
    months: Mapping[date, int]
    payments: Mapping[str, Decimal]
    back: Mapping[str, Decimal]
    price_at: Callable[[str, datetime], Decimal | None]


def judge(end: End, expected: Expected, told: Told) -> None:
    """What must be true of every history's end."""
    told.wrong += line_faults(end.lines)
    if end.balance != sum((line.amount for line in end.lines), Decimal(0)):
        told.wrong.append(f"the balance is {end.balance}, and the entries are {[line.amount for line in end.lines]}")
    by_request: dict[str, list[Used]] = {}
    for used in end.usage:
        by_request.setdefault(used.request_id, []).append(used)
    for name, asked in expected.requests.items():
        told.wrong += request_faults(name, asked, by_request.get(name, []), end.lines, expected)
    told.wrong += money_faults(end, expected)
    for month, count in expected.months.items():
        billed = sum((line.amount for line in end.lines if line.entry_type == "overage_charge" and f":{month}:" in line.key), Decimal(0))
        owed = -sum((OVERAGE[min(unit, len(OVERAGE) - 1)] for unit in range(count - QUOTA)), Decimal(0))
        if billed != owed:
            told.wrong.append(f"{count} retentions of {month} cost {billed} instead of {owed}")


def line_faults(lines: Sequence[Line]) -> list[str]:
    """Numbers without a gap, running balances that follow, and each cause once."""
    wrong: list[str] = []
    balance = Decimal(0)
    for place, line in enumerate(lines, start=1):
        balance += line.amount
        if line.entry_no != place or line.balance_after != balance:
            wrong.append(f"{line} is the {place}th entry, with the running balance {balance}")
        if line.period < date(line.occurred_at.year, line.occurred_at.month, 1):
            wrong.append(f"{line} lies in a month before its own")
    twice = [key for key, count in Counter(line.key for line in lines).items() if count > 1]
    return wrong + [f"{key} is in the ledger twice" for key in twice]


def request_faults(name: str, asked: Asked, usage: Sequence[Used], lines: Sequence[Line], expected: Expected) -> list[str]:
    """One request is paid for once, at the price of one of the moments that were written down for it; nothing where it was voided."""
    ids = set(asked.ids)
    net = sum((line.amount for line in lines if line.usage_id in ids), Decimal(0))
    prices = [expected.price_at(asked.sku, at) for at in asked.times]
    owed = {Decimal(0)} if asked.voided else {-asked.quantity * price for price in prices if price is not None} or {Decimal(0)}
    statuses = sorted(used.status for used in usage)
    if asked.voided:
        fitting = statuses in (["voided"], ["reversed"])
    elif all(price is None for price in prices):
        fitting = statuses == ["quarantined"]
    else:
        fitting = statuses == (["posted", "reversed"] if asked.twice else ["posted"])
    return [] if net in owed and fitting else [f"{name}: {asked} came to {net} instead of {owed}, and its usage to {statuses}"]


def money_faults(end: End, expected: Expected) -> list[str]:
    """What came in and went back is in the ledger once, and so is what the provider charged; auto-recharge kept its limits."""
    wrong: list[str] = []
    for name, amount in expected.payments.items():
        found = sum((line.amount for line in end.lines if line.key == f"payment:{name}"), Decimal(0))
        if found != amount:
            wrong.append(f"payment {name} of {amount} is in the ledger as {found}")
    back = -sum((line.amount for line in end.lines if line.entry_type in {"refund", "dispute"}), Decimal(0))
    if back != sum(expected.back.values(), Decimal(0)):
        wrong.append(f"{back} went back instead of {dict(expected.back)}")
    automatic = [paid for paid in end.payments if paid.kind == "auto_recharge"]
    for paid in automatic:
        charged = end.charged.get(paid.payment_id, 0)
        credited = sum(line.key == f"payment:{paid.payment_id}" for line in end.lines)
        if not charged == credited == (paid.status == "succeeded"):
            wrong.append(f"{paid} was charged {charged} times and credited {credited} times")
    unknown = set(end.charged) - {paid.payment_id for paid in automatic}
    wrong += [f"the provider charged {name}, which is no payment of ours" for name in unknown]
    for paid in automatic:
        lately = [each for each in automatic if paid.created_at - DAY < each.created_at <= paid.created_at]
        if len(lately) > 3:
            wrong.append(f"{len(lately)} recharges within a day: {lately}")
    return wrong


def settings_of(company: str) -> dict[str, Any]:
    """How the two wallets are set up: ``a`` recharges by itself, ``b`` does not."""
    return (
        {"auto_recharge_enabled": True, "auto_recharge_threshold": Decimal(1), "auto_recharge_amount": Decimal("5.05")}
        if company == "a"
        else {}
    )
