"""A key is changed while certificates are on their way: what was signed stays verifiable, and what is missing is named."""

import json
from typing import Any

import psycopg
import pytest

from demo.insert import insert_certificate, insert_session
from econsent_jobs.certificate_processing.model import SigningKey
from econsent_stack.fleet_init import Login, prepare_database
from econsent_stack.servers.postgres import ROLE_PREFIX
from econsent_stack.stack import Stack
from tests.integration.operations.world import KEY, World, opened

NEW = SigningKey(key_id="key-2", secret=b"the next key of the tests, long.")
ROLE = "econsent_certificate_processing"


def connection(*, retired: dict[str, str]) -> dict[str, Any]:
    return {"login": NEW.key_id, "password": NEW.secret.decode(), "extra": {"retired": retired}}


def test_the_signing_key(world: World, lost: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """What was sealed before the change is sent as it was, under the old key; what is built afterwards has the new one."""
    with opened(lost) as database:
        for seed in (3, 4):
            insert_certificate(database, insert_session(database, world.efs, seed=seed))
        assert world.certificates(lost, archive_is_down=True).failed == 2
        insert_certificate(database, insert_session(database, world.efs, seed=6))

        assert world.certificates(lost, key=NEW).changed == 3

        keys = database.execute("SELECT signature_key_id, count(*) FROM econsent.certificates GROUP BY 1 ORDER BY 1").fetchall()
    assert keys == [("key-1", 2), ("key-2", 1)]
    assert world.verify("certificate_processing", lost, keys=connection(retired={KEY.key_id: KEY.secret.decode()})) == 0
    capsys.readouterr()
    assert world.verify("certificate_processing", lost, keys=connection(retired={})) == 1
    assert [found["trouble"] for found in json.loads(capsys.readouterr().out)["findings"]] == ["unknown_key"] * 2


def test_a_role_s_password(lost: Stack) -> None:
    """By what `init` does: whoever is connected stays so, and whoever comes needs the new one."""
    before = lost.postgres_url("econsent", user=ROLE)
    with psycopg.connect(before, autocommit=True) as at_work:
        prepare_database(lost.postgres_url("econsent"), [Login(name=ROLE, password="the-new-one")])

        assert at_work.execute("SELECT count(*) FROM econsent.certificate_queue").fetchone() == (0,)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(before)
        psycopg.connect(before.replace(lost.secrets.get(ROLE_PREFIX + ROLE), "the-new-one")).close()
