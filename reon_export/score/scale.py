"""What a score means, from data: where it lies among scores whose pairs are known. Mirrored by web_demo/js/score.js."""

from typing import Literal

from reon_export.spec import ScoreScale

Place = Literal["same", "closer", "similar", "unlike"]


def place_on_scale(total: float, scale: ScoreScale) -> Place:
    """Where a total (0..100) lies; see `describe_place` for what each means."""
    if total >= scale.same_tenth:
        return "same"
    if total >= scale.different_ninetieth:
        return "closer"
    return "similar" if total >= scale.different_median else "unlike"


def describe_place(total: float, scale: ScoreScale) -> str:
    """One sentence for people."""
    same, ninetieth, median = (
        f"{value:.0f}" for value in (scale.same_tenth, scale.different_ninetieth, scale.different_median)
    )
    return {
        "same": f"As close as one performance filmed twice: nine of ten such pairs get {same} or more.",
        "closer": f"Closer than nine of ten pairs of different performances ({ninetieth} or less), but not as close as "
        f"one performance filmed twice ({same} or more).",
        "similar": f"Among the closer half of different performances: those get {median} to {ninetieth}.",
        "unlike": f"No closer than different performances usually are: half of such pairs get {median} or less.",
    }[place_on_scale(total, scale)]
