"""How a fleet's init lets the watch into Airflow's own database."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from econsent_stack.errors import StackError
from econsent_stack.fleet_init import Login, admit_watch
from econsent_stack.stack import Stack


@pytest.fixture
def name(stack: Stack) -> Iterator[str]:
    """A role that is gone after the test, whoever made it."""
    name = f"watch_{secrets.token_hex(4)}"
    yield name
    with psycopg.connect(stack.postgres_url("airflow"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def can_log_in(stack: Stack, name: str, password: str) -> bool:
    address = make_conninfo(stack.postgres_url("airflow"), user=name, password=password)
    try:
        psycopg.connect(address).close()
    except psycopg.OperationalError as error:
        return "permission denied for database" in str(error)  # the password is right; CONNECT is granted with what it may read
    return True


def test_on_a_server_of_its_own_the_role_is_made_and_gets_a_changed_password(stack: Stack, name: str) -> None:
    owner = stack.postgres_url("airflow")
    admit_watch(owner, Login(name=name, password="first"))
    assert can_log_in(stack, name, "first")

    admit_watch(owner, Login(name=name, password="second"))
    assert can_log_in(stack, name, "second")
    assert not can_log_in(stack, name, "first")


def test_on_one_server_the_role_is_left_as_it_is(stack: Stack, name: str) -> None:
    admit_watch(stack.postgres_url("airflow"), Login(name=name, password="first"))

    admit_watch(stack.postgres_url("airflow", user="airflow"), Login(name=name, password="second"))

    assert can_log_in(stack, name, "first")


def test_a_role_that_nobody_may_make_is_told(stack: Stack, name: str) -> None:
    with pytest.raises(StackError, match=f"has no role {name}, and its owner may not make one"):
        admit_watch(stack.postgres_url("airflow", user="airflow"), Login(name=name, password="first"))
