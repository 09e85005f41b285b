"""What the Connection of the signing key has to hold."""

import json

import pytest
from airflow.sdk import Connection

from econsent_airflow.connections import SHORTEST_KEY_BYTES, keys_of
from econsent_jobs.core.errors import ErrorClass, PermanentError

KEY = "k" * SHORTEST_KEY_BYTES


def connection(*, login: str | None = "key-2", password: str | None = KEY, extra: str | None = None) -> Connection:
    return Connection(conn_id="econsent_signing_key", conn_type="generic", login=login, password=password, extra=extra)


def test_the_current_and_the_retired_keys() -> None:
    keys = keys_of(connection(extra=json.dumps({"retired": {"key-1": "old"}})))

    assert (keys.key_id, keys.key, keys.retired) == ("key-2", KEY.encode(), {"key-1": b"old"})
    assert KEY not in repr(keys)


@pytest.mark.parametrize(
    "weak",
    [
        pytest.param(connection(password=KEY[1:]), id="short"),
        pytest.param(connection(password=None), id="none"),
        pytest.param(connection(login=None), id="nameless"),
    ],
)
def test_a_weak_key_is_refused(weak: Connection) -> None:
    with pytest.raises(PermanentError) as raised:
        keys_of(weak)

    assert raised.value.error_class == ErrorClass.CONFIG
    assert KEY[1:] not in str(raised.value)
