"""What a report says in words, the same in every format: names, figures, verdicts, the summary."""

import math
from collections import Counter
from dataclasses import dataclass

from reon_export.manifest import Verdict
from reon_export.parity.records import Cell, ImageRung, ParityRun, PhotoRung

Part = Cell | ImageRung | PhotoRung
NONE = "–"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

METRICS = {
    "max |Δp|": "the largest difference of any probability on any crop",
    "max |Δlogit|": "the largest difference of any logit (the numbers before softmax)",
    "top-1": "how often the first label is the same",
    "mean KL": "the mean Kullback-Leibler divergence of the probabilities, in nats",
    "gate": "the bound that was agreed before measuring",
}


@dataclass(frozen=True)
class CellFigures:
    """The figures of one cell as text, `–` where there is none."""

    max_abs_prob: str = NONE
    gate_abs_prob: str = NONE
    max_abs_logit: str = NONE
    gate_abs_logit: str = NONE
    top1: str = NONE
    gate_top1: str = NONE
    mean_kl: str = NONE
    ms_per_crop: str = NONE


def cell_figures(cell: Cell) -> CellFigures:
    """Format the figures of a cell."""
    measurement, gate = cell.measurement, cell.gate
    milliseconds = None if cell.seconds_per_crop is None else 1000 * cell.seconds_per_crop
    return CellFigures(
        max_abs_prob=format_number(measurement.max_abs_prob if measurement else None),
        gate_abs_prob=format_number(gate.max_abs_prob if gate else None),
        max_abs_logit=format_number(measurement.max_abs_logit if measurement else None),
        gate_abs_logit=format_number(gate.max_abs_logit if gate else None),
        top1=format_share(measurement.top1_agreement if measurement else None),
        gate_top1=format_share(gate.min_top1 if gate else None),
        mean_kl=format_number(measurement.mean_kl if measurement else None),
        ms_per_crop=f"{milliseconds:.1f}" if is_number(milliseconds) else NONE,
    )


def is_number(value: float | None) -> bool:
    """Whether there is a finite number."""
    return value is not None and math.isfinite(value)


