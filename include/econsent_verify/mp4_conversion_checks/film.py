"""What an MP4's own boxes say, read without any tool: ISO/IEC 14496-12 for the boxes, 14496-15 for ``avc1``."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

CONTAINERS: Final = frozenset({"moov", "trak", "mdia", "minf", "stbl"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """``order``: the outermost boxes. ``duration_ms`` of the whole; ``sizes``: width and height of each track with pictures; ``codecs``."""

    order: list[str]
    duration_ms: float
    sizes: list[tuple[int, int]]
    codecs: list[str]


def read_film(body: bytes) -> Film | None:
    """Read an MP4. None for what is none."""
    order = [name for name, _ in boxes(body)]
    if "moov" not in order or "mdat" not in order or order[0] != "ftyp":
        return None
    duration_ms, sizes, codecs = 0.0, list[tuple[int, int]](), list[str]()
    try:
        for name, content in walk(body):
            if name == "mvhd":
                scale, length = (content[12:16], content[16:20]) if content[0] == 0 else (content[20:24], content[24:32])
                duration_ms = 1000 * int.from_bytes(length, "big") / int.from_bytes(scale, "big")
            elif name == "tkhd":
                width, height = (int.from_bytes(content[at : at + 4], "big") >> 16 for at in (len(content) - 8, len(content) - 4))
                sizes += [(width, height)] if width and height else []
            elif name == "stsd":
                codecs.append(content[12:16].decode("latin-1"))
    except (IndexError, ZeroDivisionError):
        return None
    return Film(order=order, duration_ms=duration_ms, sizes=sizes, codecs=codecs)


def walk(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield every box within the containers."""
    for name, content in boxes(body):
        if name in CONTAINERS:
            yield from walk(content)
        else:
            yield name, content


def boxes(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the boxes side by side; a broken one is the last."""
    at = 0
    while at + 8 <= len(body):
        size, name, head = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8].decode("latin-1"), 8
        if size == 1:
            size, head = int.from_bytes(body[at + 8 : at + 16], "big"), 16
        if size < head:
            return
        yield name, body[at + head : at + size]
        at += size
