"""Endpoints' signing secrets at rest."""

from dataclasses import replace
from typing import Any

import pytest

from econsent_jobs.core.errors import BadItem
from econsent_jobs.webhook_delivery_retry.model import SecretKeys, StoredSecret
from econsent_jobs.webhook_delivery_retry.secret_box import open_secret, seal_secret

OLD = SecretKeys(key_id="key-1", key=b"1" * 32)
NEW = SecretKeys(key_id="key-2", key=b"2" * 32, retired={"key-1": b"1" * 32})


def stored(keys: SecretKeys = OLD, **changes: Any) -> StoredSecret:
    sealed = seal_secret(keys, endpoint_id="wh-1", secret_no=1, secret="whsec_in_clear")
    row = StoredSecret(
        endpoint_id="wh-1", secret_no=1, ciphertext=sealed.ciphertext, key_id=sealed.key_id, documented_header=True, ends_at=None
    )
    return replace(row, **changes)


def test_what_was_sealed_is_opened() -> None:
    assert open_secret(OLD, stored()).value == b"whsec_in_clear"


def test_a_retired_key_still_opens() -> None:
    assert open_secret(NEW, stored()).value == b"whsec_in_clear"
    assert seal_secret(NEW, endpoint_id="wh-1", secret_no=2, secret="s").key_id == "key-2"


def test_nothing_of_the_secret_shows() -> None:
    row = stored()

    assert b"clear" not in row.ciphertext
    assert row.ciphertext != stored().ciphertext, "the same secret twice gives no hint that it is the same"


@pytest.mark.parametrize(
    ("changes", "error_class"),
    [
        pytest.param({"key_id": "key-9"}, "config", id="an unknown key"),
        pytest.param({"endpoint_id": "wh-2"}, "integrity", id="another endpoint's row"),
        pytest.param({"secret_no": 2}, "integrity", id="another number"),
        pytest.param({"ciphertext": stored().ciphertext[:-1] + b"x"}, "integrity", id="a changed byte"),
        pytest.param({"ciphertext": b"short"}, "integrity", id="no cipher text"),
    ],
)
def test_what_cannot_be_opened_is_named(changes: dict[str, Any], error_class: str) -> None:
    with pytest.raises(BadItem) as refused:
        open_secret(OLD, stored(**changes))
    assert refused.value.error_class == error_class
