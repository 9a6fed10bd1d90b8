"""The picture of a score: both tracks, the score over time, and the best and the worst moment with their frames."""

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from reon_export.faces.crop import Image
from reon_export.score.definition import Moment, Score
from reon_export.score.files import ScoreResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito (2008), in an order in which neighbours differ: told apart under every kind of colour blindness.
COLOURS = ("#E69F00", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#0072B2", "#7F7F7F", "#B8A900")
_ACTOR, _USER = "#444444", "#1B7F5C"
Pair = tuple[Image | None, Image | None]


def draw_score(result: ScoreResult, best_frames: Pair, worst_frames: Pair) -> bytes:
    """A PNG, the same bytes for the same result. Frames are uint8 [H, W, 3] RGB (actor, user), None if unknown."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 9), layout="constrained")
    FigureCanvasAgg(figure)
    halves: Any = figure.subfigures(2, 1, height_ratios=(2, 1))  # matplotlib types it as one
    top, bottom = halves
    axes = top.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": (3, 3, 2)})
    score = result.score
    _draw_track(axes[0], score, score.actor, f"actor: {result.actor.name}")
    _draw_track(axes[1], score, score.user, f"user: {result.user.name}")
    axes[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
    _draw_scores(axes[2], score)
    pictures = bottom.subplots(1, 4)
    _draw_moment(pictures[:2], "best", score.best, best_frames)
    _draw_moment(pictures[2:], "worst", score.worst, worst_frames)
    figure.suptitle(_headline(result), fontsize=15, fontweight="bold")
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()


def _headline(result: ScoreResult) -> str:
    total = "no score" if result.score.total is None else f"score {result.score.total:.1f}{_margin(result.score)}"
    text = f"{total}   ·   both faces in {result.score.coverage:.0%} of the time"
    if result.alignment is not None:
        text += f"   ·   {result.method}: user {result.alignment.lag_s:+.2f} s, then {result.alignment.score:.1f}"
    return text


def _margin(score: Score) -> str:
    return "" if score.margin is None else f" ± {score.margin:.1f}"


def _draw_track(axis: "Axes", score: Score, values: Any, title: str) -> None:
    for index, label in enumerate(score.labels):
        axis.plot(score.times_s, values[:, index], color=COLOURS[index % len(COLOURS)], linewidth=1.6, label=label)
    _shade_absence(axis, score, np.isnan(values[:, 0]))
    axis.set(ylim=(0, 1), ylabel="probability")
    axis.set_title(title, loc="left", fontsize=10)
    axis.grid(alpha=0.25)


def _draw_scores(axis: "Axes", score: Score) -> None:
    axis.fill_between(score.times_s, score.scores, color="#1B7F5C", alpha=0.25, linewidth=0)
    axis.plot(score.times_s, score.scores, color=_USER, linewidth=1.2)
    _shade_absence(axis, score, np.isnan(score.scores))
    for name, moment in (("best", score.best), ("worst", score.worst)):
        if moment is not None:
            axis.axvline(moment.time_s, color=_ACTOR, linewidth=1, linestyle=":")
            axis.annotate(name, (moment.time_s, 4), fontsize=8, rotation=90, ha="right", color=_ACTOR)
    axis.set(ylim=(0, 100), ylabel="score", xlabel="seconds")
    axis.set_xlim(0, float(score.times_s[-1]) if len(score.times_s) else 1)
    axis.grid(alpha=0.25)


def _shade_absence(axis: "Axes", score: Score, absent: Any) -> None:
    axis.fill_between(
        score.times_s,
        0,
        1,
        where=absent,
        color="#999999",
        alpha=0.25,
        linewidth=0,
        transform=axis.get_xaxis_transform(),
    )


def _draw_moment(axes: Any, name: str, moment: Moment | None, frames: Pair) -> None:
    for axis, who, frame in zip(axes, ("actor", "user"), frames, strict=True):
        axis.set_axis_off()
        if frame is not None:
            axis.imshow(frame)
        elif moment is not None:
            axis.text(0.5, 0.5, "from a track file:\nno picture", ha="center", va="center", fontsize=9, color=_ACTOR)
        if moment is not None:
            at = f"{name}, {moment.time_s:.2f} s: {moment.score:.1f}" if who == "actor" else ""
            axis.set_title(f"{at}\n{who}", fontsize=9, loc="left")
