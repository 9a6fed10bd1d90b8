"""Rung 1, "the same tensor": the same crops through PyTorch and through an exported artefact.

Both `build` and `parity` judge an artefact here, and nowhere else.
"""

import time

from reon_export.browsers.version import BrowserVersion
from reon_export.faces.samples import CropSet
from reon_export.manifest import Precision
from reon_export.parity.compare import measure
from reon_export.parity.gates import HALF_FLOAT, gate_for, judge
from reon_export.parity.records import Cell, WorstSample
from reon_export.progress import OnProgress, ignore_progress
from reon_export.runtimes.predictions import Predictions
from reon_export.runtimes.runtime import Runtime
from reon_export.runtimes.tfjs_runtime import TfjsRuntime


def compare_tensors(
    runtime: Runtime,
    precision: Precision,
    crops: CropSet,
    expected: Predictions,
    *,
    browser: BrowserVersion | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Cell:
    """Run `crops` through `runtime`, measure against `expected` (PyTorch's answers) and judge by the gate.

    `browser` is None for a runtime in Python. Raises what the runtime raises.
    """
    started = time.perf_counter()
    actual = runtime(crops.crops_rgb, on_progress)
    seconds = time.perf_counter() - started
    measurement = measure(expected, actual)
    gate = gate_for(precision, _gate_backend(runtime))
    verdict, reasons = judge(measurement, gate)
    worst = None
    if not measurement.problems:
        index = measurement.worst_sample
        worst = WorstSample(
            name=crops.names[index],
            crop_rgb=crops.crops_rgb[index],
            expected=tuple(expected.probabilities[index].tolist()),
            actual=tuple(actual.probabilities[index].tolist()),
        )
    return Cell(
        runtime=runtime.id,
        precision=precision,
        browser=browser,
        verdict=verdict,
        reasons=reasons,
        gate=gate,
        measurement=measurement,
        worst=worst,
        seconds_per_crop=seconds / len(crops.names),
        facts=_facts(runtime),
    )


def _gate_backend(runtime: Runtime) -> str:
    is_half_float = isinstance(runtime, TfjsRuntime) and runtime.is_half_float
    return HALF_FLOAT if is_half_float else runtime.id.backend or "cpu"


def _facts(runtime: Runtime) -> dict[str, str]:
    """What a runtime in a browser tells about itself."""
    if not isinstance(runtime, TfjsRuntime):
        return {}
    facts = {"threads": str(runtime.threads or "-")}
    if runtime.id.backend == "webgl":
        facts["textures"] = "float16" if runtime.is_half_float else "float32"
    return facts
