"""Where a delivery may go. The long table of forbidden targets, over the real client, is tests/prove/webhooks/forbidden_targets.py."""

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


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.example.com/", "must begin with https://"),
        ("https:/hooks.example.com/", "must begin with https://"),
        ("//hooks.example.com/", "must begin with https://"),
        ("https://user:word@hooks.example.com/", "a user or a password"),
        ("https://hooks.example.com@127.0.0.1/", "a user or a password"),
        ("https://hooks.example.com\\@127.0.0.1/", "without backslashes"),
        ("https://hooks.example.com /", "printable ASCII"),
        ("https://hooks.example.com/\n", "printable ASCII"),
        ("https://b\u00fccher.example/", "printable ASCII"),
        ("https://" + "a" * 2_048, "at most 2048"),
        ("https://hooks.example.com:22/", "the port 22 is not one of 443, 8443"),
        ("https://hooks.example.com:/", "written plainly"),
        ("https://hooks.example.com:0443/", "written plainly"),
        ("https://hooks.example.com:65536/", "written plainly"),
        ("https://hooks.example.com:443:443/", "written plainly"),
        ("https:///path", "no plain name"),
        ("https://hooks.example.com./", "no plain name"),
        ("https://hooks..example.com/", "no plain name"),
        ("https://hooks%2eexample.com/", "no plain name"),
        ("https://-hooks.example.com/", "no plain name"),
        ("https://hooks_.example.com/", "no plain name"),
        ("https://intranet/", "a local name"),
        ("https://localhost/", "a local name"),
        ("https://a.localhost/", "a local name"),
        ("https://2130706433/", "no address in its usual form"),
        ("https://0x7f000001/", "no address in its usual form"),
        ("https://0177.0.0.1/", "no address in its usual form"),
        ("https://127.1/", "no address in its usual form"),
        ("https://127.0.0.1./", "no plain name"),
        ("https://[::1/", "cannot be read"),
        ("https://[fe80::1%25eth0]/", "names an interface"),
        ("https://[v1.fe]/", "no address in its usual form"),
        ("https://[::ffff:8.8.8.8]/", "an IPv4 address in disguise"),
        ("https://127.0.0.1/", "loopback, not public"),
    ],
)
def test_other_urls_are_refused_with_the_rule_that_they_break(url: str, reason: str) -> None:
    with pytest.raises(Blocked) as refused:
        check_url(url, PUBLIC)
    assert reason in refused.value.reason


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
        ("100.64.0.1", "CGNAT"),
        ("127.0.0.1", "loopback"),
        ("168.63.129.16", "metadata"),
        ("169.254.169.254", "link-local"),
        ("172.31.255.255", "private"),
        ("192.168.0.1", "private"),
        ("198.19.255.255", "benchmarks"),
        ("203.0.113.9", "documentation"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::127.0.0.1", "in disguise"),
        ("::ffff:10.0.0.1", "in disguise"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("64:ff9b:1::1", "NAT64"),
        ("2001::1", "Teredo"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::", "6to4"),
        ("3fff::1", "documentation"),
        ("fd00:ec2::254", "ULA"),
        ("fe80::1", "link-local"),
        ("ff02::1", "multicast"),
        ("4000::1", "reserved"),
        ("fe80::1%eth0", "interface"),
        ("010.0.0.1", "usual form"),
        ("", "usual form"),
    ],
)
def test_all_others_are_refused_with_what_they_are(address: str, what: str) -> None:
    with pytest.raises(Blocked) as refused:
        check_address(address, PUBLIC)
    assert what in refused.value.reason


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
