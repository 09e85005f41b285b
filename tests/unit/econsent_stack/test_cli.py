"""The command line: found by name, told in sentences."""

import pytest

from econsent_stack import commands
from econsent_stack.cli import find, main, own_names
from econsent_stack.errors import StackError


def test_every_command_has_its_line_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    for name in own_names():
        assert f"  {name} " in shown
        assert find(name).help.strip()


def test_a_typo_is_told_with_the_nearest_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dcotor"]) == 1
    assert capsys.readouterr().err == "There is no command dcotor: did you mean ./econsent doctor?\n"


@pytest.mark.parametrize("name", ["", "../up", "up.x", "__init__", "-x"])
def test_what_is_no_name_is_no_command(name: str) -> None:
    with pytest.raises(StackError, match="There is no command"):
        find(name)


@pytest.mark.parametrize("command", ["bench", "prove", "verify"])
def test_an_unknown_program_is_told_with_what_there_is(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "nonsense"]) == 1
    assert "choose one of" in capsys.readouterr().err
    assert main([command, "--help"]) == 0
    assert f"./econsent {command} NAME" in capsys.readouterr().out


def test_commands_are_modules_of_one_folder() -> None:
    assert {"up", "down", "test", "doctor", "logs", "psql", "env", "dags", "migrate"} <= set(own_names())
    assert commands.__path__
