"""The files of an evaluation: JSON for machines, Markdown for people, pictures."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reon_export.errors import FaceError
from reon_export.evaluate.datasets import open_dataset
from reon_export.evaluate.job import Evaluation, Example
from reon_export.evaluate.metrics import Figures
from reon_export.faces.decode import decode_image_rgb
from reon_export.faces.preprocess import resize_bilinear
from reon_export.manifest import read_manifest
from reon_export.output_places import OwnFiles, has_format
from reon_export.printable import escape_markdown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT, VERSION = "reon-evaluation", 1
JSON_NAME, MARKDOWN_NAME = "evaluation.json", "evaluation.md"
CONFUSION_NAME, COMPARISON_NAME, CHANGED_NAME = "confusion.png", "compare.png", "changed.png"
EVALUATION_FILES = OwnFiles(
    "--out",
    JSON_NAME,
    (JSON_NAME, MARKDOWN_NAME, CONFUSION_NAME, COMPARISON_NAME, CHANGED_NAME),
    partial(has_format, expected=FORMAT),
)
_THUMBNAIL = 96
_BLUE, _GREEN, _RED = "#0072B2", "#009E73", "#D55E00"


def evaluation_as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything as plain values."""
    comparison, batches = evaluation.comparison, evaluation.options.batches
    return {
        "format": FORMAT,
        "version": VERSION,
        "data": evaluation.options.data,
        "model": evaluation.names[0],
        "crop": evaluation.options.crop,
        "labels": list(evaluation.labels),
        "images": {"all": evaluation.run.entries, **evaluation.counts},
        "failed": [{"path": path, "reason": reason} for path, reason in evaluation.failed],
        "runtimes": {
            name: {"gate": evaluation.verdicts[name], **asdict(figures)} for name, figures in evaluation.figures.items()
        },
        "comparison": None if comparison is None else asdict(comparison),
        "milliseconds_per_image": milliseconds_per_image(evaluation),
        "engine": {
            "engine": batches.executor,
            "workers": batches.workers,
            "batch_size": batches.batch_size,
        },
    }


def milliseconds_per_image(evaluation: Evaluation) -> dict[str, float]:
    """What one image takes, by part: decode (reading included), haar, crop, and each runtime."""
    images = max(1, evaluation.counts.get("ok", 0))
    return {part: round(seconds * 1000 / images, 3) for part, seconds in evaluation.seconds_by_part.items()}


def percent(value: float | None) -> str:
    """Like `86.7%`, or `-` where there is nothing."""
    return "-" if value is None else f"{value:.1%}"


def summary_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """Runtime, accuracy, balanced accuracy, calibration error, top-1 agreement, largest |Δp|, gate; a row a runtime."""
    rows: list[tuple[str, ...]] = []
    for name, figures in evaluation.figures.items():
        agreement = figures.agreement
        rows.append(
            (
                name,
                percent(figures.accuracy),
                percent(figures.balanced_accuracy),
                f"{figures.calibration_error:.3f}",
                "-" if agreement is None else percent(agreement.top1),
                "-" if agreement is None else f"{agreement.max_abs_prob:.1e}",
                evaluation.verdicts[name].replace("_", " "),
            )
        )
    return rows


SUMMARY_HEADINGS = ("runtime", "accuracy", "balanced", "ECE", "as torch", "max |Δp|", "gate")


def describe_test(evaluation: Evaluation) -> str:
    """McNemar's outcome in a sentence."""
    comparison = evaluation.comparison
    if comparison is None:
        return ""
    p = comparison.test.p_value
    verdict = "more than chance explains" if p < 0.05 else "no more than chance explains"
    return (
        f"Only the second is right on {comparison.became_right} images, only the first on {comparison.became_wrong}: "
        f"{verdict} (exact McNemar test, p = {p:.2g})"
    )


def write_evaluation(evaluation: Evaluation) -> list[Path]:
    """Write evaluation.json, evaluation.md and the pictures into the output folder; their paths come back.

    Raises FolderError if it cannot be written, or if a file of one of these names is there that no evaluation wrote.
    """
    contents = {
        JSON_NAME: (json.dumps(evaluation_as_json(evaluation), ensure_ascii=False, indent=1) + "\n").encode(
            "utf-8", "replace"
        ),
        MARKDOWN_NAME: _render_markdown(evaluation).encode("utf-8", "replace"),
        CONFUSION_NAME: _draw_confusions(evaluation),
    }
    if evaluation.comparison is not None:
        contents[COMPARISON_NAME] = _draw_comparison(evaluation)
        if evaluation.comparison.examples:
            contents[CHANGED_NAME] = _draw_examples(evaluation, evaluation.comparison.examples)
    return EVALUATION_FILES.write(evaluation.options.out, contents)


