"""The key that seals endpoints' secrets is changed, by docs/operations.md: receivers notice nothing, and a key that is missing is named."""

import hmac
from collections.abc import Callable
from typing import Any

from econsent_jobs.core.results import JobResult
from econsent_jobs.webhook_delivery_retry.model import SecretKeys
from tests.integration.webhook_delivery_retry.given import KEYS, SECRET, Given
from tests.prove.webhooks.receivers import Laboratory, Received, healthy

NEW: dict[str, Any] = {"key_id": "key-2", "key": b"fedcba9876543210fedcba9876543210"}
OLD_ONE: dict[str, Any] = {"retired": {KEYS["key_id"]: KEYS["key"]}}


def is_signed(received: Received, secret: str) -> bool:
    return received.headers["x-econsent-signature"] == f"sha256={hmac.new(secret.encode(), received.body, 'sha256').hexdigest()}"


def test_the_key_that_seals_secrets(given: Given, run: Callable[..., JobResult], laboratory: Laboratory) -> None:
    old, new = laboratory.open("old", healthy), laboratory.open("new", healthy)
    given.endpoint("wh-old", f"https://localhost:{old.port}/hook")
    given.event()
    assert run(keys=SecretKeys(**NEW)).causes == {"config": 1}, "the old key was forgotten: no attempt is used up"
    assert [(row["status"], row["attempts"]) for row in given.deliveries()] == [("pending", 0)]
    given.make_due()

    assert run(keys=SecretKeys(**NEW, **OLD_ONE)).changed == 1
    given.endpoint("wh-new", f"https://localhost:{new.port}/hook")
    given.database.execute("DELETE FROM econsent.webhook_secrets WHERE endpoint_id = 'wh-new'")
    given.secret("wh-new", 1, "whsec_of_later", **NEW)
    given.event()

    assert run(keys=SecretKeys(**NEW, **OLD_ONE)).changed == 2
    assert [is_signed(received, SECRET) for received in old.received] == [True, True]
    assert [is_signed(received, "whsec_of_later") for received in new.received] == [True]
    needed = given.rows("SELECT key_id, count(*) AS secrets FROM econsent.webhook_secrets GROUP BY key_id ORDER BY key_id")
    assert needed == [{"key_id": "key-1", "secrets": 1}, {"key_id": "key-2", "secrets": 1}], "so the old key has to stay"
