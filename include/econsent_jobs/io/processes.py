"""What the kernel says of processes."""

from pathlib import Path


def memory_bytes(pid: int) -> int:
    """The process's share of memory (PSS); 0 when it is gone or not ours to read."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
