"""The commands that docs/operations.md tells people to paste, as they stand there."""

import re
from textwrap import dedent
from typing import Final

from econsent_stack.project import ROOT

PAGE: Final = ROOT / "docs" / "operations.md"


def commands_of(label: str) -> str:
    """Return the block of the page whose first line is the comment ``# label``, or begins with it and says more after a colon."""
    blocks = [dedent(block) for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)]
    (found,) = [block for block in blocks if re.match(rf"# {re.escape(label)}[:\n]", block)]
    return found
