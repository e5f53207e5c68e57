"""How amounts of data are written."""

from __future__ import annotations


def size(count: int) -> str:
    """Bytes at a glance, in powers of 1000, at most seven cells: `812 B`, `1.2 kB`, `48 MB`."""
    if count < 1000:
        return f"{max(0, count)} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.5 or unit == "TB":
            break
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"
