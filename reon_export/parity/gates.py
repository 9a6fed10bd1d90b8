"""Numbers to a verdict. Pure.

Where the gates come from (default checkpoint, 64 crops at 112 px, against torch float32 on one core):
see the table that `make readme` writes into README.md; the gate of a precision stands above its measured value by the
factor said beside it, and is never moved to let a model pass.
"""

from dataclasses import dataclass

from reon_export.manifest import Verdict
from reon_export.parity.compare import Measurement


@dataclass(frozen=True)
class Gate:
    """Upper bounds of the differences and the lower bound of the top-1 agreement (0..1)."""

    max_abs_prob: float
    min_top1: float
    max_abs_logit: float = float("inf")


GATES = {
    "float32": Gate(max_abs_prob=1e-5, min_top1=1.0, max_abs_logit=1e-4),
    "float16": Gate(max_abs_prob=1e-2, min_top1=1.0),
    "uint8": Gate(max_abs_prob=5e-2, min_top1=0.99),
}


def judge(measurement: Measurement, gate: Gate) -> tuple[Verdict, tuple[str, ...]]:
    """Passed or failed, with the reasons of a failure. A problem found before comparing is a failure."""
    if measurement.problems:
        return "failed", measurement.problems
    reasons = []
    if not measurement.max_abs_prob <= gate.max_abs_prob:
        reasons.append(f"max |Δp| {measurement.max_abs_prob:.2e} is over {gate.max_abs_prob:.0e}")
    if not measurement.max_abs_logit <= gate.max_abs_logit:
        reasons.append(f"max |Δlogit| {measurement.max_abs_logit:.2e} is over {gate.max_abs_logit:.0e}")
    if not measurement.top1_agreement >= gate.min_top1:
        reasons.append(f"top-1 agreement {measurement.top1_agreement:.1%} is under {gate.min_top1:.0%}")
    return ("failed" if reasons else "passed"), tuple(reasons)
