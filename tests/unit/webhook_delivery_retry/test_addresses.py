"""Where a delivery may go. The long table of forbidden targets, over the real client, is tests/prove/webhooks/forbidden_targets.py."""

from ipaddress import ip_address

import pytest

from econsent_jobs.webhook_delivery_retry.model import AddressPolicy, Blocked
from econsent_jobs.webhook_delivery_retry.rules.addresses import Target, check_address, check_addresses, check_url

PUBLIC = AddressPolicy()
LOCAL = AddressPolicy(allow_loopback=True)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example.com/in?a=1", Target(host="hooks.example.com", port=443)),
        ("HTTPS://Hooks.Example.COM", Target(host="hooks.example.com", port=443)),
        ("https://hooks.example.com:443", Target(host="hooks.example.com", port=443)),
        ("https://hooks.example.com:8443/", Target(host="hooks.example.com", port=8443)),
        ("https://xn--bcher-kva.example/", Target(host="xn--bcher-kva.example", port=443)),
        ("https://1.1.1.1/", Target(host="1.1.1.1", port=443)),
        ("https://[2606:4700:4700::1111]:8443/x", Target(host="2606:4700:4700::1111", port=8443)),
        ("https://hooks.example.com?x", Target(host="hooks.example.com", port=443)),
    ],
)
def test_a_public_https_url_is_read(url: str, target: Target) -> None:
    assert check_url(url, PUBLIC) == target


SENTENCES = {
    "scheme": "the URL must begin with https://",
    "userinfo": "the URL must not hold a user or a password",
    "characters": "the URL must be at most 2048 printable ASCII characters without backslashes",
    "host": "the URL's host cannot be read",
    "port": "the port 22 is not one of 443, 8443",
    "no port": "the URL's port is not a number from 1 to 65535, written plainly",
    "name": "the URL's host is no plain name: letters, digits and hyphens, xn-- for others, and no dot at its end",
    "local": "the URL's host is a local name, which only means something inside a network",
}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.example.com/", "scheme"),
        ("https:/hooks.example.com/", "scheme"),
        ("//hooks.example.com/", "scheme"),
        ("https://user:word@hooks.example.com/", "userinfo"),
        ("https://hooks.example.com@127.0.0.1/", "userinfo"),
        ("https://hooks.example.com\\@127.0.0.1/", "characters"),
        ("https://hooks.example.com /", "characters"),
        ("https://hooks.example.com/\n", "characters"),
        ("https://b\u00fccher.example/", "characters"),
        ("https://" + "a" * 2_048, "characters"),
        ("https://hooks.example.com:22/", "port"),
        ("https://hooks.example.com:/", "no port"),
        ("https://hooks.example.com:0443/", "no port"),
        ("https://hooks.example.com:65536/", "no port"),
        ("https://hooks.example.com:443:443/", "no port"),
        ("https:///path", "name"),
        ("https://hooks.example.com./", "name"),
        ("https://hooks..example.com/", "name"),
        ("https://hooks%2eexample.com/", "name"),
        ("https://-hooks.example.com/", "name"),
        ("https://hooks_.example.com/", "name"),
        ("https://intranet/", "local"),
        ("https://localhost/", "local"),
        ("https://a.localhost/", "local"),
        ("https://2130706433/", "'2130706433' is no address in its usual form"),
        ("https://0x7f000001/", "'0x7f000001' is no address in its usual form"),
        ("https://0177.0.0.1/", "'0177.0.0.1' is no address in its usual form"),
        ("https://127.1/", "'127.1' is no address in its usual form"),
        ("https://127.0.0.1./", "name"),
        ("https://[::1/", "host"),
        ("https://[fe80::1%25eth0]/", "fe80::1%25eth0 names an interface of this machine"),
        ("https://[v1.fe]/", "'v1.fe' is no address in its usual form"),
        ("https://[::ffff:8.8.8.8]/", f"the address {ip_address('::ffff:8.8.8.8')} is an IPv4 address in disguise, not public"),
        ("https://127.0.0.1/", "the address 127.0.0.1 is loopback, not public"),
    ],
)
def test_other_urls_are_refused_with_the_rule_that_they_break(url: str, reason: str) -> None:
    with pytest.raises(Blocked) as refused:
        check_url(url, PUBLIC)
    assert refused.value.reason == SENTENCES.get(reason, reason)


@pytest.mark.parametrize(("length", "passes"), [(2_048, True), (2_049, False)])
def test_a_url_has_at_most_so_many_characters(length: int, passes: bool) -> None:
    url = "https://a.example/".ljust(length, "x")
    if passes:
        assert check_url(url, PUBLIC).port == 443
    else:
        with pytest.raises(Blocked):
            check_url(url, PUBLIC)


