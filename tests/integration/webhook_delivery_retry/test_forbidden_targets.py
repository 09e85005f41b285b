"""No endpoint leads inside: hundreds of targets, none of them connected to, counted at the socket."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from econsent_stack.project import ROOT
from tests.prove.webhooks.counted import lines_of
from tests.prove.webhooks.forbidden_targets import ALLOWED, REBINDING, Target, targets


def sent_to(chosen: Sequence[Target], **variables: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.prove.webhooks.counted"]
    done = subprocess.run(
        command, cwd=ROOT, input=lines_of(chosen), stdout=subprocess.PIPE, text=True, check=True, env=environment(variables)
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def environment(variables: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **variables}


@pytest.fixture(scope="module")
def forbidden() -> list[Target]:
    return list(targets())


def test_there_are_enough_of_them(forbidden: list[Target]) -> None:
    assert len(forbidden) == len(set(forbidden))
    assert len(forbidden) >= 250


def test_none_of_them_is_connected_to(forbidden: list[Target]) -> None:
    sent = sent_to(forbidden)

    assert len(sent) == len(forbidden)
    wrong = [(target, each) for target, each in zip(forbidden, sent, strict=True) if each["connects"] or each["outcome"] != "blocked"]
    assert wrong == []


def test_what_is_public_is_connected_to() -> None:
    sent = sent_to(ALLOWED)

    wrong = [
        (target, each)
        for target, each in zip(ALLOWED, sent, strict=True)
        if each["outcome"] != "connect" or not set(each["connects"]) or not set(each["connects"]) <= set(target.answers)
    ]
    assert wrong == []


def test_a_name_that_changes_its_answer_leads_to_the_checked_one() -> None:
    sent = sent_to(REBINDING)

    assert [each["connects"] for each in sent] == [[target.answers[0]] for target in REBINDING]
    assert {each["outcome"] for each in sent} == {"connect"}


def test_proxies_of_the_environment_are_ignored() -> None:
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    sent = sent_to(ALLOWED[:3], NO_PROXY="", no_proxy="", **proxies)

    assert [each["connects"] for each in sent] == [list(target.answers) for target in ALLOWED[:3]]
