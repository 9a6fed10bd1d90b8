"""Numbers to a verdict. Pure.

A gate belongs to a precision and a backend. The bounds of float32 are what this project promises; those of the other
precisions and of graphics processors stand above what was measured, and are never moved to let a model pass.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict

from reon_export.manifest import Precision, Verdict
from reon_export.parity.compare import STRICT_KEYS, Measurement


def _null_is_infinite(value: object) -> object:
    return math.inf if value is None else value


Bound = Annotated[float, BeforeValidator(_null_is_infinite)]


@dataclass(frozen=True)
class Gate:
    """Upper bounds of the differences and the lower bound of the top-1 agreement (0..1)."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT_KEYS

    max_abs_prob: float
    min_top1: float
    max_abs_logit: Bound = math.inf


# Measured on reon-demo-b0 at 112 px against torch: 64 crops, ONNX Runtime 1.4e-6, wasm 1.8e-6 in Chromium, Firefox and
# WebKit; 8 crops, WebGL 8.6e-7, WebGPU 1.3e-6 (software adapters), plain JavaScript 9.8e-7.
_FLOAT32 = Gate(max_abs_prob=1e-5, min_top1=1.0, max_abs_logit=1e-4)
# Measured there: float16 2.1e-3 and 100 %; plain uint8 0.34 and 81 %, which this gate is meant to stop.
_REDUCED: dict[Precision, Gate] = {
    "float16": Gate(max_abs_prob=1e-2, min_top1=1.0),
    "uint8": Gate(max_abs_prob=5e-2, min_top1=0.99),
}
HALF_FLOAT = "half-float"


def gate_for(precision: Precision, backend: str = "cpu") -> Gate:
    """The gate of a precision on a backend: one of BACKENDS, or HALF_FLOAT for a GPU without float32 textures."""
    gate = _FLOAT32 if precision == "float32" else _REDUCED[precision]
    if backend == HALF_FLOAT:
        return Gate(max(gate.max_abs_prob, _HALF_FLOAT_GATE.max_abs_prob), _HALF_FLOAT_GATE.min_top1)
    return gate


# Every intermediate result is rounded to 11 bits. Measured with float32 rendering taken away from the software adapter,
# 64 crops: 4.8e-3 and 100 %.
_HALF_FLOAT_GATE = Gate(max_abs_prob=1e-2, min_top1=0.99)


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
