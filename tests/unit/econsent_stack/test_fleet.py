"""The order in which a fleet's services start."""

import os
from pathlib import Path

import pytest

from econsent_stack.commands.up import parse
from econsent_stack.compose import COMPLETED, HEALTHY, Service, own_services
from econsent_stack.errors import StackError
from econsent_stack.fleet import in_order, is_well


def service(name: str, *needs: str, health: tuple[str, ...] | None = None) -> Service:
    return Service(name=name, command=("true",), environment={}, health=health, waits_for=dict.fromkeys(needs, HEALTHY), replicas=1)


def test_each_comes_after_what_it_waits_for() -> None:
    services = {found.name: found for found in (service("c", "b"), service("b", "a"), service("a"), service("d", "a"))}
    assert [found.name for found in in_order(services)] == ["a", "b", "d", "c"]


def test_services_that_wait_for_each_other_are_told() -> None:
    services = {found.name: found for found in (service("a"), service("b", "c"), service("c", "b"))}
    with pytest.raises(StackError, match=r"^These services wait for each other: b, c\.$"):
        in_order(services)


def test_a_health_check_is_asked_in_its_service_s_environment() -> None:
    asked = Service(
        name="a",
        command=("true",),
        environment={"COLOUR": "green"},
        health=("sh", "-c", 'test "$COLOUR" = green -a "$HEALTHY_SINCE" = 7.0 -a -z "$SECRET"'),
        waits_for={},
        replicas=1,
    )
    os.environ["SECRET"] = "of whoever started it"
    try:
        assert is_well(asked, since=7.0)
        assert not is_well(asked, since=8.0)
    finally:
        del os.environ["SECRET"]


FILE = """\
services:
  server: {image: "x:1", profiles: [servers]}
  first: {image: "x:1", command: first "two words" $$HOME, environment: {A: "${A:?a letter}", B: null, C: "$$5"}}
  second:
    image: x:1
    command: [second]
    healthcheck: {test: [CMD, "true"]}
    depends_on: {first: {condition: service_completed_successfully}, server: {condition: service_healthy, required: false}}
    deploy: {replicas: 3}
"""


def test_a_compose_file_is_read_as_compose_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(FILE)
    services = own_services({"A": "a"}, file=file)

    assert services.keys() == {"first", "second"}
    assert services["first"].command == ("first", "two words", "$HOME")
    assert services["first"].environment == {"A": "a", "C": "$5"}
    assert services["first"].health is None
    assert services["second"].health == ("true",)
    assert services["second"].waits_for == {"first": COMPLETED}
    assert services["second"].replicas == 3


def test_a_health_check_for_a_shell_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text('services: {a: {image: "x:1", command: [a], healthcheck: {test: [CMD-SHELL, "true"]}}}')
    with pytest.raises(StackError, match=r"The service a of .* needs a command, and a health check in words"):
        own_services({}, file=file)


def test_up_wants_a_number_of_workers_that_one_machine_can_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse(["--executor", "celery", "--workers", "3"]).workers == 3
    with pytest.raises(SystemExit):
        parse(["--executor", "celery", "--workers", "0"])
    assert "from 1 to 16" in capsys.readouterr().err
