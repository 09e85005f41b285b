"""A database server is lost. What comes back, by the very commands of docs/operations.md, and what jobs and verifiers say of it."""

import json
import shutil
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet, InvalidToken

from demo.insert import insert_certificate, insert_session, insert_sessionless_certificate
from econsent_stack.airflow_settings import fernet_key
from econsent_stack.servers import postgres
from econsent_stack.stack import Stack
from tests.integration.operations.commands import commands_of
from tests.integration.operations.servers import database_server, shell, start_again
from tests.integration.operations.world import World, opened
from tests.integration.retention_enforcement.world import World as Rows

BACK_UP = "back up eConsent's database"
RESTORE = "restore eConsent's database"
VARIABLE = "operations_test"
DAY = date(2026, 11, 24)
REVOKED = "UPDATE econsent.certificates SET opt_out = '{\"revoke\": true}' WHERE source = 'sms'"


def before_the_backup(world: World, server: Stack) -> None:
    """Two certificates that are done and searched, one that is sealed and not yet in the archive, and one that waits for its first try."""
    with opened(server) as database:
        insert_certificate(database, insert_session(database, world.efs, seed=3))
        insert_sessionless_certificate(database, "sms", seed=5)
        assert world.certificates(server).changed == 2
        insert_certificate(database, insert_session(database, world.efs, seed=4))
        assert world.certificates(server, archive_is_down=True).failed == 1
        insert_certificate(database, insert_session(database, world.efs, seed=6))
    assert world.sync(server).changed == 4, "what waits has its tombstone in the index"


def after_the_backup(world: World, server: Stack) -> None:
    """All of them are finalised, with one that came later; and somebody takes a consent back."""
    with opened(server) as database:
        insert_certificate(database, insert_session(database, world.efs, seed=7))
        assert world.certificates(server).changed == 3
        database.execute(REVOKED)
    assert world.sync(server).changed == 4


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the last verifier said."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def all_hold(world: World, server: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("certificate_processing", "elasticsearch_sync", "retention_enforcement", "audit"):
        assert world.verify(name, server) == 0, capsys.readouterr().out


def ids_of(server: Stack) -> dict[str, str]:
    """The id of each certificate by what it is of."""
    with opened(server) as database:
        rows = database.execute("SELECT coalesce(session_id, source_ref), certificate_id FROM econsent.certificates").fetchall()
    return dict(rows)