@pytest.mark.parametrize(("length", "passes"), [(253, True), (254, False)])
def test_a_name_has_at_most_so_many_characters(length: int, passes: bool) -> None:
    host = ".".join(["a" * 49] * 5)[: length - 8].rstrip(".") + ".example"
    host = "b" * (length - len(host)) + host
    assert len(host) == length
    if passes:
        assert check_url(f"https://{host}/", PUBLIC).host == host
    else:
        with pytest.raises(Blocked):
            check_url(f"https://{host}/", PUBLIC)


@pytest.mark.parametrize("host", ["printer.local", "metadata.google.internal", "router.home.arpa", "db.localdomain"])
def test_names_that_only_mean_something_inside_are_refused(host: str) -> None:
    with pytest.raises(Blocked, match="a local name"):
        check_url(f"https://{host}/", PUBLIC)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_public_addresses_pass(address: str) -> None:
    check_address(address, PUBLIC)


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("0.1.2.3", "this network"),
        ("10.255.255.255", "private"),
        ("100.64.0.1", "shared by a carrier's customers (CGNAT)"),
        ("127.0.0.1", "loopback"),
        ("168.63.129.16", "a cloud's metadata service"),
        ("169.254.169.254", "link-local, where clouds keep their metadata"),
        ("172.31.255.255", "private"),
        ("192.0.0.8", "reserved for protocols"),
        ("192.0.2.1", "for documentation"),
        ("192.31.196.1", "reserved for AS112"),
        ("192.52.193.1", "reserved for multicast relays"),
        ("192.88.99.1", "reserved for 6to4 relays"),
        ("192.168.0.1", "private"),
        ("192.175.48.1", "reserved for AS112"),
        ("198.19.255.255", "for benchmarks"),
        ("198.51.100.1", "for documentation"),
        ("203.0.113.9", "for documentation"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::7f00:1", "an IPv4 address in disguise"),
        ("::ffff:10.0.0.1", "an IPv4 address in disguise"),
        ("::ffff:0:a00:1", "an IPv4 address in disguise"),
        ("64:ff9b:1::1", "a local translation to IPv4 (NAT64)"),
        ("100::1", "for discarding"),
        ("100:0:0:1::1", "a dummy"),
        ("2001::1", "reserved for protocols, Teredo among them"),
        ("2001:db8::1", "for documentation"),
        ("2002:7f00:1::", "an IPv4 address in disguise (6to4)"),
        ("2620:4f:8000::1", "reserved for AS112"),
        ("3fff::1", "for documentation"),
        ("5f00::1", "reserved for segment routing"),
        ("fd00:ec2::254", "private (ULA)"),
        ("fe80::1", "link-local"),
        ("fec0::1", "site-local"),
        ("ff02::1", "multicast"),
        ("4000::1", "reserved"),
    ],
)
def test_all_others_are_refused_with_what_they_are(address: str, what: str) -> None:
    with pytest.raises(Blocked) as refused:
        check_address(address, PUBLIC)
    assert refused.value.reason == f"the address {ip_address(address)} is {what}, not public"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("64:ff9b::7f00:1", "the address 64:ff9b::7f00:1 is loopback, not public"),
        ("64:ff9b::a9fe:a9fe", "the address 64:ff9b::a9fe:a9fe is link-local, where clouds keep their metadata, not public"),
        ("fe80::1%eth0", "fe80::1%eth0 names an interface of this machine"),
        ("010.0.0.1", "'010.0.0.1' is no address in its usual form"),
        ("", "'' is no address in its usual form"),
        ("x" * 99, f"'{'x' * 60}' is no address in its usual form"),
    ],
)
def test_addresses_in_disguise_and_in_odd_forms_are_refused_too(address: str, sentence: str) -> None:
    with pytest.raises(Blocked) as refused:
        check_address(address, PUBLIC)
    assert refused.value.reason == sentence


def test_one_forbidden_address_refuses_the_whole_answer() -> None:
    check_addresses(["8.8.8.8", "2001:4860:4860::8888"], PUBLIC)
    with pytest.raises(Blocked):
        check_addresses(["8.8.8.8", "127.0.0.1"], PUBLIC)


def test_with_loopback_allowed_only_loopback_and_ports_are_open() -> None:
    assert check_url("https://localhost:40123/hook", LOCAL) == Target(host="localhost", port=40_123)
    assert check_url("https://127.0.0.1:1/", LOCAL) == Target(host="127.0.0.1", port=1)
    check_address("::1", LOCAL)
    for address in ("10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fe80::1"):
        with pytest.raises(Blocked):
            check_address(address, LOCAL)
