"""One attempt over HTTPS: never raises for anything that a receiver does."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Protocol, Self

from econsent_jobs.io.http import Answer, CheckedHttps, HttpTrouble, Refused
from econsent_jobs.webhook_delivery_retry.model import Attempted, Blocked, Outcome, Request, Settings
from econsent_jobs.webhook_delivery_retry.rules import addresses
from econsent_jobs.webhook_delivery_retry.rules.outcomes import outcome_of

EXCERPT_BYTES: Final = 4_096


class Sender(Protocol):
    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    async def send(self, request: Request) -> Attempted:
        """Make one attempt, within the limit of time."""
        ...


class HttpsSender:
    """Sends to checked addresses only."""

    def __init__(self, settings: Settings) -> None:
        self._policy = settings.policy
        self._client = CheckedHttps(
            check_url=self._check_url,
            check_addresses=self._check_addresses,
            seconds=settings.request_seconds,
            body_bytes=EXCERPT_BYTES,
            ca_file=settings.ca_file,
            nameservers=settings.nameservers,
            dns_port=settings.dns_port,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def send(self, request: Request) -> Attempted:
        began = time.monotonic()
        try:
            answer = await self._client.send(request.method, request.url, headers=request.headers, body=request.body)
        except Refused as error:
            return Attempted(outcome=Outcome.BLOCKED, duration_ms=since(began), error=str(error))
        except HttpTrouble as error:
            return Attempted(outcome=Outcome(error.word), duration_ms=since(began), address=error.address, error=error.reason)
        return attempted(answer, duration_ms=since(began))

    def _check_url(self, url: str) -> str:
        try:
            return addresses.check_url(url, self._policy).host
        except Blocked as error:
            raise Refused(error.reason) from error

    def _check_addresses(self, found: Sequence[str]) -> None:
        try:
            addresses.check_addresses(found, self._policy)
        except Blocked as error:
            raise Refused(error.reason) from error


def attempted(answer: Answer, *, duration_ms: int) -> Attempted:
    """Turn a whole answer into an attempt's row. What is packed is never unpacked, and what cannot be stored as text is replaced."""
    outcome = outcome_of(answer.status_code, truncated=answer.truncated, encoded=answer.content_encoding not in {None, "", "identity"})
    return Attempted(
        outcome=outcome,
        duration_ms=duration_ms,
        status_code=answer.status_code,
        address=answer.address,
        excerpt=excerpt_of(answer),
        error=sentence_of(outcome, answer),
        retry_after=answer.retry_after,
    )


def excerpt_of(answer: Answer) -> str | None:
    if not answer.body:
        return None
    if answer.content_encoding not in {None, "", "identity"}:
        return f"({len(answer.body)} bytes, packed; not unpacked)"
    return answer.body.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def sentence_of(outcome: Outcome, answer: Answer) -> str | None:
    match outcome:
        case Outcome.REDIRECT:
            return f"the receiver answered {answer.status_code}, a redirect, and those are never followed; register the new address"
        case Outcome.GONE:
            return "the receiver answered 410: it wants no more deliveries"
        case Outcome.HTTP_ERROR:
            return f"the receiver answered {answer.status_code}"
        case _:
            return None


def since(began: float) -> int:
    """Milliseconds since ``began`` (monotonic)."""
    return round((time.monotonic() - began) * 1000)