def test_an_older_dump_beside_a_newer_archive_and_index(
    world: World, lost: Stack, fresh: Stack, backup: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing gets a second version and nothing is lost from the archive; but what the dump did not know is the archive's alone."""
    before_the_backup(world, lost)
    shell(lost, commands_of(BACK_UP), folder=backup)
    after_the_backup(world, lost)
    archived, ids = world.versions(), ids_of(lost)
    all_hold(world, lost, capsys)
    shell(fresh, commands_of(RESTORE), folder=backup)
    fresh.migrate()

    assert world.verify("certificate_processing", fresh) == 1
    found = Counter(finding["trouble"] for finding in told(capsys)["findings"])
    assert found == {"orphan": 6}, "three of the one that was pending, three of the one that came later, none of the sealed one"
    assert world.verify("elasticsearch_sync", fresh) == 1
    assert told(capsys)["found"] == 5

    assert world.certificates(fresh).changed == 2
    mended = [world.sync(fresh).mended for _ in range(3)]

    assert mended == [{"newer": 1, "phantom": 1}, {}, {}]
    assert world.verify("elasticsearch_sync", fresh) == 0, told(capsys)
    assert world.verify("certificate_processing", fresh) == 1
    assert Counter(finding["trouble"] for finding in told(capsys)["findings"]) == {"orphan": 6}
    assert world.verify("retention_enforcement", fresh) == 0, "it asks for what rows name"
    again = ids_of(fresh)
    same = {name for name, certificate_id in again.items() if certificate_id == ids[name]}
    assert (len(again), len(ids), len(same)) == (4, 5, 3), "what was sealed before the dump keeps its id, what was only pending has another"
    versions = world.versions()
    assert archived.items() <= versions.items(), "the archive lost nothing"
    assert [key for key, found in versions.items() if len(found) > 1] == []


def test_the_orphan_check_tells_of_what_the_dump_did_not_know_and_deletes_none_of_it(
    world: World, lost: Stack, fresh: Stack, backup: Path
) -> None:
    before_the_backup(world, lost)
    shell(lost, commands_of(BACK_UP), folder=backup)
    after_the_backup(world, lost)
    shell(fresh, commands_of(RESTORE), folder=backup)
    fresh.migrate()
    world.certificates(fresh)
    archived = world.versions()

    for repair in (False, True):
        result = world.retention(fresh, "find_orphans", repair_orphans=repair)
        assert (result.quarantined, result.changed, result.causes) == (6, 0, {"integrity": 6})

    assert world.versions() == archived, "the lock is stronger than a repair that somebody asked for by mistake"


def test_every_change_was_kept_so_nothing_is_behind(
    world: World, lost: Stack, tmp_path: Path, backup: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A base back-up and the log of changes since: the last moment comes back, and nobody has anything to mend."""
    folders = f"export BASE={backup}/base WAL={backup}/wal\n"
    (backup / "wal").mkdir()
    (backup / "wal").chmod(0o777)
    before_the_backup(world, lost)
    shell(lost, folders + commands_of("keep every change"), folder=backup)
    start_again(lost)
    shell(lost, folders + commands_of("a base back-up"), folder=backup)
    after_the_backup(world, lost)
    ids, archived = ids_of(lost), world.versions()
    wait_for_the_log(lost)
    lost.stop_process(postgres.SERVER.name)
    home = tmp_path / "recovered"
    data = home / postgres.SERVER.name
    data.mkdir(parents=True, mode=0o700)
    shutil.copy(lost.home.secrets_file, home)
    shell(lost, folders + f"export PGDATA={data}\n" + commands_of("recover to the last moment"), folder=backup)

    with database_server(home) as recovered:
        recovered.migrate()
        assert ids_of(recovered) == ids
        all_hold(world, recovered, capsys)
        assert world.certificates(recovered).examined == 0
        assert world.sync(recovered).mended == {}
        assert world.retention(recovered, "find_orphans").quarantined == 0
        assert world.versions() == archived


def wait_for_the_log(server: Stack) -> None:
    """Wait until the server has handed over all that was written until now."""
    with opened(server) as database:
        (last,) = database.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone() or ("",)
        deadline = time.monotonic() + 60
        while (database.execute("SELECT last_archived_wal FROM pg_stat_archiver").fetchone() or [""])[0] != last:
            assert time.monotonic() < deadline, f"{last} was not archived: {database.execute('TABLE pg_stat_archiver').fetchone()}"


def test_the_audit_trail_goes_on_where_the_dump_ended_and_s3_keeps_what_was_lost(
    world: World, lost: Stack, fresh: Stack, backup: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a server that counts its transactions anew, and over a day that the lost server had stored already."""
    add_entries(lost, "before")
    assert world.seal(lost, day=DAY - timedelta(days=1)) == 2
    add_entries(lost, "waits")
    shell(lost, commands_of(BACK_UP), folder=backup)
    add_entries(lost, "not in the dump")
    assert world.seal(lost, day=DAY) == 4
    shell(fresh, commands_of(RESTORE), folder=backup)
    fresh.migrate()
    add_entries(fresh, "after")

    assert world.seal(fresh, day=DAY) == 4

    assert world.verify("audit", fresh) == 1
    report = told(capsys)
    assert (report["entries"], report["segments"]) == (6, 2)
    (finding,) = report["findings"]
    assert finding.startswith("S3 holds audit/2026/11/24-")


def add_entries(server: Stack, key: str) -> None:
    with opened(server) as database:
        database.execute(
            'INSERT INTO econsent.audit_log (action, category, "user", details, dedupe_key)'
            " SELECT 'job.paused', 'jobs', 'ann', '{}', %s || number FROM generate_series(1, 2) AS number",
            [key],
        )


def test_a_deletion_after_the_dump_is_found_out_and_proved_again(
    world: World, lost: Stack, fresh: Stack, backup: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The row is back and its object is not: the next night deletes what is gone and writes its tombstone once more."""
    with opened(lost) as database:
        rows = Rows(database=database, client=world.stack.object_store_client(), bucket=world.archive.bucket, efs=world.efs)
        rows.company()
        rows.marked(object_key="acme/due.json")
    shell(lost, commands_of(BACK_UP), folder=backup)
    assert world.retention(lost, "purge_objects").changed == 1
    assert world.retention(lost, "seal_log").changed == 1
    shell(fresh, commands_of(RESTORE), folder=backup)
    fresh.migrate()

    before = world.audit_objects()

    assert world.verify("retention_enforcement", fresh) == 1
    (finding,) = told(capsys)["findings"]
    assert finding.startswith("missing: acme acme/due.json")
    assert world.retention(fresh, "find_orphans").causes == {"integrity": 1}
    assert world.retention(fresh, "purge_objects").changed == 1
    assert world.retention(fresh, "seal_log").changed == 1

    assert before.items() < world.audit_objects().items(), "the root of the lost log stays what it was, beside the new one"
    assert world.verify("retention_enforcement", fresh) == 0, told(capsys)


def test_airflow_s_database_comes_back_and_its_fernet_key_is_changed(stack: Stack, fresh: Stack, backup: Path) -> None:
    """By the same commands; what Airflow keeps encrypted is read with the new key alone afterwards."""
    stack.prepare_airflow()
    old, new = stack.secrets.get("airflow.fernet_key", fernet_key), fernet_key()  # its own: what other tests left is encrypted with it
    with psycopg.connect(stack.postgres_url("airflow"), autocommit=True) as airflow:
        kept = {"key": VARIABLE, "val": Fernet(old).encrypt(b"kept").decode()}
        airflow.execute("INSERT INTO variable (key, val, is_encrypted) VALUES (%(key)s, %(val)s, true)", kept)
        try:
            shell(stack, commands_of("back up Airflow's database"), folder=backup)
        finally:
            airflow.execute("DELETE FROM variable WHERE key = %(key)s", kept)
    shell(fresh, commands_of("restore Airflow's database"), folder=backup)
    assert fresh.airflow_is_prepared(), "init finds nothing to do in it"
    fresh.render_airflow()

    environment = {**fresh.environment(), "AIRFLOW__CORE__FERNET_KEY": f"{new},{old}"}
    shell(fresh, commands_of("change the Fernet key"), folder=backup, environment=environment)

    with psycopg.connect(fresh.postgres_url("airflow")) as airflow:
        (val,) = airflow.execute("SELECT val FROM variable WHERE key = %s", [VARIABLE]).fetchone() or ("",)
    assert Fernet(new).decrypt(val) == b"kept"
    with pytest.raises(InvalidToken):
        Fernet(old).decrypt(val)
