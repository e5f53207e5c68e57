"""Amounts of data, written at a glance."""

from __future__ import annotations

import pytest

from flowtui.sizes import size


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0 B"),
        (-5, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (48_000_000, "48 MB"),
        (7_200_000_000, "7.2 GB"),
        (3 * 10**15, "3000 TB"),
    ],
)
def test_sizes(count: int, written: str) -> None:
    assert size(count) == written
    assert len(written) <= 7
