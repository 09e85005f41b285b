"""``./econsent up`` as a person meets it: it starts, shows, heals and stops. The tests share one run, in this order."""

import os
import signal
import socket
import time

import psycopg
import pytest

from econsent_stack import components
from econsent_stack.process import facts, is_alive, send
from econsent_stack.secret_values import SecretValues
from tests.system.listening import assert_only_loopback, listening
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(400)]


def test_all_components_are_healthy(up: Up) -> None:
    assert up.is_healthy(since=0.0)
    assert set(up.pids()) == {*(server.name for server in up.stack().servers if server.port_names), *components.COMMANDS, components.WATCH}


def test_the_login_works_and_shows_the_job(up: Up) -> None:
    assert up.request("/auth/token", body={"username": "admin", "password": "wrong"})[0] == 401
    status, answer = up.request("/auth/token", body={"username": "admin", "password": up.password("admin")})
    assert status == 201
    wait_for(lambda: "certificate_processing" in dag_ids(up, answer["access_token"]), what="the job in the list of DAGs")


def dag_ids(up: Up, token: str) -> set[str]:
    return {dag["dag_id"] for dag in up.request("/api/v2/dags", token=token)[1]["dags"]}


def test_nothing_listens_on_anything_but_the_loopback(up: Up) -> None:
    assert_only_loopback(up)


def test_secrets_are_private_and_in_no_log(up: Up) -> None:
    file = up.home / "secrets.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (up.home / "airflow" / "airflow.cfg").stat().st_mode & 0o777 == 0o600

    secret_values = SecretValues(file).all_values()
    logs = [path for folder in ("logs", "airflow/logs") for path in (up.home / folder).rglob("*") if path.is_file()]
    assert len(logs) >= len(components.COMMANDS) + 2
    leaks = {(path.name, value[:4]) for path in logs for value in secret_values if value in path.read_text(errors="replace")}
    assert not leaks


def test_a_second_up_is_told_in_one_sentence(up: Up) -> None:
    second = up.command("up")
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "already runs" in second.stderr
    assert "./econsent down" in second.stderr


def test_a_taken_port_is_told_in_one_sentence(up: Up) -> None:
    other = Up(up.home.with_name("other"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = other.command("up", "--port", str(port))
    assert refused.returncode == 1
    assert refused.stderr == f"Port {port} is taken by another program: choose another one with --port, or leave --port out.\n"


def test_doctor_and_env_know_what_runs(up: Up) -> None:
    told = up.command("doctor")
    assert told.returncode == 0, told.stdout
    assert all(name in told.stdout for name in up.pids())
    assert f"export AIRFLOW_HOME={up.home / 'airflow'}" in up.command("env").stdout


def test_each_process_that_is_killed_is_started_again(up: Up) -> None:
    killed_at = time.time()
    names = [*components.COMMANDS, components.WATCH, *(server.name for server in up.stack().servers if server.port_names)]
    for name in names:
        kill_and_wait_for_another(up, name)

    wait_for(lambda: up.is_healthy(since=killed_at), what="heartbeats newer than the kills")
    log = (up.home / "logs" / "up.log").read_text()
    assert all(f"{name} ended unasked (signal 9" in log for name in names)


def kill_and_wait_for_another(up: Up, name: str) -> None:
    """Kill one process while it lives. The death of PostgreSQL may take others along, which come back by themselves."""
    wait_for(lambda: is_alive(up.stack().state.processes[name]), what=f"{name} alive")
    pid = up.pids()[name]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: up.pids().get(name, pid) != pid, what=f"{name} with another pid")


def test_data_outlive_the_death_of_everything(up: Up) -> None:
    insert_company(up)
    assert up.process is not None
    up.process.kill()
    for pid in up.pids().values():
        send(pid, signal.SIGKILL)
    up.process.wait()

    up.start()

    with psycopg.connect(up.stack().postgres_url("econsent")) as database:
        assert database.execute("SELECT name FROM econsent.companies WHERE company_id = 'survivor'").fetchone() == ("Survivor",)


def insert_company(up: Up) -> None:
    with psycopg.connect(up.stack().postgres_url("econsent", user="econsent_platform")) as database:
        database.execute("SELECT econsent.create_company('survivor', 'Survivor', 'starter')")


def test_a_stop_leaves_nothing_behind(up: Up) -> None:
    stack = up.stack()
    pids = [found.pid for found in stack.left_over()]
    assert len(pids) > len(up.pids()), "backends and workers count too"

    assert up.stop() == 0

    assert up.stack().left_over() == []
    assert [pid for pid in pids if (found := facts(pid)) is not None and found.state != "Z"] == []
    assert not {port for _, port, _ in listening()} & set(stack.state.ports.values())
    assert up.pids() == {}
