"""Which addresses a webhook may be sent to, written down a second time: the sender's own list is what is being checked."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

FORBIDDEN: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's wire server, in a public block
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
PUBLIC_V6: Final = ip_network("2000::/3")
FORBIDDEN_V6: Final = tuple(ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the internet may have this address (IANA's special-purpose registries, RFC 6890)."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in FORBIDDEN)
    return address in PUBLIC_V6 and not any(address in network for network in FORBIDDEN_V6)


def is_loopback(address: IPv4Address | IPv6Address) -> bool:
    return address.is_loopback


def parsed(text: str) -> IPv4Address | IPv6Address:
    """Read PostgreSQL's text of an address. Raises ValueError."""
    return ip_address(text.split("/")[0])