def _render_markdown(evaluation: Evaluation) -> str:
    counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(evaluation.counts.items()))
    lines = [
        f"# {escape_markdown(evaluation.names[0])} on {escape_markdown(evaluation.options.data)}",
        "",
        f"Images: {counts}.",
        "",
    ]
    lines += _markdown_table(SUMMARY_HEADINGS, summary_rows(evaluation))
    lines += ["", "ECE: expected calibration error. As torch: images with the same predicted class as PyTorch."]
    if evaluation.comparison is not None:
        lines += [
            "",
            f"First: {escape_markdown(evaluation.comparison.first)}; "
            f"second: {escape_markdown(evaluation.comparison.second)}.",
            "",
        ]
        lines += [describe_test(evaluation) + "."]
    for name, figures in evaluation.figures.items():
        rows = [(c.label, str(c.support), percent(c.precision), percent(c.recall)) for c in figures.classes]
        lines += ["", f"## {name}", "", *_markdown_table(("class", "images", "precision", "recall"), rows)]
        matrix = [(label, *map(str, row)) for label, row in zip(evaluation.labels, figures.confusion, strict=True)]
        lines += ["", *_markdown_table(("true, then predicted", *evaluation.labels), matrix)]
    if evaluation.failed:
        lines += [
            "",
            "## Not evaluated",
            "",
            *(f"- {escape_markdown(path)}: {escape_markdown(reason)}" for path, reason in evaluation.failed),
        ]
    return "\n".join(lines) + "\n"


def _markdown_table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(escape_markdown(cell) for cell in cells) + " |"

    return [line(headings), "|---" + "|---:" * (len(headings) - 1) + "|", *map(line, rows)]


def _new_figure(width: float, height: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: "Figure") -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()


def _draw_confusions(evaluation: Evaluation) -> bytes:
    count = len(evaluation.figures)
    columns = min(3, count)
    rows = -(-count // columns)
    figure = _new_figure(4.6 * columns, 4.4 * rows)
    axes: Any = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axis, (name, figures) in zip(axes, evaluation.figures.items(), strict=False):
        _draw_confusion(axis, evaluation.labels, name, figures)
    for axis in axes[count:]:
        axis.set_axis_off()
    return _save(figure)


def _draw_confusion(axis: Any, labels: tuple[str, ...], name: str, figures: Figures) -> None:
    """Shaded by the share of the row, so that rare classes show as well; the numbers are images."""
    matrix = np.array(figures.confusion, np.float64)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, values in enumerate(figures.confusion):
        for column, value in enumerate(values):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axis.text(column, row, str(value), ha="center", va="center", fontsize=8, color=colour)
    axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(len(labels)), labels, fontsize=8)
    axis.set(xlabel="predicted", ylabel="true")
    axis.set_title(f"{name}: {figures.accuracy:.1%} of {figures.images}", fontsize=10)


def _draw_comparison(evaluation: Evaluation) -> bytes:
    """Each class' recall, before and after."""
    first, second = evaluation.figures["first"], evaluation.figures["second"]
    figure = _new_figure(8, 0.6 * len(evaluation.labels) + 1.8)
    axis = figure.subplots()
    for row, (before, after) in enumerate(zip(first.classes, second.classes, strict=True)):
        if before.recall is None or after.recall is None:
            axis.text(0.5, row, "no images", va="center", ha="center", fontsize=8, color="#777777")
            continue
        colour = _GREEN if after.recall >= before.recall else _RED
        axis.annotate("", (after.recall, row), (before.recall, row), arrowprops={"arrowstyle": "->", "color": colour})
        axis.plot(before.recall, row, "o", color="#999999")
        axis.plot(after.recall, row, "o", color=colour)
        axis.text(1.02, row, f"{after.recall - before.recall:+.1%}  (n={before.support})", va="center", fontsize=9)
    axis.set_yticks(range(len(evaluation.labels)), evaluation.labels)
    axis.set(xlim=(0, 1), xlabel="recall: grey the first model, coloured the second")
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.3)
    axis.set_title(
        f"accuracy {first.accuracy:.1%} to {second.accuracy:.1%}. {describe_test(evaluation)}", fontsize=9, wrap=True
    )
    return _save(figure)


def _draw_examples(evaluation: Evaluation, examples: tuple[Example, ...]) -> bytes:
    """Images whose verdict changed: the true label, and what each model said."""
    data = open_dataset(evaluation.options.data, read_manifest(evaluation.options.model_dir).spec.labels)
    columns = min(6, len(examples))
    rows = -(-len(examples) // columns)
    figure = _new_figure(1.9 * columns, 2.3 * rows)
    axes: Any = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, example in zip(axes, examples, strict=False):
        try:
            image = decode_image_rgb(data.read(example.path), example.path)
        except (OSError, FaceError):  # it was readable a moment ago; its place stays empty
            continue
        height, width = image.shape[:2]
        scale = _THUMBNAIL / max(height, width)
        axis.imshow(resize_bilinear(image, max(1, round(height * scale)), max(1, round(width * scale))))
        colour = _GREEN if example.second == example.label else _RED
        axis.set_title(f"{example.label}\n{example.first} → {example.second}", fontsize=8, color=colour)
    return _save(figure)
