"""Which ports a stack takes."""

import socket

from econsent_stack.ports import FIRST_PORT, LAST_PORT, choose_ports, is_free


def test_a_port_that_is_still_free_is_kept() -> None:
    first = choose_ports(["a", "b"], {}, twins={})
    assert choose_ports(["a", "b"], first, twins={}) == first


def test_a_port_that_is_taken_is_replaced_and_the_others_stay() -> None:
    first = choose_ports(["a", "b"], {}, twins={})
    with socket.create_server(("127.0.0.1", first["a"])):
        assert not is_free(first["a"])
        second = choose_ports(["a", "b"], first, twins={})
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]


def test_no_two_names_share_a_port_or_a_twin() -> None:
    names = [f"n{number}" for number in range(50)]
    chosen = choose_ports(names, {}, twins={"n0": 1, "n1": 1})
    used = [*chosen.values(), chosen["n0"] + 1, chosen["n1"] + 1]
    assert len(set(used)) == len(used)
    assert all(FIRST_PORT <= port <= LAST_PORT for port in chosen.values())


def test_one_kept_port_for_two_names_is_given_once() -> None:
    port = choose_ports(["a"], {}, twins={})["a"]
    chosen = choose_ports(["a", "b"], {"a": port, "b": port}, twins={})
    assert chosen["a"] == port
    assert chosen["b"] != port
