"""The files of a retest: JSON for machines, a picture for people."""

import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from reon_export.evaluate.retest.changes import CHANGES
from reon_export.evaluate.retest.job import Noise, Retest
from reon_export.output_places import OwnFiles, has_format

FORMAT, VERSION = "reon-retest", 1
JSON_NAME, FIGURE_NAME = "retest.json", "retest.png"
RETEST_FILES = OwnFiles("--out", JSON_NAME, (JSON_NAME, FIGURE_NAME), partial(has_format, expected=FORMAT))
_GREEN, _RED = "#1B7F5C", "#D55E00"
Row = tuple[str, float | None, float | None, float | None, int]


def summary_rows(noise: Noise) -> list[Row]:
    """Of each change, of all together, and of different performances: name, mean, tenth percentile, worst, count.

    For different performances the last number is the best, which is the bad case there.
    """
    rows = [_row(change.name, noise.scores(change.name)) for change in CHANGES]
    rows.append(_row("all changes", noise.scores()))
    different = list(noise.different.values())
    best = max(different) if different else None
    rows.append(("different performances", _mean(different), None, best, len(different)))
    return rows


def _row(name: str, scores: list[float]) -> Row:
    tenth = float(np.percentile(scores, 10)) if scores else None
    return name, _mean(scores), tenth, min(scores) if scores else None, len(scores)


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def retest_as_json(result: Retest) -> dict[str, Any]:
    """Everything as plain values; scores to two decimals."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": str(result.options.model_dir),
        "videos": [path.name for path in result.options.videos],
        "seconds": result.options.seconds,
        "sides": {noise.side: _side_as_json(noise) for noise in result.noises},
        "side_differences": [
            {**vars(one), "median": _rounded(one.median), "largest": _rounded(one.largest)}
            for one in result.side_differences
        ],
    }


def _side_as_json(noise: Noise) -> dict[str, Any]:
    moment = noise.worst_moment
    return {
        "summary": {
            name: {
                "mean": _rounded(mean),
                "tenth_percentile": _rounded(tenth),
                "extreme": _rounded(extreme),
                "n": count,
            }
            for name, mean, tenth, extreme, count in summary_rows(noise)
        },
        "right_order": _rounded(noise.right_order, 4),
        "margin": noise.margin
        and {
            "same_inside": _rounded(noise.margin.same, 4),
            "different_inside": _rounded(noise.margin.different, 4),
            "scores": noise.margin.scores,
            "median": _rounded(noise.margin.median),
        },
        "same": {change: {name: _rounded(s) for name, s in row.items()} for change, row in noise.same.items()},
        "different": {pair: _rounded(score) for pair, score in noise.different.items()},
        "worst_moment": moment and {**vars(moment), "video": moment.video.name, "score": _rounded(moment.score)},
        "failed": [{"what": what, "reason": reason} for what, reason in noise.failed],
    }


def _rounded(value: float | None, decimals: int = 2) -> float | None:
    return None if value is None else round(value, decimals)


def write_retest(result: Retest) -> list[Path]:
    """Write retest.json and retest.png; their paths come back. Raises FolderError."""
    content = json.dumps(retest_as_json(result), ensure_ascii=False, indent=1) + "\n"
    contents = {JSON_NAME: content.encode("utf-8", "replace"), FIGURE_NAME: draw_retest(result)}
    return RETEST_FILES.write(result.options.out, contents)


def draw_retest(result: Retest) -> bytes:
    """A PNG: every score by change and side, those of different performances, and the worst moment's two frames."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4 + 3.2 * len(result.noises)), layout="constrained")
    FigureCanvasAgg(figure)
    ratios = (*(3,) * len(result.noises), 2)
    parts: Any = figure.subfigures(len(ratios), 1, height_ratios=ratios)
    for part, noise in zip(parts, result.noises, strict=False):
        axis = part.subplots()
        groups = [*((change.name, noise.scores(change.name), _GREEN) for change in CHANGES)]
        groups.append(("different", list(noise.different.values()), _RED))
        for place, (_, scores, colour) in enumerate(groups):
            spread = np.linspace(-0.25, 0.25, len(scores)) if len(scores) > 1 else np.zeros(len(scores))
            axis.plot(place + spread, scores, "o", color=colour, markersize=4, alpha=0.7)
            if scores:
                axis.hlines(np.mean(scores), place - 0.35, place + 0.35, color=colour, linewidth=2)
        axis.set_xticks(range(len(groups)), [name for name, *_ in groups], fontsize=9)
        axis.set(ylim=(0, 102), ylabel="score")
        axis.set_title(f"{noise.side}: each performance against itself filmed otherwise; line: mean", loc="left")
        axis.grid(axis="y", alpha=0.25)
    moment = result.noises[0].worst_moment
    for axis, frame, name in zip(parts[-1].subplots(1, 2), result.worst_frames, ("as it is", "changed"), strict=True):
        axis.axis("off")
        if frame is not None and moment is not None:
            axis.imshow(frame)
            shown = name if name != "changed" else moment.change
            axis.set_title(
                f"worst moment: {moment.video.name}, {moment.time_s:.2f} s, {shown}: {moment.score:.1f}", fontsize=9
            )
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()
