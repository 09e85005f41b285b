"""How values are shown in findings, the same for every verifier."""


def short(value: object, *, most: int = 120) -> str:
    """Return a value as one short line, control characters escaped; None as ``nothing``."""
    text = "nothing" if value is None else str(value)
    safe = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
    return safe if len(safe) <= most else f"{safe[:most]}…"