def format_number(value: float | None) -> str:
    """Three digits: `0`, `0.0021`, `1.42×10⁻⁶`; `–` for none, NaN and infinity."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.3g}"
    digits, exponent = f"{value:.2e}".split("e")
    digits = digits.rstrip("0").rstrip(".")
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    return power if digits == "1" else f"{digits}×{power}"


def format_share(value: float | None) -> str:
    """A share of 0..1 in per cent, rounded down: only what is whole may read `100 %`."""
    if value is None or not math.isfinite(value):
        return NONE
    # 1e-9 undoes the rounding of products like 0.29 * 1000 = 289.99999999999994.
    tenths = 1000 if value >= 1 else min(math.floor(value * 1000 + 1e-9), 999)
    return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths / 10:.1f} %"


def format_signed(value: float) -> str:
    """Like `+0.118` or `−0.182`."""
    return f"{value:+.3f}".replace("-", "−") if math.isfinite(value) else NONE


def format_seconds(seconds: float) -> str:
    """Like `8.4 s` or `3 min 20 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def format_distance(value: float | None, gate: float | None) -> str:
    """How far a figure is from its upper bound, like `7.1 times under the gate`; empty where either is missing."""
    if value is None or gate is None or not math.isfinite(value) or not math.isfinite(gate):
        return ""
    if value == 0:
        return "exactly equal"
    if value == gate:
        return "exactly at the gate"
    under = value < gate
    factor = gate / value if under else value / gate if gate else math.inf
    if not math.isfinite(factor):
        return "over the gate"
    shown = f"{factor:.3f}".rstrip("0") if factor < 1.1 else f"{factor:.2g}" if factor < 10 else f"{factor:,.0f}"
    return f"{shown} times {'under' if under else 'over'} the gate"


def verdict_word(verdict: Verdict) -> str:
    """`passed`, `failed` or `not run`."""
    return verdict.replace("_", " ")


def part_verdict(run: ParityRun, part: Part) -> str:
    """The verdict of a part; one that may be missing says so."""
    allowed = part.verdict == "not_run" and not run.counts_against(part)
    return f"{verdict_word(part.verdict)}{' (allowed)' if allowed else ''}"


def part_name(part: Part) -> str:
    """Like `tfjs:wasm float16 in chromium 156`, or `the same image in chromium 156`."""
    if isinstance(part, Cell):
        name = f"{part.runtime} {part.precision}"
    else:
        name = "the same image" if isinstance(part, ImageRung) else "the same photograph"
    return f"{name} in {part.browser.short}" if part.browser else name


def parts_with(run: ParityRun, verdict: Verdict) -> tuple[Part, ...]:
    """The parts with that verdict."""
    return tuple(part for part in run.parts if part.verdict == verdict)


def headline(run: ParityRun) -> str:
    """The verdict in one line: `Parity passed: all 9 checks`."""
    counts, total = Counter(part.verdict for part in run.parts), len(run.parts)
    if run.verdict == "not_run":
        reason = f"none of {_count(total, 'check')} ran" if total else "there were no checks"
        return f"Parity not run: {reason}"
    if run.verdict == "passed" and counts["passed"] == total:
        return f"Parity passed: {'the only check' if total == 1 else f'all {total} checks'}"
    told = [f"{counts['passed']} of {_count(total, 'check')} passed"]
    told += [f"{counts['failed']} failed"] if counts["failed"] else []
    if counts["not_run"]:
        told.append(f"{counts['not_run']} not run{' (allowed)' if run.verdict == 'passed' else ''}")
    return f"Parity {verdict_word(run.verdict)}: {', '.join(told)}"


def summarise(run: ParityRun) -> str:
    """What it means, for somebody who has never heard of logits."""
    if run.verdict == "not_run":
        return (
            "Nothing could be compared, so nothing is known about whether the exported model answers like the original."
        )
    failed, not_run = parts_with(run, "failed"), parts_with(run, "not_run")
    sentences = []
    if len(failed) == 1:
        sentences.append(f"One check failed: {part_name(failed[0])}. What failed should not be used.")
    elif failed:
        sentences.append(f"{len(failed)} of {len(run.parts)} checks failed. What failed should not be used.")
    sentences.append(_describe_agreement(run, whole=not failed))
    if not_run:
        subject = "One check was" if len(not_run) == 1 else f"{len(not_run)} checks were"
        allowed = "" if any(run.counts_against(part) for part in not_run) else ", which was allowed"
        sentences.append(f"{subject} not run{allowed}: nothing is known there.")
    return " ".join(filter(None, sentences))


def largest_passed_difference(run: ParityRun) -> float | None:
    """The largest |Δp| among the cells that passed."""
    values = [c.measurement.max_abs_prob for c in run.cells if c.verdict == "passed" and c.measurement]
    return max(values, default=None)


def _describe_agreement(run: ParityRun, whole: bool) -> str:
    passed = [cell.measurement for cell in run.cells if cell.verdict == "passed" and cell.measurement]
    largest = largest_passed_difference(run)
    if not passed or largest is None:
        return "Every check that was run stayed within its bounds." if whole else ""
    variants = "the variant" if len(passed) == 1 else f"the {len(passed)} variants"
    subject = "The exported model answers" if whole else f"In {variants} that passed, the exported model answers"
    flips = max(len(measurement.flips) for measurement in passed)
    moved = "no probability moved at all" if largest == 0 else f"no probability moved by more than {_points(largest)}"
    first = f"changed on at most {_count(flips, 'crop')}" if flips else "was the same every time"
    return (
        f"{subject} like the original: over {_count(run.samples, 'face crop')}, {moved}, and the first label {first}."
    )


def _points(difference: float) -> str:
    points = 100 * difference
    # Rounded up: "no more than" must hold of the printed number.
    if points < 0.001:
        return "0.001 percentage points"
    digits = 10 ** (2 - math.floor(math.log10(points)) - 1)
    return f"{math.ceil(points * digits) / digits:g} percentage points"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
