"""How times and durations are written."""

from __future__ import annotations

from datetime import UTC, datetime

from flowtui.model import Ms


def iso(moment: Ms | None) -> str | None:
    """ISO-8601 UTC with milliseconds and `Z`, or None."""
    if moment is None:
        return None
    stamp = datetime.fromtimestamp(moment / 1000, UTC)
    return stamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment % 1000:03d}Z"


def clock(moment: Ms | None) -> str:
    """Local time of day, `05:24:36`, or an empty string."""
    return datetime.fromtimestamp(moment / 1000).strftime("%H:%M:%S") if moment is not None else ""


def span(milliseconds: int) -> str:
    """A duration at a glance, at most six cells: `0.2s`, `42s`, `3m07s`, `2h05m`, `4d03h`."""
    seconds = max(0, milliseconds) / 1000
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60}h{minutes % 60:02d}m"
    hours = minutes // 60
    return f"{hours // 24}d{hours % 24:02d}h"


def stopwatch(milliseconds: int) -> str:
    """A running time that counts up in seconds: `0:42`, `1:02:03`."""
    seconds = max(0, milliseconds) // 1000
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def short_age(milliseconds: int) -> str:
    """How long ago, for a column, at most five cells: `42s`, `12m`, `3h`, `120d`."""
    seconds = max(0, milliseconds) // 1000
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length or (unit == "m" and seconds >= length):
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def age(milliseconds: int) -> str:
    """How long ago, for a sentence: `74 s`, `12 min`, `3 h`, `2 days`; never negative.

    Coarse on purpose from two minutes on: a reason that names an age should not differ at every
    look.
    """
    seconds = max(0, milliseconds) // 1000
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} days"
