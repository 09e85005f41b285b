# ruff: noqa: RUF001 letters and digits that look alike are what this table is about
"""Addresses of endpoints that must never be connected to, each with the sentence that says why. A table: add a row, and it is tested.

``url`` is what a customer registered. ``answers`` is what the resolver says when asked for the URL's host; empty where it must not even be
asked, because the URL alone is reason enough. ``later`` is what the resolver says from its second answer on (rebinding).

Networks: IANA's special-purpose registries for IPv4 (RFC 6890) and IPv6, RFC 6052 and 3056 for embedded addresses.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

PUBLIC: Final = ("93.184.216.34", "8.8.8.8", "1.1.1.1", "2606:2800:220:1:248:1893:25c8:1946", "2001:4860:4860::8888")
NAME: Final = "hooks.customer-of-ours.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    url: str
    why: str
    answers: tuple[str, ...] = ()
    later: tuple[str, ...] | None = None


FORBIDDEN_V4: Final = {
    "0.0.0.0/8": "this host on this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "carrier-grade NAT",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "protocol assignments",
    "192.0.2.0/24": "documentation",
    "192.88.99.0/24": "6to4 relays",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "benchmarks",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
FORBIDDEN_V6: Final = {
    "::/128": "unspecified",
    "::1/128": "loopback",
    "100::/64": "discard only",
    "2001:2::/48": "benchmarks",
    "2001:10::/28": "ORCHID",
    "2001:20::/28": "ORCHIDv2",
    "2001:db8::/32": "documentation",
    "3fff::/20": "documentation",
    "5f00::/16": "segment routing",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local, deprecated",
    "ff00::/8": "multicast",
}
METADATA: Final = {
    "169.254.169.254": "metadata of most clouds",
    "169.254.170.2": "credentials of AWS containers",
    "169.254.170.23": "credentials of AWS pods",
    "100.100.100.200": "metadata of Alibaba Cloud",
    "192.0.0.192": "metadata of Oracle Cloud",
    "168.63.129.16": "wire server of Azure",
    "fd00:ec2::254": "metadata of AWS",
    "fd20:ce::254": "metadata of Google Cloud",
    "fe80::a9fe:a9fe": "metadata of OpenStack",
}
EMBEDDED: Final = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "172.16.0.1", "100.64.0.1")
"""Addresses that hide in an IPv6 one."""


def loopback_spellings() -> Iterator[tuple[str, str]]:
    """Spellings that some resolver or library takes for 127.0.0.1 or for another inner address."""
    yield from (
        ("2130706433", "decimal loopback"),
        ("017700000001", "octal loopback"),
        ("0x7f000001", "hexadecimal loopback"),
        ("0X7F000001", "hexadecimal loopback, capitals"),
        ("0x7f.0x0.0x0.0x1", "hexadecimal parts"),
        ("0177.0.0.1", "an octal part"),
        ("0177.0000.0000.0001", "octal parts"),
        ("00177.0.0.01", "octal parts with more zeros"),
        ("127.1", "short loopback"),
        ("127.0.1", "short loopback, three parts"),
        ("127.0x0.1", "short and hexadecimal"),
        ("0", "short for this host"),
        ("0x0", "hexadecimal for this host"),
        ("127.0.0.01", "a part with a leading zero"),
        ("127.000.000.001", "parts filled with zeros"),
        ("2852039166", "decimal metadata"),
        ("0xa9fea9fe", "hexadecimal metadata"),
        ("0251.0376.0251.0376", "octal metadata"),
        ("0xa9.0xfe.0xa9.0xfe", "hexadecimal parts of metadata"),
        ("169.254.43518", "short metadata"),
        ("169.16689662", "shorter metadata"),
        ("167772161", "decimal private"),
        ("012.0.0.1", "octal private, which looks public"),
        ("10.1", "short private"),
        ("3232235777", "decimal private 192.168.1.1"),
        ("0xc0a80101", "hexadecimal private 192.168.1.1"),
        ("192.168.257", "short private"),
        ("4294967295", "decimal broadcast"),
        ("4294967296", "a decimal number of 33 bits"),
        ("256.256.256.256", "parts that are no bytes"),
        ("127.0.0.1.", "loopback with a trailing dot"),
        ("127.0.0.1..", "loopback with two trailing dots"),
        ("10.0.0.1.", "private with a trailing dot"),
        ("169.254.169.254.", "metadata with a trailing dot"),
        ("2130706433.", "decimal with a trailing dot"),
        ("１２７.0.0.1", "full-width digits"),
        ("127。0。0。1", "ideographic full stops"),
        ("127．0．0．1", "full-width full stops"),
        ("①②⑦.⓪.⓪.①", "digits in circles"),
        ("127%2e0%2e0%2e1", "percent-encoded dots"),
        ("%31%32%37.0.0.1", "percent-encoded digits"),
        ("127.0.0.1%00.customer-of-ours.com", "a percent-encoded NUL"),
        ("8.8.8.010", "a public address with an octal part"),
        ("0x08080808", "a public address in hexadecimal"),
        ("134744072", "a public address as one number"),
        ("8.526344", "a public address, short"),
    )


def names() -> Iterator[tuple[str, str, str]]:
    """Host names that are inner or no names at all, why, and what a resolver might answer."""
    yield from (
        ("localhost", "loopback by name", "127.0.0.1"),
        ("LOCALHOST", "loopback by name, capitals", "127.0.0.1"),
        ("localhost.", "loopback by name with a trailing dot", "127.0.0.1"),
        ("localhost.localdomain", "loopback by name", "127.0.0.1"),
        ("app.localhost", "below localhost (RFC 6761)", "::1"),
        ("ip6-localhost", "loopback by name", "::1"),
        ("127.0.0.1.nip.io", "a public name of loopback", "127.0.0.1"),
        ("metadata.google.internal", "metadata by name", "169.254.169.254"),
        ("metadata.google.internal.", "metadata by name with a trailing dot", "169.254.169.254"),
        ("metadata", "a name without a domain", "169.254.169.254"),
        ("instance-data.ec2.internal", "an internal name", "169.254.169.254"),
        ("printer.local", "multicast DNS", "192.168.0.9"),
        ("router.home.arpa", "a home network (RFC 8375)", "192.168.0.1"),
        ("kubernetes.default.svc", "a name of a cluster", "10.96.0.1"),
        ("kubernetes.default.svc.cluster.local", "a name of a cluster", "10.96.0.1"),
        ("postgres", "a name without a domain", "10.0.0.5"),
        (f"{NAME}.", "a public name with a trailing dot", "8.8.8.8"),
        (f"{NAME}..", "a public name with two trailing dots", "8.8.8.8"),
        (f".{NAME}", "a name with a leading dot", "8.8.8.8"),
        ("hooks..customer.com", "an empty label", "8.8.8.8"),
        (f"{'a' * 64}.com", "a label of 64 characters", "8.8.8.8"),
        (f"{'a.' * 127}com", "a name of 257 characters", "8.8.8.8"),
        ("ｌｏｃａｌｈｏｓｔ", "full-width letters", "127.0.0.1"),
        ("ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "letters in circles", "127.0.0.1"),
        ("local\u00adhost", "a soft hyphen in localhost", "127.0.0.1"),
        ("local\u200bhost", "a zero-width space in localhost", "127.0.0.1"),
        ("", "no host", "8.8.8.8"),
        ("customer com", "a space in the name", "8.8.8.8"),
    )


def urls() -> Iterator[tuple[str, str]]:
    """Whole URLs that are wrong by themselves: another scheme or port, a user, or something that parsers read in different ways."""
    for port in (0, 1, 21, 22, 25, 53, 80, 110, 442, 444, 2375, 3306, 5432, 6379, 8080, 8442, 8444, 9200, 10250, 11211, 27017, 65535):
        yield f"https://{NAME}:{port}/hook", f"port {port}"
    for port in ("65536", "-1", "99999999999", "443x", "0x1bb", "４４３", "443 ", "+443", "443.0", "443:80"):
        yield f"https://{NAME}:{port}/hook", f"the port {port!r}, which is none"
    for scheme in ("http", "ftp", "file", "gopher", "ws", "wss", "dict", "ldap", "tftp", "data", "javascript", "jar", "unix", "httpss"):
        yield f"{scheme}://{NAME}/hook", f"the scheme {scheme}"
    yield from (
        (f"https://user@{NAME}/", "a user"),
        (f"https://user:password@{NAME}/", "a user and a password"),
        (f"https://:password@{NAME}/", "a password"),
        (f"https://@{NAME}/", "an empty user"),
        (f"https://{NAME}@127.0.0.1/", "a public name as the user of a loopback address"),
        (f"https://{NAME}:443@127.0.0.1/", "a public name and port as user and password"),
        (f"https://{NAME}%40127.0.0.1/", "a percent-encoded @"),
        (f"https://127.0.0.1@{NAME}/", "a loopback address as the user of a public name"),
        (f"https://{NAME}\\@127.0.0.1/", "a backslash before the @"),
        (f"https://127.0.0.1\\@{NAME}/", "a backslash before the @"),
        (f"https://127.0.0.1#{NAME}/", "a fragment after loopback"),
        (f"https://127.0.0.1?{NAME}/", "a query after loopback"),
        ("https://127.0.0.1\t/", "a tab"),
        (f"https://{NAME}\r\nHost: 127.0.0.1\r\n/", "line ends"),
        (f"https://{NAME}/hook\r\nX-Evil: 1", "line ends in the path"),
        (f"https://{NAME}/hook\x00", "a NUL in the path"),
        (f"https://{NAME} .127.0.0.1/", "a space in the name"),
        (f" https://{NAME}/", "a space in front"),
        ("https:///127.0.0.1/", "three slashes"),
        ("https:127.0.0.1/", "no slashes"),
        ("https:/127.0.0.1/", "one slash"),
        ("https:\\\\127.0.0.1\\", "backslashes"),
        ("//127.0.0.1/", "no scheme"),
        ("127.0.0.1/", "an address alone"),
        ("https://", "nothing behind the scheme"),
        ("https://[::1/", "a bracket that never closes"),
        ("https://::1]/", "a bracket that never opens"),
        ("https://[]/", "empty brackets"),
        ("https://[127.0.0.1]/", "an IPv4 address in brackets"),
        ("https://[v1.127]/", "an address of a future kind"),
        ("https://[::1%25lo]/", "loopback with a zone"),
        ("https://[fe80::1%25eth0]/", "link-local with a zone"),
        ("https://[fe80::1%eth0]/", "link-local with a bare zone"),
        (f"https://[{PUBLIC[3]}%25eth0]/", "a public address with a zone"),
        ("https://::1/", "IPv6 without brackets"),
        ("https://[0:0:0:0:0:0:0:1]/", "loopback written out"),
        ("https://[0000:0000:0000:0000:0000:0000:0000:0001]/", "loopback written out with zeros"),
        ("https://[::ffff:7f00:1]/", "mapped loopback in hexadecimal"),
        ("https://[0:0:0:0:0:ffff:127.0.0.1]/", "mapped loopback written out"),
        ("https://[::]/", "unspecified"),
        (f"https://{'a' * 300}.{NAME}/", "a label that is too long"),
    )


def edges(network: IPv4Network | IPv6Network) -> list[IPv4Address | IPv6Address]:
    """The first, a middle and the last address."""
    found = [network[0], network[network.num_addresses // 2], network[-1]]
    return list(dict.fromkeys(found))


def addresses() -> Iterator[tuple[str, str]]:
    """Forbidden addresses with their reason: the edges of each network, metadata services, and addresses hidden in IPv6 ones."""
    for text, why in FORBIDDEN_V4.items():
        yield from ((str(address), f"{why} {text}") for address in edges(IPv4Network(text)))
    for text, why in FORBIDDEN_V6.items():
        yield from ((str(address), f"{why} {text}") for address in edges(IPv6Network(text)))
    yield from METADATA.items()
    for text in EMBEDDED:
        inner = int(IPv4Address(text))
        for number, form in (
            (0xFFFF << 32 | inner, "IPv4-mapped"),
            (inner, "IPv4-compatible"),
            (0x64FF9B << 96 | inner, "NAT64"),
            (0x64FF9B0001 << 80 | inner, "local NAT64"),
            (0x2002 << 112 | inner << 80, "6to4"),
            (0x20010000 << 96 | 0x08080808 << 64 | inner ^ 0xFFFFFFFF, "Teredo"),
            (0xFFFF << 48 | inner, "IPv4-translated"),
        ):
            yield str(IPv6Address(number)), f"{form} {text}"


def literal(address: str) -> str:
    return f"https://[{address}]/hook" if ":" in address else f"https://{address}/hook"


def name_of(address: str) -> str:
    """A name for each address, because resolvers keep answers."""
    return f"a{ip_address(address).packed.hex()}.{NAME}"


def targets() -> Iterator[Target]:
    """Every forbidden target."""
    for address, why in addresses():
        yield Target(url=literal(address), why=f"literal: {why}")
        yield Target(url=f"https://{name_of(address)}/hook", why=f"resolved: {why}", answers=(address,))
    for host, why in loopback_spellings():
        # a resolver that reads such a spelling gives an inner address
        yield Target(url=f"https://{host}/hook", why=why, answers=("127.0.0.1",))
        yield Target(url=f"https://{host}:8443/hook", why=f"{why}, other port", answers=("8.8.8.8",))
    for host, why, answer in names():
        yield Target(url=f"https://{host}/hook", why=why, answers=(answer,))
    for url, why in urls():
        yield Target(url=url, why=why, answers=("8.8.8.8",))
    for inner in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"):
        yield Target(url=f"https://last.{name_of(inner)}/", why=f"public, then {inner}", answers=(PUBLIC[0], inner))
        yield Target(url=f"https://first.{name_of(inner)}/", why=f"{inner}, then public", answers=(inner, PUBLIC[0]))
        yield Target(
            url=f"https://among.{name_of(inner)}/", why=f"{inner} among public ones", answers=(PUBLIC[0], PUBLIC[3], inner, PUBLIC[1])
        )


ALLOWED: Final = (
    Target(url=f"https://n1.{NAME}/hook", why="a public name", answers=("93.184.216.34",)),
    Target(url=f"https://n2.{NAME}:443/hook", why="the port of HTTPS, written down", answers=("93.184.216.34",)),
    Target(url=f"https://n3.{NAME}:8443/hook", why="the other port", answers=("8.8.8.8",)),
    Target(url=f"https://n4.{NAME}/hook?a=b&c=%20#", why="a query", answers=("8.8.8.8",)),
    Target(url=f"https://n5.{NAME}/hook", why="several public addresses", answers=("8.8.8.8", "1.1.1.1")),
    Target(url=f"https://n6.{NAME}/hook", why="IPv6", answers=("2606:2800:220:1:248:1893:25c8:1946",)),
    Target(url="https://8.8.8.8/hook", why="a public literal", answers=("8.8.8.8",)),
    Target(url="https://[2001:4860:4860::8888]/hook", why="a public IPv6 literal", answers=("2001:4860:4860::8888",)),
    Target(url="https://xn--bcher-kva.example.com/", why="an internationalised name", answers=("8.8.8.8",)),
    Target(url=f"https://n7.{NAME}/hook", why="just below carrier-grade NAT", answers=("100.63.255.255",)),
    Target(url=f"https://n8.{NAME}/hook", why="just above carrier-grade NAT", answers=("100.128.0.0",)),
    Target(url=f"https://n9.{NAME}/hook", why="just below loopback", answers=("126.255.255.255",)),
    Target(url=f"https://n10.{NAME}/hook", why="just above the private 172 block", answers=("172.32.0.0",)),
    Target(url=f"https://n11.{NAME}/hook", why="just below the private 192 block", answers=("192.167.255.255",)),
    Target(url=f"https://n12.{NAME}/hook", why="just below multicast", answers=("223.255.255.255",)),
)
"""What must be connected to: a sender that refuses everything would pass the table of forbidden ones."""

REBINDING: Final = tuple(
    Target(
        url=f"https://again.{name_of(inner)}/hook",
        why=f"public when checked, {inner} when asked again",
        answers=(PUBLIC[0],),
        later=(inner,),
    )
    for inner in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "::ffff:127.0.0.1")
)
"""The connection must go to the first answer, and to nothing else."""
