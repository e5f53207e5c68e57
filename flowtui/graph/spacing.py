"""How many cells stay free in a drawing, by the way it leads and how dense it is.

A drawing to the right is worked out as one that leads down and turned at the end: here `across` is
along a layer and `ahead` is where the edges lead. A row is about as high as two columns are wide.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowtui.graph.geometry import Density, Orientation


@dataclass(frozen=True, slots=True)
class Spacing:
    """Cells between things.

    `gap` is between neighbours of a layer, `port` from one line at a box to the next, `corners`
    what a box needs besides its ports, `even` whether distances in a layer are made even.
    `straight` is between layers that only straight lines join; else there is `lead` on both sides
    of the tracks, which are `track` apart; `apart` is between two lines on one track, whose corners
    would seem to touch. `lane` is from one back edge beside the drawing to the next.
    """

    gap: int
    port: int
    corners: int
    even: bool
    straight: int
    lead: int
    track: int
    apart: int
    lane: int


def spacing(orientation: Orientation, density: Density) -> Spacing:
    """What suits a drawing."""
    compact = density == "compact"
    if orientation == "down":
        return Spacing(
            gap=2, port=2, corners=1 if compact else 3, even=True,
            straight=0 if density == "tight" else 1, lead=0, track=1, apart=1, lane=2,
        )  # fmt: skip
    roomy = density in ("normal", "detailed")
    return Spacing(
        gap=1 if roomy else 0, port=1, corners=0 if compact else 2, even=False,
        straight=3 if roomy else 2 if compact else 1, lead=1, track=2, apart=0, lane=1,
    )  # fmt: skip
