"""Where a delivery may go: https, ports 443 and 8443, names that resolve to public addresses and to nothing else.

Whoever registers an endpoint chooses its URL, and whoever owns its name chooses its addresses, anew at each look-up. So the URL is
checked, the whole answer of the look-up is checked, and the connection goes to a checked address. The tables follow the IANA registries
of special-purpose addresses (RFC 6890 and its successors); what is in no table and not global unicast is refused as well.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from econsent_jobs.webhook_delivery_retry.model import AddressPolicy, Blocked

LONGEST_URL: Final = 2_048  # characters
LONGEST_NAME: Final = 253
LOCALHOST: Final = "localhost"

URL: Final = re.compile(r"https://(?P<authority>[^/?#]*)(?P<rest>[/?#].*)?", re.IGNORECASE)
AUTHORITY: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(?P<port>:.*)?")
PRINTABLE: Final = re.compile(r"[!-~]+")
LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
NUMBER: Final = re.compile(r"\d+|0x[0-9a-f]*")
PORT: Final = re.compile(r"[1-9]\d{0,4}")

LOCAL_NAMES: Final = ("localhost", "local", "internal", "home.arpa", "localdomain")  # and whatever ends in them

IPv4: Final = tuple(
    (ipaddress.IPv4Network(network), what)
    for network, what in [
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier's customers (CGNAT)"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's metadata service"),
        ("169.254.0.0/16", "link-local, where clouds keep their metadata"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "for documentation"),
        ("192.31.196.0/24", "reserved for AS112"),
        ("192.52.193.0/24", "reserved for multicast relays"),
        ("192.88.99.0/24", "reserved for 6to4 relays"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "reserved for AS112"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    ]
)
IPv6: Final = tuple(
    (ipaddress.IPv6Network(network), what)
    for network, what in [
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "an IPv4 address in disguise"),
        ("::ffff:0:0:0/96", "an IPv4 address in disguise"),
        ("::/96", "an IPv4 address in disguise"),
        ("64:ff9b:1::/48", "a local translation to IPv4 (NAT64)"),
        ("100::/64", "for discarding"),
        ("100:0:0:1::/64", "a dummy"),
        ("2001::/23", "reserved for protocols, Teredo among them"),
        ("2001:db8::/32", "for documentation"),
        ("2002::/16", "an IPv4 address in disguise (6to4)"),
        ("2620:4f:8000::/48", "reserved for AS112"),
        ("3fff::/20", "for documentation"),
        ("5f00::/16", "reserved for segment routing"),
        ("fc00::/7", "private (ULA)"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    ]
)
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # the well-known prefix: what counts is the IPv4 address inside
GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """``host`` in lower case, without brackets: a name or a literal address."""

    host: str
    port: int


def check_url(url: str, policy: AddressPolicy) -> Target:
    """Say where ``url`` leads. Raises Blocked unless it is plain https to a full name or a public address, on a port that is open to us."""
    if len(url) > LONGEST_URL or not PRINTABLE.fullmatch(url) or "\\" in url:
        raise Blocked(f"the URL must be at most {LONGEST_URL} printable ASCII characters without backslashes")
    parts = URL.fullmatch(url)
    if parts is None:
        raise Blocked("the URL must begin with https://")
    if "@" in parts["authority"]:
        raise Blocked("the URL must not hold a user or a password")
    authority = AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        raise Blocked("the URL's host cannot be read")
    host = check_host(authority["host"].lower(), policy)
    return Target(host=host, port=check_port(authority["port"], policy))


def check_port(text: str | None, policy: AddressPolicy) -> int:
    """Return the port, 443 where none is named. Raises Blocked for others than ``policy`` opens; with loopback allowed, for none."""
    if text is None:
        return 443
    number = text.removeprefix(":")
    if not PORT.fullmatch(number) or int(number) > 65_535:
        raise Blocked("the URL's port is not a number from 1 to 65535, written plainly")
    if int(number) not in policy.ports and not policy.allow_loopback:
        raise Blocked(f"the port {number} is not one of {', '.join(str(port) for port in sorted(policy.ports))}")
    return int(number)


def check_host(host: str, policy: AddressPolicy) -> str:
    """Return a name, or an address without brackets. Raises Blocked for local names, odd numbers, and addresses that are not public."""
    if host.startswith("["):
        check_address(host[1:-1], policy)
        return host[1:-1]
    labels = host.split(".")
    if NUMBER.fullmatch(labels[-1]) or (NUMBER.fullmatch(labels[0]) and len(labels) == 1):
        check_address(host, policy)
        return host
    if host == LOCALHOST and policy.allow_loopback:
        return host
    if len(host) > LONGEST_NAME or not all(LABEL.fullmatch(label) for label in labels):
        raise Blocked("the URL's host is no plain name: letters, digits and hyphens, xn-- for others, and no dot at its end")
    if len(labels) < 2 or any(host == name or host.endswith(f".{name}") for name in LOCAL_NAMES):
        raise Blocked("the URL's host is a local name, which only means something inside a network")
    return host


def check_addresses(addresses: Sequence[str], policy: AddressPolicy) -> None:
    """Check the whole answer of a look-up. Raises Blocked if any address is forbidden: a mix is how rebinding begins."""
    for address in addresses:
        check_address(address, policy)


def check_address(address: str, policy: AddressPolicy) -> None:
    """Raise Blocked unless ``address`` is public, in its one canonical form (or loopback, where that is allowed)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise Blocked(f"{address[:60]!r} is no address in its usual form") from None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.scope_id is not None:
        raise Blocked(f"{address[:60]} names an interface of this machine")
    what = forbidden_as(parsed, policy)
    if what is not None:
        raise Blocked(f"the address {parsed} is {what}, not public")


def forbidden_as(address: ipaddress.IPv4Address | ipaddress.IPv6Address, policy: AddressPolicy) -> str | None:
    """Say what ``address`` is for, None if it is a public one."""
    if isinstance(address, ipaddress.IPv4Address):
        if policy.allow_loopback and address.is_loopback:
            return None
        named = next((what for network, what in IPv4 if address in network), None)
        return named or (None if address.is_global and not address.is_multicast else "reserved")
    if policy.allow_loopback and address == ipaddress.IPv6Address("::1"):
        return None
    if address in NAT64:
        return forbidden_as(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF), AddressPolicy())
    named = next((what for network, what in IPv6 if address in network), None)
    return named or (None if address in GLOBAL_UNICAST else "reserved")
