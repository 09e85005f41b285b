"""The small pictures that the encoder lays over the page: the clock's digits, the pointer and the ring of a click.

They are drawn here, dot by dot, so that they look alike on every machine and need no font.
"""

from functools import cache
from typing import Final

GLYPH_WIDTH: Final = 5
GLYPH_HEIGHT: Final = 7
GLYPHS: Final = {
    "0": (" ### ", "#   #", "#  ##", "# # #", "##  #", "#   #", " ### "),
    "1": ("  #  ", " ##  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### "),
    "2": (" ### ", "#   #", "    #", "   # ", "  #  ", " #   ", "#####"),
    "3": (" ### ", "#   #", "    #", "  ## ", "    #", "#   #", " ### "),
    "4": ("   # ", "  ## ", " # # ", "#  # ", "#####", "   # ", "   # "),
    "5": ("#####", "#    ", "#### ", "    #", "    #", "#   #", " ### "),
    "6": (" ### ", "#    ", "#    ", "#### ", "#   #", "#   #", " ### "),
    "7": ("#####", "    #", "   # ", "   # ", "  #  ", "  #  ", "  #  "),
    "8": (" ### ", "#   #", "#   #", " ### ", "#   #", "#   #", " ### "),
    "9": (" ### ", "#   #", "#   #", " ####", "    #", "    #", " ### "),
    "-": ("     ", "     ", "     ", "#####", "     ", "     ", "     "),
    ":": ("     ", "  #  ", "  #  ", "     ", "  #  ", "  #  ", "     "),
    " ": ("     ",) * 7,
    "U": ("#   #", "#   #", "#   #", "#   #", "#   #", "#   #", " ### "),
    "T": ("#####", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  "),
    "C": (" ### ", "#   #", "#    ", "#    ", "#    ", "#   #", " ### "),
}
LETTERS: Final = len("2026-03-01 09:30:00 UTC")
ARROW: Final = (
    "#           ",
    "##          ",
    "#o#         ",
    "#oo#        ",
    "#ooo#       ",
    "#oooo#      ",
    "#ooooo#     ",
    "#oooooo#    ",
    "#ooooooo#   ",
    "#oooooooo#  ",
    "#ooooooooo# ",
    "#oooooo#####",
    "#ooo#oo#    ",
    "#oo##oo#    ",
    "#o#  #oo#   ",
    "##   #oo#   ",
    "#     #oo#  ",
    "      #oo#  ",
    "       ##   ",
    "            ",
)
DOTS: Final = {"#": (0, 0, 0, 255), "o": (255, 255, 255, 255), " ": (0, 0, 0, 0)}
RING_SIZE: Final = 32
RING_COLOUR: Final = (227, 66, 52)
DARK, LIGHT, GREY = 0x26, 0xEB, 0x80  # of limited-range YUV: the strip's background, the digits, and no colour


def clock_size(*, width: int) -> tuple[int, int, int]:
    """Return how many pixels a dot of the clock has, and the clock's width and height, for a video of this width. Even numbers."""
    scale = 2 if width >= 2 * (LETTERS * (GLYPH_WIDTH + 1) + GLYPH_WIDTH) else 1
    wide, high = LETTERS * (GLYPH_WIDTH + 1) * scale, GLYPH_HEIGHT * scale
    return scale, wide + wide % 2, high + high % 2


@cache
def glyph_rows(letter: str, scale: int) -> tuple[bytes, ...]:
    return tuple(
        b"".join((bytes([LIGHT]) if dot == "#" else bytes([DARK])) * scale for dot in row + " ")
        for row in GLYPHS[letter]
        for _ in range(scale)
    )


def clock_picture(text: str, *, width: int) -> bytes:
    """Return the clock as one raw picture, planar YUV with halved colour (I420), in the size that ``clock_size`` gives."""
    scale, wide, high = clock_size(width=width)
    letters = [glyph_rows(letter, scale) for letter in text]
    rows = [b"".join(letter[row] for letter in letters).ljust(wide, bytes([DARK])) for row in range(GLYPH_HEIGHT * scale)]
    rows += [bytes([DARK]) * wide] * (high - len(rows))
    return b"".join(rows) + bytes([GREY]) * (2 * (wide // 2) * (high // 2))


def arrow_picture() -> bytes:
    """Return the pointer as a PAM picture with transparency; its tip is its first dot."""
    return pam(len(ARROW[0]), len(ARROW), b"".join(bytes(DOTS[dot]) for row in ARROW for dot in row))


def ring_picture() -> bytes:
    """Return the ring as a PAM picture with transparency; the pointer stands in its middle."""
    middle = (RING_SIZE - 1) / 2
    dots = bytearray()
    for y in range(RING_SIZE):
        for x in range(RING_SIZE):
            distance = ((x - middle) ** 2 + (y - middle) ** 2) ** 0.5
            edge = min(1.0, max(0.0, 1.75 - abs(distance - (middle - 2))))
            dots += bytes([*RING_COLOUR, round(255 * edge)])
    return pam(RING_SIZE, RING_SIZE, bytes(dots))


def pam(width: int, height: int, dots: bytes) -> bytes:
    assert len(dots) == 4 * width * height, (width, height, len(dots))
    head = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    return head.encode() + dots
